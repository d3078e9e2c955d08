"""The sensors, which poll every few seconds or minutes and request runs.

final_games      collects a game within minutes of its end
lines            captures the lines of a slate, more often close to the tip-off
injury_news      fetches each injury report until the last tip-off, and starts a run for a report with news
tables           evaluates the automation conditions of the tables
reconciliation   starts work that is due and not done, and closes dead runs
alert_on_failed_run, alert_on_failed_tick
alert_on_unresolved_names  raises an alert for each name with a line and without a player

Runs at fixed times belong in `schedules.py`.
"""

import time
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.assets.sources.prop_lines import GAMES_ANSWERED, UPCOMING_GAMES
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import (
    CAPTURED,
    COLLECTED,
    DAILY_TABLES,
    INFORMED,
    capture_instants,
)
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.materializations import latest_materialization, materialized_at
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG
from nba_pipeline.instance.ticks import decisions
from nba_pipeline.league.calendar import days, eastern, eastern_date
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import alert_on_killed, failed_run_sensor
from nba_pipeline.monitoring.unresolved_names import unresolved_names_sensor
from nba_pipeline.orchestration import boxscore_polling
from nba_pipeline.orchestration import injury_news as late_news
from nba_pipeline.orchestration.jobs import game_day, limit, selection_of, train
from nba_pipeline.orchestration.lost_partitions import alert_on_damage
from nba_pipeline.orchestration.recheck_job import recheck
from nba_pipeline.orchestration.reconciliation import (
    TRAINING_HOUR,
    attempts_at,
    is_in_progress,
    next_of,
    untrained_week,
)
from nba_pipeline.orchestration.run_requests import (
    games_of,
    held_back,
    no_warehouse,
    request,
    request_of,
    request_of_training,
    result,
)
from nba_pipeline.orchestration.undone import find_undone
from nba_pipeline.providers.injury_report import InjuryReport
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.partitions import recovering

NOON = 12
FAILED_TICK_MINUTES = 15
PEEK_SECONDS = 20.0
"""Time per evaluation for fetching single games. Dagster ends a sensor's evaluation after a minute."""


@dg.sensor(
    job=game_day, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at the scoreboard while games are in play, and collects each within minutes of its final.",
)  # fmt: skip
def final_games(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn, notifier: Notifier
) -> dg.SensorResult:
    """Requests a run per date with newly final games or late box scores, the latter at growing intervals.

    Raises an alert at the deadline.
    """
    now = Clock().now()
    today, fresh = eastern_date(now), boxscore_polling.Memory()
    try:
        remembered = boxscore_polling.remembered(context.cursor)
    except ValueError as error:
        context.log.warning(f"the cursor of final_games is unreadable and was reset: {error}")
        remembered, fresh = {}, boxscore_polling.fresh_memory(now)
    # keep complete dates, too: if one becomes incomplete again, its run keys must be new
    memories = {day: memory for day, memory in remembered.items() if day >= today - timedelta(days=2)}
    requests, told = [], []
    pending = pending_games(warehouse, now)
    watched = [slate for slate in pending if boxscore_polling.is_watched(slate, now)]
    listed, final, trouble = look_at_the_league(watched, nba_cdn, now) if watched else (frozenset[str](), frozenset[str](), "")
    for slate in pending:
        day = slate.game_date
        decision = boxscore_polling.decide(slate, final, listed, remembered.get(day, fresh), now)
        if decision.collects and is_in_progress(context.instance, day):
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
    return result(requests, told or ["no game is pending"], boxscore_polling.cursor_of(memories))


def look_at_the_league(
    watched: list[boxscore_polling.Pending], nba_cdn: NbaCdn, now: datetime
) -> tuple[frozenset[str], frozenset[str], str]:
    """Returns the games with a known state, the final games, and the problems.

    The scoreboard switches to the next date at noon. Begun games that it does not list are fetched one by one.
    """
    if breaker := nba_cdn.http.is_open("nba_cdn"):
        return frozenset(), frozenset(), breaker.message
    try:
        board = nba_cdn.scoreboard()
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


def pending_games(warehouse: Warehouse, now: datetime) -> list[boxscore_polling.Pending]:
    """Returns the dates with incomplete games among today and the two dates before it, oldest first."""
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
        boxscore_polling.Pending(
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
    """Requests a run per date with a due capture. Several missed captures count as one."""
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
        if attempts.is_in_progress:
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC waits: another run of the date is under way")
        elif next_at is not None and next_at > now:
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC failed and is tried again at {next_at:%H:%M}")
        elif why_not := no_warehouse(warehouse):
            told.append(f"{day}: the capture of {due_at:%H:%M} UTC waits: {why_not}")
        else:
            # the first attempt includes the schedule if its provider is available: a moved tip-off moves captures and polling
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
    """Requests a run per date whose newest report differs from the newest loaded one on upcoming games."""
    now = Clock().now()
    try:
        memories = late_news.remembered(context.cursor)
    except ValueError as error:
        context.log.warning(f"the cursor of injury_news is unreadable and was reset: {error}")
        memories = {}
    breaker = injury_report.http.is_open("injury_report")
    if why := (breaker.message if breaker else "") or no_warehouse(warehouse):
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
    """Peeks at the reports of a date if a peek is due. The first report is not news: modes and captures load it."""
    games = recovering(lambda: warehouse.scan(TABLES["schedule"], [day]).filter(pl.col("status") != "postponed").collect())
    tipoffs = games["tipoff_at"].drop_nulls().to_list()
    if why := late_news.why_not_now(day, tipoffs, memory, now):
        return late_news.Look(memory, why)
    loaded_at = materialized_at(instance, "injuries", day)
    if loaded_at is None:
        return late_news.Look(memory, "no report was read yet")
    to_come = games.filter(pl.col("tipoff_at") > now)
    return late_news.look(
        day, to_come, memory, injury_report, lambda: late_news.newest_landed(injury_report, day, to_come, loaded_at), now
    )


def share_captured(instance: dg.DagsterInstance, day: date, since: datetime) -> float:
    """Returns the share of upcoming games with an answer in the last capture of lines; 0 without a capture since `since`.

    A provider without an answer does not fail the run, because earlier captures stay valid. The capture is repeated.
    """
    record = latest_materialization(instance, CAPTURED[0], day)
    made = record and record.asset_materialization
    if record is None or made is None or datetime.fromtimestamp(record.timestamp, UTC) < since:
        return 0.0
    numbers = (made.metadata.get(name) for name in (UPCOMING_GAMES, GAMES_ANSWERED))
    to_come, heard_of = (number.value or 0 if isinstance(number, dg.IntMetadataValue) else 0 for number in numbers)
    return heard_of / to_come if to_come else 1.0


tables = dg.AutomationConditionSensorDefinition(
    "tables", target=selection_of(*DAILY_TABLES), minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    run_tags={MODE_TAG: "tables", **limit(SETTINGS.runs.game_day_minutes)}, emit_backfills=False,
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
    """Requests at most one run of due work, and the week's training. Repeatedly failed work raises one alert."""
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
    requests = [*_training(context.instance, warehouse, now, model_store), *([request_of(chosen)] if chosen else [])]
    context.update_cursor("")  # an empty cursor in the result would keep the old one
    return dg.SensorResult(run_requests=requests, skip_reason=None if requests else why)


def held_since(cursor: str | None, now: datetime) -> str:
    """Returns since when the reconciliation is held back, from its cursor; now if the cursor is empty or unreadable."""
    try:
        return datetime.fromisoformat(cursor or "").astimezone(UTC).isoformat()
    except ValueError:
        return now.isoformat()


def _training(
    instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime, store: ModelStore
) -> list[dg.RunRequest]:  # fmt: skip
    """Returns the request for the week's training if it is due, not done and not in progress. Retries wait."""
    week = untrained_week(instance, warehouse, now, store)
    if week is None or is_in_progress(instance, week, train.name):
        return []
    attempts = attempts_at(instance, train.name, week, eastern(week, TRAINING_HOUR))
    next_at = attempts.next_at()
    return [] if next_at is not None and next_at > now else [request_of_training(week, f"reconciliation:{attempts.tried}")]


@dg.sensor(
    minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING,
    description="An alert for each schedule or sensor whose evaluation failed: it decided nothing, and no run says so.",
)  # fmt: skip
def alert_on_failed_tick(context: dg.SensorEvaluationContext, notifier: Notifier) -> dg.SkipReason:
    """Raises one alert per day and failed schedule or sensor. Also retries undelivered messages of earlier alerts.

    The retries are here because a webhook without an answer then delays no other sensor.
    """
    now, retried = Clock().now(), notifier.retry_deliveries()
    recent = decisions(context.instance, now - timedelta(minutes=FAILED_TICK_MINUTES), now)
    failed = {record["name"]: record["reason"] for record in recent if record["decision"] == "failed"}
    for name, reason in failed.items():
        notifier.raise_alert(eastern_date(now), "tick_failed", name, str(reason), "critical", "nba-pipeline decisions")
    message = f"failed: {', '.join(failed)}" if failed else "nothing failed"
    return dg.SkipReason(f"{message}; {retried}" if retried else message)


SENSORS = (
    final_games, lines, injury_news, tables, reconciliation, failed_run_sensor(MODE_TAG), alert_on_failed_tick, unresolved_names_sensor,
)  # fmt: skip
