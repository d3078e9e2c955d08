"""The schedules: the modes at their times, training on Mondays, the nightly reconciliation and housekeeping.

The times belong in `completeness/modes.py`. Reactions to events belong in `sensors.py`.
"""

from collections.abc import Iterator
from datetime import UTC, timedelta

import dagster as dg

from nba_pipeline.completeness.modes import CLOCK, DAYS_FROM_TODAY, MODES, Mode, due_instants, tables_of_mode
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, WHY_TAG
from nba_pipeline.league.calendar import EASTERN_NAME, FIRST_DATE, days, eastern_date, week_of
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.monitoring.deliveries import SUMMARY
from nba_pipeline.orchestration.housekeeping import DESCRIPTION, housekeeping
from nba_pipeline.orchestration.jobs import game_day, train
from nba_pipeline.orchestration.morning_summary import summarize
from nba_pipeline.orchestration.reconciliation import find_work
from nba_pipeline.orchestration.run_requests import (
    games_of,
    request,
    request_of,
    request_of_training,
    start_problem,
    warehouse_problem,
)
from nba_pipeline.orchestration.weekly_training import TRAINING_HOUR, needs_models
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse

MAX_NIGHTLY_REQUESTS = 5
SLATES = {-1: "yesterday's slate", 0: "today's slate", 1: "tomorrow's slate"}
"""Days from today -> the name of the slate in descriptions."""


def _mode_schedule(mode: Mode) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=mode,
        cron_schedule=[f"{minute} {hour} * * *" for hour, minute in CLOCK[mode]],
        execution_timezone=EASTERN_NAME,
        job=game_day,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Materializes for {SLATES[DAYS_FROM_TODAY[mode]]}: {', '.join(tables_of_mode(mode))}.",
    )
    def tick(
        context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn
    ) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time
        slate = eastern_date(at) + timedelta(days=DAYS_FROM_TODAY[mode])
        if slate < FIRST_DATE:
            return dg.SkipReason(f"{slate} is before {FIRST_DATE}, the first date of the platform")
        if Clock().now() - at > timedelta(minutes=SETTINGS.patience.missed_tick_minutes):
            return dg.SkipReason(f"missed at {eastern_text(at)}; the reconciliation runs what is still due")
        if problem := start_problem(warehouse, nba_cdn):
            return dg.SkipReason(f"no run can start: {problem}; the reconciliation tries again later")
        tipoffs = games_of(warehouse, [slate])["tipoff_at"].to_list()
        if at not in due_instants(mode, slate, tipoffs):
            return dg.SkipReason(f"every game of {slate} has begun" if tipoffs else f"no games on {slate}")
        why = f"due at {eastern_text(at, '%H:%M')}: {counted(len(tipoffs), 'game')} on {slate}"
        tags = {MODE_TAG: mode, DUE_TAG: at.astimezone(UTC).isoformat(), WHY_TAG: why}
        return request(tables_of_mode(mode), slate, f"{mode}:{slate}:{at.isoformat()}", tags)

    return tick


@dg.schedule(
    cron_schedule=f"0 {TRAINING_HOUR} * * *",
    execution_timezone=EASTERN_NAME,
    job=train,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Trains the models of the week on Mondays. On other days, only if the week has no training yet.",
)
def train_week(
    context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Requests the training on Mondays of the season, and on other days if the week has no training yet."""
    today = eastern_date(context.scheduled_execution_time)
    week = week_of(today)
    trained = context.instance.get_materialized_partitions(dg.AssetKey("points_model"))
    if today != week and week.isoformat() in trained:
        yield dg.SkipReason(f"the week of {week} has its models")
    elif problem := warehouse_problem(warehouse):
        yield dg.SkipReason(f"no run can start: {problem}; the reconciliation tries again later")
    elif not needs_models(warehouse, week):
        yield dg.SkipReason(f"the schedule has no games in the week of {week} or the week before")
    else:
        yield request_of_training(week, str(today))


@dg.schedule(
    cron_schedule="30 4 * * *",
    execution_timezone=EASTERN_NAME,
    job=game_day,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"Searches the last {SETTINGS.patience.nightly_days} days for work that is due and not done. Requests at most "
    f"{MAX_NIGHTLY_REQUESTS} runs.",
)
def nightly_reconciliation(
    context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse], nba_cdn: NbaCdn
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Requests undone work that is too old for the sensor `reconciliation`."""
    now = Clock().now()
    if problem := start_problem(warehouse, nba_cdn):
        yield dg.SkipReason(f"no run can start until tomorrow: {problem}")
        return
    older = eastern_date(now) - timedelta(days=SETTINGS.patience.catch_up_days)
    due = find_work(context.instance, warehouse, now, SETTINGS.patience.nightly_days, nba_cdn.http.landing)
    undone = [work for work in due if work.game_date < older and not work.attempts.is_in_progress]
    undone.sort(key=lambda work: work.attempts.ended)  # work that can never succeed must not hide other work
    yield from [request_of(work) for work in undone[:MAX_NIGHTLY_REQUESTS]]
    if not undone:
        yield dg.SkipReason("all due work is done")


tidy_up = dg.ScheduleDefinition(
    "tidy_up",
    job=housekeeping,
    cron_schedule="30 3 * * *",
    execution_timezone=EASTERN_NAME,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=DESCRIPTION,
)


@dg.schedule(
    name=SUMMARY,
    cron_schedule="0 8 * * *",
    execution_timezone=EASTERN_NAME,
    job=summarize,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Writes and sends the morning summary, if a game is at most one day away.",
)
def morning_summary(
    context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.RunRequest | dg.SkipReason:
    """Requests the summary of a date, unless no game is near, as in the off-season."""
    today = eastern_date(context.scheduled_execution_time)
    around = timedelta(days=SETTINGS.watch.games_within_days)
    if games_of(warehouse, days(today - around, today + around)).is_empty():
        return dg.SkipReason(f"no game is within {counted(SETTINGS.watch.games_within_days, 'day')} of {today}")
    return dg.RunRequest(run_key=f"{SUMMARY}:{today}")


SCHEDULES = (*(_mode_schedule(mode) for mode in MODES), train_week, nightly_reconciliation, tidy_up, morning_summary)
