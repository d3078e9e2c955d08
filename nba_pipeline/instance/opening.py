"""Dagster's instance of a home: its folder, its dagster.yaml, and the error for an invalid dagster.yaml.

The runs, events and schedules are in SQLite below the home, or in PostgreSQL. The dagster.yaml of the home says which;
`nba-pipeline instance migrate` changes it.
"""

import hashlib
import os
from importlib.resources import files
from pathlib import Path

import dagster as dg
import yaml
from dagster._check import CheckError  # raised by Dagster 1.13 for a class that does not exist
from dagster._core.storage.event_log import SqliteEventLogStorage

from nba_pipeline.errors import BadInput
from nba_pipeline.instance import orphan_watcher
from nba_pipeline.instance.causes import error_summary
from nba_pipeline.instance.postgres import URL_VARIABLE, Database, database_of
from nba_pipeline.instance.private_files import make_files_private
from nba_pipeline.settings import SETTINGS

HASH = "# sha256 of the lines below, as the platform wrote them: "
"""Last line of the header. A file with another hash was edited by an operator."""

AFTER_STORAGE = "run_coordinator:"
"""First line of dagster.yaml below the storage."""

FIRST_LINE_OF_OLDER_FILES = "# Dagster's instance for one machine. The command copies this file into <home>/dagster"
"""First line of files from before the hash existed. Edits of those files cannot be detected."""

POSTGRES_CLASS = "PooledPostgresStorage"
"""The storage that a dagster.yaml names if the history is in PostgreSQL."""

RUNS = Path("dagster", "history", "runs.db")
"""Database of the runs of a home in SQLite."""

ENVIRONMENT_KEY = "nba_pipeline/environment"
"""Key of the database's record of its environment."""


def prepare_instance(home: Path) -> Path:
    """Creates the folder of Dagster's instance below the home with its dagster.yaml, and returns it.

    Raises BadInput if the home is not writable, PostgreSQL cannot be used, or the history of the home is in the other storage. The
    last two are checked before anything is written.
    """
    database, file = database_of(home), _file(home)
    if database:
        database.refuse_unusable()
    make_files_private()
    try:
        text = file.read_text() if file.exists() else None
        if text is None or not is_edited(text):
            _refuse_another_storage(home, database)
            write_settings(home, database)
    except OSError as error:
        raise BadInput(f"NBA_PIPELINE_HOME {home} cannot be written: {error.strerror}") from None
    return file.parent


def write_settings(home: Path, database: Database | None) -> None:
    """Writes the dagster.yaml of a home atomically."""
    file = _file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".dagster.yaml.{os.getpid()}")
    temporary.write_text(_with_hash(settings_text(file.parent, database)))
    temporary.replace(file)


def settings_text(folder: Path, database: Database | None) -> str:
    """Returns the platform's dagster.yaml, with the storage of SQLite or of a database."""
    text = (files("nba_pipeline.instance") / "dagster.yaml").read_text().replace("DAGSTER_HOME", str(folder))
    if database is None:
        return text
    header, _, rest = text.partition("\n")
    _, separator, rest = rest.partition(AFTER_STORAGE)
    config = {**database.config(), "connections": SETTINGS.postgres.connections_per_process}
    storage = {"module": "nba_pipeline.instance.postgres_storage", "class": POSTGRES_CLASS, "config": config}
    return f"{header}\n{yaml.safe_dump({'storage': {'custom': storage}}, sort_keys=False)}{separator}{rest}"


def is_in_postgres(home: Path) -> bool:
    """Whether the dagster.yaml of a home names the platform's storage in PostgreSQL."""
    return _file(home).exists() and POSTGRES_CLASS in _file(home).read_text()


def is_in_sqlite(home: Path) -> bool:
    """Whether the history of a home is in SQLite, even if its dagster.yaml was deleted."""
    return not is_in_postgres(home) and (_file(home).exists() or (home / RUNS).exists())


def _refuse_another_storage(home: Path, database: Database | None) -> None:
    """Raises BadInput if the history of a home is not where the variables say."""
    if database is None and is_in_postgres(home):
        raise BadInput(f"the run history of {home} is in PostgreSQL, and {URL_VARIABLE} is not set; set it as before")
    if database is not None and is_in_sqlite(home):
        raise BadInput(
            f"{database.variable} is set, and the run history of {home} is in SQLite; "
            "stop the daemon and move it with `nba-pipeline instance migrate`"
        )


def has_instance(home: Path) -> bool:
    """Whether the home has an instance: a dagster.yaml, or a run history in PostgreSQL, which another host may have begun.

    Raises BadInput if PostgreSQL cannot be used.
    """
    database = database_of(home)
    return _file(home).exists() or (database is not None and bool(database.value(ENVIRONMENT_KEY)))


def open_instance(home: Path) -> dg.DagsterInstance:
    """Opens Dagster's instance of the home.

    Raises BadInput if the home is not writable, dagster.yaml is invalid, or its database cannot be used.
    """
    folder = prepare_instance(home)
    orphan_watcher.use()
    instance = open_folder(folder)
    if database := database_of(home):
        _refuse_another_database(instance, folder, database)
    return instance


def open_folder(folder: Path) -> dg.DagsterInstance:
    """Opens the instance of a folder as its dagster.yaml says. Raises BadInput if the file or its database cannot be used."""
    try:
        instance = dg.DagsterInstance.from_config(str(folder))
        # Dagster creates these lazily: without this access, a wrong key would only fail a later run or the daemon
        _ = instance.run_coordinator, instance.run_launcher, instance.compute_log_manager, instance.scheduler
        return instance
    except OSError as error:
        raise BadInput(f"Dagster's instance in {folder} cannot be opened: {error.strerror}: {error.filename}") from error
    except dg.DagsterInvalidConfigError as error:
        raise _unusable(folder, error_summary(str(error))) from error
    except (CheckError, yaml.YAMLError) as error:
        raise _unusable(folder, " ".join(str(error).removeprefix("Failure condition: ").split())) from error


def _refuse_another_database(instance: dg.DagsterInstance, folder: Path, database: Database) -> None:
    """Raises BadInput if an edited dagster.yaml ignores the variables, or the database belongs to another environment."""
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        raise BadInput(f"{database.variable} is set, and {folder / 'dagster.yaml'} was edited and names SQLite; correct the file")
    recorded = instance.run_storage.get_cursor_values({ENVIRONMENT_KEY}).get(ENVIRONMENT_KEY)
    if recorded is None:
        instance.run_storage.set_cursor_values({ENVIRONMENT_KEY: database.environment})
    elif recorded != database.environment:
        raise BadInput(
            f"the database of {database.variable} has the run history of the environment {recorded}, and NBA_PIPELINE_ENV is "
            f"{database.environment}; use one database per environment"
        )


def _file(home: Path) -> Path:
    return home / "dagster" / "dagster.yaml"


def _unusable(folder: Path, reason: str) -> BadInput:
    """Returns the error for a dagster.yaml that Dagster rejects, with the next step."""
    return BadInput(
        f"{folder / 'dagster.yaml'} cannot be used: {reason}. Correct the file, or delete it: the next command writes the "
        "platform's own"
    )


def is_edited(text: str) -> bool:
    """Whether the text of a dagster.yaml differs from the platform's own."""
    if text.startswith(FIRST_LINE_OF_OLDER_FILES):
        return False
    header, separator, rest = text.partition(HASH)
    recorded, _, body = rest.partition("\n")
    return not separator or recorded != _hash(header + body)


def _with_hash(text: str) -> str:
    header, _, body = text.partition("\n")
    return f"{header}\n{HASH}{_hash(text)}\n{body}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
