"""SQL over the local warehouse: its tables, quarantine and journal as frames, asked through a DuckDB that can only read.

DuckDB opens no file of the home itself. A table is a lazy frame, which polars reads with DuckDB's filters and columns, over
hard links of its files: a query reads the files of its beginning. What DuckDB may do is decided in `read_only`.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import polars.selectors as cs

from nba_pipeline.errors import BadInput
from nba_pipeline.tables.table import QUARANTINE_SCHEMA, TABLES, Table
from nba_pipeline.warehouse import read_only, views
from nba_pipeline.warehouse.journal_views import JOURNAL_COLUMNS, JOURNAL_VIEWS

CATALOG = {"show", "information_schema", "duckdb_tables", "duckdb_views", "duckdb_columns"}
"""Words of queries that list tables: then every table is registered, and not only those that the query names."""

Links = dict[Path, Path]
"""Each hard link and the file of the home that it names."""

FilesOf = Callable[[str, Table], Sequence[Path]]
"""The readable files of a table, by the folder of the home that holds them: `tables` or `quarantine`."""


def answer(home: Path, query: str, files_of: FilesOf) -> pl.DataFrame:
    """The answer to a query that only reads. Raises BadInput for any other query, and for one that DuckDB refuses."""
    home = home.resolve()
    with read_only.connect() as connection, ExitStack() as stack:
        statement = read_only.reading_statement(connection, query)
        home.mkdir(parents=True, exist_ok=True)
        pinned = stack.enter_context(TemporaryDirectory(prefix=".sql-", dir=home))
        connection.execute("SET TimeZone = 'UTC'")
        links = register(connection, home, query, Path(pinned), files_of)
        read_only.lock(connection)
        try:
            return _presentable(pl.DataFrame(connection.sql(statement).to_arrow_table()))
        except duckdb.CatalogException as error:
            tables = ", ".join(sorted([*TABLES, *views.VIEWS, *JOURNAL_VIEWS, "quarantine"]))
            raise BadInput(f"{str(error).splitlines()[0]} Tables: {tables}") from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.InvalidInputException):  # also that of a frame that polars cannot read
                read_again(links)
            raise BadInput(read_only.first_paragraph(error)) from error
        except pl.exceptions.ComputeError as error:
            raise BadInput("an interval cannot be shown; turn it into a number, as with date_diff('minute', a, b)") from error
        except pl.exceptions.DuplicateError as error:
            raise BadInput(f"the answer cannot be shown: {str(error).splitlines()[0]}; name columns with AS") from error


def register(connection: duckdb.DuckDBPyConnection, home: Path, query: str, pinned: Path, files_of: FilesOf) -> Links:
    """Register every table and view that the query may name: each of them whose name is a word of its text."""
    words = set(re.findall(r"[a-z_]+", query.lower()))
    if words & CATALOG:
        words |= {*TABLES, *views.VIEWS}
    links: Links = {}
    for name in views.tables_behind(words):
        links |= _register_files(connection, files_of("tables", TABLES[name]), name, TABLES[name].dtypes, pinned)
    if "quarantine" in words:
        files = [file for table in TABLES.values() for file in files_of("quarantine", table)]
        links |= _register_files(connection, files, "quarantine", QUARANTINE_SCHEMA, pinned)
    if words & views.VIEWS.keys():
        for name in views.VIEWS:  # a view comes after those that it reads
            if views.tables_behind({name}) <= views.tables_behind(words):
                connection.execute(f"CREATE VIEW {name} AS {views.statement(name)}")
    for name in words & JOURNAL_VIEWS.keys():
        _register_journal(connection, home, name)
    return links


def _register_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], name: str, schema: Mapping[str, pl.DataType], pinned: Path
) -> Links:
    """Register files as they are now. A column that a file lacks is null.

    A frame opens its files at every scan, and a replacement in between would give one query two versions of a file. A
    hard link keeps naming the old file.
    """
    links: Links = {}
    (pinned / name).mkdir()
    for number, file in enumerate(files):
        link = pinned / name / f"{number}.parquet"
        with suppress(FileNotFoundError):
            os.link(file, link)
            links[link] = file
    frame = pl.LazyFrame(schema=dict(schema))
    if links:
        frame = pl.scan_parquet(
            list(links),
            schema=dict(schema),
            missing_columns="insert",
            extra_columns="ignore",
            hive_partitioning=False,
            glob=False,
        )
    connection.register(name, frame)
    return links


def _register_journal(connection: duckdb.DuckDBPyConnection, home: Path, view: str) -> None:
    """Register what a view shows of the journal, read into memory. Lines that are no JSON are skipped."""
    folder = home / "landing" / "journal"
    if any(folder.glob("*.jsonl")):
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in JOURNAL_COLUMNS.items())
        path = str(folder / "*.jsonl").replace("'", "''")
        journal = f"read_json('{path}', columns = {{{columns}}}, format = 'newline_delimited', ignore_errors = true)"
    else:
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in JOURNAL_COLUMNS.items())
        journal = f"(SELECT {nothing} WHERE false)"
    connection.register(view, connection.sql(JOURNAL_VIEWS[view].format(journal=journal)).to_arrow_table())


def read_again(links: Links) -> None:
    """Raise what polars raises for an unreadable file, which DuckDB's message does not name."""
    for link in links:
        pl.read_parquet(link, hive_partitioning=False)


def _presentable(frame: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers as integers and instants in UTC: DuckDB sums integers into decimals."""
    return frame.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"), cs.decimal().cast(pl.Float64)).with_columns(
        pl.col(c).cast(pl.Int64) for c, kind in frame.schema.items() if isinstance(kind, pl.Decimal) and kind.scale == 0
    )
