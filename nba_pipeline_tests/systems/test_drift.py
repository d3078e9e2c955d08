"""Feature ranges of the training rows, and served values unlike them."""

import polars as pl
import pytest

from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import LINEAR_MEDIAN
from nba_pipeline.systems.drift import drift, feature_ranges, unlike_shares

ONE_TO_1000 = pl.DataFrame(
    {"minutes": [float(n) for n in range(1, 1001)], "unknown": [None] * 1000}, schema_overrides={"unknown": pl.Float64}
)


def minutes(*values: float | None) -> pl.DataFrame:
    return pl.DataFrame({"minutes": values}, schema={"minutes": pl.Float64})


def test_a_range_is_the_central_99_percent_and_the_share_of_nulls() -> None:
    half = pl.concat([ONE_TO_1000, ONE_TO_1000.clear(1000)])
    low, high, null_share = feature_ranges(half, ["minutes"])["minutes"]
    assert (low, high, null_share) == (pytest.approx(5.995), pytest.approx(995.005), 0.5)
    assert feature_ranges(half, ["unknown"]) == {"unknown": (None, None, 1.0)}
    assert feature_ranges(ONE_TO_1000.clear(), ["minutes"]) == {"minutes": (None, None, 0.0)}


@pytest.mark.parametrize(
    ("served", "share"),
    [
        (minutes(5, 7, 7, 7), 0.25),
        (minutes(1, 2000, 7, 7), 0.5),
        (minutes(None, 7), 0.4),  # half of the rows are null, of the training rows a tenth
        (minutes(None, None), 0.9),
        (minutes(2000, None), 1.0),
        (minutes(7, 7), 0.0),
    ],
)
def test_values_outside_the_range_and_additional_nulls_are_unlike(served: pl.DataFrame, share: float) -> None:
    assert unlike_shares(served, {"minutes": (6.0, 10.0, 0.1)}) == {"minutes": pytest.approx(share)}


def test_a_feature_without_a_range_or_a_column_and_no_rows_are_not_compared() -> None:
    assert unlike_shares(minutes(7), {"minutes": (None, None, 1.0), "renamed": (0.0, 1.0, 0.0)}) == {}
    assert unlike_shares(minutes(), {"minutes": (6.0, 10.0, 0.1)}) == {}


def served(rows: int, games: int) -> pl.DataFrame:
    names = dict.fromkeys(LINEAR_MEDIAN.reads, 20.0)
    return pl.DataFrame([{"games_played_season": games, **names}] * rows)


def test_few_rows_and_the_first_games_of_a_season_are_not_compared() -> None:
    ranges, least = {"rest_days": (0.0, 5.0, 0.0)}, SETTINGS.training.drift_least_rows
    assert drift(served(least, games=5), LINEAR_MEDIAN, ranges) == {"rest_days": 1.0}
    assert drift(served(least - 1, games=5), LINEAR_MEDIAN, ranges) == {}
    assert drift(served(least, games=4), LINEAR_MEDIAN, ranges) == {}
