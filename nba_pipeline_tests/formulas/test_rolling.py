"""Windows: their games, bitwise exactness, and the data strictly before a date."""

import random
import statistics
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.formulas.rolling import (
    in_order,
    strictly_before,
    whole_parts,
    window_games,
    window_mean,
    window_slope,
    window_standard_deviation,
    window_sum,
)

FIRST = date(2024, 1, 1)


def games(**points: list[int]) -> pl.DataFrame:
    """Returns one game per day and player."""
    return pl.DataFrame(
        [
            {"player": player, "game_date": FIRST + timedelta(days=n), "game_id": str(n), "points": scored}
            for player, row in points.items()
            for n, scored in enumerate(row)
        ]
    )


def windows(frame: pl.DataFrame, *expressions: pl.Expr) -> pl.DataFrame:
    return in_order(frame, ["player"], {"points": pl.col("points")}, spreads=["points"]).select(*expressions)


def test_a_window_holds_the_last_games_of_its_own_group() -> None:
    sums = windows(games(a=[1, 2, 4, 8], b=[100, 200]), window_sum("points", 3), window_games(3).alias("n"))
    assert sums.rows() == [(1, 1), (3, 2), (7, 3), (14, 3), (100, 1), (300, 2)]


def test_a_window_of_the_season_holds_every_game_so_far() -> None:
    assert windows(games(a=[1, 2, 4], b=[5]), window_sum("points")).to_series().to_list() == [1, 3, 7, 5]


def test_a_mean_is_null_under_the_least_number_of_games() -> None:
    means = windows(games(a=[1, 2, 3, 4, 5, 6]), window_mean("points", 3)).to_series().to_list()
    assert means == [None, None, None, None, 4.0, 5.0]


def test_statistics_equal_their_definitions() -> None:
    points = [random.Random(1).randrange(60) for _ in range(30)]
    found = windows(games(a=points), window_standard_deviation("points", 10), window_slope("points", 10).alias("slope"))
    last = points[-10:]
    assert found.row(-1) == pytest.approx((statistics.stdev(last), statistics.linear_regression(range(10), last).slope))


def test_a_slope_over_fewer_games_uses_the_existing_games() -> None:
    assert windows(games(b=[9] * 7, c=[0, 2, 4, 6, 8]), window_slope("points", 10)).to_series()[-1] == 2.0


def test_a_window_has_the_same_bits_whatever_is_in_the_frame_besides() -> None:
    other = {f"p{n}": [random.Random(n).randrange(60) for _ in range(50)] for n in range(5)}
    row = [window_mean("points", 10), window_standard_deviation("points").alias("s"), window_slope("points", 7).alias("t")]
    together = windows(games(**other).sample(fraction=1, shuffle=True, seed=3), "player", *row)
    alone = pl.concat(windows(games(**{player: points}), "player", *row) for player, points in other.items())
    assert_frame_equal(together, alone, check_exact=True)


def test_fractional_minutes_become_whole_seconds() -> None:
    assert pl.DataFrame({"minutes": [20.766666666666666]}).select(whole_parts("minutes", 60)).item() == 1246


def test_what_happens_on_the_date_is_not_before_it() -> None:
    history = in_order(games(a=[1, 2, 3]), ["player"])
    rows = pl.DataFrame({"player": "a", "game_date": [FIRST + timedelta(days=n) for n in range(4)]})
    found = strictly_before(rows, history, ["player"], {"points": "latest"})
    assert found["latest"].to_list() == [None, 1, 2, 3]


def test_an_earlier_target_date_excludes_itself() -> None:
    history = in_order(games(a=[1, 2, 3, 4]), ["player"])
    rows = pl.DataFrame({"player": ["a", "b"], "game_date": [FIRST + timedelta(days=4)] * 2})
    assert strictly_before(rows, history, ["player"], {"points": "old"}, days=2)["old"].to_list() == [2, None]
