"""Ticks of schedules and sensors by a simulated clock, on a real warehouse, a real instance and the sandbox's league."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import time_machine

from nba_pipeline.completeness.modes import MODES
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import EASTERN, week_of
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.orchestration.schedules import SCHEDULES as ALL
from nba_pipeline.tables.declarations import SLATE_EXPORT
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_days import Days, a_copy

DAY = date(2026, 1, 15)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
MONDAY = week_of(DAY)
MINUTE = timedelta(minutes=1)
CLOCK_CHANGES = {"25 hours": date(2025, 11, 2), "23 hours": date(2026, 3, 8)}
NEEDED = ("warehouse", "nba_cdn", "notifier", "landing", "model_store", "injury_report", "heartbeat", "public")
SCHEDULES = {schedule.name: schedule for schedule in ALL}


class Broken(LocalWarehouse):
    """A warehouse whose start-up check fails."""

    def preflight(self) -> None:
        raise BadInput("the dataset does not exist")


class Unreadable(LocalWarehouse):
    """A warehouse that passes its start-up check and is unreadable afterwards."""

    def scan(self, table: Table, dates: Any = None) -> pl.LazyFrame:
        raise PipelineError(f"{table.name} cannot be read")


@dataclass(frozen=True)
class Tick:
    """The result of a tick: the runs or the skip reason, and a sensor's cursor."""

    runs: list[dg.RunRequest]
    why: str
    cursor: str | None = None

    @property
    def run(self) -> dg.RunRequest:
        assert len(self.runs) == 1, (self.runs, self.why)
        return self.runs[0]


@cache
def repository() -> dg.RepositoryDefinition:
    return build_definitions("sandbox").get_repository_def()


def own_copy(start: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Copies a home and sets NBA_PIPELINE_HOME to the copy."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(home))
    monkeypatch.setenv("NBA_CDN_URL", "http://127.0.0.1:9")  # avoids starting the league's server for tests without requests
    return a_copy(start, home)


@contextmanager
def resources_at(now: datetime, **replaced: Any) -> Iterator[dict[str, Any]]:
    """The resources of the sandbox for schedules and sensors, with the process time set to an instant."""
    with time_machine.travel(now, tick=False):
        sandbox = resources_for("sandbox", Clock())
        yield {name: replaced.get(name, sandbox[name]) for name in NEEDED}


def tick(days: Days, name: str, at: datetime, late: timedelta = timedelta(seconds=2), **replaced: Any) -> Tick:
    """Evaluates a schedule shortly after its time. The schedules of the modes do not use the instance."""
    instance = None if name in MODES else days.instance
    with (
        resources_at(at + late, **replaced) as resources,
        dg.build_schedule_context(
            instance, scheduled_execution_time=at.astimezone(EASTERN), resources=resources, repository_def=repository()
        ) as context,
    ):
        result = SCHEDULES[name].evaluate_tick(context)
    return Tick(list(result.run_requests or ()), result.skip_message or "")


def evaluate(days: Days, sensor: dg.SensorDefinition, now: datetime, cursor: str | None = None, **replaced: Any) -> Tick:
    """Evaluates a sensor."""
    with (
        resources_at(now, **replaced) as resources,
        dg.build_sensor_context(days.instance, cursor, resources=resources, repository_def=repository()) as context,
    ):
        result = sensor.evaluate_tick(context)
    return Tick(list(result.run_requests or ()), result.skip_message or "", result.cursor)


def tables_of(request: dg.RunRequest) -> tuple[str, ...]:
    """The tables of a request. `slate_export`, which runs with the tables that it reads, is none."""
    return tuple(key.to_user_string() for key in request.asset_selection or () if key.to_user_string() != SLATE_EXPORT)


def broken(days: Days) -> Broken:
    return Broken(home=str(days.home))


def alerts(days: Days) -> list[tuple[date, str, str]]:
    return list(days.warehouse.scan(ALERTS).sort("raised_at").select("game_date", "kind", "subject").collect().iter_rows())
