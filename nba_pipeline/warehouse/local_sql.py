"""SQL over the local warehouse: tables, quarantine and journal as frames, queried through a read-only DuckDB.

DuckDB itself opens no file of the home. A table is a lazy frame over hard links of its files; polars applies DuckDB's
filters and column selection. A query reads the files as they were when it began. `read_only` restricts DuckDB.
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

from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES, StoredTable
from nba_pipeline.warehouse import read_only, views
from nba_pipeline.warehouse.journal_views import JOURNAL_COLUMNS, JOURNAL_VIEWS
from nba_pipeline.warehouse.months import Part, scan_parts

CATALOG = {"show", "information_schema", "duckdb_tables", "duckdb_views", "duckdb_columns"}
"""Words of queries that list tables. For such a query every table is registered, not only the ones that it names."""

Links = dict[Path, Path]
"""Hard link -> file of the home."""

PartsOf = Callable[[str, StoredTable], Sequence[Part]]
"""Returns the readable files of a table below a folder of the home, `tables` or `quarantine`."""


def run_query(home: Path, query: str, parts_of: PartsOf, tables: Mapping[str, StoredTable] = TABLES) -> pl.DataFrame:
    """Runs a read-only query. Raises BadInput for any other query, and for one that DuckDB rejects."""
    home = home.resolve()
    with read_only.connect() as connection, ExitStack() as stack:
        statement = read_only.reading_statement(connection, query)
        home.mkdir(parents=True, exist_ok=True)
        link_folder = stack.enter_context(TemporaryDirectory(prefix=".sql-", dir=home))
        connection.execute("SET TimeZone = 'UTC'")
        links = register(connection, home, query, Path(link_folder), parts_of, tables)
        read_only.lock(connection)
        try:
            return _presentable(pl.DataFrame(read_only.result_of(connection, statement)))
        except duckdb.CatalogException as error:
            names = sorted([*tables, *views.descriptions()])
            unknown = re.search(r"Table with name (\w+)", str(error))
            question = did_you_mean(unknown.group(1), names) if unknown else ""
            raise BadInput(f"{str(error).splitlines()[0]} {question}Tables: {', '.join(names)}") from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.InvalidInputException):  # also raised for a frame that polars cannot read
                raise_read_error(links)
            raise BadInput(read_only.first_paragraph(error)) from error
        except pl.exceptions.ComputeError as error:
            raise BadInput(
                "the result contains an interval; convert it to a number, for example with date_diff('minute', a, b)"
            ) from error
        except pl.exceptions.DuplicateError as error:
            raise BadInput(f"the result cannot be shown: {str(error).splitlines()[0]}; name columns with AS") from error


def register(
    connection: duckdb.DuckDBPyConnection,
    home: Path,
    query: str,
    link_folder: Path,
    parts_of: PartsOf,
    tables: Mapping[str, StoredTable] = TABLES,
) -> Links:
    """Registers every table and view whose name is a word of the query."""
    words = set(re.findall(r"[a-z_]+", query.lower()))
    named = set(words)
    if words & CATALOG:
        words |= {*tables, *views.descriptions()}
    links: Links = {}
    for name in views.base_tables(words, tables):
        links |= _register_parts(connection, parts_of("tables", tables[name]), name, tables[name].dtypes, link_folder)
    if views.QUARANTINE in words:
        parts = [part for table in tables.values() for part in parts_of("quarantine", table)]
        links |= _register_parts(connection, parts, views.QUARANTINE, QUARANTINE_SCHEMA, link_folder)
    if words & views.VIEWS.keys():
        for name in views.VIEWS:  # views are listed after the views that they read
            if views.base_tables({name}, tables) <= views.base_tables(words, tables):
                connection.execute(f"CREATE VIEW {name} AS {views.statement(name)}")
    for name in words & JOURNAL_VIEWS.keys():
        _register_journal(connection, home, name, is_read=name in named)
    return links


def _register_parts(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[Part], name: str, schema: Mapping[str, pl.DataType], link_folder: Path
) -> Links:
    """Registers the current files of a table. A column that a file lacks is null.

    A frame opens its files at every scan, so a replacement between two scans would mix versions within one query. A hard
    link keeps pointing to the old file.
    """
    linked = dict[Path, Path]()
    (link_folder / name).mkdir()
    for number, file in enumerate(dict.fromkeys(part.path for part in parts)):
        link = link_folder / name / f"{number}.parquet"
        with suppress(FileNotFoundError):
            os.link(file, link)
            linked[file] = link
    connection.register(name, scan_parts([Part(linked[path], dates) for path, dates in parts if path in linked], schema))
    return {link: file for file, link in linked.items()}


def _register_journal(connection: duckdb.DuckDBPyConnection, home: Path, view: str, is_read: bool) -> None:
    """Reads the journal into memory and registers one view over it. Skips lines that are not JSON.

    A view that is only listed and not read is registered without rows.
    """
    folder = home / "landing" / "journal"
    if is_read and any(folder.glob("*.jsonl")):
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in JOURNAL_COLUMNS.items())
        path = str(folder / "*.jsonl").replace("'", "''")
        journal = f"read_json('{path}', columns = {{{columns}}}, format = 'newline_delimited', ignore_errors = true)"
    else:
        nulls = ", ".join(f"NULL::{kind} AS {name}" for name, kind in JOURNAL_COLUMNS.items())
        journal = f"(SELECT {nulls} WHERE false)"
    connection.register(view, connection.sql(JOURNAL_VIEWS[view].format(journal=journal)).to_arrow_table())


def raise_read_error(links: Links) -> None:
    """Raises polars' exception for an unreadable file, because DuckDB's message does not name the file."""
    for link in links:
        pl.read_parquet(link, hive_partitioning=False)


def _presentable(frame: pl.DataFrame) -> pl.DataFrame:
    """Converts instants to UTC and decimals to numbers: DuckDB returns a sum of integers as a decimal."""
    return frame.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"), cs.decimal().cast(pl.Float64)).with_columns(
        pl.col(c).cast(pl.Int64) for c, kind in frame.schema.items() if isinstance(kind, pl.Decimal) and kind.scale == 0
    )
