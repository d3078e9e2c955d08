"""Monitors of what the platform uses: providers' responses and credits, and the disk."""

import shutil
from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from nba_pipeline.completeness import expectations
from nba_pipeline.completeness.modes import capture_instants
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.materializations import latest_materialization
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.alert_changes import Incident, duration
from nba_pipeline.monitoring.alert_rows import Severity
from nba_pipeline.monitoring.findings import Finding, is_open
from nba_pipeline.monitoring.slate_monitors import is_game_day
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

SOURCE_STALE, QUOTA_LOW, DISK_LOW = "source_stale", "quota_low", "disk_low"

SOURCES = {
    "schedule": (("nba_cdn", "schedule"),),
    "rosters": (("espn", "roster"),),
    "injuries": (("injury_report", "report"), ("espn", "injuries")),
    "prop_lines": (("odds_api", "events"),),
}
"""Source table -> provider and endpoint of its present responses. Historical lines do not count."""

QUOTA_DAYS = 7
MIB = 1024**2
MORE_CREDITS = "order a larger plan, or raise capture_every_hours in section lines of settings.toml and restart the daemon"


def stale_sources(warehouse: Warehouse, landing: Landing, clock: Clock, known: Collection[Incident]) -> list[Finding]:
    """Returns a finding per source table whose newest response is too old, on a day with games.

    A source without any response is not configured, or its table is late. Another open alert about the table explains it.
    """
    if not is_game_day(warehouse, clock.today):
        return []
    findings = []
    named = {word for one in known for word in one.subject.replace(",", " ").split()}
    for table, hours in SETTINGS.monitors.source_hours.items():
        if table in named and not is_open(known, SOURCE_STALE, table):
            continue
        fetched_at = landing.last_fetched_at(SOURCES[table])
        if fetched_at is not None and clock.now() - fetched_at > timedelta(hours=hours):
            age = duration(fetched_at, clock.now())
            message = f"{table}: the newest response is {age} old; at most {hours:g} h are expected on a day with games"
            findings.append(Finding(SOURCE_STALE, table, message, next_command="nba-pipeline reconcile"))
    return findings


def low_quota(instance: dg.DagsterInstance, warehouse: Warehouse, clock: Clock) -> list[Finding]:
    """Returns a finding if the provider of lines has few credits left, by its newest response."""
    dates = days(clock.today - timedelta(days=QUOTA_DAYS), clock.today + timedelta(days=1))
    records = [record for day in dates if (record := latest_materialization(instance, "prop_lines", day))]
    for record in sorted(records, key=lambda record: record.timestamp, reverse=True):
        materialization = record.asset_materialization
        quota = getattr(materialization and materialization.metadata.get("quota"), "value", None) or {}
        if {"used", "remaining"} <= quota.keys():
            return quota_findings(quota["used"], quota["remaining"], last_covered_date(warehouse, quota["remaining"], clock))
    return []


def last_covered_date(warehouse: Warehouse, credits: int, clock: Clock) -> date | None:
    """Returns the last known date whose captures the credits pay for; None if they do not pay for today's.

    A capture requests the odds of each game that has not begun. A request costs one credit per market and region.
    """
    lines, covered = SETTINGS.lines, None
    cost = (1 + len(lines.game_markets)) * len(lines.regions.split(","))
    dates = days(clock.today, clock.today + timedelta(days=QUOTA_DAYS))
    games = expectations.playing(warehouse.scan(TABLES["schedule"], dates).collect()).drop_nulls("tipoff_at")
    tipoffs = dict(games.group_by("game_date").agg("tipoff_at").iter_rows())
    for day in (day for day in dates if day in warehouse.dates(TABLES["schedule"])):
        instants = tipoffs.get(day, [])
        captures = [at for at in capture_instants(instants) if at > clock.now()]
        credits -= cost * sum(tipoff > at for at in captures for tipoff in instants)
        if credits < 0:
            return covered
        covered = day
    return covered


def quota_findings(used: int, remaining: int, covered: date | None) -> list[Finding]:
    """Returns a finding if most credits are used. `covered` is the last date that the credits are enough for."""
    settings, total = SETTINGS.monitors, used + remaining
    if not total or used / total < settings.quota_warning_share:
        return []
    severity: Severity = "critical" if used / total >= settings.quota_critical_share else "warning"
    captures = (
        f"They are enough for the planned captures through {covered}" if covered else "They are not enough for today's captures"
    )
    captures = captures if remaining else "No line is captured until the plan is renewed"
    message = f"odds_api: {counted(remaining, 'credit')} of {total:,} left ({used / total:.0%} are used). {captures}."
    return [Finding(QUOTA_LOW, "odds_api", message, severity, MORE_CREDITS)]


def low_disk(instance: dg.DagsterInstance) -> list[Finding]:
    """Returns a finding if the disk of the home has little free space."""
    return disk_findings(shutil.disk_usage(Path(instance.root_directory)).free / MIB)


def disk_findings(free: float) -> list[Finding]:
    """Returns a finding if few MiB are free."""
    settings = SETTINGS.monitors
    if free >= settings.disk_warning_mib:
        return []
    severity: Severity = "critical" if free < settings.disk_critical_mib else "warning"
    message = f"the disk of the home has {free:,.0f} MiB free; no table is written below {SETTINGS.warehouse.least_free_mib} MiB"
    return [Finding(DISK_LOW, "home", message, severity, "free space on the disk of the home")]
