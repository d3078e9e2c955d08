"""Dagster's own databases below the home: an unreadable one is named. It is not repaired, moved or replaced here.

Reads the files as SQLite does, with no import of Dagster's private modules (tried with Dagster 1.13).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from nba_pipeline.errors import Damaged

ADVICE = (
    "stop Dagster, move the file away and start again: tables, landing and models stay, the history of runs in that file is lost"
)


@contextmanager
def database_named(home: Path) -> Iterator[None]:
    """When a database of Dagster's instance fails, end with the names of those that are unreadable."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        found = unreadable_databases(home)
        if not found:
            raise
        names = "; ".join(f"{path} ({problem})" for path, problem in found.items())
        raise Damaged(f"Dagster's database is unreadable: {names}; {ADVICE}") from error


def unreadable_databases(home: Path) -> dict[Path, str]:
    """The unreadable databases of the instance of a home, each with what SQLite says of it."""
    found = {}
    for path in sorted((home / "dagster").rglob("*.db")):
        if problem := _problem_of(path):
            found[path] = problem
    return found


def _problem_of(path: Path) -> str:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if answer == "ok" else answer
