"""Consequences of unreadable files: alerts, and work that rebuilds lost partitions.

The reader of an unreadable file moves it aside, see `warehouse.damage`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.monitoring.alert_changes import incident_of
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.orchestration.work import Work, attempts_at
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse, files
from nba_pipeline.warehouse.damage import Notice, with_next_step
from nba_pipeline.warehouse.journal import JOURNAL
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.ledgers import ledgers
from nba_pipeline.warehouse.payloads import accepted_files

DAMAGED_FILE = "damaged_file"
"""Kind of the alerts about unreadable files. The subject is the path below the home."""

WRITTEN_BESIDE = {"boxscore_disagreements": "boxscores"}
"""Table without an asset of its own -> the table whose run writes it."""

_alerted: set[tuple[str, datetime]] = set()
"""Notices for which this process has raised an alert."""


def alert_on_damage(notifier: Notifier, landing: Landing) -> int:
    """Raises an alert for each unreadable file. Returns the number of new alerts."""
    warehouse: Warehouse = notifier.warehouse
    notices = {(notice.subject, notice.found_at): notice for notice in (*warehouse.notices(), *landing.notices())}
    raised = 0
    for key in sorted(notices.keys() - _alerted):
        raised += not _was_raised(notifier, notices[key]) and _raise_alert(notifier, notices[key])
        _alerted.add(key)
    return raised


def _was_raised(notifier: Notifier, notice: Notice) -> bool:
    """Whether an alert was raised or reopened since the file was found. A notice stays after its file is repaired.

    False if the alerts cannot be read. The alert is then sent.
    """
    try:
        incident = incident_of(notifier.warehouse, (eastern_date(notice.found_at), DAMAGED_FILE, notice.subject))
    except (PipelineError, OSError):
        return False
    return incident is not None and incident.since >= notice.found_at


def _raise_alert(notifier: Notifier, notice: Notice) -> bool:
    """Raises the alert on the date when the file was found, because alerts of old dates are not looked up."""
    day = eastern_date(notice.found_at)
    return notifier.raise_alert(day, DAMAGED_FILE, notice.subject, notice.message, "critical", notice.next_command)


def is_repaired(warehouse: Warehouse, landing: Landing, subject: str) -> bool:
    """Whether an unreadable file of an alert is replaced: its rows are written again, or its request has another response.

    A line of a journal is never written again. Its alert is over when a person has moved the journal away.
    """
    folder, name, *rest = subject.split("/")
    if folder in ("tables", "quarantine"):
        return name in TABLES and _is_readable(warehouse, TABLES[name], subject)
    if folder == "models":
        return warehouse.scan(TABLES["points_model"]).filter(pl.col("model_id") == name).collect().is_empty()
    if folder != "landing":
        return False
    if name == JOURNAL:
        return not files.exists(landing.root / JOURNAL / "/".join(rest).rpartition(":")[0])
    return bool(accepted_files((landing.root / name / "/".join(rest)).parent, "*.gz"))


def _is_readable(warehouse: Warehouse, table: Table, subject: str) -> bool:
    """Whether the date of a file is neither lost nor closed. The file of a month is readable once no date of the table is lost."""
    day = re.search(r"game_date=(\d{4}-\d\d-\d\d)", subject)
    lost = warehouse.lost(table)
    dates = {date.fromisoformat(day[1])} if day else warehouse.dates(table) | lost.keys()
    return not dates & (lost.keys() | warehouse.closed(table, dates).keys())


def lost_work(instance: dg.DagsterInstance, warehouse: Warehouse, today: date) -> list[Work]:
    """Returns the work to rebuild the unreadable tables of each date up to tomorrow, oldest date first."""
    lost: dict[date, dict[str, str]] = {}
    for name, table in TABLES.items():
        writer = WRITTEN_BESIDE.get(name, name)
        for day, message in warehouse.lost(table).items():
            if writer in daily_tables() and day <= today + timedelta(days=1):
                lost.setdefault(day, {}).setdefault(writer, message)
    works = []
    for day in sorted(lost):
        due_at = eastern(day + timedelta(days=1), 0)
        tables = tuple(name for name in daily_tables() if name in lost[day])
        attempts = attempts_at(instance, "overnight", day, due_at)
        works.append(Work("overnight", day, due_at, tables, "; ".join(lost[day].values()), attempts))
    return works


def with_lost(undone: Sequence[Work], lost: Iterable[Work]) -> list[Work]:
    """Returns the due work and the work to rebuild lost partitions, oldest date first. Omits lost tables that are due anyway."""
    due: dict[date, set[str]] = {}
    for work in undone:
        due.setdefault(work.game_date, set()).update(work.tables)
    more = [replace(work, tables=tuple(name for name in work.tables if name not in due.get(work.game_date, ()))) for work in lost]
    return sorted([*undone, *(work for work in more if work.tables)], key=lambda work: work.game_date)


def closed_dates(warehouse: Warehouse) -> list[str]:
    """Returns a message per ledger and date that is closed until its rows are restored from a backup."""
    messages = []
    for table in ledgers():
        closed = warehouse.closed(table, warehouse.dates(table) | warehouse.manifests.dates(table).keys())
        messages += [closed[day] for day in sorted(closed)]
    return messages


def unreadable_dates(warehouse: Warehouse, tables: Iterable[Table], dates: Collection[date] | None = None) -> list[str]:
    """Returns a message per date of these tables that lacks rows because a file is unreadable. `dates` limits the dates."""
    messages = []
    for table in tables:
        of_table = dates if dates is not None else warehouse.dates(table)
        lost = {day: with_next_step(message) for day, message in warehouse.lost(table).items()}
        by_date = warehouse.closed(table, of_table) | lost
        messages += [by_date[day] for day in sorted(by_date) if dates is None or day in dates]
    return messages
