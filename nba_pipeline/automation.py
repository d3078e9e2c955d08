"""When things run: the jobs, the schedules of the three modes, and the sensors. What a run does stands with the assets.

schedules        overnight, same_day, tomorrow by the clock of `modes`; train_week on Mondays; nightly_reconciliation; tidy_up
sensors          final_games      collects a game within minutes of its final
lines            captures the lines of a slate ever more often until its tip-off
injury_news      looks at each injury report until the last tip-off, and starts a run for one that says something new
tables           carries data through the graph by the conditions of `flow`
reconciliation   finds what all of these decided and nobody did, and closes runs that died
alert_on_failed_run
"""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline import arrival, gates
from nba_pipeline.alerts import Notifier, alert_on_killed, failed_run_sensor
from nba_pipeline.assets.sources.prop_lines import GAMES_HEARD_OF, GAMES_TO_COME
from nba_pipeline.calendar import EASTERN_NAME, MODES, Clock, Mode, days, eastern, eastern_date, week_of
from nba_pipeline.corrections.reread import recheck
from nba_pipeline.decisions import decisions
from nba_pipeline.errors import PipelineError
from nba_pipeline.housekeeping import housekeeping
from nba_pipeline.liveness import close_dead_runs
from nba_pipeline.lost_partitions import alert_on_damage
from nba_pipeline.modes import (
    CAPTURED,
    CLOCK,
    COLLECTED,
    DAILY_TABLES,
    DAYS_FROM_TODAY,
    INFORMED,
    LONGEST_WHY,
    MODE_TAG,
    TABLES_OF_MODE,
    WHY_TAG,
    capture_instants,
    due_instants,
)
from nba_pipeline.orchestration import injury_news as late_news
from nba_pipeline.providers.injury_report import InjuryReport
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.reconciliation import (
    DUE_TAG,
    TRAINING_HOUR,
    Work,
    attempts_at,
    find_work,
    is_under_way,
    last_made,
    made_at,
    needs_models,
    next_of,
    untrained_week,
)
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import TABLES
from nba_pipeline.undone import find_undone
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.partitions import recovering

MAX_RUNTIME_TAG = "dagster/max_runtime"
MOST_NIGHTLY_REQUESTS = 5
NOON = 12
FAILED_TICK_MINUTES = 15
PEEK_SECONDS = 20.0
"""For games by themselves in one look: Dagster ends a sensor's evaluation after a minute."""


def _of(*tables: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*tables)


def _limit(minutes: int) -> dict[str, str]:
    return {MAX_RUNTIME_TAG: str(60 * minutes)}


game_day = dg.define_asset_job(
    "game_day", _of(*DAILY_TABLES), executor_def=dg.in_process_executor, tags=_limit(SETTINGS.runs.game_day_minutes),
    description="One slate: the tables of a mode, or all of them, for one date.",
)  # fmt: skip
season = dg.define_asset_job(
    "season", _of(*DAILY_TABLES), executor_def=dg.in_process_executor, tags=_limit(SETTINGS.runs.season_minutes),
    description="Many dates in one run, for backfills.",
)  # fmt: skip
train = dg.define_asset_job(
    "train", _of("points_model"), executor_def=dg.in_process_executor, tags=_limit(SETTINGS.runs.train_minutes),
    description="The models of one week, from the dates before it.",
)  # fmt: skip
JOBS = (game_day, season, train, recheck, housekeeping)


def request(tables: tuple[str, ...], day: date, run_key: str, tags: dict[str, str], job: str = game_day.name) -> dg.RunRequest:
    """A run of a job for some tables of a date; of a job without tables for the date."""
    return dg.RunRequest(
        run_key=run_key, job_name=job, partition_key=day.isoformat(),
        asset_selection=[dg.AssetKey(table) for table in tables] or None, tags=tags,
    )  # fmt: skip


def result(requests: list[dg.RunRequest], told: list[str], cursor: str | None = None) -> dg.SensorResult:
    """What a sensor decided on each date: the tag of the runs that it asks for, else the reason for which it skips."""
    why = "; ".join(told)
    tagged = [one.with_replaced_attrs(tags={**one.tags, WHY_TAG: why[:LONGEST_WHY]}) for one in requests]
    return dg.SensorResult(run_requests=tagged, skip_reason=None if tagged else why, cursor=cursor)


def games_of(warehouse: Warehouse, dates: list[date]) -> pl.DataFrame:
    """The games of some dates that are not postponed: game_date, game_id, tipoff_at, status."""
    games = recovering(lambda: warehouse.scan(TABLES["schedule"], dates).collect())
    return games.filter(pl.col("status") != "postponed").select("game_date", "game_id", "tipoff_at", "status")


def no_warehouse(warehouse: Warehouse) -> str:
    """Why the warehouse cannot be written at present; empty if it can."""
    try:
        warehouse.preflight()
    except PipelineError as error:
        return str(error)
    return ""


def held_back(warehouse: Warehouse, nba_cdn: NbaCdn) -> str:
    """Why nothing can be started at present: a warehouse or the league's provider that does not answer; empty if both do."""
    breaker = nba_cdn.http.is_open("nba_cdn")
    return no_warehouse(warehouse) or (breaker.sentence if breaker else "")


def _mode_schedule(mode: Mode) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=mode, cron_schedule=[f"{minute} {hour} * * *" for hour, minute in CLOCK[mode]], execution_timezone=EASTERN_NAME,
        job=game_day, default_status=dg.DefaultScheduleStatus.RUNNING, description=f"{mode}: {', '.join(TABLES_OF_MODE[mode])}",
    )  # fmt: skip
    def tick(
        context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn
    ) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time
        slate = eastern_date(at) + timedelta(days=DAYS_FROM_TODAY[mode])
        if Clock().now() - at > timedelta(minutes=SETTINGS.patience.missed_tick_minutes):
            return dg.SkipReason(f"missed at {at:%Y-%m-%d %H:%M}; the reconciliation does what is still due")
        if why := held_back(warehouse, nba_cdn):
            return dg.SkipReason(f"held back, the reconciliation asks again: {why}")
        tipoffs = games_of(warehouse, [slate])["tipoff_at"].to_list()
        if at not in due_instants(mode, slate, tipoffs):
            return dg.SkipReason(f"every game of {slate} has begun" if tipoffs else f"no games on {slate}")
        why = f"due at {at:%H:%M}: {len(tipoffs)} games on {slate}"
        tags = {MODE_TAG: mode, DUE_TAG: at.astimezone(UTC).isoformat(), WHY_TAG: why}
        return request(TABLES_OF_MODE[mode], slate, f"{mode}:{slate}:{at.isoformat()}", tags)

    return tick


@dg.schedule(
    cron_schedule=f"0 {TRAINING_HOUR} * * *", execution_timezone=EASTERN_NAME, job=train,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday's training; on other days only when the week has no model yet.",
)  # fmt: skip
def train_week(
    context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.RunRequest | dg.SkipReason]:  # fmt: skip
    """Train on Mondays of the season, and on another day when nothing was trained for the week."""
    today = eastern_date(context.scheduled_execution_time)
    week = week_of(today)
    trained = context.instance.get_materialized_partitions(dg.AssetKey("points_model"))
    if today != week and week.isoformat() in trained:
        yield dg.SkipReason(f"the week of {week} has its models")
    elif why := no_warehouse(warehouse):
        yield dg.SkipReason(f"held back, the reconciliation asks again: {why}")
    elif not needs_models(warehouse, week):
        yield dg.SkipReason(f"no game is known of the week of {week} or of the one before")
    else:
        yield _request_of_training(week, str(today))


@dg.schedule(
    cron_schedule="30 4 * * *", execution_timezone=EASTERN_NAME, job=game_day, default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks weeks back for what was due and is not there, and asks for the oldest of it.",
)  # fmt: skip
def nightly_reconciliation(
    context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """What the sensor, which looks days back, no longer sees."""
    now = Clock().now()
    if why := held_back(warehouse, nba_cdn):
        yield dg.SkipReason(f"held back until tomorrow: {why}")
        return
    older = eastern_date(now) - timedelta(days=SETTINGS.patience.catch_up_days)
    found = find_work(context.instance, warehouse, now, SETTINGS.patience.nightly_days, nba_cdn.http.landing)
    undone = [work for work in found if work.game_date < older and not work.attempts.is_under_way]
    undone.sort(key=lambda work: work.attempts.tried)  # what can never be had must not hide what can
    yield from [_request_of(work) for work in undone[:MOST_NIGHTLY_REQUESTS]]
    if not undone:
        yield dg.SkipReason("nothing that was due is undone")


tidy_up = dg.ScheduleDefinition(
    "tidy_up", job=housekeeping, cron_schedule="30 3 * * *", execution_timezone=EASTERN_NAME,
    default_status=dg.DefaultScheduleStatus.RUNNING, description="Prunes Dagster's own records and verifies the ledgers.",
)  # fmt: skip
SCHEDULES = (*(_mode_schedule(mode) for mode in MODES), train_week, nightly_reconciliation, tidy_up)


@dg.sensor(
    job=game_day, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at the scoreboard while games are in play, and collects each within minutes of its final.",
)  # fmt: skip
def final_games(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn, notifier: Notifier
) -> dg.SensorResult:
    """One run per date with newly final games; for a box score that is late ever more rarely, and an alert at the deadline."""
    now = Clock().now()
    today, fresh = eastern_date(now), arrival.Memory()
    try:
        remembered = arrival.remembered(context.cursor)
    except ValueError as error:
        context.log.warning(f"the cursor of final_games is unreadable and was reset: {error}")
        remembered, fresh = {}, arrival.fresh_memory(now)
    # also of a date that is complete: should it come back, its requests count on and their run keys are new
    memories = {day: memory for day, memory in remembered.items() if day >= today - timedelta(days=2)}
    requests, told = [], []
    pending = pending_games(warehouse, now)
    watched = [slate for slate in pending if arrival.is_watched(slate, now)]
    listed, final, trouble = look_at_the_league(watched, nba_cdn, now) if watched else (frozenset[str](), frozenset[str](), "")
    for slate in pending:
        day = slate.game_date
        decision = arrival.decide(slate, final, listed, remembered.get(day, fresh), now)
        if decision.collects and is_under_way(context.instance, day):
            memories[day] = remembered.get(day, fresh)
            told.append(f"{day}: {decision.why}, and another run of the date is under way")
            continue
        memories[day] = decision.memory
        told.append(f"{day}: {decision.why}")
        if decision.gives_up:
            notifier.raise_alert(
                day, "boxscores_missing", "boxscores", decision.why, "critical", f"nba-pipeline status --from {day} --to {day}"
            )
        if decision.collects:
            key = f"final_games:{day}:{decision.memory.requests}"
            requests.append(request(COLLECTED, day, key, {MODE_TAG: "final_games"}))
    told += [trouble] if trouble else []
    return result(requests, told or ["no game is pending"], arrival.cursor_of(memories))


def look_at_the_league(
    watched: list[arrival.Pending], nba_cdn: NbaCdn, now: datetime
) -> tuple[frozenset[str], frozenset[str], str]:
    """The games whose state could be seen, those of them that are final, and what went wrong.

    The scoreboard turns to the next date at noon: a game in play that it does not show is looked at by itself.
    """
    if breaker := nba_cdn.http.is_open("nba_cdn"):
        return frozenset(), frozenset(), breaker.sentence
    try:
        board = nba_cdn.finals()
    except PipelineError as error:
        return frozenset(), frozenset(), f"the scoreboard cannot be had: {error}"
    listed, final, trouble = set(board.listed), set(board.final), []
    begun = {game: slate.game_date for slate in watched for game, tipoff in slate.games.items() if tipoff <= now}
    until = time.monotonic() + PEEK_SECONDS
    for game, day in begun.items():
        if game in board.listed:
            continue
        if time.monotonic() > until:
            trouble.append("the other games are looked at the next time")
            break
        try:
            final |= {game} if nba_cdn.has_ended(game, day) else set()
            listed.add(game)
        except PipelineError as error:
            trouble.append(str(error))
    return frozenset(listed), frozenset(final), "; ".join(trouble)


def pending_games(warehouse: Warehouse, now: datetime) -> list[arrival.Pending]:
    """The dates whose games are not all complete, of the days before a deadline, oldest first."""
    today = eastern_date(now)
    dates = days(today - timedelta(days=2), today)
    schedule = recovering(lambda: warehouse.scan(TABLES["schedule"], dates).collect())
    games = schedule.filter(pl.col("status") != "postponed")
    begun = games.filter(pl.col("tipoff_at").is_null() | (pl.col("tipoff_at") <= now))["game_date"].unique().sort().to_list()
    boxscores = recovering(lambda: warehouse.scan(TABLES["boxscores"], begun).collect())
    judged = gates.judge_games(schedule, boxscores)
    done = judged.filter(pl.col("is_complete") | ~pl.col("is_covered"))["game_id"]
    waiting = games.filter(~pl.col("game_id").is_in(done.implode()))
    return [
        arrival.Pending(
            day, {game: tipoff or eastern(day, NOON) for game, tipoff in of_day.iter_rows()}, gates.deadline(day)
        )
        for day in dates
        if not (of_day := waiting.filter(pl.col("game_date") == day).select("game_id", "tipoff_at")).is_empty()
    ]  # fmt: skip


@dg.sensor(
    job=game_day, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Captures lines and injuries of a slate from half a day before each tip-off, and closer together at its end.",
)  # fmt: skip
def lines(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn, notifier: Notifier
) -> dg.SensorResult:  # fmt: skip
    """One run per date whose capture is due and was not made since; captures that were missed are one."""
    now = Clock().now()
    requests, told = [], []
    for day in days(eastern_date(now), eastern_date(now) + timedelta(days=1)):
        tipoffs = games_of(warehouse, [day]).filter(pl.col("tipoff_at") > now)["tipoff_at"].to_list()
        due_at = max((at for at in capture_instants(tipoffs) if at <= now), default=None)
        if due_at is None:
            told.append(f"{day}: no capture is due" if tipoffs else f"{day}: no game to come")
            continue
        attempts = attempts_at(context.instance, "lines", day, due_at)
        next_at, is_tried_enough = attempts.next_at(), attempts.tried >= SETTINGS.patience.alert_after_attempts
        share = share_captured(context.instance, day, due_at)
        if share < 1.0 and is_tried_enough:
            why = f"the capture of {due_at:%H:%M} UTC was tried {attempts.tried} times and heard of {share:.0%} of the games to come"
            notifier.raise_alert(day, "lines_missing", "prop_lines", why, next_command="nba-pipeline breakers")
        if share == 1.0 or (share and is_tried_enough):
            told.append(f"{day}: no capture is due")
            continue
        if attempts.is_under_way:
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC waits: another run of the date is under way")
        elif next_at is not None and next_at > now:
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC failed and is tried again at {next_at:%H:%M}")
        elif why_not := no_warehouse(warehouse):
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC waits: {why_not}")
        else:
            # with the schedule, if it can be had: a tip-off that moved moves the captures, and when the game is looked at
            is_alone = attempts.tried or nba_cdn.http.is_open("nba_cdn")
            wanted = CAPTURED if is_alone else ("schedule", *CAPTURED)
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC is due")
            tags = {MODE_TAG: "lines", DUE_TAG: due_at.isoformat()}
            requests.append(request(wanted, day, f"lines:{day}:{due_at.isoformat()}:{attempts.tried}", tags))
    return result(requests, told)


@dg.sensor(
    job=game_day, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at each injury report of a slate until its last tip-off; one with news makes features and predictions anew.",
)  # fmt: skip
def injury_news(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], notifier: Notifier, injury_report: InjuryReport
) -> dg.SensorResult:  # fmt: skip
    """One run per date whose newest report says something else of the games to come than the newest loaded one."""
    now = Clock().now()
    try:
        memories = late_news.remembered(context.cursor)
    except ValueError as error:
        context.log.warning(f"the cursor of injury_news is unreadable and was reset: {error}")
        memories = {}
    breaker = injury_report.http.is_open("injury_report")
    if why := (breaker.sentence if breaker else "") or no_warehouse(warehouse):
        return result([], [f"held back: {why}"], late_news.cursor_of(memories))
    dates = days(eastern_date(now), eastern_date(now) + timedelta(days=1))
    requests, told, kept = [], [], {}
    for day in dates:
        found = _look_for_news(context.instance, warehouse, injury_report, day, memories.get(day, late_news.Memory()), now)
        kept[day] = found.memory
        told.append(f"{day}: {found.reason}")
        if late_news.silent_for(found.memory, now):
            notifier.raise_alert(
                day, "injury_report_missing", "injuries", found.reason, next_command="nba-pipeline breakers"
            )  # fmt: skip
        if found.has_news:
            key = f"injury_news:{day}:{found.name}"
            requests.append(request(INFORMED, day, key, {MODE_TAG: "injury_news", DUE_TAG: now.isoformat()}))
    return result(requests, told, late_news.cursor_of(kept))


def _look_for_news(
    instance: dg.DagsterInstance, warehouse: Warehouse, injury_report: InjuryReport, day: date, memory: late_news.Memory,
    now: datetime,
) -> late_news.Look:  # fmt: skip
    """One look at a date, if one is due. What was never read is no news: the modes and captures read it first."""
    games = recovering(lambda: warehouse.scan(TABLES["schedule"], [day]).filter(pl.col("status") != "postponed").collect())
    tipoffs = games["tipoff_at"].drop_nulls().to_list()
    if why := late_news.why_not_now(day, tipoffs, memory, now):
        return late_news.Look(memory, why)
    loaded_at = made_at(instance, "injuries", day)
    if loaded_at is None:
        return late_news.Look(memory, "no report was read yet")
    to_come = games.filter(pl.col("tipoff_at") > now)
    return late_news.look(
        day, to_come, memory, injury_report, lambda: late_news.newest_landed(injury_report, day, to_come, loaded_at), now
    )


def share_captured(instance: dg.DagsterInstance, day: date, since: datetime) -> float:
    """The share of the games to come about which the last run for a date's lines heard something, if it was made since.

    A provider that does not answer fails no run, since what was captured before it stands; but its lines are still to be had.
    """
    record = last_made(instance, CAPTURED[0], day)
    made = record and record.asset_materialization
    if record is None or made is None or datetime.fromtimestamp(record.timestamp, UTC) < since:
        return 0.0
    numbers = (made.metadata.get(name) for name in (GAMES_TO_COME, GAMES_HEARD_OF))
    to_come, heard_of = (number.value or 0 if isinstance(number, dg.IntMetadataValue) else 0 for number in numbers)
    return heard_of / to_come if to_come else 1.0


tables = dg.AutomationConditionSensorDefinition(
    "tables", target=_of(*DAILY_TABLES), minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    run_tags={MODE_TAG: "tables", **_limit(SETTINGS.runs.game_day_minutes)}, emit_backfills=False,
    description="Carries data through the graph: a table follows what it is made of once that is there and has passed its checks.",
)  # fmt: skip


@dg.sensor(
    jobs=[game_day, train, recheck], minimum_interval_seconds=120, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs that died, and asks for what is due and not done: the oldest date first, one at a time.",
)  # fmt: skip
def reconciliation(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn, notifier: Notifier,
    landing: Landing, model_store: ModelStore,
) -> dg.SensorResult:  # fmt: skip
    """At most one slate's run, beside the week's training; work that was tried several times is told of once."""
    now = Clock().now()
    closed = close_dead_runs(context.instance, now)
    for run in closed:
        context.log.warning(f"closed run {run.run_id}, whose process is gone")
    alert_on_killed(notifier, closed)
    if why := held_back(warehouse, nba_cdn):
        breaker = nba_cdn.http.is_open("nba_cdn")
        since = breaker.since.isoformat() if breaker and breaker.since else held_since(context.cursor, now)
        if now - datetime.fromisoformat(since) >= timedelta(minutes=SETTINGS.patience.probe_alert_minutes):
            notifier.raise_alert(eastern_date(now), "probe_failed", "preflight", why, "critical", "nba-pipeline breakers")
        return dg.SensorResult(skip_reason=f"held back: {why}", cursor=since)
    found = find_undone(context.instance, warehouse, landing, now)
    alert_on_damage(notifier, landing)
    chosen, why = next_of(found, now)
    if chosen and chosen.attempts.tried >= SETTINGS.patience.alert_after_attempts:
        notifier.raise_alert(
            chosen.game_date, "work_undone", chosen.subject, f"tried {chosen.attempts.tried} times: {chosen.why}", "critical",
            chosen.command,
        )  # fmt: skip
    requests = [*_training(context.instance, warehouse, now, model_store), *([_request_of(chosen)] if chosen else [])]
    context.update_cursor("")  # an empty cursor of the result would keep the old one
    return dg.SensorResult(run_requests=requests, skip_reason=None if requests else why)


def held_since(cursor: str | None, now: datetime) -> str:
    """Since when the reconciliation is held back, from its cursor; now when it is not or the cursor is unreadable."""
    try:
        return datetime.fromisoformat(cursor or "").astimezone(UTC).isoformat()
    except ValueError:
        return now.isoformat()


def _training(
    instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime, store: ModelStore
) -> list[dg.RunRequest]:  # fmt: skip
    """The week's training if it is due, not done and not being tried; after an attempt that failed only after a while."""
    week = untrained_week(instance, warehouse, now, store)
    if week is None or is_under_way(instance, week, train.name):
        return []
    attempts = attempts_at(instance, train.name, week, eastern(week, TRAINING_HOUR))
    next_at = attempts.next_at()
    return [] if next_at is not None and next_at > now else [_request_of_training(week, f"reconciliation:{attempts.tried}")]


def _request_of_training(week: date, key: str) -> dg.RunRequest:
    tags = {MODE_TAG: train.name, DUE_TAG: eastern(week, TRAINING_HOUR).isoformat()}
    return dg.RunRequest(run_key=f"train:{week}:{key}", job_name=train.name, partition_key=week.isoformat(), tags=tags)


def _request_of(work: Work) -> dg.RunRequest:
    return request(work.tables, work.game_date, work.run_key, work.tags, work.job)


@dg.sensor(
    minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING,
    description="An alert for each schedule or sensor whose evaluation failed: it decided nothing, and no run says so.",
)  # fmt: skip
def alert_on_failed_tick(context: dg.SensorEvaluationContext, notifier: Notifier) -> dg.SkipReason:
    """One alert a day for each that failed."""
    now = Clock().now()
    recent = decisions(context.instance, now - timedelta(minutes=FAILED_TICK_MINUTES), now)
    failed = {record["name"]: record["reason"] for record in recent if record["decision"] == "failed"}
    for name, reason in failed.items():
        notifier.raise_alert(eastern_date(now), "tick_failed", name, str(reason), "critical", "nba-pipeline decisions")
    return dg.SkipReason(f"failed: {', '.join(failed)}" if failed else "nothing failed")


SENSORS = (final_games, lines, injury_news, tables, reconciliation, failed_run_sensor(MODE_TAG), alert_on_failed_tick)
