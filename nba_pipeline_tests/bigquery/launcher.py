"""Starts local-bigquery 0.4.0 on duckdb 1.5.5. Run by Python 3.13 in the emulator's environment, never imported by the project.

Adds missing features by replacing functions of the package before the server starts:

* duckdb's extensions are loaded from their wheels, so nothing is downloaded
* `table$20260102` refers to one partition: as destination of a load, query or copy, as source of a copy, in a delete
* `jobTimeoutMs` ends a job, and a cancelled job ends
* MERGE works on a table that requires a partition filter, if ON or a WHEN names the partition column
* of two simultaneous requests with the same job id, one gets 409
* datasets are stored by duckdb itself and looked up by name: 1 to 10 ms instead of 50 to 400 (2026-11; without time travel)
* POST /token responds like Google's OAuth server

It can be removed when local-bigquery supports partition decorators and starts offline.

Usage: launcher.py --data-dir D [--port P] [--grpc-port G] [--end-with-stdin]. Port 0 selects a free one. When the server
is listening, it prints one line of JSON to standard output: {"port": P, "grpc_port": G}.
"""

import argparse
import datetime as dt
import json
import os
import socket
import sys
import threading
import time
import uuid
from pathlib import Path

import duckdb
import duckdb_extensions

for extension in ("icu", "ducklake", "spatial"):
    duckdb_extensions.import_extension(extension)

import uvicorn  # noqa: E402  duckdb has its extensions before the server opens a database
from fastapi.routing import APIRoute  # noqa: E402
from local_bigquery import app  # noqa: E402
from local_bigquery.catalog import datasets, metadata, names, tabledata, tables  # noqa: E402
from local_bigquery.engine import database, types  # noqa: E402
from local_bigquery.errors import BigQueryError, already_exists, not_found  # noqa: E402
from local_bigquery.grpc import server as storage  # noqa: E402
from local_bigquery.jobs import copy as copy_job  # noqa: E402
from local_bigquery.jobs import merge, query, runner  # noqa: E402
from local_bigquery.models import Dataset, Table  # noqa: E402
from local_bigquery.settings import settings  # noqa: E402
from local_bigquery.sql.dialect import DuckDBDialect  # noqa: E402
from local_bigquery.sql.rules import information_schema  # noqa: E402
from local_bigquery.sql.rules import partitions as partition_rules  # noqa: E402
from local_bigquery.sql.rules import tables as table_rules  # noqa: E402
from sqlglot import exp  # noqa: E402

HOST = "127.0.0.1"
KEEP_ALIVE_SECONDS = 300
VOLATILE = ("etag", "lastModifiedTime", "numRows", "numBytes")
WATCH_SECONDS = 0.05
NO_FILTER = "Cannot query over table '{}' without a filter over column(s) '{}' that can be used for partition elimination"
NULL_PARTITION = "__NULL__"
# length of the decorator -> its format and the granularity of the table
GRANULARITIES = {4: ("%Y", "YEAR"), 6: ("%Y%m", "MONTH"), 8: ("%Y%m%d", "DAY"), 10: ("%Y%m%d%H", "HOUR")}


class Reference(tuple):
    """Project, dataset and table, as the package passes them, with the partition as an attribute."""

    partition: str | None = None


def without_decorator(table_id):
    """A table's id, and the partition after `$` if there is one."""
    base, dollar, partition = table_id.partition("$")
    return base, partition if dollar else None


def labelled(reference):
    return f"{names.label(*reference)}${reference.partition}"


def is_in_partition(reference, partition):
    """The SQL condition for the rows of a partition."""
    stored = metadata.load(Table, *reference)
    partitioning = stored and stored.timePartitioning
    if not partitioning or not partitioning.field:
        raise BigQueryError(
            "invalid", f"Table {names.label(*reference)} is not partitioned by a column: no partition ${partition}"
        )
    column = database.quote(partitioning.field)
    if partition == NULL_PARTITION:
        return f"{column} IS NULL"
    written, unit = GRANULARITIES.get(len(partition), ("", None))
    try:
        start = dt.datetime.strptime(partition, written)
    except ValueError:
        start = None
    if start is None or unit != (partitioning.type or "DAY"):
        raise BigQueryError("invalid", f"Invalid time partitioning id: {partition}")
    return f"date_trunc('{unit}', CAST({column} AS TIMESTAMP)) = TIMESTAMP '{start}'"


plain_reference, plain_write, plain_delete, plain_source = tables.reference, tables.write, tables.delete, copy_job._source


def reference(table):
    project, dataset, table_id = plain_reference(table)
    base, partition = without_decorator(table_id)
    parsed = Reference((project, dataset, base))
    parsed.partition = partition
    return parsed


def create_empty(cursor, query, params, target, config, default, prefix, isolated):
    """A load into a partition of a missing table creates the table, if it is allowed to and has the partitioning."""
    if config.createDisposition == "CREATE_NEVER" or not getattr(config, "timePartitioning", None):
        raise not_found("Table", names.label(*target))
    nothing = f"SELECT * FROM ({query}) LIMIT 0"
    config = config.replace(schemaUpdateOptions=None)
    plain_write(cursor, nothing, params, target, config, default, prefix, isolated)


def write(cursor, query, params, target, config, default="WRITE_EMPTY", prefix="Invalid schema update. ", isolated=False):
    """Write the result of a query to the whole table, or to one partition in one transaction."""
    partition = getattr(target, "partition", None)
    if partition is None:
        return plain_write(cursor, query, params, target, config, default, prefix, isolated)
    is_new = not tables.exists(*target)
    if is_new:
        create_empty(cursor, query, params, target, config, default, prefix, isolated)
    inside = is_in_partition(target, partition)
    rows = cursor.sql(query, params=params).to_arrow_table()
    with database.writing(*target), database.cursor() as writer:
        writer.register("_rows", rows)
        try:
            replace_partition(writer, target, inside, config, config.writeDisposition or default, prefix)
        finally:
            writer.unregister("_rows")
        tables.annotate(target, Table(lastModifiedTime=metadata.now()))
    return is_new


def replace_partition(writer, target, inside, config, disposition, prefix):
    table = tables.name(*target)
    if writer.sql(f"SELECT 1 FROM _rows WHERE ({inside}) IS NOT TRUE LIMIT 1").fetchall():
        raise BigQueryError(
            "invalid", f"Some rows belong to different partitions rather than destination partition {labelled(target)}"
        )
    if disposition == "WRITE_EMPTY" and writer.sql(f"SELECT 1 FROM {table} WHERE {inside} LIMIT 1").fetchall():
        raise already_exists("Table", labelled(target))
    tables.evolve(writer, target, writer.sql("SELECT * FROM _rows"), getattr(config, "schemaUpdateOptions", None), prefix)
    writer.execute("BEGIN TRANSACTION")
    try:
        if disposition == "WRITE_TRUNCATE":
            writer.execute(f"DELETE FROM {table} WHERE {inside}")
        writer.execute(f"INSERT INTO {table} BY NAME SELECT * FROM _rows")
        writer.execute("COMMIT")
    except BaseException:
        writer.execute("ROLLBACK")
        raise


def delete(project, dataset, table_id):
    base, partition = without_decorator(table_id)
    if partition is None:
        return plain_delete(project, dataset, table_id)
    target = (project, dataset, base)
    tables.load(*target)  # raises for a missing table
    with database.writing(*target):
        database.execute(f"DELETE FROM {tables.name(*target)} WHERE {is_in_partition(target, partition)}")


def source(target):
    partition = getattr(target, "partition", None)
    if partition is None:
        return plain_source(target)
    tables.load(*target)
    return f"(SELECT * FROM {tables.name(*target)} WHERE {is_in_partition(target, partition)})"


plain_merge, plain_check = merge.run, table_rules._check
merging = threading.local()


def run_merge(cursor, tree, context):
    """The package runs a MERGE as statements without its conditions, so its check for a partition filter would fail."""
    target = names.reference(tree.this, context.project_id, context.dataset_id)
    stored = metadata.load(Table, *target)
    if stored and stored.requirePartitionFilter and stored.timePartitioning:
        conditions = [tree.args["on"], *(when.args.get("condition") for when in tree.args["whens"].expressions)]
        named = {column.name for condition in filter(None, conditions) for column in condition.find_all(exp.Column)}
        if stored.timePartitioning.field not in named:
            raise BigQueryError("invalidQuery", NO_FILTER.format(".".join(target), stored.timePartitioning.field))
    merging.target = target
    try:
        return plain_merge(cursor, tree, context)
    finally:
        merging.target = None


def check(tree, table, is_target):
    of_merge = (table.catalog, table.db, table.name) == getattr(merging, "target", None)
    return plain_check(tree, table, is_target or of_merge)


plain_execute, plain_submit = runner._execute, runner.submit
submitting = threading.Lock()


def execute(job, job_type, session, running, upload):
    """Run a job, and interrupt it after a cancellation or its timeout until it ends."""
    finished = threading.Event()
    allowed_ms = int(job.configuration.jobTimeoutMs or 0)
    ends_at = time.monotonic() + allowed_ms / 1000 if allowed_ms else float("inf")

    def watch():
        # repeatedly, because duckdb drops an interrupt between two statements and the job would continue
        while not finished.wait(WATCH_SECONDS):
            running.cancelled = running.cancelled or time.monotonic() > ends_at
            if running.cancelled and running.cursor:
                running.cursor.interrupt()

    threading.Thread(target=watch, daemon=True).start()
    try:
        return plain_execute(job, job_type, session, running, upload)
    finally:
        finished.set()


def submit(*arguments):
    """The package checks and then takes a job id. Without a lock, two requests could take the same one."""
    with submitting:
        return plain_submit(*arguments)


# Storage: a project is a duckdb database, not a DuckLake one, where each CREATE TABLE or INSERT takes tens of statements.
# Existence is checked by querying the object: duckdb_tables() and similar functions read every object of every database.

TEMPORARY_TABLES = "SELECT table_name FROM duckdb_tables() WHERE temporary"
plain_objects, plain_query, plain_dataset_exists = database.objects, query.execute, datasets.exists


def attach(connection, project_id):
    # the package finds the projects of a folder by this suffix
    path = str(settings.data_dir / f"{project_id}.ducklake").replace("'", "''")
    connection.execute(f"ATTACH IF NOT EXISTS '{path}' AS {database.quote(project_id)}")
    database._attached.add(project_id)


def projects():
    return sorted(database._attached)


def objects(project_id, dataset_id, table_id=None):
    if table_id is not None:
        try:
            # a view has no such column
            [(count,)] = database.fetch(f"SELECT count(rowid) FROM {database.quote(project_id, dataset_id, table_id)}")
            return [(table_id, "TABLE", count)]
        except duckdb.CatalogException:
            if project_id == "emulator":  # it has no views
                return []
        except duckdb.BinderException:
            pass
    return plain_objects(project_id, dataset_id, table_id)


def dataset_exists(project_id, dataset_id):
    return metadata.load(Dataset, project_id, dataset_id) is not None or plain_dataset_exists(project_id, dataset_id)


def columns(project_id, dataset_id, table_id):
    target = tables.name(project_id, dataset_id, table_id)
    with database.cursor() as cursor:
        try:
            relation = cursor.sql(f"SELECT * FROM {target} LIMIT 0")
        except duckdb.CatalogException:
            raise not_found("Table", names.label(project_id, dataset_id, table_id)) from None
        nullable = {name: nullable == "YES" for name, _, nullable, *_ in cursor.execute(f"DESCRIBE {target}").fetchall()}
        return [
            types.field(name, type_, not nullable[name])
            for name, type_ in zip(relation.columns, relation.types, strict=True)
            if name != tables.INGESTION_TIME or dataset_id == tables.RESULTS
        ]


def has_ingestion_time(table):
    if not (table.catalog and table.db) or not isinstance(table.this, exp.Identifier):
        return False
    with database.cursor() as cursor:
        try:
            relation = cursor.sql(f"SELECT * FROM {database.quote(table.catalog, table.db, table.name)} LIMIT 0")
        except duckdb.Error:
            return False
        return tables.INGESTION_TIME in relation.columns


class Remembered:
    """Cached reads of the package's own tables, cleared by every write. There are no other writers."""

    def __init__(self):
        self.rows = {}
        self.writing = threading.Lock()  # duckdb rejects one of two concurrent changes of a row

    def fetch(self, statement, parameters):
        rows = self.rows  # a concurrent write replaces self.rows
        request_key = statement, tuple(parameters)
        if request_key not in rows:
            rows[request_key] = database.fetch(statement, parameters)
        return rows[request_key]

    def execute(self, statement, parameters):
        with self.writing:
            try:
                database.execute(statement, parameters)
            finally:
                self.rows = {}


class Cursor:
    """A cursor of a query job. Without a session it is new and has no temporary tables, so the lookup is skipped."""

    def __init__(self, cursor):
        self._cursor = cursor

    def __getattr__(self, name):
        return getattr(self._cursor, name)

    def sql(self, statement, **options):
        return self._cursor.sql("SELECT '' WHERE false" if statement == TEMPORARY_TABLES else statement, **options)


def run_query(cursor, *arguments, session=None, **options):
    return plain_query(cursor if session else Cursor(cursor), *arguments, session=session, **options)


_column_list, _values, _columns_known = information_schema.VIEWS["COLUMNS"], information_schema._values, {}
COLUMNS = ("emulator", "_columns")


def column_list(project_id, dataset_id):
    """Cache COLUMNS, which queries every table separately at 10 ms each, until a table changes."""
    stored = [
        json.dumps({k: v for k, v in table.dump().items() if k not in VOLATILE}, sort_keys=True)
        for table in metadata.list_(Table, project_id, *([dataset_id] if dataset_id else []))
    ]
    table_rows = database.fetch(
        "SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = coalesce(?, schema_name)",
        [project_id, dataset_id],
    )
    state = hash((tuple(sorted(stored)), tuple(sorted(table_rows))))
    known_columns = _columns_known.get((project_id, dataset_id))
    if known_columns is None or known_columns[0] != state:
        rows = _values(*_column_list(project_id, dataset_id)).sql(dialect=DuckDBDialect)
        columns_table = f"c{uuid.uuid4().hex}"
        database.execute(f"CREATE TABLE {database.quote(*COLUMNS, columns_table)} AS {rows}")
        known_columns = _columns_known[project_id, dataset_id] = (state, columns_table)
    return known_columns[1], None


def values(columns, rows):
    """The rows of most views are literals in the statement, which are parsed and typed. COLUMNS is long and uses a table."""
    if rows is None:
        catalog, schema = COLUMNS
        return exp.select("*").from_(exp.table_(columns, db=schema, catalog=catalog, quoted=True))
    return _values(columns, rows)


def token():
    return {"access_token": "local", "expires_in": 3600, "token_type": "Bearer"}


def end_with_stdin():
    """Exit when the parent closes standard input, so that even a killed parent leaves no emulator behind."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(0)


class Announced(uvicorn.Server):
    """A server that reports on standard output when it is listening."""

    ports: dict[str, int]

    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        sys.stdout.write(json.dumps(self.ports) + "\n")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--end-with-stdin", action="store_true")
    arguments = parser.parse_args()

    tables.reference, tables.write, tables.delete, copy_job._source = reference, write, delete, source
    runner._execute, runner.submit = execute, submit
    merge.run, table_rules._check = run_merge, check
    database._attach, database.projects, database.objects, query.execute = attach, projects, objects, run_query
    datasets.exists, tables.columns, tabledata.columns = dataset_exists, columns, columns
    partition_rules._hidden = has_ingestion_time
    remembered = Remembered()
    metadata.fetch, metadata.execute = remembered.fetch, remembered.execute
    information_schema.VIEWS["COLUMNS"], information_schema._values = column_list, values
    app.router.routes.insert(0, APIRoute("/token", token, methods=["POST"]))

    settings.data_dir = arguments.data_dir
    if arguments.end_with_stdin:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {database.quote(*COLUMNS)}")
    database.execute("SET threads = 1")  # tests have few rows, and parallelism doubles their cost
    reads, grpc_port = storage.start(HOST, arguments.grpc_port)
    # with an explicit protocol, because asyncio otherwise leaves Nagle's algorithm on: 40 ms per response
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, arguments.port))
    config = uvicorn.Config(app, log_level="warning", timeout_keep_alive=KEEP_ALIVE_SECONDS)
    server = Announced(config)
    server.ports = {"port": listening.getsockname()[1], "grpc_port": grpc_port}
    server.run(sockets=[listening])
    reads.stop(None)


if __name__ == "__main__":
    main()
