"""A DuckDB that only reads registered tables: its parser classifies the statement, its engine refuses files and writes.

Registration of tables does not belong here. Nothing depends on the query's spelling: statement types and nodes come from
DuckDB's parser. A statement that slips through still runs without file access in a read-only transaction.
"""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import duckdb

from nba_pipeline.errors import BadInput

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # A spill directory is readable and writable even without external access. The default is `.tmp` in the current directory.
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
}

READING_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""The parser's query nodes that only read. A WITH may contain others: INSERT, UPDATE, DELETE and COPY TO."""

INTERRUPT_SECONDS = 0.2
"""Pause between two interrupts of a query, and longest wait for a query before Python handles a signal."""

ACCEPTED = "sql takes one statement that only reads: SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE, or EXPLAIN of one of them"
HINTS = {"MULTI": "; list the values of a PIVOT with IN"}


def connect() -> duckdb.DuckDBPyConnection:
    """Opens an in-memory database that neither spills to disk nor loads extensions."""
    return duckdb.connect(":memory:", config=CONFIG)


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Disables file access, writes and configuration changes on a connection."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    connection.execute("BEGIN TRANSACTION READ ONLY")


def reading_statement(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    """The query's only statement. Raises BadInput unless it is a SELECT or the EXPLAIN of a SELECT."""
    statements = parsed(connection, query)
    if len(statements) != 1:
        raise BadInput(f"{ACCEPTED}; the query has {len(statements)} statements")
    kind, text = type_of(statements[0]), query
    if kind == "EXPLAIN":
        kind, text = _explained(connection, query)
    if kind != "SELECT":
        raise BadInput(f"{ACCEPTED}, not {kind}{HINTS.get(kind, '')}")
    if writing := sorted(_query_nodes(connection, text) - READING_NODES):
        raise BadInput(f"{ACCEPTED}; its WITH contains {writing[0].removesuffix('_QUERY_NODE')}")
    return statements[0]


def result_of(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> Any:
    """Runs a statement and returns its Arrow table. KeyboardInterrupt ends the statement.

    The statement runs in a thread, because DuckDB returns to Python only when it is done, and Python handles a signal only
    then.
    """
    begun, ended = threading.Event(), threading.Event()

    def run() -> Any:
        begun.set()
        try:
            return connection.sql(statement).to_arrow_table()
        finally:
            ended.set()

    with ThreadPoolExecutor(1) as pool:
        try:
            result = pool.submit(run)
            while not result.done():  # a signal that arrives just before a wait does not end the wait
                wait([result], INTERRUPT_SECONDS)
            return result.result()
        except KeyboardInterrupt:  # also within `submit`, which waits for its thread
            pool.shutdown(wait=False, cancel_futures=True)
            while not ended.wait(INTERRUPT_SECONDS) and begun.is_set():
                connection.interrupt()  # repeated, because DuckDB ignores an interrupt that precedes the start of the statement
            raise


def parsed(connection: duckdb.DuckDBPyConnection, query: str) -> list[duckdb.Statement]:
    """The statements of a query. Raises BadInput for text that DuckDB cannot parse."""
    try:
        return connection.extract_statements(query)
    except duckdb.Error as error:
        raise BadInput(f"the query cannot be parsed: {first_paragraph(error)}") from error


def type_of(statement: duckdb.Statement) -> str:
    """The parser's name for the type of a statement. DuckDB's Python module does not name every type."""
    try:
        return str(statement.type.name)
    except ValueError:
        return "a statement of unknown type"


def _explained(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[str, str]:
    """Type and text of the explained statement: the longest suffix of the query that parses and is not an EXPLAIN."""
    encoded = query.encode()  # the tokenizer counts bytes
    for offset, _ in duckdb.tokenize(query):
        text = encoded[offset:].decode()
        try:
            statements = connection.extract_statements(text)
        except duckdb.ParserException:
            continue
        if len(statements) == 1 and (kind := type_of(statements[0])) != "EXPLAIN":
            return kind, text
    return "EXPLAIN", query


def _query_nodes(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """The query nodes in the syntax tree of a SELECT, as serialized by DuckDB."""
    row = connection.execute("SELECT json_serialize_sql($1)", [query]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        raise BadInput(f"the query cannot be checked: {tree.get('error_message', 'DuckDB does not serialize it')}")
    return {name for name in _types(tree) if name.endswith("_NODE")}


def _types(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(kind := tree.get("type"), str):
            yield kind
        for branch in tree.values():
            yield from _types(branch)
    elif isinstance(tree, list):
        for branch in tree:
            yield from _types(branch)


def first_paragraph(error: Exception) -> str:
    """DuckDB's message without the query text and the arrow below it."""
    return str(error).split("\n\n", maxsplit=1)[0]
