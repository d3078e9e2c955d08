"""The commands `publish` and `export`: what they write, and when the files before stay."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nba_pipeline.cli import publish
from nba_pipeline.governance.halts import Halt, read_halts, record_derived
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import at
from nba_pipeline_tests.cli.conftest import Faulty
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT

PUBLISH = ("publish", "--date", str(DAY))


@pytest.fixture
def own(faulty: Faulty, tmp_path: Path) -> Faulty:
    return faulty.copy(tmp_path / "home")


def latest(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "public" / "v1" / "latest.json").read_text()))


def test_a_slate_is_published_and_valid(own: Faulty) -> None:
    ended = own.run(*PUBLISH)
    assert (ended.returncode, latest(own.home)["game_date"]) == (0, str(DAY)), ended.stderr
    assert latest(own.home)["players"] and latest(own.home)["champion"] == "ensemble"
    assert own.run("export", "--validate").returncode == 0


@pytest.mark.parametrize("name", ["predictions", "schedule"])
def test_an_unreadable_table_is_no_empty_slate(name: str, own: Faulty) -> None:
    own.run(*PUBLISH)
    before = latest(own.home)
    part = own.home / "tables" / name / f"game_date={DAY}" / "part.parquet"
    part.unlink()  # a copied home shares its files with the prepared one, so none is changed in place
    if name == "schedule":
        part.write_bytes(b"garbage")
    ended = own.run(*PUBLISH)
    assert ended.returncode == 1 and "not published: " in ended.stderr, ended.stderr
    assert latest(own.home) == before


def test_a_schedule_that_is_not_loaded_is_no_date_without_games(own: Faulty) -> None:
    (own.home / "tables" / "schedule" / f"game_date={NEXT}" / "part.parquet").unlink()
    ended = own.run("publish", "--date", str(NEXT), hour=23)
    assert ended.returncode == 2 and f"the schedule of {NEXT} is not loaded" in ended.stderr, ended.stdout
    assert not (own.home / "public").exists()


def test_backtests_are_no_forecasts(own: Faulty) -> None:
    before = DAY - timedelta(days=1)
    assert own.run("publish", "--date", str(before)).returncode == 0
    assert (latest(own.home)["state"], latest(own.home)["players"]) == ("pending", [])


def test_a_halt_by_the_platform_is_published_like_that_of_an_operator(tmp_path: Path) -> None:
    warehouse: Any = LocalWarehouse(home=str(tmp_path))
    work: Any = SimpleNamespace(warehouse=warehouse)
    assert publish._halt(work) == ""
    record_derived(warehouse, at(15), read_halts(warehouse), Halt(True, "edge_collapse", "worse than the line"))
    assert publish._halt(work) == "picks are halted: edge_collapse (worse than the line)"
