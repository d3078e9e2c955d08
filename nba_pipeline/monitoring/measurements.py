"""Reads the values from which the metrics are derived: status, alerts, ticks, breakers, grades, credits, runs, service levels.

Starts nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.league.calendar import FIRST_DATE, days
from nba_pipeline.monitoring import status as grid
from nba_pipeline.monitoring.alert_changes import recent_incidents
from nba_pipeline.monitoring.burn_rates import burn_of_each_window
from nba_pipeline.monitoring.landed_dates import loaded_before
from nba_pipeline.monitoring.latency_facts import began_at
from nba_pipeline.monitoring.metrics import Levels, Measurements
from nba_pipeline.monitoring.run_facts import read_runs
from nba_pipeline.monitoring.service_level_facts import read_facts
from nba_pipeline.monitoring.service_levels import attainments
from nba_pipeline.providers.circuit_breakers import breakers_not_closed
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

DAYS_BACK = 6
NEWEST_REQUESTS = """SELECT provider, problem FROM requests WHERE attempts > 0
QUALIFY row_number() OVER (PARTITION BY provider ORDER BY fetched_at DESC) = 1"""
QUOTA = "SELECT quota FROM requests WHERE provider = 'odds_api' AND quota IS NOT NULL ORDER BY fetched_at DESC LIMIT 1"


def measure(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    landing: Landing,
    clock: Clock,
    code_versions: Mapping[str, str],
    graded: Sequence[Mapping[str, Any]],
    home: Path,
    levels: Levels | None = None,
    proxies: Mapping[str, str] | None = None,
) -> Measurements:
    """Returns the measurements of this instant.

    `code_versions` has the present code version of each table, `graded` the records of recent grades, `levels` the service
    levels, `proxies` the variable of each provider's proxy.
    """
    today = clock.today
    dates = days(max(today - timedelta(days=DAYS_BACK), FIRST_DATE), today)
    return Measurements(
        at=clock.now(),
        today=today,
        home=home,
        records=grid.status(
            warehouse, landing, clock, dates, code_versions, loaded_before(instance), read_runs(instance, dates, clock)
        ),
        incidents=recent_incidents(warehouse, today),
        instigators=read_instigators(instance),
        breakers=breakers_not_closed(landing),
        graded=graded,
        quota=quota_of(warehouse),
        proxies=proxies_of(warehouse, proxies) if proxies else {},
        run_seconds=_run_seconds(instance),
        levels=levels or Levels(),
    )


@dataclass
class LevelsReader:
    """Reads the service levels at most every `metrics.levels_every_seconds`, because they are derived from 30 days of runs."""

    read_at: datetime | None = None
    levels: Levels = field(default_factory=Levels)

    def read(self, instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, now: datetime) -> Levels:
        """Returns the newest service levels; empty without a daemon."""
        since = began_at(list(read_instigators(instance).values()))
        pause = timedelta(seconds=SETTINGS.metrics.levels_every_seconds)
        if since is not None and (self.read_at is None or now - self.read_at >= pause):
            facts = read_facts(instance, warehouse, landing, since, now)
            self.levels = Levels(attainments(facts, now), burn_of_each_window(facts, now))
            self.read_at = now
        return self.levels


def proxies_of(warehouse: Warehouse, proxies: Mapping[str, str]) -> Mapping[str, bool]:
    """Returns provider -> whether its newest request had no problem with its proxy. Omits providers without a request."""
    newest = warehouse.sql(NEWEST_REQUESTS).iter_rows()
    return {provider: f"({proxies[provider]})" not in (problem or "") for provider, problem in newest if provider in proxies}


def quota_of(warehouse: Warehouse) -> Mapping[str, int]:
    """Returns the credits in the newest response that has them; empty without one."""
    rows = warehouse.sql(QUOTA)
    if rows.is_empty():
        return {}
    quota = rows["quota"][0]
    return {
        name: int(value) for name, value in (json.loads(quota) if isinstance(quota, str) else quota).items() if value is not None
    }


def _run_seconds(instance: dg.DagsterInstance) -> dict[str, float]:
    """Returns the duration of each job's newest successful run among the last runs."""
    records = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=SETTINGS.metrics.runs)
    seconds: dict[str, float] = {}
    for record in records:  # newest first
        if record.start_time and record.end_time:
            seconds.setdefault(record.dagster_run.job_name, record.end_time - record.start_time)
    return seconds
