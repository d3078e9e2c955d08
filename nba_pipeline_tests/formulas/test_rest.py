"""The fatigue score, term by term."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.rest import age_years, fatigue_score

FRESH = {
    "rest_days": 2,
    "games_last_7_days": 2,
    "minutes_sum_last_7_days": 60.0,
    "back_to_backs_last_14_days": 0,
    "age_years": 25.0,
}


@pytest.mark.parametrize(
    ("load", "score"),
    [
        ({}, 100),
        ({"rest_days": 1}, 85),
        ({"rest_days": 3}, 100),
        ({"rest_days": 3, "back_to_backs_last_14_days": 1}, 100),
        ({"back_to_backs_last_14_days": 1}, 95),
        ({"back_to_backs_last_14_days": 3}, 88),
        ({"games_last_7_days": 4, "minutes_sum_last_7_days": 140.0}, 90),
        ({"games_last_7_days": 4, "minutes_sum_last_7_days": 141.0}, 82),
        ({"games_last_7_days": 5, "minutes_sum_last_7_days": 151.0}, 80),
        ({"games_last_7_days": 0, "minutes_sum_last_7_days": 0.0}, 100),
        ({"age_years": 29.99}, 100),
        ({"age_years": 30.0}, 95),
        ({"age_years": 35.0}, 90),
        ({"age_years": None}, 100),
    ],
)
def test_fatigue_score_adds_its_terms(load: dict[str, Any], score: int) -> None:
    row = pl.DataFrame([FRESH | load], schema_overrides={"age_years": pl.Float64})
    assert row.select(fatigue_score()).item() == score


def test_fatigue_score_is_null_when_the_rest_is_unknown() -> None:
    row = pl.DataFrame([FRESH | {"rest_days": None}], schema_overrides={"rest_days": pl.Int64})
    assert row.select(fatigue_score()).item() is None


def test_age_is_counted_from_the_birth_date() -> None:
    row = pl.DataFrame({"game_date": [date(2024, 3, 14)] * 2, "birth_date": [date(1988, 3, 14), None]})
    assert row.select(age_years().round(2)).to_series().to_list() == [36.0, None]
