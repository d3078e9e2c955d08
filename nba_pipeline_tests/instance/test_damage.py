"""Errors name an unusable database of Dagster and the reason. A locked database is not damaged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nba_pipeline.errors import Busy, Damaged, PipelineError
from nba_pipeline.instance.damage import database_named

pytestmark = pytest.mark.sqlite


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "dagster" / "history" / "runs.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id)")
    return path


@pytest.fixture
def locked(database: Path) -> Iterator[None]:
    """Another process holds an exclusive lock on the database."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def write(home: Path, path: Path) -> None:
    with database_named(home), closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("INSERT INTO runs VALUES (1)")


@pytest.mark.usefixtures("locked")
def test_a_locked_database_is_named_and_not_called_damaged(tmp_path: Path, database: Path) -> None:
    with pytest.raises(Busy, match=rf"locked by another process: {database} \(database is locked\); try again"):
        write(tmp_path, database)


def test_a_lock_that_has_ended_meanwhile_is_named_by_the_folder(tmp_path: Path) -> None:
    with pytest.raises(Busy, match=rf"another process: {tmp_path / 'dagster'} \(database is locked\)"), database_named(tmp_path):
        raise sqlite3.OperationalError("database is locked")


def test_another_obstacle_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(PipelineError, match=rf"cannot be used: {tmp_path / 'dagster'} \(database or disk is full\)"),
        database_named(tmp_path),
    ):
        raise sqlite3.OperationalError("database or disk is full")


def test_a_damaged_database_is_named(tmp_path: Path, database: Path) -> None:
    database.write_bytes(b"no database " * 400)
    with pytest.raises(Damaged, match=f"is unreadable: {database} "):
        write(tmp_path, database)
