"""The open alerts that concern a date: its own, and those about the platform, which can affect every date."""

from datetime import date

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alert_changes import recent_incidents
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.warehouse import Warehouse

OF_THE_PLATFORM = frozenset(
    {
        *("daemon_silent", "damaged_file", "definitions_differ", "disk_low", "ledger_altered", "monitor_failed"),
        *("probe_failed", "quota_low", "source_stale", "tick_failed", "watch_failed", "work_undone"),
    }
)
"""Kinds whose date is that of their discovery."""


def alert_links(warehouse: Warehouse, clock: Clock, day: date) -> list[Link]:
    """Returns a link per open alert of a date or of the platform: critical ones first, then oldest first."""
    concerned = [
        one for one in recent_incidents(warehouse, clock.today)
        if one.is_open and (one.game_date == day or one.kind in OF_THE_PLATFORM)
    ]  # fmt: skip
    return [
        Link(f"{one.kind} {one.subject} ({one.game_date})", "broken" if one.severity == "critical" else "partial",
             one.message, (), one.next_command)
        for one in sorted(concerned, key=lambda one: one.severity != "critical")
    ]  # fmt: skip
