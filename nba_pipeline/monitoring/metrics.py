"""Metrics in Prometheus' format about the tables, the alerts, the runs and the machine at an instant.

The label `days_ago` is 0 for today and 6 for six days ago, US Eastern, so that the number of series does not grow. A number
that is unknown has no sample. Dagster's internals (queues, daemon loops) are left to existing exporters, see docs/operations.md.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_pipeline.completeness.states import STATES
from nba_pipeline.instance.instigators import Instigator
from nba_pipeline.monitoring.alert_changes import Incident
from nba_pipeline.monitoring.burn_rates import Burn
from nba_pipeline.monitoring.service_levels import Attainment
from nba_pipeline.providers.circuit_breakers import Breaker

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

PREFIX = "nba_pipeline_"


@dataclass(frozen=True)
class Levels:
    """The service levels: the attainments, and per objective and window the name of the objective and its burn."""

    attained: Sequence[Attainment] = ()
    burns: Sequence[tuple[str, Burn]] = ()


@dataclass(frozen=True)
class Measurements:
    """The values from which the metrics are derived. `records` are those of `status`, `graded` rows of `record_of`."""

    at: datetime
    today: date
    home: Path
    records: Sequence[Mapping[str, Any]] = ()
    incidents: Sequence[Incident] = ()
    instigators: Mapping[str, Instigator] = field(default_factory=dict)
    breakers: Sequence[Breaker] = ()
    graded: Sequence[Mapping[str, Any]] = ()
    quota: Mapping[str, int] = field(default_factory=dict)
    proxies: Mapping[str, bool] = field(default_factory=dict)
    """Provider with a proxy -> whether its newest request had no problem with the proxy."""
    run_seconds: Mapping[str, float] = field(default_factory=dict)
    """Job -> duration of its newest successful run."""
    levels: Levels = Levels()


def families(measured: Measurements) -> "Iterator[GaugeMetricFamily]":
    """Yields the metrics of an instant."""
    yield _gauge("measured_at_seconds", "Unix time of these measurements.", measured.at.timestamp())
    yield from _of_dates(measured)
    yield from _of_operation(measured)
    yield from _of_forecasts(measured)
    yield from _of_levels(measured.levels)
    yield _gauge("free_disk_bytes", "Free bytes on the disk of the home.", shutil.disk_usage(measured.home).free)


def _of_dates(measured: Measurements) -> "Iterator[GaugeMetricFamily]":
    """Yields the metrics of the last dates: state, coverage, rows, quarantined rows."""
    state = _labeled("date_state", "1 for the state of a date.", "days_ago", "state")
    coverage = _labeled("coverage_ratio", "Share of final games with a complete box score.", "days_ago")
    rows = _labeled("rows", "Rows of a table.", "days_ago", "table")
    quarantined = _labeled("quarantined_rows", "Quarantined rows of a table.", "days_ago", "table")
    for record in measured.records:
        ago = str((measured.today - date.fromisoformat(record["game_date"])).days)
        for name in STATES:
            state.add_metric([ago, name], float(record["state"] == name))
        if record["final_games"]:
            coverage.add_metric([ago], record["complete_games"] / record["final_games"])
        for metric, numbers in ((rows, record["rows"]), (quarantined, record["quarantined"])):
            for table, number in numbers.items():
                if number is not None:
                    metric.add_metric([ago, table], number)
    yield from (state, coverage, rows, quarantined)


def _of_operation(measured: Measurements) -> "Iterator[GaugeMetricFamily]":
    """Yields the metrics of the operation: alerts, ticks, breakers, credits, proxies, durations."""
    alerts = _labeled("open_alerts", "Open alerts.", "severity")
    for severity in ("warning", "critical"):
        alerts.add_metric([severity], sum(one.is_open and one.severity == severity for one in measured.incidents))
    ticks = _labeled("last_tick_seconds", "Unix time of the newest tick of a schedule or sensor.", "name")
    for name, one in measured.instigators.items():
        if one.last_tick:
            ticks.add_metric([name], one.last_tick.timestamp())
    breakers = _labeled("breaker_not_closed", "1 for a circuit breaker that is not closed.", "subject", "state")
    for breaker in measured.breakers:
        breakers.add_metric([breaker.subject, breaker.state], 1)
    quota = _labeled("odds_api_credits", "Credits of The Odds API at its newest response.", "kind")
    for kind in ("remaining", "used"):
        if kind in measured.quota:
            quota.add_metric([kind], measured.quota[kind])
    proxies = _labeled("proxy_up", "1 if the newest request of a provider with a proxy had no problem with it.", "provider")
    for provider, is_up in measured.proxies.items():
        proxies.add_metric([provider], float(is_up))
    seconds = _labeled("run_seconds", "Duration of the newest successful run of a job.", "dagster_job")
    for job, duration in measured.run_seconds.items():
        seconds.add_metric([job], duration)
    yield from (alerts, ticks, breakers, quota, proxies, seconds)


def _of_forecasts(measured: Measurements) -> "Iterator[GaugeMetricFamily]":
    """Yields the graded record per system: error, gap to the line on the same rows, number of rows."""
    labels = ("system", "market", "run_kind")
    error = _labeled("mae_points", "Mean absolute error of the graded rows with a line.", *labels)
    gap = _labeled("gap_to_line_points", "Mean absolute error minus that of the line on the same rows.", *labels)
    rows = _labeled("graded_rows", "Graded rows with a line.", *labels)
    for row in measured.graded:
        values = [str(row[name]) for name in ("system_id", "market", "run_kind")]
        numbers = ((error, row["mae"]), (gap, row["gap"]), (rows, row["lined"]))
        for metric, number in numbers:
            if number is not None:
                metric.add_metric(values, number)
    yield from (error, gap, rows)


def _of_levels(levels: Levels) -> "Iterator[GaugeMetricFamily]":
    """Yields the metrics of the service levels. The value of an objective is a share, minutes, or a number per week."""
    value = _labeled(
        "objective_value", "Value that an objective limits: a share, minutes, or units per week.", "objective", "days"
    )
    target = _labeled("objective_target", "Target of an objective, in the unit of its value.", "objective")
    units = _labeled("objective_units", "Judged units of an objective.", "objective", "days")
    left = _labeled(
        "error_budget_left_ratio", "Share of the error budget that is left; negative: exhausted.", "objective", "days"
    )
    rate = _labeled("error_budget_burn_rate", "Burn rate of the error budget; 1 spends it exactly.", "objective", "hours")
    for one in levels.attained:
        labels = [one.objective.name, str(one.days)]
        units.add_metric(labels, one.units)
        for metric, number in ((value, one.value), (left, one.budget_left)):
            if number is not None:
                metric.add_metric(labels, number)
    for objective in {one.objective.name: one.objective for one in levels.attained}.values():
        target.add_metric([objective.name], objective.target)
    for name, burn in levels.burns:
        if burn.rate is not None:
            rate.add_metric([name, f"{burn.hours:g}"], burn.rate)
    yield from (value, target, units, left, rate)


def _labeled(name: str, documentation: str, *labels: str) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # the definitions import this module

    return GaugeMetricFamily(PREFIX + name, documentation, labels=labels)


def _gauge(name: str, documentation: str, value: float) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # as in `_labeled`

    return GaugeMetricFamily(PREFIX + name, documentation, value=value)
