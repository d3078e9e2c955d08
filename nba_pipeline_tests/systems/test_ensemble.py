"""ensemble: the mean of its members, with what is missing named."""

import polars as pl

from nba_pipeline.systems import ENSEMBLE
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

NO_LINES = pl.DataFrame(schema={"game_id": pl.String, "player_id": pl.Int64, "adjusted_line": pl.Float64})


def forecasts(**points: float) -> pl.DataFrame:
    """One forecast per player, named `p1`, `p2`."""
    rows = [("game", int(name[1:]), value, ["clamped"] if value == 60 else []) for name, value in points.items()]
    schema = {"game_id": pl.String, "player_id": pl.Int64, "predicted_value": pl.Float64, "reasons": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_it_is_the_mean_of_its_members() -> None:
    made = ENSEMBLE.combine({"linear_median": forecasts(p1=20), "xgboost": forecasts(p1=22)}, NO_LINES)
    assert made.rows() == [("game", 1, 21.0, [])]


def test_a_member_without_a_forecast_is_named_and_the_other_stands() -> None:
    made = ENSEMBLE.combine({"linear_median": forecasts(p1=20), "xgboost": forecasts(p2=22)}, NO_LINES)
    assert made.rows() == [("game", 1, 20.0, ["without xgboost"]), ("game", 2, 22.0, ["without linear_median"])]


def test_the_reasons_of_its_members_are_its_own_and_stand_once() -> None:
    made = ENSEMBLE.combine({"linear_median": forecasts(p1=60), "xgboost": forecasts(p1=60)}, NO_LINES)
    assert made["reasons"].to_list() == [["clamped"]]


def test_without_any_member_there_is_no_forecast_and_the_reason() -> None:
    nothing = {"linear_median": forecasts(), "xgboost": forecasts()}
    made = ENSEMBLE.combine(nothing, NO_LINES)
    assert made.is_empty()
    rows = features_of_rows(a_feature_row(game_id="game", player_id=1))
    assert ENSEMBLE.why_not_combined(rows, made, nothing)["reason"].to_list() == ["no forecast of linear_median or xgboost"]
