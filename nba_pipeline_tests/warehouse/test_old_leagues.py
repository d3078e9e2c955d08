"""A sandbox home of an earlier simulated league is kept beside a new one by `nba-pipeline migrate`."""

import json
from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.assets.sources.schedule import TABLE
from nba_pipeline.warehouse.home_format import SIMULATION, simulation_of
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import a_game, frame_of
from nba_pipeline_tests.commands import nba_pipeline

DAY = date(2026, 1, 5)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of the league before versions were recorded."""
    home = tmp_path / "home"
    warehouse = LocalWarehouse(home=str(home), league="simulated")
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, a_game(DAY)), "test")
    (home / "format.json").write_text(json.dumps({"format": 2}))
    (home / "settings.toml").write_text("")
    return home


def test_the_old_home_is_kept_and_the_new_one_has_the_settings(home: Path) -> None:
    ended = nba_pipeline("migrate", home=home)
    old = home.with_name("home.league_1")
    assert ended.returncode == 0 and f"the home is kept as {old}, and {home} is new" in ended.stdout
    assert [path.name for path in home.iterdir()] == ["settings.toml"] and simulation_of(home) is None
    assert LocalWarehouse(home=str(old)).scan(TABLE).collect().height == 1 and simulation_of(old) == 1


def test_a_dry_run_changes_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    ended = nba_pipeline("migrate", "--dry-run", home=home)
    assert f"the home becomes {home.with_name('home.league_1')}" in ended.stdout
    assert sorted(path for path in home.rglob("*") if "locks" not in path.parts) == [
        path for path in before if "locks" not in path.parts
    ]


def test_an_existing_copy_is_never_overwritten(home: Path) -> None:
    home.with_name("home.league_1").mkdir()
    ended = nba_pipeline("migrate", home=home)
    assert ended.returncode == 2 and "home.league_1 exists already" in ended.stderr
    assert simulation_of(home) == 1


def test_a_home_of_the_present_league_stays(tmp_path: Path) -> None:
    LocalWarehouse(home=str(tmp_path), league="simulated").replace(TABLE, [DAY], TABLE.empty(), "test")
    assert nba_pipeline("migrate", home=tmp_path).returncode == 0
    assert simulation_of(tmp_path) == SIMULATION
