"""Tamper-evident ledgers: records written rows in manifests.

What belongs here: the write protocol and recovery after a killed writer. Row hashes, the manifest file format, the storage
of rows and their verification do not.

A write to a ledger holds the write lock of its dates. For each date it

    1. writes the manifest with the new rows as a pending file beside the old one
    2. writes the rows
    3. replaces the old manifest with the pending one

A killed writer leaves a pending manifest. The next writer or verification resolves it under the lock. It keeps the new
entries whose rows are in the ledger, with the hash recorded before the write, and drops the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from nba_pipeline.errors import Closed
from nba_pipeline.tables.registry import TABLES, StoredTable
from nba_pipeline.warehouse.damage import RESTORE
from nba_pipeline.warehouse.manifests import Manifest, Manifests, empty_manifest
from nba_pipeline.warehouse.row_hashes import row_hashes

if TYPE_CHECKING:
    from nba_pipeline.tables.table import Table

FILES_AT_ONCE = 16
Result = TypeVar("Result")


def ledgers() -> list[Table]:
    """Every ledger, sorted by name."""
    return sorted((table for table in TABLES.values() if table.is_ledger), key=lambda table: table.name)


class Recorder:
    """Records the rows of one write. Does nothing for a table that is not a ledger."""

    def __init__(self, manifests: Manifests, table: Table, hashed: Mapping[date, pl.DataFrame], *, records_all: bool = False):
        self._manifests, self._table, self._hashed, self._records_all = manifests, table, hashed, records_all

    @contextmanager
    def recording(self, dates: Sequence[date], existing: pl.DataFrame, new: Mapping[date, pl.DataFrame]) -> Iterator[None]:
        """Records the new rows, which are written inside this block. The caller holds the write lock of the dates.

        `existing` has `game_date` and key of every row of the dates. Before any date is written, raises InvalidManifest, or
        Closed if recorded rows of a date are missing; those can only be restored from a backup.
        """
        if not self._table.is_ledger:
            yield
            return
        key, pending = list(self._table.key), list[date]()

        def prepare(day: date) -> None:
            of_day = existing.filter(pl.col("game_date") == day) if len(dates) > 1 else existing
            manifest = recovered_manifest(self._manifests, self._table, day, of_day)
            if not self._records_all and (lost := manifest.rows.join(of_day, on=key, how="anti", nulls_equal=True).height):
                raise Closed(missing_rows(self._table, day, lost))
            rows = self._hashed.get(day)
            if rows is not None and not self._records_all:
                added = new.get(day, rows.clear())
                rows = rows.join(added, on=key, how="semi", nulls_equal=True) if added.height < rows.height else rows
            if rows is not None and (extended := manifest.plus(rows)).rows.height > manifest.rows.height:
                self._manifests.prepare(extended)
                pending.append(day)

        for_each(self._manifests, prepare, sorted(set(dates)))
        yield
        for_each(self._manifests, lambda day: self._manifests.commit(self._table, day), sorted(pending))


def missing_rows(table: StoredTable, day: date, number: int) -> str:
    """The reason why a date with missing recorded rows is closed."""
    recorded = f"{number} recorded {'rows are' if number > 1 else 'row is'}"
    return f"the ledger {table.name} is closed for {day}: {recorded} missing; next: {RESTORE}"


def recorder_of(manifests: Manifests, table: Table, parts: Mapping[date, pl.DataFrame]) -> Recorder:
    """Hashes rows that are written for the first time, and returns their recorder."""
    if not parts or not table.is_ledger:
        return Recorder(manifests, table, {})
    return Recorder(manifests, table, dict(rows_by_date(hashed(table, pl.concat(list(parts.values()))))))


def hashed(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """`game_date`, key and hash of each row."""
    return rows.select(list(dict.fromkeys(("game_date", *table.key)))).with_columns(row_hashes(rows, table.dtypes))


def recovered_manifest(manifests: Manifests, table: Table, day: date, existing: pl.DataFrame) -> Manifest:
    """The manifest of a date, after applying or dropping a pending one. The caller holds the write lock.

    `existing` has the key of every row of the date in the ledger. Raises InvalidManifest.
    """
    manifest = manifests.read(table, day) or empty_manifest(table, day)
    pending = manifests.read_pending(table, day)
    if pending is None:
        return manifest
    written = pending.rows.join(existing, on=list(table.key), how="semi", nulls_equal=True)
    settled = manifest.plus(written)
    if settled.rows.height > manifest.rows.height:
        manifests.prepare(settled)
        manifests.commit(table, day)
    else:
        manifests.discard(table, day)
    return settled


def record_existing(manifests: Manifests, table: Table, day: date, rows: pl.DataFrame) -> bool:
    """Records the rows of a date without a manifest, and returns whether the date has any. The caller holds the write lock.

    Only for ledgers that are older than manifests: the existing rows are trusted.
    """
    if rows.is_empty() or day in manifests.dates(table):
        return False
    manifests.prepare(empty_manifest(table, day).plus(hashed(table, rows)))
    manifests.commit(table, day)
    return True


def rows_by_date(rows: pl.DataFrame) -> Iterable[tuple[date, pl.DataFrame]]:
    """The rows of each date."""
    return ((key[0], part) for key, part in rows.partition_by("game_date", as_dict=True).items())


def for_each(manifests: Manifests, function: Callable[[date], Result], dates: Sequence[date]) -> list[Result]:
    """Calls a function per date; in parallel for a store, where file operations are slow."""
    if isinstance(manifests.root, Path) or len(dates) <= 1:
        return [function(day) for day in dates]
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        return list(pool.map(function, dates))
