"""zone_matchup: the formula, calculated by hand."""

from typing import Any

import pytest

from nba_pipeline.systems import ENSEMBLE, ZONE_MATCHUP
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

NEUTRAL = {"shot_zone_points_effect": 0.0, "free_throw_points_effect": 0.0}


def forecast(**fields: Any) -> dict[str, Any]:
    return ZONE_MATCHUP.predict(features_of_rows(a_feature_row(**NEUTRAL | fields))).row(0, named=True)


def test_the_base_is_seven_tenths_season_and_three_tenths_last_10() -> None:
    assert forecast(points_mean_season=30.0, points_mean_last_10_games=10.0)["predicted_value"] == pytest.approx(24)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"shot_zone_points_effect": 1.5}, 21.5),
        ({"shot_zone_points_effect": -3.5, "free_throw_points_effect": -1.0}, 16.0),  # clamped to 4
        ({"free_throw_points_effect": 0.5}, 20.5),
        ({"pace_score": -3.0}, 18.8),
        ({"home_court_level": 1.0}, 20.4),
        ({"home_court_level": 0.0}, 19.6),
        ({"fatigue_score": 49.0}, 17.5),
        ({"fatigue_score": 85.0, "is_back_to_back": 1.0}, 18.5),
    ],
)
def test_each_term_adds_its_points(fields: dict[str, float], points: float) -> None:
    assert forecast(**fields)["predicted_value"] == pytest.approx(points)


@pytest.mark.parametrize("term", [*NEUTRAL, "pace_score", "home_court_level", "fatigue_score", "is_back_to_back"])
def test_a_term_without_input_adds_nothing_and_is_named(term: str) -> None:
    row = forecast(**{term: None})
    assert (row["predicted_value"], row["reasons"]) == (pytest.approx(20.0), [f"without {term}"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"games_played_season": 4}, "4 played games this season, needs 5"),
        ({"points_mean_season": None}, "missing points_mean_season"),
    ],
)
def test_without_five_games_or_a_mean_there_is_no_forecast_and_the_reason(fields: dict[str, Any], reason: str) -> None:
    rows = features_of_rows(a_feature_row(**fields))
    assert ZONE_MATCHUP.predict(rows).is_empty() and ZONE_MATCHUP.why_not(rows)["reason"].to_list() == [reason]


def test_it_is_no_member_of_the_ensemble() -> None:
    assert ZONE_MATCHUP.system_id not in ENSEMBLE.members
