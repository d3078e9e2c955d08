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
from nba_pipeline.warehouse.files import unused
from nba_pipeline.warehouse.home_format import prepare_write, refuse_another_format
from nba_pipeline.warehouse.ledgers import Recorder
from nba_pipeline.warehouse.manifests import FOLDER as MANIFESTS
from nba_pipeline.warehouse.manifests import Manifests
from nba_pipeline.warehouse.writing import by_date, locked, partitioned, refuse_to_shrink, under_a_date


class LocalWarehouse(Warehouse):
    """`<home>/tables/<table>/game_date=YYYY-MM-DD/part.parquet`, the quarantine beside it in the same form."""

    home: str
    least_free_mib: int = SETTINGS.warehouse.least_free_mib
    lock_wait_seconds: float = SETTINGS.warehouse.lock_wait_seconds

    def preflight(self) -> None:
        refuse_another_format(Path(self.home))
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
        prepare_write(Path(self.home))
        with self._locked(table, dates, writer):
            for day in dates:
                self._refuse_to_shrink(table, day, parts.get(day, empty).height, (excused or {}).get(day, 0))
            for day in dates:
                self._write(self._file("tables", table, day), parts.get(day, empty))

    def _add(
        self, table: Table, dates: Sequence[date], parts: Mapping[date, pl.DataFrame], writer: str, recorder: Recorder
    ) -> int:
        empty, added = table.empty(), 0
        key = list(dict.fromkeys(("game_date", *table.key)))
        prepare_write(Path(self.home))
        with self._locked(table, dates, writer):
            for day in dates:
                file, new = self._file("tables", table, day), parts.get(day, empty)
                is_there = file.exists()
                existing = pl.scan_parquet(file).select(key).collect() if is_there else empty.select(key)
                new = new.join(existing, on=list(table.key), how="anti", nulls_equal=True).select(list(table.dtypes))
                with recorder.recording([day], existing, {day: new}):
                    if new.is_empty() and is_there:
                        continue
                    rows = pl.concat([self.scan(table, [day]).collect(), new]).sort(table.key) if is_there else new
                    self._write(file, rows)
                added += new.height
        return added

    @property
    def manifests(self) -> Manifests:
        return Manifests(Path(self.home, MANIFESTS))

    def locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        return self._locked(table, dates, writer)

    def partition_name(self, table: Table, day: date) -> str:
        return str(self._file("tables", table, day))

    def ledger_rows(self, table: Table, dates: Sequence[date]) -> pl.DataFrame:
        files = [file for day in sorted(set(dates)) if (file := self._file("tables", table, day)).exists()]
        return read_parquet(files, table.dtypes).collect() if files else table.empty()

    def replace_unreadable(self, table: Table, day: date, frame: pl.DataFrame) -> str:
        file = self._file("tables", table, day)
        aside = Path(str(unused(Path(self.home, "damaged", file.relative_to(self.home)))))
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, aside)
        self._write(file, frame)
        return str(aside)

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        return self._scan("tables", table, dates, table.dtypes)

    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        return self._scan("quarantine", table, dates, QUARANTINE_SCHEMA)

    def dates(self, table: Table) -> set[date]:
        refuse_another_format(Path(self.home))
        folder = Path(self.home, "tables", table.name)
        return {date.fromisoformat(p.parent.name.removeprefix("game_date=")) for p in folder.glob("game_date=*/part.parquet")}

    def park(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        parts = partitioned(table.name, dates, under_a_date(rejected, dates))
        prepare_write(Path(self.home))
        for day in dates:
            file, rows = self._file("quarantine", table, day), parts.get(day)
            if rows is not None:
                self._write(file, rows)
            else:
                file.unlink(missing_ok=True)

    def drop(self, table: Table) -> None:
        if table.is_a_record_of_decisions:
            raise PipelineError(f"{table.name} is a record of decisions and is never deleted")
        refuse_another_format(Path(self.home))
        for kind in ("tables", "quarantine"):
            shutil.rmtree(Path(self.home, kind, table.name), ignore_errors=True)

    def sql(self, query: str) -> pl.DataFrame:
        refuse_another_format(Path(self.home))
        return local_sql.answer(Path(self.home), query)

    def _file(self, kind: str, table: Table, day: date) -> Path:
        return Path(self.home, kind, table.name, f"game_date={day}", "part.parquet")

    def _scan(self, kind: str, table: Table, dates: Collection[date] | None, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        refuse_another_format(Path(self.home))
        if dates is None:
            files = sorted(Path(self.home, kind, table.name).glob("game_date=*/part.parquet"))
        else:
            files = [file for day in sorted(set(dates)) if (file := self._file(kind, table, day)).exists()]
        if not files:
            return pl.LazyFrame(schema=dict(schema))
        return read_parquet(files, schema)

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


def read_parquet(files: Sequence[Path], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """The rows of files. A column that a table gained later is null in the files written before."""
    return pl.scan_parquet(
        list(files), schema=dict(schema), missing_columns="insert", extra_columns="ignore", hive_partitioning=False, glob=False
    )
