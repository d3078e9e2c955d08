"""The `nba-pipeline` command in this process: a process of its own would spend two seconds on imports.

`test_backfill.test_a_dry_run_changes_nothing` starts the command as a process.
"""

import io
import logging
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from nba_pipeline.cli.app import run_command

DEFINITIONS = "nba_pipeline.definitions"


@dataclass(frozen=True)
class Ended:
    """What a command printed and its exit code, under the names of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def nba_pipeline(*words: str, home: Path, now: datetime | None = None) -> Ended:
    """Run the command in a home, at an instant if given."""
    level = logging.getLogger("dagster").level
    with (
        pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(),
        redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err,
    ):  # fmt: skip
        patch.setenv("NBA_PIPELINE_HOME", str(home))
        if now:
            patch.setenv("NBA_PIPELINE_NOW", now.isoformat())
        patch.setattr(sys, "argv", ["nba-pipeline", *words])
        loaded = sys.modules.pop(DEFINITIONS, None)  # it holds the environment in which it was imported
        try:
            code = run_command()
        finally:
            logging.getLogger("dagster").setLevel(level)
            sys.modules.pop(DEFINITIONS, None)
            if loaded:
                sys.modules[DEFINITIONS] = loaded
    return Ended(code, out.getvalue(), err.getvalue())
