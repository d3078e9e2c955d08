"""The local warehouse: hive-style parquet, one file per table and date or closed month, read in place by polars and DuckDB."""

import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from pydantic import Field

from nba_pipeline.errors import Closed, Damaged, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.checksum import seal
from nba_pipeline.warehouse.compaction import compact
from nba_pipeline.warehouse.damage import Notice, moved_name, notices
from nba_pipeline.warehouse.home_format import prepare_write, refuse_another_format
from nba_pipeline.warehouse.ledgers import Recorder
from nba_pipeline.warehouse.local_reading import LocalReading, check_home
from nba_pipeline.warehouse.months import scan_parts
from nba_pipeline.warehouse.partitions import QUARANTINE, TABLES_FOLDER, move_aside
from nba_pipeline.warehouse.stored_dates import StoredDates
from nba_pipeline.warehouse.writing import by_date, locked, partitioned, refuse_to_shrink, with_date


class LocalWarehouse(LocalReading, Warehouse):
    """`<home>/tables/<table>/game_date=YYYY-MM-DD/part.parquet`, and the same layout for the quarantine."""

    home: str
    league: str | None = None
    least_free_mib: int = Field(default_factory=lambda: SETTINGS.warehouse.least_free_mib)
    lock_wait_seconds: float = Field(default_factory=lambda: SETTINGS.warehouse.lock_wait_seconds)

    def preflight(self) -> None:
        check_home(Path(self.home), self.least_free_mib)

    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        parts, empty = by_date(table, dates, frame), table.empty()
        self._prepare_write(table, dates)
        with self._locked(table, dates, writer):
            self._prepare(table, dates)
            for day in dates:
                self._refuse_to_shrink(table, day, parts.get(day, empty).height, (excused or {}).get(day, 0))
            for day in dates:
                self._write(self._file("tables", table, day), parts.get(day, empty))

    def _add(
        self, table: Table, dates: Sequence[date], parts: Mapping[date, pl.DataFrame], writer: str, recorder: Recorder
    ) -> int:
        empty, added = table.empty(), 0
        key = list(dict.fromkeys(("game_date", *table.key)))
        self._prepare_write(table, dates)
        with self._locked(table, dates, writer):
            self._prepare(table, dates)
            for day in dates:
                stored = StoredDates(Path(self.home), TABLES_FOLDER, table)
                file, new = self._file("tables", table, day), parts.get(day, empty)
                exists = stored.written_ns(day) is not None
                existing = scan_parts(stored.parts([day]), table.dtypes).select(key).collect()
                new = new.join(existing, on=list(table.key), how="anti", nulls_equal=True).select(list(table.dtypes))
                with recorder.recording([day], existing, {day: new}):
                    if new.is_empty() and exists:
                        continue
                    rows = pl.concat([self.scan(table, [day]).collect(), new]).sort(table.key) if exists else new
                    self._write(file, rows)
                added += new.height
        return added

    def locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        return self._locked(table, dates, writer)

    def partition_name(self, table: Table, day: date) -> str:
        return str(self._file("tables", table, day))

    def ledger_rows(self, table: Table, dates: Sequence[date]) -> pl.DataFrame:
        if closed := self._unreadable(table, dates):
            raise Damaged(closed[min(closed)])
        return scan_parts(self._parts(TABLES_FOLDER, table, dates), table.dtypes).collect()

    def replace_unreadable(self, table: Table, day: date, frame: pl.DataFrame) -> str:
        file = self._file(TABLES_FOLDER, table, day)
        copy = Path(self.home, moved_name(file.relative_to(self.home).as_posix(), datetime.now(UTC)))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
        self._write(file, frame)
        return str(copy)

    def quarantine(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        parts = partitioned(table.name, dates, with_date(rejected, dates))
        prepare_write(Path(self.home), self.league)
        for day in dates:
            move_aside(self._partition(QUARANTINE, table, day))
            file, rows = self._file(QUARANTINE, table, day), parts.get(day)
            if rows is not None:
                self._write(file, rows)
            else:
                file.unlink(missing_ok=True)

    def check(self, tables: Iterable[Table], dates: Collection[date]) -> None:
        for table in tables:
            self._parts(TABLES_FOLDER, table, dates)
            self._parts(QUARANTINE, table, dates)

    def notices(self) -> list[Notice]:
        return notices(Path(self.home))

    def compact(self, tables: Iterable[Table], today: date) -> str:
        return compact(Path(self.home), tables, today).summary

    def drop(self, table: Table) -> None:
        if table.is_ledger:
            raise PipelineError(f"{table.name} is a ledger and is never deleted")
        refuse_another_format(Path(self.home))
        for kind in ("tables", "quarantine"):
            shutil.rmtree(Path(self.home, kind, table.name), ignore_errors=True)

    def _prepare_write(self, table: Table, dates: Sequence[date]) -> None:
        """Refuses another format, and moves unreadable month files aside, which needs more locks than those of the dates."""
        prepare_write(Path(self.home), self.league)
        if not table.is_ledger:
            self._parts(TABLES_FOLDER, table, dates)

    def _prepare(self, table: Table, dates: Sequence[date]) -> None:
        """Moves unreadable files aside before a write. The caller holds the locks. Raises Closed for an unreadable ledger date."""
        if closed := self._unreadable(table, dates):
            raise Closed(closed[min(closed)])
        for day in dates:
            move_aside(self._partition(TABLES_FOLDER, table, day))

    def _refuse_to_shrink(self, table: Table, day: date, rows: int, excused: int) -> None:
        before = scan_parts(self._parts(TABLES_FOLDER, table, [day]), table.dtypes).select(pl.len()).collect().item()
        refuse_to_shrink(table, day, rows, before, excused)

    @staticmethod
    def _write(file: Path, rows: pl.DataFrame) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{os.getpid()}.tmp")
        rows.write_parquet(temporary)
        seal(temporary)
        temporary.replace(file)

    def _locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        return locked(Path(self.home, "locks", table.name), table.name, dates, writer, self.lock_wait_seconds)
