"""The embedded warehouse: hive-style parquet, one file per table and date, read in place by polars and DuckDB."""

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile

import polars as pl

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import QUARANTINE_SCHEMA, Table
from nba_pipeline.warehouse import Warehouse, local_sql
from nba_pipeline.warehouse.writing import by_date, locked, partitioned, refuse_to_shrink, under_a_date


class LocalWarehouse(Warehouse):
    """`<home>/tables/<table>/game_date=YYYY-MM-DD/part.parquet`, the quarantine beside it in the same form."""

    home: str
    least_free_mib: int = SETTINGS.warehouse.least_free_mib
    lock_wait_seconds: float = SETTINGS.warehouse.lock_wait_seconds

    def preflight(self) -> None:
        tables = Path(self.home) / "tables"
        there = next(folder for folder in (tables, *tables.absolute().parents) if folder.exists())
        try:
            with TemporaryFile(dir=there):  # has no name, so that whoever only looks leaves nothing behind
                free = shutil.disk_usage(there).free / 1024**2
        except OSError as error:
            raise BadInput(f"the tables below {self.home} cannot be written: {error.strerror}") from None
        if free < self.least_free_mib:
            raise BadInput(f"the disk of {self.home} has {free:.0f} MiB left, fewer than {self.least_free_mib}")

    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        parts, empty = by_date(table, dates, frame), table.empty()
        with self._locked(table, dates, writer):
            for day in dates:
                self._refuse_to_shrink(table, day, parts.get(day, empty).height, (excused or {}).get(day, 0))
            for day in dates:
                self._write(self._file("tables", table, day), parts.get(day, empty))

    def add(self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str) -> int:
        parts, empty, added = by_date(table, dates, frame), table.empty(), 0
        with self._locked(table, dates, writer):
            for day in dates:
                file, new = self._file("tables", table, day), parts.get(day, empty)
                if file.exists():
                    there = pl.scan_parquet(file).select(table.key).collect()
                    new = new.join(there, on=list(table.key), how="anti", nulls_equal=True)
                    if new.is_empty():
                        continue
                    new = pl.concat([self.scan(table, [day]).collect(), new.select(list(table.dtypes))]).sort(table.key)
                    added -= there.height
                added += new.height
                self._write(file, new)
        return added

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        return self._scan("tables", table, dates, table.dtypes)

    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        return self._scan("quarantine", table, dates, QUARANTINE_SCHEMA)

    def dates(self, table: Table) -> set[date]:
        folder = Path(self.home, "tables", table.name)
        return {date.fromisoformat(p.parent.name.removeprefix("game_date=")) for p in folder.glob("game_date=*/part.parquet")}

    def park(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        parts = partitioned(table.name, dates, under_a_date(rejected, dates))
        for day in dates:
            file, rows = self._file("quarantine", table, day), parts.get(day)
            if rows is not None:
                self._write(file, rows)
            else:
                file.unlink(missing_ok=True)

    def drop(self, table: Table) -> None:
        if table.is_a_record_of_decisions:
            raise PipelineError(f"{table.name} is a record of decisions and is never deleted")
        for kind in ("tables", "quarantine"):
            shutil.rmtree(Path(self.home, kind, table.name), ignore_errors=True)

    def sql(self, query: str) -> pl.DataFrame:
        return local_sql.answer(Path(self.home), query)

    def _file(self, kind: str, table: Table, day: date) -> Path:
        return Path(self.home, kind, table.name, f"game_date={day}", "part.parquet")

    def _scan(self, kind: str, table: Table, dates: Collection[date] | None, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        if dates is None:
            files = sorted(Path(self.home, kind, table.name).glob("game_date=*/part.parquet"))
        else:
            files = [file for day in sorted(set(dates)) if (file := self._file(kind, table, day)).exists()]
        if not files:
            return pl.LazyFrame(schema=dict(schema))
        # A column that a table gained later is null in the files written before.
        return pl.scan_parquet(
            files, schema=dict(schema), missing_columns="insert", extra_columns="ignore", hive_partitioning=False, glob=False
        )

    def _refuse_to_shrink(self, table: Table, day: date, rows: int, excused: int) -> None:
        file = self._file("tables", table, day)
        if file.exists():
            before = pl.scan_parquet(file).select(pl.len()).collect().item()
            refuse_to_shrink(table, day, rows, before, excused)

    @staticmethod
    def _write(file: Path, rows: pl.DataFrame) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{os.getpid()}.tmp")
        rows.write_parquet(temporary)
        temporary.replace(file)

    def _locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        return locked(Path(self.home, "locks", table.name), table.name, dates, writer, self.lock_wait_seconds)
