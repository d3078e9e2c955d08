"""Features with too little spread or too few distinct values."""

from collections.abc import Sequence

import polars as pl

from nba_pipeline.formulas.feature_variation import flat_features
from nba_pipeline_tests.builders import DAY

REQUIRED = {"line": (2.0, 4)}


def flat(values: Sequence[float | None], min_rows: int = 4, min_known: int = 1) -> list[str]:
    rows = pl.LazyFrame({"game_date": [DAY] * len(values), "line": pl.Series(values, dtype=pl.Float64)})
    count, messages = flat_features(rows, REQUIRED, min_rows=min_rows, full_slate_rows=8, min_known=min_known)[DAY]
    assert count == len(values)
    return messages


def test_a_constant_feature_is_flat() -> None:
    assert flat([20.0] * 8) == ["line (distinct values: 1, standard deviation 0.00)"]


def test_a_full_slate_needs_all_distinct_values_and_half_a_slate_half_of_them() -> None:
    assert flat([10.0, 20.0, 30.0] * 3) != []
    assert flat([10.0, 20.0] * 2) == []
    assert flat([10.0, 20.0, 30.0, 40.0] * 2) == []


def test_a_missing_feature_and_a_small_slate_are_not_flat() -> None:
    assert flat([None] * 8) == []
    assert flat([20.0] * 8, min_rows=9) == []


def test_a_feature_that_few_players_have_needs_fewer_values_or_is_not_judged() -> None:
    few = [10.0, 20.0, 10.0, 20.0]
    assert flat([*few, *[None] * 4]) == []
    assert flat([*few, *few]) != []
    assert flat([20.0] * 3 + [None] * 5) != []
    assert flat([20.0] * 3 + [None] * 5, min_known=4) == []
    assert flat([20.0] * 4 + [None] * 4, min_known=4) != []
