"""Finds work that is due and not done: work of schedules, sensors and conditions that no run has completed.

Reads written dates from the warehouse, materializations from Dagster's events and attempts from Dagster's runs. Changes
nothing. The sensor `reconciliation` and the command `reconcile` start the work in order, one date at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import Literal

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.conditions import FLOWS
from nba_pipeline.assets.grades.grades import STATISTICS, published
from nba_pipeline.completeness import gates, modes
from nba_pipeline.completeness.modes import (
    CRITICAL_OF_MODE,
    FROM_PREDICTIONS,
    MODES,
    SUMMARIES,
    TABLES_OF_MODE,
    Mode,
    due_instants,
    may_proceed_without,
)
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.instance.run_tags import DUE_TAG, LONGEST_WHY, MODE_TAG, PARTITION_TAG, WHY_TAG
from nba_pipeline.instance.runs_in_progress import spans_in_progress
from nba_pipeline.league.calendar import days, eastern, eastern_date, week_of
from nba_pipeline.orchestration.reloading import RELOAD, RELOAD_TAGS, Reload, find_reloads
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.partitions import recovering

RECONCILE = "nba-pipeline reconcile"
FOLLOW_THE_GAMES = (*SUMMARIES, "grades")
"""Tables derived from the complete games of a date, once its coverage gate is open."""

DATA_VERSION_TAG = "dagster/data_version"
"""Dagster's tag of a materialization. A version of the contents if the asset sets it."""

ONLY_IF_CHANGED = frozenset(name for flow in FLOWS.values() for name in flow.if_changed)
MOST_COMPARED = 200
"""Limit of the materializations that are compared. A date of a table is not made more often with the same contents."""

TRAINING_HOUR = 5
"""Eastern hour of Monday from which the week's models are due."""


@dataclass(frozen=True)
class Slate:
    """The contents of the warehouse for a date. `tipoffs` are those of games that are not postponed, UTC; None: unknown."""

    game_date: date
    tipoffs: tuple[datetime | None, ...] = ()
    written: frozenset[str] = frozenset()
    incomplete: tuple[str, ...] = ()
    """Messages about final games without a complete box score."""
    left_behind: tuple[str, ...] = ()
    """Messages about complete games that are not summarized or graded, and about games not played with predictions to void."""
    closed: frozenset[str] = frozenset()
    """Ledgers that are closed for the date. They are not due until they are restored."""
    is_open: bool = True
    """Whether the coverage gate of the date is open or waived."""

    def has_begun(self, now: datetime) -> bool:
        """Whether every game has begun."""
        return modes.has_begun(self.tipoffs, now)

    def until_first_tipoff(self, now: datetime) -> timedelta | None:
        """Returns the time until the first tip-off, negative after it; None if no tip-off is known."""
        known = [tipoff for tipoff in self.tipoffs if tipoff is not None]
        return min(known) - now if known else None


@dataclass(frozen=True)
class Attempts:
    """The runs for one item of work: the number that ended, the end of the last one, whether a run is in progress."""

    tried: int = 0
    last_end: datetime | None = None
    is_in_progress: bool = False

    def next_at(self) -> datetime | None:
        """Returns when the next attempt may start; None: at once. The delay doubles with each attempt, up to a limit."""
        if self.last_end is None:
            return None
        patience = SETTINGS.patience
        minutes = min(patience.first_wait_minutes * 2 ** max(self.tried - 1, 0), patience.longest_wait_minutes)
        return self.last_end + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Work:
    """A mode's tables of a date that were due at an instant and are not done, or tables to reload from the landing."""

    mode: Mode | Literal["reload"]
    game_date: date
    due_at: datetime
    tables: tuple[str, ...]
    why: str
    attempts: Attempts = Attempts()
    gone_without: tuple[str, ...] = ()
    """Optional tables that the work no longer waits for."""
    is_urgent: bool = False
    """Whether the slate begins so soon that it comes before older work."""
    asked_by: str = ""
    """The subject that requests the work, if it is not the mode."""
    job: str = "game_day"
    next_command: str = ""
    """The command that does the work, if it is not `run` with the mode."""

    @property
    def name(self) -> str:
        """Subject and date, for messages."""
        return f"{self.subject} of {self.game_date}"

    @property
    def subject(self) -> str:
        """The mode or other subject that requests the work."""
        return self.asked_by or self.mode

    @property
    def command(self) -> str:
        """The command that does the work."""
        return self.next_command or f"nba-pipeline run --date {self.game_date} --mode {self.mode}"

    @property
    def run_key(self) -> str:
        """The run key of the next attempt, so that Dagster starts each attempt once."""
        return f"reconciliation:{self.subject}:{self.game_date}:{self.due_at.isoformat()}:{self.attempts.tried}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags that identify the runs of the work and state its reason."""
        without = f"; goes on without {', '.join(self.gone_without)}" if self.gone_without else ""
        tags = {MODE_TAG: self.subject, DUE_TAG: self.due_at.isoformat(), WHY_TAG: (self.why + without)[:LONGEST_WHY]}
        return RELOAD_TAGS | tags if self.mode == RELOAD else tags


def find_work(
    instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime, days_back: int = SETTINGS.patience.catch_up_days,
    landing: Landing | None = None,
) -> list[Work]:  # fmt: skip
    """Returns all work that is due and not done, oldest date first. `attempts` marks work in progress or waiting for a retry.

    With a landing, includes landed but not loaded data of every date.

    Dates before the first box scores of the warehouse are covered for `catch_up_days` only. Older ones need a backfill.
    """
    today = eastern_date(now)
    recent = today - timedelta(days=SETTINGS.patience.catch_up_days)
    known_since = min(warehouse.dates(TABLES["boxscores"]), default=recent)  # not the schedule: it covers a whole season
    first = max(today - timedelta(days=days_back), min(recent, known_since))
    dates = days(first, today + timedelta(days=1))
    found = []
    for slate in recovering(lambda: list(look_at(warehouse, dates, now))):
        for mode in MODES:
            due_at = last_due(mode, slate, now)
            work = _undone(instance, slate, mode, due_at, now) if due_at else None
            if mode == "overnight" and due_at is None:
                work = _not_carried_on(instance, slate, now)
            found += [work] if work else []
    if landing is not None:
        found = with_reloads(found, instance, find_reloads(instance, warehouse, landing, now, dates), now)
    order = (RELOAD, *MODES)
    return sorted(found, key=lambda work: (work.game_date, order.index(work.mode)))


def with_reloads(found: Sequence[Work], instance: dg.DagsterInstance, reloads: Sequence[Reload], now: datetime) -> list[Work]:
    """Returns the work of the modes and the reloads, without duplicate tables.

    Past the deadline of a date its reload comes first, because it sends no request. The overnight work of the date waits for
    that attempt. Before the deadline, or after a failed reload, the mode fetches its tables itself.
    """
    records = instance.get_run_records(dg.RunsFilter(tags={MODE_TAG: RELOAD})) if reloads else []
    spans, works, waiting = spans_in_progress(instance) if reloads else [], list[Work](), set[date]()
    for reload in reloads:
        own = {PARTITION_TAG: reload.game_date.isoformat(), DUE_TAG: reload.due_at.isoformat()}
        attempts = _attempts_of([record for record in records if own.items() <= record.dagster_run.tags.items()], spans, own)
        comes_first = now >= gates.deadline(reload.game_date) and not attempts.tried
        others = [work for work in found if work.game_date == reload.game_date]
        taken = set[str]() if comes_first else {name for work in others for name in work.tables}
        waiting |= {reload.game_date} if comes_first else set()
        tables = tuple(name for name in reload.tables if name not in taken)
        if set(tables).intersection(reload.sources):
            works.append(Work(RELOAD, reload.game_date, reload.due_at, tables, reload.why, attempts, next_command=RECONCILE))
    return [*works, *(work for work in found if work.mode != "overnight" or work.game_date not in waiting)]


def last_due(mode: Mode, slate: Slate, now: datetime) -> datetime | None:
    """Returns the last instant at which the mode was due for the slate and whose grace period is over; None if none."""
    return modes.last_due(mode, slate.game_date, slate.tipoffs, now)


def next_of(found: Sequence[Work], now: datetime) -> tuple[Work | None, str]:
    """Returns the next work to start, or None and the reason. No work starts while a run for any of it is in progress.

    The oldest work comes first. Only an urgent slate precedes older work, which its features may then lack. Work that waits
    for a retry does not block other work: a late source must not delay the next slate.
    """
    for work in found:
        if work.attempts.is_in_progress:
            return None, f"{work.name} is under way"
    waiting = []
    for work in sorted(found, key=lambda work: not work.is_urgent):
        next_at = work.attempts.next_at()
        if next_at is None or next_at <= now:
            return work, ""
        waiting.append(f"{work.name} was tried {work.attempts.tried} times and is tried again at {next_at:%Y-%m-%d %H:%M} UTC")
    return None, "; ".join(waiting) or "nothing that is due is undone"


def _undone(instance: dg.DagsterInstance, slate: Slate, mode: Mode, due_at: datetime, now: datetime) -> Work | None:
    tables = tuple(table for table in TABLES_OF_MODE[mode] if table not in slate.closed)
    day = slate.game_date
    made = {table: materialized_at(instance, table, day) if table in slate.written else None for table in tables}
    # tables behind a closed gate are not due before the deadline: the sensor final_games requests the missing box scores
    is_held = mode == "overnight" and not slate.is_open and now < gates.deadline(day)
    due = [table for table in tables if not (is_held and table in FOLLOW_THE_GAMES)]
    missing = [table for table in due if (at := made[table]) is None or at < due_at]
    grace = timedelta(minutes=SETTINGS.patience.grace_minutes)
    changed = made | {name: changed_at(instance, name, day) for name in ONLY_IF_CHANGED if name in made}
    stale = [table for table in due if table not in missing and _was_passed_over(table, changed, now - grace)]
    # the sensor final_games handles a late box score until the deadline; after some days it is no longer expected
    may_still_come = now < eastern(day + timedelta(days=gates.OVERDUE_DAYS), 0)
    late = slate.incomplete if now >= gates.deadline(day) else ()
    lacking = (*late, *slate.left_behind) if mode == "overnight" and may_still_come else ()
    if not missing and not stale and not lacking:
        return None
    told = {f"not made since {due_at:%Y-%m-%d %H:%M} UTC": missing, "older than what it is made of": stale}
    why = "; ".join([*(f"{what}: {', '.join(names)}" for what, names in told.items() if names), *lacking])
    attempts = attempts_at(instance, mode, day, due_at)
    if lacking:
        return Work(mode, day, due_at, tables, why, attempts)
    optional = [table for table in missing if table not in CRITICAL_OF_MODE[mode] and table not in FROM_PREDICTIONS]
    others = {*missing, *stale} - set(optional)
    waited = now - _lacking_since(due_instants(mode, day, slate.tipoffs), [made[table] for table in optional], due_at)
    until = slate.until_first_tipoff(now)
    may_go_on = may_proceed_without(len(optional), waited, until)
    gone_without = tuple(optional) if attempts.tried and others and may_go_on else ()
    chosen = {*missing, *stale} - set(gone_without)
    chosen |= {"schedule"} if "boxscores" in chosen else set()  # a box score counts once the schedule has its game as final
    wanted = tuple(table for table in tables if table in chosen)
    is_urgent = mode == "same_day" and until is not None and until <= timedelta(minutes=SETTINGS.patience.last_call_minutes)
    return Work(mode, day, due_at, wanted, why, attempts, gone_without, is_urgent)


def _not_carried_on(instance: dg.DagsterInstance, slate: Slate, now: datetime) -> Work | None:
    """Returns the summaries and grades that the automation conditions did not update after the evening's box scores.

    Applies before the first overnight call, so that a failed evening run does not wait for it.
    """
    day = slate.game_date
    collected_at = materialized_at(instance, "boxscores", day) if slate.left_behind and slate.is_open else None
    if collected_at is None or collected_at + timedelta(minutes=SETTINGS.patience.grace_minutes) > now:
        return None
    attempts = attempts_at(instance, "overnight", day, collected_at)
    return Work("overnight", day, collected_at, FOLLOW_THE_GAMES, "; ".join(slate.left_behind), attempts)


def _lacking_since(instants: Sequence[datetime], made: Sequence[datetime | None], due_at: datetime) -> datetime:
    """Returns the first instant since which one of the tables is due and missing. Later calls do not restart the wait."""
    return min((at for at in instants if at < due_at and any(one is None or one < at for one in made)), default=due_at)


def _was_passed_over(table: str, made: Mapping[str, datetime | None], before: datetime) -> bool:
    """Whether the automation conditions missed an update: a table that this one follows is newer, but not after `before`."""
    own = made[table]
    follows = FLOWS[table].follows if table in FLOWS else ()
    return own is not None and any(own < at <= before for name in follows if (at := made.get(name)) is not None)


def changed_at(instance: dg.DagsterInstance, table: str, day: date) -> datetime | None:
    """Returns when a date of a table last changed its data version, UTC; None if it was never materialized."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table), asset_partitions=[day.isoformat()])
    records = instance.fetch_materializations(wanted, limit=MOST_COMPARED).records
    newest = _data_version(records[0]) if records else None
    same = records[:1] if newest is None else takewhile(lambda record: _data_version(record) == newest, records)
    return min((datetime.fromtimestamp(record.timestamp, UTC) for record in same), default=None)


def _data_version(record: dg.EventLogRecord) -> str | None:
    made = record.asset_materialization
    return (made.tags or {}).get(DATA_VERSION_TAG) if made else None


def attempts_at(instance: dg.DagsterInstance, asked_by: str, day: date, due_at: datetime) -> Attempts:
    """Returns the attempts at this work: its own runs, and any run of the date in progress."""
    own = {PARTITION_TAG: day.isoformat(), MODE_TAG: asked_by, DUE_TAG: due_at.isoformat()}
    return _attempts_of(instance.get_run_records(dg.RunsFilter(tags=own)), spans_in_progress(instance), own)


def _attempts_of(records: Sequence[dg.RunRecord], spans: Sequence[tuple[str, str]], tags: Mapping[str, str]) -> Attempts:
    """Returns the attempts of these runs. `spans` are the first and last dates of the runs in progress."""
    ended = [record for record in records if record.dagster_run.is_finished]
    ends = [record.end_time for record in ended if record.end_time is not None]
    last = datetime.fromtimestamp(max(ends), UTC) if ends else None
    is_running = any(first <= tags[PARTITION_TAG] <= end for first, end in spans)
    return Attempts(tried=len(ended), last_end=last, is_in_progress=is_running)


def is_in_progress(instance: dg.DagsterInstance, day: date, job: str | None = None) -> bool:
    """Whether a run of a date, or of a range that includes it, is in progress. `job` limits the runs to one job.

    Without `job`, excludes `train`, whose partitions are weeks.
    """
    return any(first <= day.isoformat() <= last for first, last in spans_in_progress(instance, job))


def look_at(warehouse: Warehouse, dates: Sequence[date], now: datetime) -> Iterator[Slate]:
    """Yields the contents of the warehouse for each date, and whether its coverage gate is open."""
    tables = {name: TABLES[name] for mode in MODES for name in TABLES_OF_MODE[mode]}
    warehouse.check(tables.values(), dates)
    written = {name: warehouse.dates(table) for name, table in tables.items()}
    closed = closed_ledgers(warehouse, dates)
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    boxscores = warehouse.scan(TABLES["boxscores"], dates).collect()
    judged = gates.judge_games(schedule, boxscores).filter("is_covered")
    complete = judged.filter("is_complete").select("game_date", "game_id", "matchup")
    summarised = warehouse.scan(TABLES["player_game_summary"], dates).select("game_id").unique().collect()
    of_a_bet = ["game_id", "player_id", "system_id", "market", "run_kind"]
    made, graded = (warehouse.scan(TABLES[name], dates).select(of_a_bet).unique().collect() for name in ("predictions", "grades"))
    ungraded = made.join(graded, on=of_a_bet, how="anti")
    of_open_ledgers = ~pl.col("game_date").is_in([day for day in dates if "grades" in closed[day]])
    incomplete = _told([("has no complete box score", judged.filter(~pl.col("is_complete")))])
    left_behind = _told(
        [
            ("is not summarised", complete.join(summarised, on="game_id", how="anti")),
            (
                "is not graded",
                complete.filter(of_open_ledgers)
                .join(summarised, on="game_id", how="semi")
                .join(ungraded, on="game_id", how="semi"),
            ),
            ("is not played and its predictions are not void", _not_void(warehouse, schedule, graded, dates, closed)),
        ]
    )
    is_open = dict(gates.coverage(judged, dates).select("game_date", "is_open").iter_rows())
    waived = set(gates.standing_waivers(warehouse.scan(gates.WAIVERS, dates).collect(), now)["game_date"])
    playing = schedule.filter(pl.col("status") != "postponed")
    tipoffs: Mapping[date, list[datetime | None]] = dict(playing.group_by("game_date").agg("tipoff_at").iter_rows())
    for day in dates:
        yield Slate(
            day, tuple(tipoffs.get(day, ())), frozenset(name for name, there in written.items() if day in there),
            incomplete.get(day, ()), left_behind.get(day, ()), closed[day], is_open[day] or day in waived,
        )  # fmt: skip


def _not_void(
    warehouse: Warehouse, schedule: pl.DataFrame, graded: pl.DataFrame, dates: Sequence[date],
    closed: Mapping[date, frozenset[str]],
) -> pl.DataFrame:  # fmt: skip
    """Returns the games of graded dates that are not played and have ungraded but gradable predictions."""
    is_graded = [day for day in dates if day in warehouse.dates(TABLES["grades"]) and "grades" not in closed[day]]
    off = schedule.filter(pl.col("status") == OFF, pl.col("game_date").is_in(is_graded))
    if off.is_empty():
        return pl.DataFrame(schema={"game_date": pl.Date, "matchup": pl.String})
    made = warehouse.scan(TABLES["predictions"], is_graded).filter(pl.col("market").is_in(list(STATISTICS))).collect()
    ungraded = published(made, off).join(graded, on=["game_id", "player_id", "system_id", "market", "run_kind"], how="anti")
    matchup = pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup")
    return off.join(ungraded, on=["game_date", "game_id"], how="semi").select("game_date", matchup)


def closed_ledgers(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, frozenset[str]]:
    """Returns the closed ledgers per date. Closed predictions also close the grades."""
    closed = {name: warehouse.closed(TABLES[name], dates) for name in ("predictions", "grades")}
    names = {day: frozenset(name for name in closed if day in closed[name]) for day in dates}
    return {day: found | {"grades"} if found else found for day, found in names.items()}


def _told(problems: Sequence[tuple[str, pl.DataFrame]]) -> dict[date, tuple[str, ...]]:
    """Returns per date a message for each game with a problem."""
    found: dict[date, tuple[str, ...]] = {}
    for problem, games in problems:
        for day, matchup in games.select("game_date", "matchup").sort("game_date", "matchup").iter_rows():
            found[day] = (*found.get(day, ()), f"{matchup} {problem}")
    return found


def untrained_week(
    instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime, store: ModelStore | None = None
) -> date | None:
    """Returns the Monday of the current week if its models are overdue or unreadable. They are due at 05:00 Eastern on Monday."""
    week = week_of(eastern_date(now))
    due_at = eastern(week, TRAINING_HOUR)
    if now < due_at + timedelta(minutes=SETTINGS.patience.grace_minutes):
        return None
    trained_at = materialized_at(instance, "points_model", week)
    is_trained = trained_at is not None and trained_at >= due_at and has_its_models(warehouse, week, store)
    return week if not is_trained and needs_models(warehouse, week) else None


def has_its_models(warehouse: Warehouse, week: date, store: ModelStore | None) -> bool:
    """Whether the week's rows of `points_model` are readable and the store has each of their models."""
    table = TABLES["points_model"]
    warehouse.check([table], [week])
    if week not in warehouse.dates(table):
        return False
    ids = warehouse.scan(table, [week]).select("model_id").collect()["model_id"].drop_nulls()
    return store is None or all(store.has(model_id) for model_id in ids)


def needs_models(warehouse: Warehouse, week: date) -> bool:
    """Whether the schedule has a game in the week or the previous one. Out of season, no models are needed."""

    def games() -> pl.DataFrame:
        return warehouse.scan(TABLES["schedule"], days(week - timedelta(days=7), week + timedelta(days=6))).collect()

    return not recovering(games).filter(pl.col("status") != "postponed").is_empty()
