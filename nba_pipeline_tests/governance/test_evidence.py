"""The rows and gates of a promotion, read from the ledgers."""

from datetime import timedelta
from pathlib import Path

import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.points_model import TABLE as POINTS_MODEL
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.errors import BadInput
from nba_pipeline.formulas.promotion import refused
from nba_pipeline.governance.evidence import judge_promotion
from nba_pipeline.league.calendar import week_of
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, frame_of
from nba_pipeline_tests.builders_record import LINEAGE, a_bet, bets_of


def a_grade(system_id: str, points: int, version: int = 1, **fields: object) -> Values:
    bet = a_bet()
    copied = ("game_date", "game_id", "player_id", "market", "run_kind", "predicted_value", "line", "recommendation")
    return {
        **{name: bet[name] for name in copied}, "system_id": system_id, "prediction_id": f"{system_id}1", "actual_value": points,
        "grade_version": version, "did_play": True, "outcome": "WIN", "is_correct": True, **LINEAGE,
    } | fields  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """One graded prediction of two systems, corrected from 20 to 22 points, and a model of the week."""
    here = LocalWarehouse(home=str(tmp_path))
    systems = ("ensemble", "xgboost")
    here.add(PREDICTIONS, [DAY], bets_of(*[a_bet(system_id=name, prediction_id=f"{name}1") for name in systems]), "test")
    grades = [a_grade(name, points, version) for name in systems for version, points in ((1, 20), (2, 22))]
    here.add(GRADES, [DAY], frame_of(GRADES, *grades), "test")
    model = {"game_date": week_of(DAY), "system_id": "xgboost", "model_id": "m", "train_end_date": DAY, "rows": 1, **LINEAGE}
    here.replace(POINTS_MODEL, [week_of(DAY)], frame_of(POINTS_MODEL, model | {"validation_rows": 1}), "test")
    return here


def test_the_newest_grade_counts_and_a_model_trained_on_its_own_date_refuses(warehouse: LocalWarehouse) -> None:
    rows, gates = judge_promotion(warehouse, DAY + timedelta(days=1), "xgboost", "ensemble", ["xgboost"])
    assert rows.select("actual_value", "predicted_value_champion", "trained_through").rows() == [(22.0, 25.0, DAY)]
    assert "trained_before: 1 rows of dates that the model was trained on, must be none" in refused(gates)


def test_predictions_of_another_market_are_not_judged_because_the_gates_are_in_points(warehouse: LocalWarehouse) -> None:
    rebounds = {"market": "player_rebounds"}
    systems = ("ensemble", "xgboost")
    bets = [a_bet(system_id=name, prediction_id=f"{name}2", **rebounds) for name in systems]
    warehouse.add(PREDICTIONS, [DAY], bets_of(*bets), "test")
    grades = [a_grade(name, 9, prediction_id=f"{name}2", **rebounds) for name in systems]
    warehouse.add(GRADES, [DAY], frame_of(GRADES, *grades), "test")
    rows, _ = judge_promotion(warehouse, DAY + timedelta(days=1), "xgboost", "ensemble", ["xgboost"])
    assert rows["market"].to_list() == ["player_points"]


def test_a_trained_system_without_a_model_of_the_week_is_refused(warehouse: LocalWarehouse) -> None:
    later = week_of(DAY) + timedelta(days=7)
    model = {"game_date": later, "system_id": "catboost", "model_id": "m", "train_end_date": DAY, "rows": 1, **LINEAGE}
    warehouse.replace(POINTS_MODEL, [later], frame_of(POINTS_MODEL, model | {"validation_rows": 1}), "test")
    _, gates = judge_promotion(warehouse, DAY + timedelta(days=1), "xgboost", "ensemble", ["catboost"])
    assert "trained_before: could not be computed, must be none" in refused(gates)


def test_an_untrained_system_is_refused(warehouse: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match="system catboost cannot be promoted: catboost was never trained"):
        judge_promotion(warehouse, DAY, "catboost", "ensemble", ["catboost"])
