"""Findings of the watchdog, which runs outside of the daemon: silence, missing decisions, stopped schedules and sensors.

The functions judge Dagster's ticks and start no run. `nba-pipeline watch` calls them and reports the findings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nba_pipeline.completeness.modes import CLOCK, MODES
from nba_pipeline.completeness.next_steps import RECONCILE, RESTART, START
from nba_pipeline.instance.instigators import Instigator
from nba_pipeline.league.calendar import EASTERN, days, eastern, eastern_date
from nba_pipeline.monitoring.alert_rows import Severity
from nba_pipeline.monitoring.findings import Finding
from nba_pipeline.settings import SETTINGS

DAEMON_SILENT, MODE_UNDECIDED, DEFINITIONS_DIFFER = "daemon_silent", "mode_undecided", "definitions_differ"
WATCH_FAILED = "watch_failed"
KINDS = (DAEMON_SILENT, MODE_UNDECIDED, DEFINITIONS_DIFFER, WATCH_FAILED)
DAEMON = "daemon"


@dataclass(frozen=True)
class Expected:
    """The schedules and sensors that run by default."""

    schedules: frozenset[str]
    sensors: frozenset[str]


EXPECTED = Expected(
    frozenset({*MODES, "train_week", "nightly_reconciliation", "tidy_up", "morning_summary"}),
    frozenset(
        {
            "final_games",
            "lines",
            "injury_news",
            "tables",
            "reconciliation",
            "alert_on_failed_run",
            "alert_on_failed_tick",
            "alert_on_unresolved_names",
            "alert_on_data",
            "slate_status",
        }
    ),
)
"""A copy of the names in `definitions.py`, whose import takes longer than a whole check. A test keeps the two equal."""


def findings(live: Mapping[str, Instigator], expected: Expected, now: datetime) -> list[Finding]:
    """Returns what is wrong. A silent daemon explains everything else, so it is then the only finding."""
    if silence := _silence(live, now):
        return [silence]
    differences = _differences(live, expected, now)
    explained = {one.subject for one in differences}
    return [*differences, *(one for one in _undecided(live, now) if one.subject not in explained)]


def _silence(live: Mapping[str, Instigator], now: datetime) -> Finding | None:
    """Returns the finding that no schedule or sensor ticks; None if one does."""
    last = max((one.last_tick for one in live.values() if one.last_tick), default=None)
    if last is None:
        return Finding(
            DAEMON_SILENT,
            DAEMON,
            "No schedule or sensor has ever ticked: Dagster's daemon is not running.",
            "critical",
            START,
        )
    minutes = (now - last) / timedelta(minutes=1)
    if minutes < SETTINGS.watch.silent_warning_minutes:
        return None
    severity: Severity = "critical" if minutes >= SETTINGS.watch.silent_critical_minutes else "warning"
    message = (
        f"No schedule or sensor has ticked since {last.astimezone(EASTERN):%Y-%m-%d %H:%M} Eastern: the daemon is not running."
    )
    return Finding(DAEMON_SILENT, DAEMON, message, severity, START)


def _differences(live: Mapping[str, Instigator], expected: Expected, now: datetime) -> list[Finding]:
    """Returns a finding per schedule or sensor that is defined and does not run, or runs and is not defined."""
    differences = []
    for name in sorted(expected.schedules | expected.sensors):
        kind, one = "schedule" if name in expected.schedules else "sensor", live.get(name)
        if one is None:
            problem = "has never run; the daemon runs other code, or has just started"
        elif not one.is_running:
            problem = "is stopped; start it in the UI under Automation"
        elif kind == "sensor" and _is_old(one, now):
            problem = f"has not ticked since {_eastern(one.last_tick)}, although others do"
        else:
            continue
        is_stopped = one is not None and not one.is_running
        step = "start it in the UI under Automation" if is_stopped else RESTART
        differences.append(Finding(DEFINITIONS_DIFFER, name, f"The {kind} {name} {problem}.", next_command=step))
    for name in sorted(live.keys() - expected.schedules - expected.sensors):
        if live[name].is_running and not _is_old(live[name], now):
            message = f"{name} runs but is not defined: the daemon has loaded other code."
            differences.append(Finding(DEFINITIONS_DIFFER, name, message, next_command=RESTART))
    return differences


def _undecided(live: Mapping[str, Instigator], now: datetime) -> list[Finding]:
    """Returns a finding per mode without a decision since it was last due. A mode that was started afterwards is skipped."""
    undecided, today = [], eastern_date(now)
    until = now - timedelta(minutes=SETTINGS.watch.decision_minutes)
    for mode in MODES:
        instants = [eastern(day, hour, minute) for day in days(today - timedelta(days=1), today) for hour, minute in CLOCK[mode]]
        due_at, one = max(at for at in instants if at <= until), live.get(mode)
        if one is None or (one.started_at and one.started_at > due_at) or (one.last_tick and one.last_tick >= due_at):
            continue
        message = f"The schedule {mode} was due at {_eastern(due_at)} and left no decision."
        undecided.append(Finding(MODE_UNDECIDED, mode, message, next_command=RECONCILE))
    return undecided


def _is_old(one: Instigator, now: datetime) -> bool:
    """Whether the last tick is old enough for a warning."""
    return one.last_tick is None or now - one.last_tick >= timedelta(minutes=SETTINGS.watch.silent_warning_minutes)


def _eastern(at: datetime | None) -> str:
    return f"{at.astimezone(EASTERN):%Y-%m-%d %H:%M} Eastern" if at else "its start"
