"""Monitors of slates: lines by 13:00 Eastern or an earlier tip-off, checks that affect betting, and rows that stay quarantined.

A monitor returns its findings. An alert whose finding is no longer returned is resolved.
"""

import json
from collections.abc import Collection
from datetime import date, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.assets.sources.prop_lines import reasons_against_the_market
from nba_pipeline.completeness import expectations
from nba_pipeline.completeness.modes import lines_due_at
from nba_pipeline.completeness.next_steps import command_of_dates, fetching_command, quarantine_command
from nba_pipeline.completeness.quarantine_cases import is_accepted
from nba_pipeline.instance.check_results import newest_result
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import EASTERN, days, eastern
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM
from nba_pipeline.monitoring.alert_changes import Incident
from nba_pipeline.monitoring.alert_rows import Severity
from nba_pipeline.monitoring.findings import Finding, is_open
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering

LINES_LATE, BETTING_CHECK_FAILED, QUARANTINE_OLD = "lines_late", "betting_check_failed", "quarantine_old"

NO_LINE_CHECK = ("predictions", "few_players_lack_a_line")
BETTING_CHECKS = (NO_LINE_CHECK, ("features", "no_feature_loses_its_source"))
"""Table and check. An unresolved name with a line has its own alert, `name_unresolved`."""


def is_game_day(warehouse: Warehouse, today: date, around: int = 0) -> bool:
    """Whether the schedule has a game that is played at most `around` days before or after today."""
    span = days(today - timedelta(days=around), today + timedelta(days=around))
    return expectations.playing(warehouse.scan(TABLES["schedule"], span).collect()).height > 0


def late_lines(warehouse: Warehouse, clock: Clock, known: Collection[Incident]) -> list[Finding]:
    """Returns a finding if too few games of today have a line when lines are due, unless an alert about a failed capture is open.

    A home whose last two weeks have no line has no source of lines.
    """
    settings, today, now = SETTINGS.monitors, clock.today, clock.now()
    games = expectations.playing(warehouse.scan(TABLES["schedule"], [today]).collect())
    due_at = lines_due_at(today, games["tipoff_at"].to_list())
    if now < due_at:
        return []
    if is_open(known, "lines_missing", "prop_lines", today) and not is_open(known, LINES_LATE, "prop_lines", today):
        return []
    window = days(today - timedelta(days=SETTINGS.usual.days), today)
    of_market = warehouse.scan(TABLES["prop_lines"], window).filter("is_before_tipoff", pl.col("market") == SETTINGS.lines.market)
    lined = of_market.select("game_date", "game_id").unique().collect()
    if lined.is_empty() or games.is_empty():
        return []
    with_line = games.join(lined, on=["game_date", "game_id"], how="semi").height
    share = with_line / games.height
    if share >= settings.lines_warning_share:
        return []
    number = f"{with_line} of {counted(games.height, 'game')}" if with_line else f"none of {counted(games.height, 'game')}"
    message = (
        f"At {eastern_text(now, '%H:%M')}, {number} of {today} {'has' if with_line <= 1 else 'have'} a points line; "
        f"{settings.lines_warning_share:.0%} are expected from {due_at.astimezone(EASTERN):%H:%M}"
    )
    severity: Severity = "critical" if share < settings.lines_critical_share else "warning"
    command = fetching_command(today, games["tipoff_at"].to_list(), now)
    return [Finding(LINES_LATE, "prop_lines", message, severity, command, today)]


def failed_betting_checks(
    instance: dg.DagsterInstance, warehouse: Warehouse, clock: Clock, late: Collection[Finding], known: Collection[Incident]
) -> list[Finding]:
    """Returns a finding per failed check of today's slate that affects betting. Late lines explain predictions without one."""
    today, findings = clock.today, []
    tipoffs = expectations.playing(warehouse.scan(TABLES["schedule"], [today]).collect())["tipoff_at"].to_list()
    are_lines_due = clock.now() >= lines_due_at(today, tipoffs)
    for table, check in BETTING_CHECKS:
        subject, is_about_lines = f"{table}.{check}", (table, check) == NO_LINE_CHECK
        is_explained = late and not is_open(known, BETTING_CHECK_FAILED, subject, today)
        if is_about_lines and (is_explained or not are_lines_due):
            continue
        result = newest_result(instance, table, check, today)
        if result is not None and not result.passed:
            names = f": {result.names}" if result.names else ""
            message = f"{table} of {today}: check {check} failed{names}"
            command = (
                fetching_command(today, tipoffs, clock.now())
                if is_about_lines
                else command_of_dates(warehouse, today, today, clock.now())
            )
            findings.append(Finding(BETTING_CHECK_FAILED, subject, message, next_command=command, game_date=today))
    return findings


def old_quarantines(warehouse: Warehouse, clock: Clock) -> list[Finding]:
    """Returns a finding per table and date with rows that are quarantined for more than 24 hours, in season.

    A re-read rewrites the quarantine, so the age of the rows of a past date is the time since the end of that date.
    """
    settings, today, now = SETTINGS.monitors, clock.today, clock.now()
    if not is_game_day(warehouse, today, SETTINGS.watch.games_within_days):
        return []
    patience, dates = timedelta(hours=settings.quarantine_hours), days(today - timedelta(days=settings.quarantine_days), today)
    over = [day for day in dates if eastern(day + timedelta(days=1), 0) + patience <= now]
    is_old = pl.col("game_date").is_in(over) | (pl.col("as_of") <= now - patience)
    findings = []
    for name in daily_tables():
        rows = (
            unexpected_quarantine(warehouse, name, dates)
            .filter(is_old)
            .group_by("game_date")
            .agg(pl.len(), pl.col("problem", "row").sort_by("problem").first())
        )
        for day, number, problem, row in recovering(rows.collect).sort("game_date").iter_rows():
            message = (
                f"{name} of {day}: {counted(number, 'row')} quarantined for more than {settings.quarantine_hours:g} h: {problem}"
            )
            command = quarantine_command(name, day, problem, json.loads(row))
            findings.append(Finding(QUARANTINE_OLD, name, message, next_command=command, game_date=day))
    return findings


def unexpected_quarantine(warehouse: Warehouse, table: str, dates: Collection[date]) -> pl.LazyFrame:
    """Returns the quarantined rows of cases that are not accepted.

    Omits rows of `prop_lines` with an unresolved name, which has its own alert, and lines that are not of the market.
    """
    rows = warehouse.scan_quarantine(TABLES[table], dates).filter(~is_accepted(warehouse, table, dates))
    if table != "prop_lines":
        return rows
    return rows.filter(~IS_A_NAME_PROBLEM & ~pl.col("problem").is_in(reasons_against_the_market()))
