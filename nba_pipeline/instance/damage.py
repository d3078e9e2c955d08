"""Names unreadable or locked databases of Dagster below the home. Does not repair, move or replace them.

Reads the files with SQLite, without Dagster's private modules (verified with Dagster 1.13).
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from nba_pipeline.errors import Busy, Damaged, PipelineError
from nba_pipeline.instance.postgres import database_of, place, reason

ADVICE = "stop Dagster, move the file away and start again: tables, landing and models are not affected, the run history in that file is lost"

LOCKED = "database is locked"
DRIVER = "psycopg2"
"""Module of the errors of PostgreSQL."""


@contextmanager
def database_named(home: Path) -> Iterator[None]:
    """Converts errors of Dagster's databases to errors that name the unreadable or locked files and the reason.

    Raises Damaged for unreadable files, Busy for locked ones, else PipelineError.
    """
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        if type(getattr(error, "orig", error)).__module__.startswith(DRIVER):
            raise _unusable_server(error, home) from error
        if unreadable := unreadable_databases(home):
            raise Damaged(f"Dagster's database is unreadable: {_named(unreadable)}; {ADVICE}") from error
        reason = str(getattr(error, "orig", error))
        names = _named(unusable_databases(home)) or f"{home / 'dagster'} ({reason})"
        if LOCKED in reason:
            raise Busy(
                f"Dagster's database is locked by another process: {names}; try again when that process has ended"
            ) from error
        raise PipelineError(f"Dagster's database cannot be used: {names}") from error


def _unusable_server(error: Exception, home: Path) -> PipelineError:
    """Returns the error of the server that has the history of a home, with its address and variable."""
    if (database := database_of(home)) is None:  # a scratch home has its history in SQLite
        return PipelineError(f"PostgreSQL cannot be used: {type(error).__name__}")
    url = database.url()
    return PipelineError(f"PostgreSQL at {place(url)} ({database.variable}) cannot be used: {reason(error, url)}")


def unreadable_databases(home: Path) -> dict[Path, str]:
    """Returns the damaged databases of the instance, each with SQLite's message."""
    return {path: problem for path in _databases(home) if (problem := _damage_of(path))}


def unusable_databases(home: Path) -> dict[Path, str]:
    """Returns the databases that cannot be written now (locked, read-only or not openable), each with SQLite's message."""
    return {path: problem for path in _databases(home) if (problem := _obstacle_of(path))}


def _databases(home: Path) -> list[Path]:
    return sorted((home / "dagster").rglob("*.db"))


def _damage_of(path: Path) -> str:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as connection:
            result = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:  # locked or not openable: the contents are unknown
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if result == "ok" else result


def _obstacle_of(path: Path) -> str:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return str(error)
    return ""


def _named(problems: Mapping[Path, str]) -> str:
    return "; ".join(f"{path} ({problem})" for path, problem in problems.items())
