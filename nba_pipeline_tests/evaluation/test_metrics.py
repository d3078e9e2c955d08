"""Metrics on a few rows whose values are computed by hand."""

import polars as pl
import pytest

from nba_pipeline.evaluation.metrics import Estimate, mean_of, share_of
from nba_pipeline.formulas.bets import LOSS, PUSH, WIN, gap, profit, result


def test_a_mean_has_the_interval_of_its_standard_error() -> None:
    # mean 1, standard deviation sqrt(2), n 2: 1.96 x sqrt(2) / sqrt(2)
    assert mean_of(pl.Series([0.0, 2.0])) == Estimate(2, 1.0, -0.96, 2.96)


@pytest.mark.parametrize(
    ("values", "estimate"),
    [([], Estimate(0)), ([None], Estimate(0)), ([3.0, None], Estimate(1, 3.0))],
    ids=["no rows", "unknown", "one row"],
)
def test_an_interval_needs_two_known_rows(values: list[float | None], estimate: Estimate) -> None:
    assert mean_of(pl.Series(values, dtype=pl.Float64)) == estimate


def test_the_interval_of_a_share_is_wilsons_and_pushes_do_not_count() -> None:
    estimate = share_of(pl.Series([WIN] * 1171 + [LOSS] * 1022 + [PUSH] * 50))
    assert (estimate.n, round(estimate.low or 0, 3), round(estimate.high or 0, 3)) == (2193, 0.513, 0.555)


def test_the_gap_is_paired() -> None:
    rows = pl.DataFrame({"actual_value": [22.0, 10.0], "model": [20.0, 11.0], "line": [21.5, 14.5]})
    assert rows.select(gap("model", "line")).to_series().to_list() == [1.5, -3.5]


@pytest.mark.parametrize(
    ("forecast", "line", "points", "expected"),
    [(25.0, 20.5, 21, WIN), (25.0, 20.5, 20, LOSS), (15.0, 20.5, 20, WIN), (25.0, 20.0, 20, PUSH), (20.0, 20.0, 25, None), (25.0, None, 25, None)],
    ids=["over", "over lost", "under", "push", "no edge", "no line"],
)  # fmt: skip
def test_a_bet_is_on_the_side_of_the_forecast(forecast: float, line: float | None, points: int, expected: float | None) -> None:
    rows = pl.DataFrame({"forecast": [forecast], "line": pl.Series([line], dtype=pl.Float64), "actual_value": [points]})
    assert rows.select(result("forecast", "line")).item() == expected


@pytest.mark.parametrize(
    ("outcome", "price", "units"),
    [(WIN, -110, 0.9091), (WIN, 150, 1.5), (LOSS, 150, -1.0), (PUSH, -110, 0.0), (WIN, None, None), (WIN, 0, None), (LOSS, 50, None)],
    ids=["favorite", "underdog", "lost", "push returns the stake", "no price", "a price of 0", "no American price"],
)  # fmt: skip
def test_profit_is_in_units_of_the_stake(outcome: float, price: int | None, units: float | None) -> None:
    assert pl.select(profit(pl.lit(outcome), pl.lit(price, pl.Int64)).round(4)).item() == units
