"""The sensors, which poll every few seconds or minutes and request runs.

final_games      collects a game within minutes of its end
lines            captures the lines of a slate, more often close to the tip-off
injury_news      peeks at each injury report until the last tip-off, and starts a run for a report with news
tables           evaluates the automation conditions of the tables
reconciliation   starts work that is due and not done, and closes dead runs
alert_on_failed_run, alert_on_failed_tick
alert_on_unresolved_names  raises an alert for each name with a line and without a player
alert_on_data    raises and resolves alerts about slates, sources, credits and the disk
slate_status     reports the states of today and the last seven dates

Runs at fixed times belong in `schedules.py`. What a sensor decides belongs in the module of its subject, such as
`boxscore_polling.py`.
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from nba_pipeline.completeness.next_steps import boxscores_step, report_step
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG
from nba_pipeline.instance.ticks import decisions
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import alert_on_killed, failed_run_sensor
from nba_pipeline.monitoring.heartbeat import Heartbeat
from nba_pipeline.monitoring.unresolved_names import unresolved_names_sensor
from nba_pipeline.orchestration import boxscore_polling
from nba_pipeline.orchestration import injury_news as late_news
from nba_pipeline.orchestration.data_alerts import alert_on_data
from nba_pipeline.orchestration.jobs import game_day, limit, selection_of, train
from nba_pipeline.orchestration.line_captures import decide_capture
from nba_pipeline.orchestration.lost_partitions import alert_on_damage
from nba_pipeline.orchestration.recheck_job import recheck
from nba_pipeline.orchestration.recovery import (
    over_by_data,
    over_by_reconciliation,
    over_by_repair,
    over_by_ticks,
    resolve_over,
)
from nba_pipeline.orchestration.run_requests import (
    Decision,
    games_of,
    request,
    request_of,
    request_of_training,
    sensor_result,
    start_problem,
    today_and_tomorrow,
    warehouse_problem,
)
from nba_pipeline.orchestration.scoreboard import pending_games, read_game_states
from nba_pipeline.orchestration.slate_messages import announce
from nba_pipeline.orchestration.slate_status import slate_status_sensor
from nba_pipeline.orchestration.undone import find_undone
from nba_pipeline.orchestration.weekly_training import TRAINING_HOUR, untrained_week
from nba_pipeline.orchestration.work import attempts_at, command_of, is_in_progress, next_of
from nba_pipeline.providers.injury_report import InjuryReport
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.publishing.place import PublicFiles
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import SLATE_EXPORT, daily_tables, followers, requested_by
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore

FAILED_TICK_MINUTES = 15


@dg.sensor(
    job=game_day,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches the scoreboard during games and collects the box score of each game within minutes of its end.",
)
def final_games(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn, notifier: Notifier
) -> dg.SensorResult:
    """Requests a run per date with newly final games, and at growing intervals per date with late box scores.

    Raises an alert at the deadline.
    """
    now = Clock().now()
    today, default_memory = eastern_date(now), boxscore_polling.Memory()
    try:
        remembered = boxscore_polling.remembered(context.cursor)
    except ValueError as error:
        context.log.warning(f"the cursor of final_games is unreadable and was reset: {error}")
        remembered, default_memory = {}, boxscore_polling.new_memory(now)
    # keep complete dates, too: if one becomes incomplete again, its run keys must be new
    memories = {day: memory for day, memory in remembered.items() if day >= today - timedelta(days=2)}
    pending = pending_games(warehouse, now)
    states = read_game_states([slate for slate in pending if boxscore_polling.is_watched(slate, now)], nba_cdn, now)
    results = list[Decision]()
    for slate in pending:
        day, memory = slate.game_date, remembered.get(slate.game_date, default_memory)
        decision = boxscore_polling.decide(slate, states.final, states.listed, memory, now)
        if decision.collects and is_in_progress(context.instance, day):
            memories[day] = memory
            results.append(Decision(day, f"{decision.why}; another run of the date is in progress"))
            continue
        memories[day] = decision.memory
        if decision.gives_up:
            notifier.raise_alert(day, "boxscores_missing", "boxscores", decision.why, "critical", boxscores_step(day))
        run_key = f"final_games:{day}:{decision.memory.requests}"
        run = request(requested_by("final_games"), day, run_key, {MODE_TAG: "final_games"}) if decision.collects else None
        results.append(Decision(day, decision.why, run))
    problems = states.problems if results else ("no game is pending",)
    return sensor_result(results, boxscore_polling.cursor_of(memories), problems)


@dg.sensor(
    job=game_day,
    minimum_interval_seconds=45,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Captures the lines and injury reports of a slate from 12 hours before each tip-off, more often close to it.",
)
def lines(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn, notifier: Notifier
) -> dg.SensorResult:
    """Requests a run per date with a due capture. Several missed captures count as one."""
    now = Clock().now()
    dates = today_and_tomorrow(now)
    return sensor_result([decide_capture(context.instance, warehouse, nba_cdn, notifier, day, now) for day in dates])


@dg.sensor(
    job=game_day,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Checks for new injury reports until the last tip-off of a slate. Updates features and predictions if one changed.",
)
def injury_news(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], notifier: Notifier, injury_report: InjuryReport
) -> dg.SensorResult:
    """Requests a run per date whose newest report differs from the newest loaded one on upcoming games."""
    now = Clock().now()
    try:
        memories = late_news.remembered(context.cursor)
    except ValueError as error:
        context.log.warning(f"the cursor of injury_news is unreadable and was reset: {error}")
        memories = {}
    breaker = injury_report.http.is_open("injury_report")
    if problem := (breaker.message if breaker else "") or warehouse_problem(warehouse):
        return dg.SensorResult(skip_reason=f"no run can start: {problem}", cursor=late_news.cursor_of(memories))
    results, after = list[Decision](), dict[date, late_news.Memory]()
    for day in today_and_tomorrow(now):
        memory = memories.get(day, late_news.Memory())
        peek = late_news.peek_if_due(context.instance, warehouse, injury_report, day, memory, now)
        after[day] = peek.memory
        if late_news.silent_for(peek.memory, now):
            step = report_step(day, games_of(warehouse, [day])["tipoff_at"].to_list(), now)
            notifier.raise_alert(day, "injury_report_missing", "injuries", peek.reason, next_command=step)
        tags = {MODE_TAG: "injury_news", DUE_TAG: now.isoformat()}
        run = (
            request(("injuries", *followers(["injuries"])), day, f"injury_news:{day}:{peek.name}", tags)
            if peek.has_news
            else None
        )
        results.append(Decision(day, peek.reason, run))
    return sensor_result(results, late_news.cursor_of(after))


tables = dg.AutomationConditionSensorDefinition(
    "tables",
    target=selection_of(*daily_tables(), SLATE_EXPORT),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    run_tags={MODE_TAG: "tables", **limit(SETTINGS.runs.game_day_minutes)},
    emit_backfills=False,
    description="Materializes a table when its upstream tables are newer and have passed their blocking checks.",
)


@dg.sensor(
    jobs=[game_day, train, recheck],
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs whose process died. Requests work that is due and not done: the oldest date first, one run at a time.",
)
def reconciliation(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    nba_cdn: NbaCdn,
    notifier: Notifier,
    landing: Landing,
    model_store: ModelStore,
    heartbeat: Heartbeat,
) -> dg.SensorResult:
    """Requests at most one run of due work, and the week's training. Repeatedly failed work raises one alert.

    Pings the heartbeat after each pass. A pass that raises an error, or that can start no run, has failed.
    """
    is_done = False
    try:
        result, is_done = _reconcile(context, warehouse, nba_cdn, notifier, landing, model_store)
    finally:
        heartbeat.done() if is_done else heartbeat.failed()
    return result


def _reconcile(
    context: dg.SensorEvaluationContext,
    warehouse: Warehouse,
    nba_cdn: NbaCdn,
    notifier: Notifier,
    landing: Landing,
    model_store: ModelStore,
) -> tuple[dg.SensorResult, bool]:
    """Returns the result of the sensor, and whether the pass did its work."""
    now = Clock().now()
    closed = close_dead_runs(context.instance, now)
    for run in closed:
        context.log.warning(f"closed run {run.run_id}: its process no longer exists")
    alert_on_killed(notifier, closed)
    if problem := start_problem(warehouse, nba_cdn):
        breaker = nba_cdn.http.is_open("nba_cdn")
        since = breaker.since.isoformat() if breaker and breaker.since else problem_since(context.cursor, now)
        if now - datetime.fromisoformat(since) >= timedelta(minutes=SETTINGS.patience.probe_alert_minutes):
            notifier.raise_alert(eastern_date(now), "probe_failed", "preflight", problem, "critical", "nba-pipeline breakers")
        return dg.SensorResult(skip_reason=f"no run can start: {problem}", cursor=since), False
    undone = find_undone(context.instance, warehouse, landing, now)
    alert_on_damage(notifier, landing)
    resolve_over(notifier, {**over_by_reconciliation(undone), **over_by_repair(warehouse, landing)})
    chosen, why = next_of(undone, now)
    if chosen and chosen.attempts.ended >= SETTINGS.patience.alert_after_attempts:
        message = f"not done after {counted(chosen.attempts.ended, 'attempt')}: {chosen.why}"
        command = command_of(chosen, warehouse, now)
        notifier.raise_alert(chosen.game_date, "work_undone", chosen.subject, message, "critical", command)
    requests = [*_training(context.instance, warehouse, now, model_store), *([request_of(chosen)] if chosen else [])]
    context.update_cursor("")  # an empty cursor in the result would keep the old one
    return dg.SensorResult(run_requests=requests, skip_reason=None if requests else why), True


def problem_since(cursor: str | None, now: datetime) -> str:
    """Returns since when no run can start, from the cursor; now if the cursor is empty or unreadable."""
    try:
        return datetime.fromisoformat(cursor or "").astimezone(UTC).isoformat()
    except ValueError:
        return now.isoformat()


def _training(instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime, store: ModelStore) -> list[dg.RunRequest]:
    """Returns the request for the week's training if it is due, not done and not in progress. Retries wait."""
    week = untrained_week(instance, warehouse, now, store)
    if week is None or is_in_progress(instance, week, train.name):
        return []
    attempts = attempts_at(instance, train.name, week, eastern(week, TRAINING_HOUR))
    next_at = attempts.next_at()
    return [] if next_at is not None and next_at > now else [request_of_training(week, f"reconciliation:{attempts.ended}")]


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Raises an alert for each schedule or sensor whose evaluation failed. Sends undelivered alerts again.",
)
def alert_on_failed_tick(context: dg.SensorEvaluationContext, notifier: Notifier, public: PublicFiles) -> dg.SkipReason:
    """Raises one alert per day and failed schedule or sensor. Resolves alerts whose cause is over. Retries undelivered messages.

    The retries run in this sensor, so that an unresponsive webhook delays no other sensor.
    """
    now, retried = Clock().now(), notifier.retry_deliveries()
    for problem in announce(public, notifier.warehouse, notifier.clock):
        context.log.warning(problem)
    recent = decisions(context.instance, now - timedelta(minutes=FAILED_TICK_MINUTES), now)
    failed = {record["name"]: record["reason"] for record in recent if record["decision"] == "failed"}
    for name, reason in failed.items():
        notifier.raise_alert(eastern_date(now), "tick_failed", name, str(reason), "critical", "nba-pipeline decisions")
    decided = {str(record["name"]) for record in recent}
    is_over = {**over_by_ticks(decided, failed), **over_by_data(context.instance, notifier.warehouse)}
    resolved = resolve_over(notifier, is_over)
    message = f"failed evaluations: {', '.join(failed)}" if failed else "no evaluation failed"
    return dg.SkipReason("; ".join(filter(None, (message, retried, f"resolved {', '.join(resolved)}" if resolved else ""))))


SENSORS = (
    final_games,
    lines,
    injury_news,
    tables,
    reconciliation,
    failed_run_sensor(MODE_TAG),
    alert_on_failed_tick,
    unresolved_names_sensor,
    alert_on_data,
    slate_status_sensor,
)
