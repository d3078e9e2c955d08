"""Run requests of schedules and sensors, and the reasons to hold them back. Dagster starts the runs."""

from datetime import date

import dagster as dg
import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.run_tags import DUE_TAG, LONGEST_WHY, MODE_TAG, WHY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.jobs import game_day, train
from nba_pipeline.orchestration.reconciliation import (
    TRAINING_HOUR,
    Work,
)
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering


def request(tables: tuple[str, ...], day: date, run_key: str, tags: dict[str, str], job: str = game_day.name) -> dg.RunRequest:
    """Returns the request for a run of a job on some tables of a date. An empty `tables` selects the whole job."""
    return dg.RunRequest(
        run_key=run_key, job_name=job, partition_key=day.isoformat(),
        asset_selection=[dg.AssetKey(table) for table in tables] or None, tags=tags,
    )  # fmt: skip


def result(requests: list[dg.RunRequest], told: list[str], cursor: str | None = None) -> dg.SensorResult:
    """Returns a sensor's result. The decisions per date become the tag of the requested runs, or the skip reason."""
    why = "; ".join(told)
    tagged = [one.with_replaced_attrs(tags={**one.tags, WHY_TAG: why[:LONGEST_WHY]}) for one in requests]
    return dg.SensorResult(run_requests=tagged, skip_reason=None if tagged else why, cursor=cursor)


def games_of(warehouse: Warehouse, dates: list[date]) -> pl.DataFrame:
    """Returns the games of some dates that are not postponed: game_date, game_id, tipoff_at, status."""
    games = recovering(lambda: warehouse.scan(TABLES["schedule"], dates).collect())
    return games.filter(pl.col("status") != "postponed").select("game_date", "game_id", "tipoff_at", "status")


def no_warehouse(warehouse: Warehouse) -> str:
    """Returns why the warehouse cannot be written now; empty if it can."""
    try:
        warehouse.preflight()
    except PipelineError as error:
        return str(error)
    return ""


def held_back(warehouse: Warehouse, nba_cdn: NbaCdn) -> str:
    """Returns why no run can start now: the warehouse or the league's provider is unavailable. Empty if both are available."""
    breaker = nba_cdn.http.is_open("nba_cdn")
    return no_warehouse(warehouse) or (breaker.message if breaker else "")


def request_of_training(week: date, key: str) -> dg.RunRequest:
    """Returns the request for the training of a week."""
    tags = {MODE_TAG: train.name, DUE_TAG: eastern(week, TRAINING_HOUR).isoformat()}
    return dg.RunRequest(run_key=f"train:{week}:{key}", job_name=train.name, partition_key=week.isoformat(), tags=tags)


def request_of(work: Work) -> dg.RunRequest:
    """Returns the request for undone work."""
    return request(work.tables, work.game_date, work.run_key, work.tags, work.job)
