"""Scores of probabilities: pushes have no outcome, and a number that is no probability has no score."""

import math

import polars as pl
import pytest

from nba_pipeline.formulas.calibration import (
    brier_score,
    decided,
    expected_calibration_error,
    log_loss,
    reliability,
    without_push,
)


def scored(probability: float | None, is_over: bool) -> tuple[float | None, float | None]:
    p = pl.lit(probability, pl.Float64)
    return pl.select(log_loss(p, pl.lit(is_over)), brier=brier_score(p, pl.lit(is_over))).row(0)


def test_the_scores_of_an_over_and_an_under() -> None:
    assert scored(0.8, True) == pytest.approx((-math.log(0.8), 0.04))
    assert scored(0.8, False) == pytest.approx((-math.log(0.2), 0.64))


@pytest.mark.parametrize("probability", [-0.01, 1.01, None])
def test_what_is_no_probability_has_no_score(probability: float | None) -> None:
    assert scored(probability, True) == (None, None)


def test_pushes_and_unknown_outcomes_are_excluded() -> None:
    rows = pl.DataFrame({"actual_value": [21, 20, 19, None], "line": [20.0] * 4})
    assert decided(rows)["is_over"].to_list() == [True, False]


def test_a_certain_push_leaves_no_probability() -> None:
    assert pl.select(without_push(pl.lit(0.0), pl.lit(1.0))).item() is None


def test_ten_groups_of_equal_size_and_the_mean_distance_between_probability_and_share() -> None:
    probabilities = [n / 100 for n in range(100)]
    rows = pl.DataFrame({"p": probabilities, "is_over": [n % 10 < n // 10 for n in range(100)]})
    groups = reliability(rows, "p")
    assert groups["rows"].to_list() == [10] * 10
    assert groups["over_share"].to_list() == pytest.approx([n / 10 for n in range(10)])
    assert expected_calibration_error(groups) == pytest.approx(0.045)


def test_fewer_than_ten_rows_have_no_calibration_error() -> None:
    rows = pl.DataFrame({"p": [0.5] * 9 + [None], "is_over": [True] * 10})
    assert expected_calibration_error(reliability(rows, "p")) is None


def test_the_order_of_rows_with_the_same_probability_has_no_effect() -> None:
    rows = pl.DataFrame({"p": [0.4] * 15 + [0.6] * 15, "is_over": ([True] * 5 + [False] * 10) * 2, "system": ["a"] * 30})
    groups = reliability(rows, "p", by=["system"])
    assert groups.equals(reliability(rows.reverse(), "p", by=["system"]))
    assert groups["over_share"].to_list() == pytest.approx([1 / 3] * 10)
