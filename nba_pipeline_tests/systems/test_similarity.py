"""similarity: the formula, calculated by hand."""

from typing import Any

import pytest

from nba_pipeline.systems import ENSEMBLE, SIMILARITY
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

USUAL = {"points_mean_similar_games": 20.0, "same_venue_pct_similar_games": 1.0, "fatigue_score": 70.0}


def forecast(**fields: Any) -> dict[str, Any]:
    return SIMILARITY.predict(features_of_rows(a_feature_row(**USUAL | fields))).row(0, named=True)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({}, 20.0),
        ({"fatigue_score": 100.0}, 20.45),
        ({"fatigue_score": 0.0}, 18.95),
        ({"shot_zone_mismatch_score": 5.0}, 22.0),
        ({"pace_score": -2.0}, 19.2),
        ({"usage_spike_score": 3.0}, 22.4),
        ({"home_court_level": 1.0}, 20.0),  # every similar game was at home as well
        ({"home_court_level": 1.0, "same_venue_pct_similar_games": 0.25}, 20.6),
        ({"home_court_level": 0.0, "same_venue_pct_similar_games": 0.0}, 19.5),
        ({"home_court_level": 0.5, "same_venue_pct_similar_games": 0.0}, 20.0),
    ],
    ids=str,
)
def test_each_term_adds_its_points(fields: dict[str, float], points: float) -> None:
    assert forecast(**fields)["predicted_value"] == pytest.approx(points)


@pytest.mark.parametrize("term", ["fatigue_score", "shot_zone_mismatch_score", "pace_score", "usage_spike_score"])
def test_a_term_without_input_adds_nothing_and_is_named(term: str) -> None:
    row = forecast(**{term: None})
    assert (row["predicted_value"], row["reasons"]) == (pytest.approx(20.0), [f"without {term}"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"games_played_season": 4}, "4 played games this season, needs 5"),
        ({"points_mean_similar_games": None}, "missing points_mean_similar_games"),
    ],
)
def test_without_five_games_or_similar_games_there_is_no_forecast_and_the_reason(fields: dict[str, Any], reason: str) -> None:
    rows = features_of_rows(a_feature_row(**fields))
    assert SIMILARITY.predict(rows).is_empty() and SIMILARITY.why_not(rows)["reason"].to_list() == [reason]


def test_it_is_no_member_of_the_ensemble() -> None:
    assert SIMILARITY.system_id not in ENSEMBLE.members
