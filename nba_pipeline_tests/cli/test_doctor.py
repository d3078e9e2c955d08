"""`nba-pipeline doctor` on a sandbox home whose providers have faults: each operation is really done."""

import json
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline_tests.commands import Ended, nba_pipeline

pytestmark = pytest.mark.platform

RULES = [
    {"match": {"provider": "odds_api"}, "action": "status", "status": 401},
    {"match": {"provider": "nba_cdn"}, "action": "empty_json"},
    {"match": {"provider": "espn"}, "action": "status", "status": 503},
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("doctor")
    (home / "sandbox_rules.json").write_text(json.dumps({"rules": RULES}))
    return home


@pytest.fixture(scope="module")
def ended(home: Path) -> Ended:
    return nba_pipeline("doctor", "--format", "json", "--record-release", "--commit", "abc", home=home)


@pytest.fixture(scope="module")
def results(ended: Ended) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(ended.stdout)}


def test_a_failure_is_exit_code_1(ended: Ended) -> None:
    assert ended.returncode == 1


def test_a_release_is_recorded_with_the_failed_probes(ended: Ended, home: Path) -> None:
    assert "at commit abc; doctor failed: nba_cdn, odds_api" in ended.stderr
    assert list(home.glob("tables/releases/game_date=*/part.parquet"))


def test_a_commit_without_a_release_is_wrong_use(home: Path) -> None:
    ended = nba_pipeline("doctor", "--commit", "abc", home=home)
    assert (ended.returncode, ended.stderr) == (2, "nba-pipeline: --commit needs --record-release\n")


def test_a_rejected_key_names_its_variable(results: dict[str, dict[str, Any]]) -> None:
    assert results["odds_api"]["state"] == "failed" and "ODDS_API_KEY" in results["odds_api"]["message"]


def test_a_response_without_its_keys_and_an_outage_are_failures(results: dict[str, dict[str, Any]]) -> None:
    assert results["nba_cdn"]["state"] == "failed" and "the response has no scoreboard" in results["nba_cdn"]["message"]
    assert results["espn"]["state"] == "warning" and "status 503" in results["espn"]["message"]


def test_a_provider_without_faults_is_reached(results: dict[str, dict[str, Any]]) -> None:
    assert (results["balldontlie"]["state"], results["balldontlie"]["message"]) == ("ok", "box_scores received and parsed")


def test_warehouse_and_landing_are_written_and_read_back(results: dict[str, dict[str, Any]], home: Path) -> None:
    assert results["warehouse"]["state"] == results["landing"]["state"] == "ok"
    assert list(home.glob("tables/write_probes/game_date=*/part.parquet"))
    assert not list(home.glob("landing/doctor/*"))


def test_a_home_without_a_daemon_is_a_warning_outside_of_production(results: dict[str, dict[str, Any]]) -> None:
    assert results["daemon"]["state"] == "warning" and "make dev" in results["daemon"]["next_step"]


def test_the_table_lists_failures_first(home: Path) -> None:
    lines = nba_pipeline("doctor", home=home).stdout.splitlines()
    states = [line.split()[0] for line in lines if line.startswith(("failed", "warning", "ok"))]
    assert states == sorted(states, key=["failed", "warning", "ok"].index)
    assert "failures" in lines[-1]


def test_an_unknown_format_is_wrong_use(home: Path) -> None:
    assert nba_pipeline("doctor", "--format", "xml", home=home).returncode == 2
