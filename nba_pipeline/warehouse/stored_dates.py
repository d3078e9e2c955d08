"""The file with the rows of each date of a table in the local warehouse: its date file, or the file of its month.

The files themselves are described in `months`, and checked in `partitions`.
"""

import os
from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path

from nba_pipeline.tables.registry import StoredTable
from nba_pipeline.warehouse import damage
from nba_pipeline.warehouse.months import MONTH, Month, Part, days_of, month_file, read_month, signature_of
from nba_pipeline.warehouse.partitions import (
    PARTITION,
    QUARANTINE,
    TABLES_FOLDER,
    UNREADABLE,
    Partition,
    day_of,
    is_readable,
    lock_of,
    moved_at,
)


@dataclass(frozen=True)
class MonthPartition(Partition):
    """The file of one table and month. `day` is a date of the month."""

    @cached_property
    def file(self) -> Path:
        """The path of the file, which may not exist."""
        return month_file(self.home / self.kind / self.table.name, self.day)

    @property
    def days(self) -> list[date]:
        """The dates whose write locks protect the file."""
        return days_of(self.file)


class StoredDates:
    """The file with the rows of each date of a table. Ledgers and the quarantine have date files only.

    A date of a month file whose later date file was moved aside is lost: the month file has older rows.
    """

    def __init__(self, home: Path, kind: str, table: StoredTable) -> None:
        self.home, self.kind, self.table = home, kind, table
        self.folder = home / kind / table.name
        self._path = str(self.folder)  # joining texts takes a tenth of the time of joining paths, for thousands of dates
        self.may_have_months = kind == TABLES_FOLDER and not table.is_ledger
        self._months: dict[tuple[int, int], Month | None] = {}
        self._checked = set[Path]()

    @cached_property
    def _moved_ns(self) -> dict[date, int]:
        """Date -> the last instant at which its file was moved aside, in nanoseconds."""
        folder = self.home / damage.FOLDER / self.kind / self.table.name
        files = sorted(folder.glob(f"{PARTITION}*/{UNREADABLE}"))  # the last one of a date wins
        return {day_of(file): int(moved_at(file).timestamp() * 1_000_000) * 1000 for file in files}

    @cached_property
    def _date_folders(self) -> Set[str]:
        """The names of the folders of the table. A date without a folder needs no `stat` of its file."""
        try:
            return set(os.listdir(self.folder))  # noqa: PTH208  # names only
        except (FileNotFoundError, NotADirectoryError):  # a write reports a file in place of the folder
            return set()

    def partition(self, day: date) -> Partition:
        """The partition of a date."""
        return Partition(self.home, self.kind, self.table, day)

    def month_of(self, day: date) -> Month | None:
        """The month file that has the current rows of a date; None if a date file has them, or if the date is not written."""
        if not self.may_have_months:
            return None
        key = day.year, day.month
        if key not in self._months:
            self._months[key] = readable_month(MonthPartition(self.home, self.kind, self.table, day))
        month = self._months[key]
        copied = month.copied.get(day) if month else None
        if copied is None:
            return None
        has_folder = f"{PARTITION}{day}" in self._date_folders
        if has_folder and signature_of(f"{self._path}/{PARTITION}{day}/part.parquet") not in (None, copied):
            return None
        return None if self._moved_ns.get(day, 0) > copied.written_ns else month

    def dates(self) -> set[date]:
        """The dates that were written, including empty ones."""
        names = [name for name in self._date_folders if name.startswith(PARTITION)]
        dates = {
            date.fromisoformat(name.removeprefix(PARTITION))
            for name in names
            if os.path.exists(f"{self._path}/{name}/part.parquet")  # noqa: PTH110  # a text, see `_path`
        }
        if self.may_have_months:
            months = [days_of(file) for file in self.folder.glob(f"{MONTH}*/part.parquet")]
            dates |= {day for month in months for day in month if self.month_of(day)}
        return dates

    def written_ns(self, day: date) -> int | None:
        """When the current rows of a date were written, in nanoseconds; None if the date is not written."""
        if signature := signature_of(self.partition(day).file):
            return signature.written_ns
        month = self.month_of(day)
        return month.copied[day].written_ns if month else None

    def parts(self, dates: Collection[date]) -> list[Part]:
        """The readable files of these dates, sorted by date. Unreadable ones are moved aside, or close their date."""
        parts = list[Part]()
        for month, days in groupby(sorted(set(dates)), key=self._readable_month_of):
            if month is None:
                partitions = [self.partition(day) for day in days if f"{PARTITION}{day}" in self._date_folders]
                parts += [Part(partition.file) for partition in partitions if is_readable(partition)]
            else:
                selected = list(days)
                # a month file that replaces this one may have more dates, unless this one has them all
                is_whole_month = len(selected) == len(days_of(month.file))
                parts.append(Part(month.file, None if is_whole_month else selected))
        return parts

    def _readable_month_of(self, day: date) -> Month | None:
        """Like `month_of`, after a check of the whole file. Moves an unreadable file aside."""
        month = self.month_of(day)
        if month and month.file not in self._checked:
            if not is_readable(MonthPartition(self.home, self.kind, self.table, day)):
                self._months[day.year, day.month] = None
                return None
            self._checked.add(month.file)
        return month


def readable_month(partition: MonthPartition) -> Month | None:
    """The month file of a partition, from its footer. None if it does not exist. Moves an unreadable one aside."""
    try:
        return read_month(partition.file)
    except ValueError as error:
        with lock_of(partition):
            damage.set_aside(partition.home, partition.file, str(error).removeprefix(f"{partition.file} "))
        return None


def lost(home: Path, table: StoredTable) -> dict[date, str]:
    """The dates whose file was moved aside and that were not written since, each with a message."""
    messages: dict[date, str] = {}
    if table.is_ledger:
        return messages
    stored = StoredDates(home, TABLES_FOLDER, table)
    for kind in (TABLES_FOLDER, QUARANTINE):
        folder = home / damage.FOLDER / kind / table.name
        for moved in sorted([*folder.glob(f"{MONTH}*/{UNREADABLE}"), *folder.glob(f"{PARTITION}*/{UNREADABLE}")]):
            needs_time = moved_at(moved).timestamp() * 1e9 if kind == QUARANTINE else 0  # any rows are newer than a moved file
            name = table.name if kind == TABLES_FOLDER else f"the quarantine of {table.name}"
            for day in days_of(moved) if moved.parent.name.startswith(MONTH) else [day_of(moved)]:
                written = stored.written_ns(day)
                if written is None or written <= needs_time:
                    messages[day] = f"{name} {day} is not rebuilt yet: its unreadable file was moved to {moved}"
    return messages
