"""The jobs that schedules, sensors and the command start."""

from collections.abc import Mapping, Sequence

import dagster as dg

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.instance.run_tags import MAX_RUNTIME_TAG, REPLAY_TAG
from nba_pipeline.monitoring.doctor import storage  # noqa: F401  registers the table that `doctor` writes
from nba_pipeline.orchestration.housekeeping import housekeeping
from nba_pipeline.orchestration.morning_summary import summarize
from nba_pipeline.orchestration.published_rows import READS
from nba_pipeline.orchestration.recheck_job import recheck
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import SLATE_EXPORT, daily_tables


def selection_of(*tables: str) -> dg.AssetSelection:
    """Returns the asset selection of some tables."""
    return dg.AssetSelection.assets(*tables)


def with_export(job: str, tables: Sequence[str], tags: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the assets of a run on some tables of a date: the tables, and `slate_export` if it reads one of them.

    A replay exports nothing, because its tables are incomplete until the rebuild ends.
    """
    is_exported = job == game_day.name and REPLAY_TAG not in tags and not set(tables).isdisjoint(READS)
    return (*tables, SLATE_EXPORT) if is_exported else tuple(tables)


def limit(minutes: int) -> dict[str, str]:
    """Returns the tag with which the daemon ends a run after this many minutes."""
    return {MAX_RUNTIME_TAG: str(60 * minutes)}


game_day = dg.define_asset_job(
    "game_day",
    selection_of(*daily_tables(), SLATE_EXPORT),
    executor_def=dg.in_process_executor,
    tags=limit(SETTINGS.runs.game_day_minutes),
    description="Materializes tables of one date, those of a mode or all of them, and exports the slate.",
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
