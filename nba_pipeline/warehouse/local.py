"""The embedded warehouse: hive-style parquet, one file per table and date, read in place by polars and DuckDB."""

import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import duckdb
import polars as pl
import polars.selectors as cs

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import QUARANTINE_SCHEMA, TABLES, Table
from nba_pipeline.warehouse import Warehouse, swap, views
from nba_pipeline.warehouse.writing import by_date, locked, partitioned, refuse_to_shrink, under_a_date

JOURNAL_COLUMNS = {
    "kind": "VARCHAR", "run_id": "VARCHAR", "provider": "VARCHAR", "endpoint": "VARCHAR", "game_date": "DATE",
    "entity": "VARCHAR", "url": "VARCHAR", "outcome": "VARCHAR", "ref": "VARCHAR", "sha256": "VARCHAR", "status": "INTEGER",
    "attempts": "INTEGER", "statuses": "JSON", "fetched_at": "TIMESTAMPTZ", "bytes": "BIGINT", "quota": "JSON",
    "problem": "VARCHAR", "final_game_ids": "VARCHAR[]", "as_of": "TIMESTAMPTZ", "job": "VARCHAR",
}  # fmt: skip

JOURNAL_VIEWS = {
    "requests": "SELECT * EXCLUDE (kind, as_of, job) FROM {journal} WHERE kind = 'request'",
    "landing": "SELECT ref AS source, provider, endpoint, game_date, entity, fetched_at, sha256, bytes, url, run_id "
    "FROM {journal} WHERE kind = 'request' AND outcome = 'landed'",
    "availability": "SELECT game_id, provider, min(fetched_at) AS first_seen_at FROM (SELECT unnest(final_game_ids) AS "
    "game_id, provider, fetched_at FROM {journal} WHERE outcome = 'landed') GROUP BY ALL",
    "runs": "SELECT run_id, as_of, job FROM {journal} WHERE kind = 'run'",
}
"""What the landing's journal shows in SQL: requests, landed payloads, when a provider first had a game, runs."""


class LocalWarehouse(Warehouse):
    """`<home>/tables/<table>/game_date=YYYY-MM-DD/part.parquet`, the quarantine beside it in the same form."""

    home: str
    least_free_mib: int = SETTINGS.warehouse.least_free_mib
    lock_wait_seconds: float = SETTINGS.warehouse.lock_wait_seconds

    def preflight(self) -> None:
        if swap.is_pending(Path(self.home)):
            swap.finish(Path(self.home))
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
        home = Path(self.home).resolve()
        home.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(":memory:") as connection, TemporaryDirectory(prefix=".sql-", dir=home) as pinned:
            try:
                statements = connection.extract_statements(query)
            except duckdb.Error as error:
                raise BadInput(f"the query cannot be read: {error}") from error
            if len(statements) != 1 or statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
                raise BadInput("sql takes one statement that only reads: SELECT, WITH, DESCRIBE or EXPLAIN")
            if statements[0].type == duckdb.StatementType.EXPLAIN and "analyze" in query.lower():
                raise BadInput("EXPLAIN ANALYZE runs what it explains, which may write; leave ANALYZE out")
            self._create_views(connection, query, Path(pinned))
            connection.execute("SET allowed_directories = [$home]", {"home": str(home)})
            connection.execute("SET enable_external_access = false")
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
            try:
                answer = pl.DataFrame(connection.sql(query).to_arrow_table())
            except duckdb.CatalogException as error:
                raise BadInput(
                    f"{str(error).splitlines()[0]} Tables: {', '.join(sorted([*TABLES, *views.VIEWS, *JOURNAL_VIEWS, 'quarantine']))}"
                ) from error
            except duckdb.Error as error:
                raise BadInput(str(error).split("\n\n")[0]) from error
            except pl.exceptions.ComputeError as error:
                raise BadInput("an interval cannot be shown; turn it into a number, as with date_diff('minute', a, b)") from error
            except pl.exceptions.DuplicateError as error:
                raise BadInput(f"the answer cannot be shown: {str(error).splitlines()[0]}; name columns with AS") from error
        # DuckDB sums whole numbers into decimals, and shows instants in the machine's zone.
        return answer.with_columns(
            cs.datetime(time_zone="*").dt.convert_time_zone("UTC"), cs.decimal().cast(pl.Float64)
        ).with_columns(
            pl.col(c).cast(pl.Int64) for c, kind in answer.schema.items() if isinstance(kind, pl.Decimal) and kind.scale == 0
        )

    def _create_views(self, connection: duckdb.DuckDBPyConnection, query: str, pinned: Path) -> None:
        wanted = set(re.findall(r"[a-z_]+", query.lower()))
        for name in views.tables_behind(wanted):
            files = Path(self.home, "tables", name).glob("*/part.parquet")
            self._view_of_parquet(connection, name, files, pinned, TABLES[name].empty())
        if "quarantine" in wanted:
            files = Path(self.home, "quarantine").glob("*/*/part.parquet")
            self._view_of_parquet(connection, "quarantine", files, pinned, pl.DataFrame(schema=dict(QUARANTINE_SCHEMA)))
        if wanted & views.VIEWS.keys():
            for name in views.VIEWS:  # in this order a view follows those that it reads
                if views.tables_behind({name}) <= views.tables_behind(wanted):
                    connection.execute(f"CREATE VIEW {name} AS {views.statement(name)}")
        if wanted & JOURNAL_VIEWS.keys():
            self._create_journal(connection)
            for name in wanted & JOURNAL_VIEWS.keys():
                connection.execute(f"CREATE VIEW {name} AS {JOURNAL_VIEWS[name].format(journal='journal')}")

    @staticmethod
    def _view_of_parquet(
        connection: duckdb.DuckDBPyConnection, name: str, files: Iterable[Path], pinned: Path, empty: pl.DataFrame
    ) -> None:
        """A view of the files as they are now.

        DuckDB opens a file twice, for its footer and for its rows; a replacement in between gives it halves of two
        files (see the test of readers). It reads hard links instead, which go on naming the old file.
        """
        folder, links = pinned / name, 0
        folder.mkdir()
        for number, file in enumerate(files):
            with suppress(FileNotFoundError):
                os.link(file, folder / f"{number}.parquet")
                links += 1
        if links:
            path = str(folder / "*.parquet").replace("'", "''")
            connection.execute(
                f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}', hive_partitioning = false, union_by_name = true)"
            )
        else:
            connection.register(name, empty.to_arrow())

    def _create_journal(self, connection: duckdb.DuckDBPyConnection) -> None:
        folder = Path(self.home, "landing", "journal")
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in JOURNAL_COLUMNS.items())
        if any(folder.glob("*.jsonl")):
            path = str(folder.resolve() / "*.jsonl").replace("'", "''")
            connection.execute(
                f"CREATE VIEW journal AS SELECT * FROM read_json('{path}', columns = {{{columns}}}, format = 'newline_delimited', ignore_errors = true)"
            )
        else:
            nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in JOURNAL_COLUMNS.items())
            connection.execute(f"CREATE VIEW journal AS SELECT {nothing} WHERE false")

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
