"""Prepared homes are built once, survive a killed worker and are never taken from an aborted run."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nba_pipeline_tests.prepared import copy_of, prepared

DIES_HALF_WAY = """
import os, signal, sys
from pathlib import Path
from nba_pipeline_tests.prepared import prepared

def half(home):
    home.mkdir()
    (home / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)

prepared("home", half, Path(sys.argv[1]))
"""


def complete(home: Path) -> None:
    home.mkdir()
    (home / "whole").touch()


def test_a_home_is_prepared_once(tmp_path: Path) -> None:
    first = prepared("home", complete, tmp_path)
    (first / "seen").touch()
    assert prepared("home", complete, tmp_path) == first
    assert sorted(file.name for file in first.iterdir()) == ["seen", "whole"]


def test_a_killed_worker_leaves_no_lock_and_no_home(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", DIES_HALF_WAY, str(tmp_path)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "home" / "half").exists() and (tmp_path / "home.lock").exists()
    assert [file.name for file in prepared("home", complete, tmp_path).iterdir()] == ["whole"]


def test_a_home_is_prepared_again_after_a_failure(tmp_path: Path) -> None:
    def failing(home: Path) -> None:
        home.mkdir()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        prepared("home", failing, tmp_path)
    assert [file.name for file in prepared("home", complete, tmp_path).iterdir()] == ["whole"]


def test_a_copy_shares_only_immutable_files(tmp_path: Path) -> None:
    home = prepared("home", complete, tmp_path)
    for name in ("part.parquet", "payload.gz", "runs.db"):
        (home / name).write_text("old")
    copy = copy_of(home, tmp_path / "copy")
    assert {file.name: file.samefile(home / file.name) for file in copy.iterdir()} == {
        "part.parquet": True,
        "payload.gz": True,
        "runs.db": False,
        "whole": False,
    }
