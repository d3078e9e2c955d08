"""The sensor `alert_on_data`, which keeps the alerts about slates, sources, durations, the disk and objectives up to date.

A monitor that fails raises `monitor_failed` and does not change the alerts of its own kind.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import dagster as dg

from nba_pipeline.errors import PipelineError
from nba_pipeline.monitoring.alert_changes import Incident
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.burn_rates import BURN_RATE_HIGH, high_burn_rates
from nba_pipeline.monitoring.findings import Finding, is_open, open_incidents, report
from nba_pipeline.monitoring.latency_monitors import STEP_SLOW, TRANSITION_LATE, late_transitions, slow_steps
from nba_pipeline.monitoring.resource_monitors import (
    DISK_LOW,
    QUOTA_LOW,
    SOURCE_STALE,
    low_disk,
    low_quota,
    stale_sources,
)
from nba_pipeline.monitoring.slate_monitors import (
    BETTING_CHECK_FAILED,
    LINES_LATE,
    QUARANTINE_OLD,
    failed_betting_checks,
    late_lines,
    old_quarantines,
)
from nba_pipeline.orchestration.late_tables import TABLE_LATE, late_tables
from nba_pipeline.orchestration.undone import find_missing
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

MONITOR_FAILED = "monitor_failed"
SLOW = (TABLE_LATE, QUARANTINE_OLD, SOURCE_STALE, STEP_SLOW, TRANSITION_LATE, BURN_RATE_HIGH)
"""Kinds whose monitors run every few minutes, because they read many dates and their facts last for hours."""
PERSISTENT = (TABLE_LATE, SOURCE_STALE)
"""Kinds whose findings are reported once they persist, because overdue work is done within minutes after an outage."""

Monitor = Callable[[], list[Finding]]


@dataclass(frozen=True)
class Memory:
    """The cursor: when the slow monitors ran, and since when each finding of a kind in PERSISTENT exists."""

    slow_at: datetime | None = None
    since: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> "Memory":
        """Returns the memory of a cursor. Raises ValueError if it is unreadable."""
        try:
            values = json.loads(cursor or "{}")
            since = {key: datetime.fromisoformat(at) for key, at in values.get("since", {}).items()}
            return cls(datetime.fromisoformat(values["slow_at"]) if values.get("slow_at") else None, since)
        except (AttributeError, TypeError) as error:
            raise ValueError(str(error)) from None

    @property
    def cursor(self) -> str:
        """The memory as a cursor."""
        return json.dumps(vars(self), default=lambda value: value.isoformat())

    def are_slow_due(self, now: datetime) -> bool:
        """Whether the slow monitors run now."""
        return self.slow_at is None or now - self.slow_at >= timedelta(minutes=SETTINGS.monitors.slow_every_minutes)

    def after(self, findings: Collection[Finding], now: datetime) -> "Memory":
        """Returns the memory after a run of the slow monitors with these findings."""
        return Memory(now, {key: self.since.get(key, now) for key in map(_key, findings)})

    def at(self, now: datetime) -> "Memory":
        """Returns this memory, or an empty one after an outage, because findings may have ended and returned during it."""
        is_old = self.slow_at is not None and now - self.slow_at >= timedelta(minutes=SETTINGS.monitors.patience_minutes)
        return Memory() if is_old else self

    def persists(self, one: Finding, known: Collection[Incident], now: datetime) -> bool:
        """Whether a finding exists for long enough, or its alert is open."""
        patience = timedelta(minutes=SETTINGS.monitors.patience_minutes)
        return is_open(known, one.kind, one.subject, one.game_date) or now - self.since.get(_key(one), now) >= patience


def _key(one: Finding) -> str:
    return " ".join(filter(None, (one.kind, str(one.game_date or ""), one.subject)))


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Raises and resolves alerts about late tables and lines, failed checks, quarantines, sources, credits, the disk and "
    "error budgets.",
)
def alert_on_data(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], landing: Landing, notifier: Notifier
) -> dg.SensorResult:
    """Runs the monitors and reports their findings. Starts no run."""
    now = notifier.clock.now()
    try:
        memory = Memory.of(context.cursor).at(now)
    except ValueError as error:
        context.log.warning(f"the cursor of alert_on_data is unreadable and was reset: {error}")
        memory = Memory()
    known = open_incidents(notifier)
    monitors = monitors_of(context.instance, warehouse, landing, notifier, known)
    if not memory.are_slow_due(now):
        monitors = {kind: monitor for kind, monitor in monitors.items() if kind not in SLOW}
    findings, failures = run_monitors(monitors)
    if memory.are_slow_due(now):
        memory = memory.after([one for one in findings if one.kind in PERSISTENT], now)
    findings = [one for one in findings if one.kind not in PERSISTENT or memory.persists(one, known, now)]
    not_run = [
        Finding(one.kind, one.subject, one.message) for one in known if one.kind == MONITOR_FAILED and one.subject not in monitors
    ]
    changes = report(notifier, findings, monitors.keys() - {one.subject for one in failures})
    changes += report(notifier, [*failures, *not_run], [MONITOR_FAILED])
    return dg.SensorResult(skip_reason="; ".join(changes) or "nothing has changed", cursor=memory.cursor)


def monitors_of(
    instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, notifier: Notifier, known: Collection[Incident]
) -> dict[str, Monitor]:
    """Returns kind of alert -> its monitor."""
    clock = notifier.clock
    return {
        DISK_LOW: lambda: low_disk(instance),
        QUOTA_LOW: lambda: low_quota(instance, warehouse, clock),
        LINES_LATE: lambda: late_lines(warehouse, clock, known),
        BETTING_CHECK_FAILED: lambda: failed_betting_checks(
            instance, warehouse, clock, late_lines(warehouse, clock, known), known
        ),
        TABLE_LATE: lambda: late_tables(
            instance, warehouse, find_missing(instance, warehouse, landing, clock.now()), known, clock.now()
        ),
        QUARANTINE_OLD: lambda: old_quarantines(warehouse, clock),
        SOURCE_STALE: lambda: stale_sources(warehouse, landing, clock, known),
        STEP_SLOW: lambda: slow_steps(instance, clock.now()),
        TRANSITION_LATE: lambda: late_transitions(instance, warehouse, landing, clock, known),
        BURN_RATE_HIGH: lambda: high_burn_rates(instance, warehouse, landing, clock),
    }


def run_monitors(monitors: Mapping[str, Monitor]) -> tuple[list[Finding], list[Finding]]:
    """Returns the findings of the monitors, and a finding per monitor that failed."""
    findings, failures = list[Finding](), list[Finding]()
    for kind, monitor in monitors.items():
        try:
            findings += monitor()
        except Exception as error:  # noqa: BLE001  raised as an alert, because no other code has this monitor's findings
            reason = str(error) if isinstance(error, (PipelineError, OSError)) else f"{type(error).__name__}: {error}"
            message = f"The monitor of {kind} failed, so it is unknown whether there is a reason for that alert: {reason}"
            failures.append(Finding(MONITOR_FAILED, kind, message, "critical", "nba-pipeline status"))
    return findings, failures
