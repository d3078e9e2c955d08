"""Dagster in tests: copies of an empty instance, alembic's revisions and resource schemas read once, no waits for the disk.

Dagster creates and migrates three databases for each new instance (0.2 s), and each time it opens one it reads the ninety
revisions of its schema again (0.05 s). A run copies its resources about a hundred times, and each copy derives the config schema
of its class again (0.02 s). All of these are the same in every test of a process.
"""

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._config.pythonic_config import resource
from sqlalchemy import Engine, event

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
def schemas_derived_once() -> Iterator[None]:
    """Keep the config schema of each class of resources for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        derive = resource.infer_schema_from_config_class

        @cache
        def kept(cls: type, fields_to_omit: frozenset[str]) -> dg.Field:
            return derive(cls, fields_to_omit=set(fields_to_omit))

        def schema(cls: type, *, fields_to_omit: Set[str]) -> dg.Field:
            return kept(cls, frozenset(fields_to_omit))

        patch.setattr(resource, "infer_schema_from_config_class", schema)
        yield
