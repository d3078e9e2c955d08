"""Dagster's instance below a home: its folder, its dagster.yaml, and what a broken dagster.yaml is answered with."""

import hashlib
import os
from importlib.resources import files
from pathlib import Path

import dagster as dg
import yaml
from dagster._check import CheckError  # what Dagster 1.13 raises for a class that does not exist

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.causes import sentence_of
from nba_pipeline.instance.private_files import keep_files_private

HASH = "# sha256 of the lines below, as the platform wrote them: "
"""Last line of the header. A file whose lines have another hash was edited by a person."""

FIRST_LINE_OF_OLDER_FILES = "# Dagster's instance for one machine. The command copies this file into <home>/dagster"
"""Files written before they carried a hash; edits of those cannot be told."""


def prepare_instance(home: Path) -> Path:
    """The folder of Dagster's instance below the home, with its dagster.yaml. Raises BadInput for a home not writable."""
    folder = home / "dagster"
    file = folder / "dagster.yaml"
    keep_files_private()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists() or not is_edited(file.read_text()):
            half_written = folder / f".dagster.yaml.{os.getpid()}"
            half_written.write_text(_with_hash(_template().replace("DAGSTER_HOME", str(folder))))
            half_written.replace(file)
    except OSError as error:
        raise BadInput(f"NBA_PIPELINE_HOME {home} cannot be written: {error.strerror}") from None
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """Dagster's instance below the home. Raises BadInput for a home not writable, and for a dagster.yaml that cannot be used."""
    folder = prepare_instance(home)
    try:
        instance = dg.DagsterInstance.from_config(str(folder))
        # Dagster makes these when a run needs them, and then fails the run or the daemon for a wrong key
        _ = instance.run_coordinator, instance.run_launcher, instance.compute_log_manager, instance.scheduler
        return instance
    except OSError as error:
        raise BadInput(f"Dagster's instance in {folder} cannot be opened: {error.strerror}: {error.filename}") from error
    except dg.DagsterInvalidConfigError as error:
        raise _unusable(folder, sentence_of(str(error))) from error
    except (CheckError, yaml.YAMLError) as error:
        raise _unusable(folder, " ".join(str(error).removeprefix("Failure condition: ").split())) from error


def _unusable(folder: Path, reason: str) -> BadInput:
    """A dagster.yaml that Dagster refuses, and the way out."""
    return BadInput(
        f"{folder / 'dagster.yaml'} cannot be used: {reason}. Correct the file, or delete it: the next command writes the "
        "platform's own"
    )


def is_edited(text: str) -> bool:
    """Whether the text of a dagster.yaml is not as the platform wrote it."""
    if text.startswith(FIRST_LINE_OF_OLDER_FILES):
        return False
    header, found, rest = text.partition(HASH)
    recorded, _, body = rest.partition("\n")
    return not found or recorded != _hash(header + body)


def _template() -> str:
    return (files("nba_pipeline.instance") / "dagster.yaml").read_text()


def _with_hash(text: str) -> str:
    header, _, body = text.partition("\n")
    return f"{header}\n{HASH}{_hash(text)}\n{body}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
