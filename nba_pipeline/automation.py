"""When things run: the jobs, and the schedules of the three modes. What a run does stands with the assets."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from nba_pipeline.calendar import EASTERN_NAME, Mode, eastern_date, week_of

MARKET_AND_PEOPLE = ("prop_lines", "game_lines", "injuries", "rosters")
FEATURES = ("upcoming_players", "player_form", "player_shot_zones", "team_defense_zones", "matchups", "features")

CRITICAL_OF_MODE: dict[Mode, tuple[str, ...]] = {
    "overnight": (
        "schedule", "boxscores", "team_boxscores", "play_by_play", "players", "player_game_summary", "team_game_summary", "grades",
    ),
    "same_day": ("schedule", *MARKET_AND_PEOPLE, *FEATURES, "predictions"),
    "tomorrow": ("schedule", *MARKET_AND_PEOPLE, *FEATURES, "predictions"),
}  # fmt: skip
"""The tables that each mode materialises for its slate."""

DAYS_FROM_TODAY: dict[Mode, int] = {"overnight": -1, "same_day": 0, "tomorrow": 1}
MODE_TAG = "nba/mode"

UP_TO_FEATURES = (
    "schedule", "boxscores", "team_boxscores", "play_by_play", "players", *MARKET_AND_PEOPLE, "player_game_summary",
    "team_game_summary", *FEATURES,
)  # fmt: skip
FROM_PREDICTIONS = ("predictions", "grades")
DAILY_TABLES = (*UP_TO_FEATURES, *FROM_PREDICTIONS)
"""Every daily table, in the order of the path."""

SCHEDULED: tuple[tuple[str, Mode, str], ...] = (
    ("overnight", "overnight", "0 6 * * *"),
    ("overnight_backstop", "overnight", "0 11 * * *"),
    ("same_day_morning", "same_day", "0 7,9,10 * * *"),
    ("same_day_noon", "same_day", "30 11 * * *"),
    ("same_day_last_call", "same_day", "0 13,16 * * *"),
    ("tomorrow", "tomorrow", "30 17 * * *"),
)
"""Schedule, mode and Eastern time."""


def _of(*tables: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*tables)


game_day = dg.define_asset_job(
    "game_day", _of(*DAILY_TABLES), executor_def=dg.in_process_executor,
    description="One slate: the tables of a mode, or all of them, for one date.",
)  # fmt: skip
season = dg.define_asset_job(
    "season", _of(*DAILY_TABLES), executor_def=dg.in_process_executor,
    description="Many dates in one run, for backfills.",
)  # fmt: skip
train = dg.define_asset_job(
    "train", _of("points_model"), executor_def=dg.in_process_executor,
    description="The models of one week, from the dates before it.",
)  # fmt: skip


def _mode_schedule(name: str, mode: Mode, cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name, cron_schedule=cron, execution_timezone=EASTERN_NAME, job=game_day,
        default_status=dg.DefaultScheduleStatus.RUNNING, description=f"{mode}: {', '.join(CRITICAL_OF_MODE[mode])}",
    )  # fmt: skip
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        slate = (eastern_date(context.scheduled_execution_time) + timedelta(days=DAYS_FROM_TODAY[mode])).isoformat()
        return dg.RunRequest(
            run_key=f"{name}:{context.scheduled_execution_time.isoformat()}", partition_key=slate,
            asset_selection=[dg.AssetKey(table) for table in CRITICAL_OF_MODE[mode]], tags={MODE_TAG: mode, "nba/date": slate},
        )  # fmt: skip

    return tick


@dg.schedule(
    cron_schedule="0 5 * * *", execution_timezone=EASTERN_NAME, job=train, default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday's training; on other days only when the week has no model yet.",
)  # fmt: skip
def train_week(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Train on Mondays, and on another day when nothing was trained for the week."""
    today = eastern_date(context.scheduled_execution_time)
    week = week_of(today).isoformat()
    trained = context.instance.get_materialized_partitions(dg.AssetKey("points_model"))
    if today.isoformat() != week and week in trained:
        yield dg.SkipReason(f"the week of {week} has its models")
    else:
        yield dg.RunRequest(run_key=f"train:{today}", partition_key=week)


SCHEDULES: tuple[dg.ScheduleDefinition, ...] = (train_week, *(_mode_schedule(*entry) for entry in SCHEDULED))
JOBS = (game_day, season, train)
