"""Dagster's instance below a home: its folder, its dagster.yaml, and the error for an invalid dagster.yaml."""

import hashlib
import os
from importlib.resources import files
from pathlib import Path

import dagster as dg
import yaml
from dagster._check import CheckError  # raised by Dagster 1.13 for a class that does not exist

from nba_pipeline.errors import BadInput
from nba_pipeline.instance import orphan_watcher
from nba_pipeline.instance.causes import error_summary
from nba_pipeline.instance.private_files import make_files_private

HASH = "# sha256 of the lines below, as the platform wrote them: "
"""Last line of the header. A file with another hash was edited by an operator."""

FIRST_LINE_OF_OLDER_FILES = "# Dagster's instance for one machine. The command copies this file into <home>/dagster"
"""First line of files from before the hash existed. Edits of those files cannot be detected."""


def prepare_instance(home: Path) -> Path:
    """Creates the folder of Dagster's instance below the home with its dagster.yaml, and returns it.

    Raises BadInput if the home is not writable.
    """
    folder = home / "dagster"
    file = folder / "dagster.yaml"
    make_files_private()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists() or not is_edited(file.read_text()):
            temporary = folder / f".dagster.yaml.{os.getpid()}"
            temporary.write_text(_with_hash(_template().replace("DAGSTER_HOME", str(folder))))
            temporary.replace(file)
    except OSError as error:
        raise BadInput(f"NBA_PIPELINE_HOME {home} cannot be written: {error.strerror}") from None
    return folder


def has_instance(home: Path) -> bool:
    """Whether the home has an instance, so that opening it creates nothing."""
    return (home / "dagster" / "dagster.yaml").exists()


def open_instance(home: Path) -> dg.DagsterInstance:
    """Opens Dagster's instance below the home. Raises BadInput if the home is not writable or dagster.yaml is invalid."""
    folder = prepare_instance(home)
    orphan_watcher.use()
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


def _template() -> str:
    return (files("nba_pipeline.instance") / "dagster.yaml").read_text()


def _with_hash(text: str) -> str:
    header, _, body = text.partition("\n")
    return f"{header}\n{HASH}{_hash(text)}\n{body}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
