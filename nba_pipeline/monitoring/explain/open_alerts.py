"""The open alerts that concern a date: its own, and those about the platform, which can affect every date."""

from collections.abc import Mapping
from datetime import date

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alert_changes import Incident, recent_incidents
from nba_pipeline.monitoring.explain.link import Link, State
from nba_pipeline.warehouse import Warehouse

OF_THE_PLATFORM = frozenset(
    {
        *("daemon_silent", "damaged_file", "definitions_differ", "disk_low", "ledger_altered", "monitor_failed"),
        *("probe_failed", "quota_low", "source_stale", "tick_failed", "watch_failed", "work_undone"),
    }
)
"""Kinds whose date is that of their discovery."""
STATE_OF: Mapping[str, State] = {"critical": "broken", "warning": "partial"}


def alert_links(warehouse: Warehouse, clock: Clock, day: date) -> list[Link]:
    """Returns a link per open alert of a date or of the platform: critical ones first, then oldest first."""
    shown = [
        one
        for one in recent_incidents(warehouse, clock.today)
        if one.is_open and (one.game_date == day or one.kind in OF_THE_PLATFORM)
    ]
    return [_link(one) for one in sorted(shown, key=lambda one: one.severity != "critical")]


def _link(alert: Incident) -> Link:
    """Returns an alert as a link: broken if it is critical, else partial."""
    name, state = f"{alert.kind} {alert.subject} ({alert.game_date})", STATE_OF[alert.severity]
    return Link(name, state, alert.message, (), alert.next_command)
