"""The jobs that schedules, sensors and the command start."""

import dagster as dg

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.instance.run_tags import MAX_RUNTIME_TAG
from nba_pipeline.monitoring.doctor import storage  # noqa: F401  registers the table that `doctor` writes
from nba_pipeline.orchestration.housekeeping import housekeeping
from nba_pipeline.orchestration.morning_summary import summarize
from nba_pipeline.orchestration.recheck_job import recheck
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables


def selection_of(*tables: str) -> dg.AssetSelection:
    """Returns the asset selection of some tables."""
    return dg.AssetSelection.assets(*tables)


def limit(minutes: int) -> dict[str, str]:
    """Returns the tag with which the daemon ends a run after this many minutes."""
    return {MAX_RUNTIME_TAG: str(60 * minutes)}


game_day = dg.define_asset_job(
    "game_day",
    selection_of(*daily_tables()),
    executor_def=dg.in_process_executor,
    tags=limit(SETTINGS.runs.game_day_minutes),
    description="Materializes tables of one date: those of a mode, or all of them.",
)
season = dg.define_asset_job(
    "season",
    selection_of(*daily_tables()),
    executor_def=dg.in_process_executor,
    tags=limit(SETTINGS.runs.season_minutes),
    description="Materializes tables of a range of dates in one run. Used by backfills.",
)
train = dg.define_asset_job(
    "train",
    selection_of("points_model"),
    executor_def=dg.in_process_executor,
    tags=limit(SETTINGS.runs.train_minutes),
    description="Trains the models of one week on the dates before it.",
)
JOBS = (game_day, season, train, recheck, housekeeping, summarize)
