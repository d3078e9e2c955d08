"""Compaction of closed months: one file with the rows of a month instead of one file per date.

    1. read the rows of the month, write the month file beside them, compare, rename
    2. a later run deletes the copied date files, when no reader can still use them

A killed run leaves the rows of each date intact: a copy and the month file have equal rows, and a date file that was written
later takes precedence. The next run continues. Ledgers are not compacted: their date files have manifests.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from filelock import FileLock

from nba_pipeline.errors import Busy, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import StoredTable
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import swap
from nba_pipeline.warehouse.home_format import refuse_another_format, write_format_of_months
from nba_pipeline.warehouse.months import Month, Part, Signature, days_of, month_file, scan_parts, signature_of, write_month
from nba_pipeline.warehouse.partitions import PARTITION, TABLES_FOLDER
from nba_pipeline.warehouse.stored_dates import StoredDates, lost
from nba_pipeline.warehouse.writing import locked

WRITER = "compaction"


@dataclass(frozen=True)
class Compacted:
    """The result of a compaction: month files written, copied date files deleted, and months skipped while being written."""

    months: int = 0
    deleted: int = 0
    busy: int = 0

    def __add__(self, other: "Compacted") -> "Compacted":
        return Compacted(self.months + other.months, self.deleted + other.deleted, self.busy + other.busy)

    @property
    def summary(self) -> str:
        """The counts as a message; empty if nothing was done."""
        done = f"compacted {counted(self.months, 'month')}, deleted {counted(self.deleted, 'copied date file')}"
        skipped = f"; skipped {counted(self.busy, 'month')} with an active writer until the next run" if self.busy else ""
        return f"{done}{skipped}" if self != Compacted() else ""


def compact(home: Path, tables: Iterable[StoredTable], today: date) -> Compacted:
    """Compacts the closed months of these tables. Ledgers are skipped.

    A month is closed `warehouse.compact_after_days` after its last day. Raises PipelineError if a month file differs from its
    date files.
    """
    refuse_another_format(home)
    last, done = today - timedelta(days=SETTINGS.warehouse.compact_after_days), Compacted()
    for table in tables:
        folder = home / TABLES_FOLDER / table.name
        if table.is_ledger or not folder.exists():
            continue
        dates = sorted(date.fromisoformat(path.name.removeprefix(PARTITION)) for path in folder.glob(f"{PARTITION}*"))
        for file, _ in groupby(dates, key=lambda day: month_file(folder, day)):
            if days_of(file)[-1] <= last:
                done += _compact_month(home, table, days_of(file))
    return done


def _compact_month(home: Path, table: StoredTable, days: list[date]) -> Compacted:
    locks = home / "locks"
    locks.mkdir(exist_ok=True)
    with FileLock(locks / "install.lock"):  # a rebuild must not exchange the table meanwhile
        if swap.is_pending(home) or lost(home, table).keys() & set(days):
            return Compacted()
        try:
            StoredDates(home, TABLES_FOLDER, table).parts(days)  # moves unreadable files aside, which takes locks
            with locked(locks / table.name, table.name, days, WRITER, SETTINGS.warehouse.lock_wait_seconds):
                return _with_locks(home, table, days)
        except Busy:
            return Compacted(busy=1)


def _with_locks(home: Path, table: StoredTable, days: list[date]) -> Compacted:
    """Writes or cleans one month. The caller holds the locks of its days, so no file changes meanwhile."""
    stored = StoredDates(home, TABLES_FOLDER, table)
    files = {day: stored.partition(day).file for day in days}
    signatures = {day: signature for day, file in files.items() if (signature := signature_of(file))}
    month = next((month for month in map(stored.month_of, days) if month), None)
    if any(signature != (month.copied.get(day) if month else None) for day, signature in signatures.items()):
        copied = {day: signatures.get(day) or _copied(stored, day) for day in days if stored.written_ns(day) is not None}
        _write(month_file(stored.folder, days[0]), stored, table, copied)
        return Compacted(months=1)
    if month is None or not _is_old(month):
        return Compacted()
    for day in signatures:
        files[day].unlink()
    for file in files.values():
        with suppress(OSError):  # absent, or with a temporary file of a killed writer
            file.parent.rmdir()
    return Compacted(deleted=len(signatures))


def _write(file: Path, stored: StoredDates, table: StoredTable, copied: dict[date, Signature]) -> None:
    write_format_of_months(stored.home)
    rows = scan_parts(stored.parts(copied), table.dtypes).collect()
    temporary = file.with_name(f".{WRITER}.parquet")
    write_month(temporary, rows, copied)
    try:
        if not scan_parts([Part(temporary)], table.dtypes).collect().equals(rows):
            raise PipelineError(f"{file} differs from the rows of its dates; the date files were kept")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _copied(stored: StoredDates, day: date) -> Signature:
    month = stored.month_of(day)
    assert month, "a written date without a date file is in its month file"
    return month.copied[day]


def _is_old(month: Month) -> bool:
    """Whether every reader that planned before the month file existed has ended."""
    signature = signature_of(month.file)
    return signature is not None and time.time() - signature.written_ns / 1e9 > SETTINGS.warehouse.copies_kept_hours * 3600
