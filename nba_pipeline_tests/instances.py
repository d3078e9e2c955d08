"""Dagster in tests: copies of an empty instance, revisions, resource schemas and SQL derived once, no waits for the disk.

Dagster creates and migrates three databases for each new instance (0.2 s), and each time it opens one it reads the ninety
revisions of its schema again (0.05 s). A run copies its resources about a hundred times, and each copy derives and checks the
config schema of its class again (0.1 s). An instance in memory creates its tables (0.03 s). Each instance compiles its SQL
again. All of these are the same in every test of a process.
"""

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._config import validate
from dagster._config.pythonic_config import resource
from dagster._core.instance import config as instance_config
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs import in_memory as runs_in_memory
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.sql import stamp_alembic_rev
from sqlalchemy import Connection, Engine, MetaData, event, text
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from nba_pipeline.instance import opening
from nba_pipeline.instance.postgres import URL_VARIABLE, database_of


@cache
def _empty() -> Path:
    """The folder of an instance that has no runs, created once per process."""
    folder = Path(tempfile.mkdtemp(prefix="nba_pipeline_instance_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with opening.open_instance(folder):
        return folder / "dagster"


def open_instance(home: Path) -> dg.DagsterInstance:
    """As `nba_pipeline.instance.opening.open_instance`; a home without an instance gets a copy of the empty one."""
    if not (home / "dagster").exists() and database_of(home) is None:
        shutil.copytree(_empty(), home / "dagster")
    return opening.open_instance(home)


def instance_without_files(home: Path) -> dg.DagsterInstance:
    """An instance in memory; with `--storage postgres` that of the home."""
    return open_instance(home) if database_of(home) else dg.DagsterInstance.ephemeral()


@contextmanager
def own_database(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Point the variable at a PostgreSQL database with an empty instance, which is dropped at the end. Yields its name."""
    from nba_pipeline_tests.postgres.cluster import cluster, empty_instance  # noqa: PLC0415  needs the extra `postgres`

    name = cluster().new_database(empty_instance())
    patch.setenv(URL_VARIABLE, cluster().url(name))
    yield name
    dispose_engines()
    cluster().drop(name)


def dispose_engines() -> None:
    """Close the connections to PostgreSQL of this process."""
    from nba_pipeline.instance import postgres_storage  # noqa: PLC0415  likewise

    postgres_storage.dispose_engines()


@contextmanager
def no_wait_for_the_disk() -> Iterator[None]:
    """SQLite leaves it to the system when it writes; a killed process loses nothing by that, only a power failure does."""

    def leave_it(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", leave_it)
    yield
    event.remove(Engine, "connect", leave_it)


@contextmanager
def revisions_read_once() -> Iterator[None]:
    """Keep the revisions that alembic reads from a folder for as long as the block lasts."""
    read, kept = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def from_config(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in kept:
            kept[place] = read(config)
        return kept[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", staticmethod(from_config))
        yield


@contextmanager
def tables_created_once() -> Iterator[None]:
    """Create each later database in SQLite, on disk or in memory, by the script of the first, for as long as the block lasts."""
    stamp = _OneStamp()
    with pytest.MonkeyPatch.context() as patch:
        for tables in (RunStorageSqlMetadata, SqlEventLogStorageMetadata):
            patch.setattr(tables, "create_all", _OneScript(tables).create_all)
        for module in (runs_in_memory, events_in_memory, sqlite_run_storage, sqlite_event_log):
            patch.setattr(module, "stamp_alembic_rev", stamp)
        yield


class _OneScript:
    """The statements that create the tables of a storage."""

    def __init__(self, tables: MetaData):
        self.create, self.script = tables.create_all, ""

    def create_all(self, bind: Engine | Connection) -> None:
        with nullcontext(bind) if isinstance(bind, Connection) else bind.connect() as connection:
            database = connection.connection.driver_connection
            if not isinstance(database, sqlite3.Connection) or database.execute("SELECT 1 FROM sqlite_master").fetchone():
                self.create(bind)
            elif self.script:
                database.executescript(self.script)
            else:
                self.create(bind)
                self.script = "\n".join(database.iterdump())


class _OneStamp:
    """Alembic's `stamp`, which loads its modules each time: the revision of a folder is read once."""

    def __init__(self) -> None:
        self.revisions = dict[str | None, str]()

    def __call__(self, config: Config, connection: Connection, rev: str = "head") -> None:
        place = config.get_main_option("script_location")
        if connection.dialect.name != "sqlite" or rev != "head":
            stamp_alembic_rev(config, connection, rev)
        elif revision := self.revisions.get(place):
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
        else:
            stamp_alembic_rev(config, connection)
            self.revisions[place] = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


@contextmanager
def sql_compiled_once() -> Iterator[None]:
    """Let all engines of SQLite share the statements that one has compiled, for as long as the block lasts."""
    kept = LRUCache[Any, Any](1_000)

    def share(connection: Connection) -> None:
        if isinstance(connection.dialect, SQLiteDialect_pysqlite):
            connection.engine._compiled_cache = kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteDialect_pysqlite, "__eq__", lambda one, other: type(one) is type(other))  # part of the key
        patch.setattr(SQLiteDialect_pysqlite, "__hash__", lambda one: hash(type(one)))
        event.listen(Engine, "engine_connect", share)
        yield
        event.remove(Engine, "engine_connect", share)


@contextmanager
def schemas_derived_once() -> Iterator[None]:
    """Keep the config schemas of an instance, of each class of resources and of equally configured resources while the block lasts.

    Likewise the checked values of a nested resource.
    """
    with pytest.MonkeyPatch.context() as patch:
        derive, process = resource.infer_schema_from_config_class, validate.process_config
        values_of_nested = _once_per_config(lambda config_type, config: process({"config": config_type}, config))

        @cache
        def kept(cls: type, fields_to_omit: frozenset[str]) -> dg.Field:
            return derive(cls, fields_to_omit=set(fields_to_omit))

        def schema(cls: type, *, fields_to_omit: Set[str]) -> dg.Field:
            return kept(cls, frozenset(fields_to_omit))

        def process_config(config_type: Any, config: Any) -> Any:
            is_nested = isinstance(config_type, dict) and config_type.keys() == {"config"}
            return values_of_nested(config_type["config"], config) if is_nested else process(config_type, config)

        patch.setattr(resource, "infer_schema_from_config_class", schema)
        patch.setattr(resource, "_curry_config_schema", _once_per_config(resource._curry_config_schema))
        patch.setattr(validate, "process_config", process_config)
        patch.setattr(instance_config, "dagster_instance_config_schema", cache(instance_config.dagster_instance_config_schema))
        yield


def _once_per_config(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of a schema and a config, called once per pair. A config that names a variable is read each time."""
    results = dict[tuple[int, str], tuple[Any, Any]]()

    def result(schema: Any, config: Any) -> Any:
        key = id(schema), repr(config)
        if "{'env': " in key[1]:
            return function(schema, config)
        if key not in results:
            results[key] = schema, function(schema, config)  # while the schema is kept, no other object has its number
        return results[key][1]

    return result
