"""Decisions and run requests of schedules and sensors, and the problems that prevent a start. Dagster starts the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.run_tags import DUE_TAG, LONGEST_WHY, MODE_TAG, WHY_TAG
from nba_pipeline.league.calendar import days, eastern, eastern_date
from nba_pipeline.orchestration.jobs import game_day, train, with_export
from nba_pipeline.orchestration.weekly_training import TRAINING_HOUR
from nba_pipeline.orchestration.work import Work
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.settings import refuse_changes
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering


@dataclass(frozen=True)
class Decision:
    """A sensor's decision about one date: its reason, and the requested run if one is due."""

    game_date: date
    reason: str
    request: dg.RunRequest | None = None


def request(tables: tuple[str, ...], day: date, run_key: str, tags: dict[str, str], job: str = game_day.name) -> dg.RunRequest:
    """Returns the request for a run of a job on some tables of a date. Adds the export. Empty `tables` select the whole job."""
    selection = [dg.AssetKey(name) for name in with_export(job, tables, tags)] or None
    return dg.RunRequest(run_key=run_key, job_name=job, partition_key=day.isoformat(), asset_selection=selection, tags=tags)


def sensor_result(decisions: Sequence[Decision], cursor: str | None = None, problems: Sequence[str] = ()) -> dg.SensorResult:
    """Returns a sensor's result. The reasons of all dates become the tag of the requested runs, or the skip reason."""
    why = "; ".join([*(f"{one.game_date}: {one.reason}" for one in decisions), *problems])
    tag = {WHY_TAG: why[:LONGEST_WHY]}
    requests = [one.request.with_replaced_attrs(tags={**one.request.tags, **tag}) for one in decisions if one.request]
    return dg.SensorResult(run_requests=requests, skip_reason=None if requests else why, cursor=cursor)


def today_and_tomorrow(now: datetime) -> list[date]:
    """Returns the dates whose slates are captured: today and tomorrow, US Eastern."""
    return days(eastern_date(now), eastern_date(now) + timedelta(days=1))


def games_of(warehouse: Warehouse, dates: list[date]) -> pl.DataFrame:
    """Returns the rows of `schedule` of some dates, without postponed games."""
    games = recovering(lambda: warehouse.scan(TABLES["schedule"], dates).collect())
    return games.filter(pl.col("status") != "postponed")


def warehouse_problem(warehouse: Warehouse) -> str:
    """Returns why no run may write now: changed settings, or a warehouse that cannot be written. Empty otherwise."""
    try:
        refuse_changes()
        warehouse.preflight()
    except PipelineError as error:
        return str(error)
    return ""


def start_problem(warehouse: Warehouse, nba_cdn: NbaCdn) -> str:
    """Returns why no run may start now: the warehouse or the league's provider is unavailable. Empty if both are available."""
    breaker = nba_cdn.http.is_open("nba_cdn")
    return warehouse_problem(warehouse) or (breaker.message if breaker else "")


def request_of_training(week: date, key: str) -> dg.RunRequest:
    """Returns the request for the training of a week."""
    tags = {MODE_TAG: train.name, DUE_TAG: eastern(week, TRAINING_HOUR).isoformat()}
    return dg.RunRequest(run_key=f"train:{week}:{key}", job_name=train.name, partition_key=week.isoformat(), tags=tags)


def request_of(work: Work) -> dg.RunRequest:
    """Returns the request for undone work."""
    return request(work.tables, work.game_date, work.run_key, work.tags, work.job)
