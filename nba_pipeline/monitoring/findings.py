"""Findings: the present reasons for alerts, from the monitors and the watchdog. `report` raises and resolves the alerts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from nba_pipeline.monitoring.alert_changes import Incident, duration, recent_incidents
from nba_pipeline.monitoring.alert_rows import Severity
from nba_pipeline.monitoring.alerts import Notifier


@dataclass(frozen=True)
class Finding:
    """A reason for an alert. Without a date, it is about the present."""

    kind: str
    subject: str
    message: str
    severity: Severity = "warning"
    next_command: str = "nba-pipeline decisions"
    game_date: date | None = None


def open_incidents(notifier: Notifier) -> list[Incident]:
    """Returns the open incidents of recent dates, see `recent_incidents`."""
    return [one for one in recent_incidents(notifier.warehouse, notifier.clock.today) if one.is_open]


def is_open(known: Collection[Incident], kind: str, subject: str, day: date | None = None) -> bool:
    """Whether an alert of this kind and subject is open, on this date if given."""
    return any((one.kind, one.subject) == (kind, subject) and day in (None, one.game_date) for one in known)


def report(notifier: Notifier, findings: Collection[Finding], kinds: Collection[str]) -> list[str]:
    """Raises an alert per finding, and resolves the open incidents of these kinds without a finding. Returns a line per change.

    The open incident of a finding without a date keeps its date, so it is not raised again after midnight.
    """
    today = notifier.clock.today
    known = [one for one in open_incidents(notifier) if one.kind in kinds]
    dated = {(one.kind, one.subject): one.game_date for one in known}
    lines, present = [], set()
    for one in findings:
        day = one.game_date or dated.get((one.kind, one.subject), today)
        present.add((day, one.kind, one.subject))
        if notifier.raise_alert(day, one.kind, one.subject, one.message, one.severity, one.next_command):
            lines.append(f"alert {one.kind} {one.subject}: {one.message}")
    lines += [_resolved(notifier, one) for one in known if one.key not in present and notifier.resolve(one)]
    return lines


def raise_unread(notifier: Notifier, findings: Collection[Finding]) -> list[str]:
    """Raises an alert per finding while the ledgers of alerts cannot be read. Resolves nothing."""
    today = notifier.clock.today
    for one in findings:
        notifier.raise_alert(one.game_date or today, one.kind, one.subject, one.message, one.severity, one.next_command)
    return [f"alert {one.kind} {one.subject}: {one.message}" for one in findings]


def _resolved(notifier: Notifier, incident: Incident) -> str:
    return f"resolved {incident.kind} {incident.subject} after {duration(incident.since, notifier.clock.now())}"
