"""Behavior that all commands share."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.instance.private_files import GROUP_AND_OTHERS
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.commands import nba_pipeline

DAY = date(2026, 1, 15)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """The default umask of most systems, which lets all users read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Returns the files and folders, including the root, that the group or other users may read, write or enter."""
    found = [folder, *folder.rglob("*")]
    return [str(path) for path in found if path.lstat().st_mode & GROUP_AND_OTHERS]


@pytest.mark.usefixtures("usual_umask")
def test_a_new_home_is_only_the_users(tmp_path: Path) -> None:
    """Includes Dagster's databases and all parent folders."""
    nba_pipeline("status", home=tmp_path / "nba" / "home", now=eastern(DAY, 12))
    assert (tmp_path / "nba" / "home" / "dagster" / "dagster.yaml").exists() and open_to_others(tmp_path / "nba") == []


@pytest.mark.platform
@pytest.mark.usefixtures("usual_umask")
def test_what_a_run_and_a_backup_write_is_only_the_users(tmp_path: Path) -> None:
    """Includes tables, landing, locks, manifests and events."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    home.mkdir(mode=0o700)
    rules = home / "sandbox_rules.json"
    rules.touch(mode=0o600)
    rules.write_text(json.dumps({"clubs": 4}))
    nba_pipeline("run", "--date", str(DAY), "--mode", "overnight", home=home, now=eastern(DAY, 23))
    assert nba_pipeline("backup", str(backup), home=home).returncode == 0
    assert {path.name for path in home.iterdir()} >= {"dagster", "landing", "locks", "tables", "format.json"}
    assert open_to_others(home) == open_to_others(backup) == []


@pytest.mark.usefixtures("usual_umask")
def test_files_that_exist_keep_their_permissions(tmp_path: Path) -> None:
    """A home that its user has shared stays readable. New files in it are private."""
    tmp_path.chmod(0o755)
    rules = tmp_path / "sandbox_rules.json"
    rules.write_text("{}")
    nba_pipeline("status", home=tmp_path, now=eastern(DAY, 12))
    assert open_to_others(tmp_path) == [str(tmp_path), str(rules)] and len(list(tmp_path.rglob("*"))) > 1
