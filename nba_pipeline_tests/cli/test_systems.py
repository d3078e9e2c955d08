"""The commands that govern publication, on a home without tables."""

import json
from pathlib import Path

import pytest

from nba_pipeline_tests.builders import at
from nba_pipeline_tests.commands import Ended, nba_pipeline

WHY = ("--reason", "a test", "--author", "Ann")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def run(home: Path, *words: str) -> Ended:
    return nba_pipeline(*words, home=home, now=at(15))


@pytest.mark.platform
def test_a_halt_is_shown_until_it_is_resumed(home: Path) -> None:
    assert run(home, "halt", *WHY).stdout == "picks are halted from now on\n"
    assert "picks are halted: manual (a test)" in run(home, "systems", "list").stdout
    assert run(home, "resume", *WHY).stdout == "picks resume with the next run, unless another cause halts them\n"
    again = run(home, "resume", *WHY)
    assert (again.returncode, again.stderr) == (2, "nba-pipeline: no operator has halted the picks: picks are not halted\n")


@pytest.mark.platform
def test_a_promotion_without_evidence_is_refused_with_every_gate(home: Path) -> None:
    refused = run(home, "systems", "promote", "moving_average", *WHY)
    assert (refused.returncode, refused.stdout.count("failed ")) == (1, 7)
    assert "paired_rows: 0 rows paired with the champion, must be at least 2000" in " ".join(refused.stderr.split())
    assert run(home, "systems", "promote", "xgboost", *WHY).stderr.startswith(
        "nba-pipeline: system xgboost cannot be promoted: xgboost was never trained"
    )
    listed = json.loads(run(home, "systems", "list", "--format", "json").stdout)
    assert listed["systems"]["ensemble"]["role"] == "champion" and listed["decisions"] == []


@pytest.mark.platform
@pytest.mark.parametrize(("system", "message"), [("xgbost", "did you mean xgboost?"), ("ensemble", "is the champion")])
def test_a_refused_retirement_records_no_decision(system: str, message: str, tmp_path: Path) -> None:
    refused = run(tmp_path, "systems", "retire", system, *WHY)
    assert refused.returncode == 2 and message in refused.stderr
    assert json.loads(run(tmp_path, "systems", "list", "--format", "json").stdout)["decisions"] == []


@pytest.mark.parametrize(
    "words", [("halt",), ("resume",), ("systems", "promote", "xgboost"), ("systems", "retire", "xgboost")], ids=" ".join
)
def test_an_empty_author_is_wrong_use_and_touches_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = run(tmp_path / "none", *words, "--reason", "a test", "--author", " ")
    assert (ended.returncode, ended.stderr) == (2, "nba-pipeline: --author must not be empty, it is ' '\n")
    assert not (tmp_path / "none").exists()
