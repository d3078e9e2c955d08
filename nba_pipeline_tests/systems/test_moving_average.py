"""The baseline's formula, calculated by hand."""

from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows


def forecast(**fields: Any) -> dict[str, Any]:
    return MOVING_AVERAGE.predict(features_of_rows(a_feature_row(**fields))).row(0, named=True)


def test_the_base_is_half_last_5_and_three_tenths_last_10_and_two_tenths_season() -> None:
    means = {"points_mean_last_5_games": 20.0, "points_mean_last_10_games": 10.0, "points_mean_season": 30.0}
    assert forecast(**means)["predicted_value"] == pytest.approx(10 + 3 + 6)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"fatigue_score": 49.0}, 17.5),
        ({"fatigue_score": 50.0}, 19.0),
        ({"fatigue_score": 69.0}, 19.0),
        ({"fatigue_score": 70.0}, 20.0),
        ({"fatigue_score": 85.0, "is_back_to_back": 1.0}, 18.5),
        ({"fatigue_score": 60.0, "is_back_to_back": 1.0}, 18.5),
        ({"fatigue_score": 40.0, "is_back_to_back": 1.0}, 17.5),  # already in the score, so not counted twice
        ({"home_court_level": 1.0}, 20.5),
        ({"home_court_level": 0.0}, 19.5),
        ({"shot_zone_mismatch_score": 10.0}, 23.0),
        ({"pace_score": -3.0}, 19.1),
        ({"usage_spike_score": 3.0}, 21.2),
    ],
)
def test_each_term_adds_its_points(fields: dict[str, float], points: float) -> None:
    assert forecast(**fields)["predicted_value"] == pytest.approx(points)


@pytest.mark.parametrize(
    "term",
    ["fatigue_score", "is_back_to_back", "shot_zone_mismatch_score", "pace_score", "usage_spike_score", "home_court_level"],
)
def test_a_term_without_input_adds_nothing_and_is_named(term: str) -> None:
    row = forecast(**{term: None})
    assert row["predicted_value"] == pytest.approx(20.0)
    assert row["reasons"] == [f"without {term}"]


def test_a_back_to_back_adds_nothing_while_fatigue_is_unknown() -> None:
    row = forecast(fatigue_score=None, is_back_to_back=1.0)
    assert (row["predicted_value"], row["reasons"]) == (20.0, ["without fatigue_score"])


def test_a_forecast_above_60_is_clamped_and_marked() -> None:
    assert forecast(points_mean_last_5_games=150.0)["predicted_value"] == 60
    assert forecast(points_mean_last_5_games=150.0)["reasons"] == ["clamped"]


def test_a_forecast_below_0_is_clamped_and_marked() -> None:
    zeros = dict.fromkeys(MOVING_AVERAGE.required, 0.0)
    row = forecast(**zeros, fatigue_score=10.0)
    assert (row["predicted_value"], row["reasons"]) == (0, ["clamped"])


def test_a_row_without_a_base_term_is_skipped_with_a_reason() -> None:
    rows = features_of_rows(a_feature_row(), a_feature_row(player_id=2, points_mean_season=None, points_mean_last_5_games=None))
    assert MOVING_AVERAGE.predict(rows)["player_id"].to_list() == [201939]
    assert MOVING_AVERAGE.why_not(rows).select("player_id", "reason").rows() == [
        (2, "missing points_mean_last_5_games, points_mean_season")
    ]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(Permanent, match="moving_average reads pace_score, which `features` does not have"):
        MOVING_AVERAGE.predict(features_of_rows(a_feature_row()).drop("pace_score"))


def test_without_rows_the_result_is_empty() -> None:
    assert MOVING_AVERAGE.predict(features_of_rows()).is_empty()
    assert MOVING_AVERAGE.why_not(features_of_rows()).schema == {"game_id": pl.String, "player_id": pl.Int64, "reason": pl.String}
