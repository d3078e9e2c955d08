"""Late tables: the first missing tables of each date, from the work that is due and not done."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import dagster as dg

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import MODES, critical_tables, results, tables_of_mode
from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.monitoring.alert_changes import Incident
from nba_pipeline.monitoring.findings import Finding, is_open
from nba_pipeline.orchestration.work import Work, command_of
from nba_pipeline.tables.declarations import upstream_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

TABLE_LATE = "table_late"

EXPLAINING = ("run_failed", "work_undone", "boxscores_missing", "check_crashed")
"""Kinds of alerts about a date that explain its missing tables."""


def late_tables(
    instance: dg.DagsterInstance, warehouse: Warehouse, undone: Sequence[Work], known: Collection[Incident], now: datetime
) -> list[Finding]:
    """Returns a finding per critical table or result that is not written since it was due.

    Omits a table if one of its upstream tables is missing on the date, or if another open alert explains it. An alert that is
    open already stays open until its table is written.
    """
    findings, due_work = [], [work for work in undone if not _waits_for_box_scores(warehouse, work, now)]
    for (day, table), work in sorted(_missing(instance, due_work).items(), key=lambda item: item[0]):
        if not is_open(known, TABLE_LATE, table, day) and any(_explains(one, day, table) for one in known):
            continue
        message = f"{table} of {day} was due at {eastern_text(work.due_at)} and is not written; {work.why}"
        findings.append(Finding(TABLE_LATE, table, message, next_command=command_of(work, warehouse, now), game_date=day))
    return findings


def _missing(instance: dg.DagsterInstance, undone: Sequence[Work]) -> dict[tuple[date, str], Work]:
    """Returns date and table -> its work, for the tables without a missing upstream table."""
    missing: dict[date, dict[str, Work]] = {}
    for work in undone:
        for table in _required(work).intersection(work.tables):
            at = materialized_at(instance, table, work.game_date)
            if at is None or at < work.due_at:
                missing.setdefault(work.game_date, {})[table] = work
    return {
        (day, table): work
        for day, of_date in missing.items()
        for table, work in of_date.items()
        if not upstream_tables(table).intersection(of_date)
    }


def _waits_for_box_scores(warehouse: Warehouse, work: Work, now: datetime) -> bool:
    """Whether the coverage gate of the date is closed before its deadline. Box scores that never arrive have their own alert."""
    if work.mode != "overnight" or now >= gates.deadline(work.game_date):
        return False
    dates = [work.game_date]
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    [covered] = gates.coverage(gates.judge_games(schedule, boxscores), dates).iter_rows(named=True)
    return not covered["is_open"]


def _required(work: Work) -> set[str]:
    """Returns the tables without which the date of a work is late. Without any other table, the date is degraded."""
    return {name for mode in MODES if mode == work.mode for name in (*critical_tables(mode), *results())}


def _explains(incident: Incident, day: date, table: str) -> bool:
    """Whether an open alert explains a missing table: no run can start, or it names the table, an upstream table or the mode."""
    if incident.kind == "probe_failed":
        return True
    if incident.game_date != day or incident.kind not in EXPLAINING:
        return False
    words = set(incident.subject.replace(",", " ").split())
    if tables := words.intersection(TABLES):
        return bool(tables & {table, *upstream_tables(table)})
    return any(table in tables_of_mode(mode) for mode in MODES if mode in words)
