"""What became of unreadable files: alerts for people, and the work of making lost partitions again.

The files themselves are moved aside where they are read, see `warehouse.damage`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import dagster as dg

from nba_pipeline.completeness.modes import DAILY_TABLES
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.orchestration.reconciliation import Work, attempts_at
from nba_pipeline.tables.table import TABLES, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.ledgers import ledgers

DAMAGED_FILE = "damaged_file"
"""Kind of the alerts about unreadable files. The subject is the path below the home."""

WRITTEN_BESIDE = {"boxscore_disagreements": "boxscores"}
"""Table without an asset of its own -> the table whose run writes it."""

_alerted: set[tuple[str, datetime]] = set()
"""The notices for which this process raised an alert."""


def alert_on_damage(notifier: Notifier, landing: Landing) -> int:
    """Raise an alert for each file that was found unreadable; return how many are new."""
    warehouse: Warehouse = notifier.warehouse
    every = {(notice.subject, notice.found_at): notice for notice in (*warehouse.notices(), *landing.notices())}
    raised = 0
    for key in sorted(every.keys() - _alerted):
        notice = every[key]
        raised += notifier.raise_alert(
            eastern_date(notice.found_at), DAMAGED_FILE, notice.subject, notice.sentence, "critical", notice.next_command
        )
        _alerted.add(key)
    return raised


def lost_work(instance: dg.DagsterInstance, warehouse: Warehouse, today: date) -> list[Work]:
    """The tables of each date up to tomorrow that were unreadable and are not rebuilt yet, the oldest date first."""
    lost: dict[date, dict[str, str]] = {}
    for name, table in TABLES.items():
        made_by = WRITTEN_BESIDE.get(name, name)
        for day, sentence in warehouse.lost(table).items():
            if made_by in DAILY_TABLES and day <= today + timedelta(days=1):
                lost.setdefault(day, {}).setdefault(made_by, sentence)
    return [
        Work(
            "overnight", day, eastern(day + timedelta(days=1), 0), tuple(name for name in DAILY_TABLES if name in lost[day]),
            "; ".join(lost[day].values()), attempts_at(instance, "overnight", day, eastern(day + timedelta(days=1), 0)),
        )
        for day in sorted(lost)
    ]  # fmt: skip


def with_lost(found: Sequence[Work], lost: Iterable[Work]) -> list[Work]:
    """The work that is due and the partitions to make again, the oldest date first; a table that is due anyway is not repeated."""
    due: dict[date, set[str]] = {}
    for work in found:
        due.setdefault(work.game_date, set()).update(work.tables)
    more = [replace(work, tables=tuple(name for name in work.tables if name not in due.get(work.game_date, ()))) for work in lost]
    return sorted([*found, *(work for work in more if work.tables)], key=lambda work: work.game_date)


def closed_dates(warehouse: Warehouse) -> list[str]:
    """One sentence per ledger and date that is closed until rows come back from a backup, by ledger and date."""
    sentences = []
    for table in ledgers():
        found = warehouse.closed(table, warehouse.dates(table) | warehouse.manifests.dates(table).keys())
        sentences += [found[day] for day in sorted(found)]
    return sentences


def unreadable_dates(warehouse: Warehouse, tables: Iterable[Table], dates: Collection[date] | None = None) -> list[str]:
    """One sentence per date of these tables whose rows are missing because a file is unreadable; of some dates if asked."""
    found = []
    for table in tables:
        of_table = dates if dates is not None else warehouse.dates(table)
        sentences = warehouse.closed(table, of_table) | warehouse.lost(table)
        found += [sentences[day] for day in sorted(sentences) if dates is None or day in dates]
    return found
