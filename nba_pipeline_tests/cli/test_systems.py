"""The commands that govern publication, on a home without tables and on one with graded predictions of three systems."""

import json
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.governance.roles import read_decisions
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import Values, at, before, frame_of
from nba_pipeline_tests.builders_predictions import a_feature_row
from nba_pipeline_tests.builders_record import LINEAGE, a_bet
from nba_pipeline_tests.commands import Ended, nba_pipeline
from nba_pipeline_tests.governance.test_evidence import a_grade

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


EDGES = {"ensemble": [1.0, -1.0, 2.0, -2.0], "similarity": [1.5, -1.5, 1.5, -1.5], "moving_average": [3.0, 3.0, 2.0, 2.0]}
"""System -> its edges on four players, repeated. Two systems have the same mean error, and one recommends only OVER."""


def many(table: Table, row: Values, number: int, edges: list[float]) -> pl.DataFrame:
    """The row for many players, with these edges against a line of 20.5."""
    player = pl.col("player_id")
    edge = pl.Series("edge", edges * (number // len(edges)))
    rows = pl.concat([frame_of(table, row)] * number).with_columns(
        pl.int_range(1, number + 1).alias("player_id"), (20.5 + edge).alias("predicted_value")
    )
    side = pl.when(edge > 0).then(pl.lit("OVER")).otherwise(pl.lit("UNDER")).alias("recommendation")
    return rows.with_columns(pl.format("{}-{}", "prediction_id", player).alias("prediction_id"), side)


@pytest.fixture
def challenged(tmp_path: Path) -> LocalWarehouse:
    """1,000 graded predictions of each system on each of two dates. Forty players have a season average."""
    here = LocalWarehouse(home=str(tmp_path), league="simulated")
    for day in (before(2), before(1)):
        for system, edges in EDGES.items():
            key = {"game_date": day, "system_id": system, "prediction_id": f"{system} {day}"}
            here.add(PREDICTIONS, [day], many(PREDICTIONS, a_bet(**key), 1000, edges), "test")
            here.add(GRADES, [day], many(GRADES, a_grade(system, 25) | key, 1000, edges), "test")
        players = [a_feature_row(day, player_id=number, game_id=a_bet()["game_id"], **LINEAGE) for number in range(1, 41)]
        here.replace(TABLES["features"], [day], frame_of(TABLES["features"], *players), "test")
    return here


@pytest.mark.platform
def test_a_promotion_is_granted_or_refused_by_its_gates_and_keeps_its_evidence(
    challenged: LocalWarehouse, tmp_path: Path
) -> None:
    refused = run(tmp_path, "systems", "promote", "moving_average", *WHY)
    assert refused.returncode == 1 and read_decisions(challenged).is_empty()
    assert "direction: 100.0% OVER, must be neither direction above 80%" in " ".join(refused.stderr.split())
    granted = run(tmp_path, "systems", "promote", "similarity", *WHY)
    assert granted.stdout.splitlines()[-1] == "similarity is the champion from the next run on; ensemble is in shadow"
    initial, promoted = read_decisions(challenged).to_dicts()
    assert (initial["decision"], promoted["former_champion"], promoted["author"]) == ("initial", "ensemble", "Ann")
    evidence = json.loads(promoted["evidence"])
    assert (evidence["rows"], evidence["from"], evidence["to"]) == (2000, str(before(2)), str(before(1)))
    assert {gate["passed"] for gate in evidence["gates"].values()} == {True} and len(evidence["gates"]) == 9
    assert evidence["hit_rate_at_edge_1"].endswith("N 2000")


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
