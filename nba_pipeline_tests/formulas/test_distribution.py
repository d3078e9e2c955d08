"""Probabilities against a line: three sides that sum to 1, push mass of whole numbers, skewed residuals."""

import polars as pl
import pytest

from nba_pipeline.formulas.distribution import probabilities, standardized_residuals

SKEWED = pl.Series([-1.0, -0.5, -0.25, 0.0, 0.5, 2.0])


def of(forecast: float | None, line: float | None, residuals: pl.Series = SKEWED, spread: float = 4.0) -> tuple[float, ...]:
    one = [pl.Series([value], dtype=pl.Float64) for value in (forecast, spread, line)]
    return probabilities(*one, residuals).row(0)


def test_the_over_is_the_share_of_residuals_above_the_line() -> None:
    assert of(20, 20.5) == (pytest.approx(2.5 / 7), 0, pytest.approx(4.5 / 7))


def test_a_whole_number_line_has_the_mass_within_half_a_point_as_push() -> None:
    assert of(20, 20) == (pytest.approx(2.5 / 7), pytest.approx(1 / 7), pytest.approx(3.5 / 7))


@pytest.mark.parametrize("forecast", [0, 5, 20.25, 60])
@pytest.mark.parametrize("line", [5, 12.5, 20, 59.5])
def test_the_three_sum_to_1_and_no_side_is_certain(forecast: float, line: float) -> None:
    over, push, under = of(forecast, line)
    assert over + push + under == pytest.approx(1, abs=1e-12)
    assert min(over, under) > 0 and push >= 0 and (push == 0 or line == int(line))


@pytest.mark.parametrize(("forecast", "line"), [(20.0, None), (None, 20.5)])
def test_without_line_or_forecast_there_is_no_probability(forecast: float | None, line: float | None) -> None:
    assert of(forecast, line) == (None, None, None)


def test_a_wider_spread_moves_the_over_towards_the_middle() -> None:
    residuals = pl.Series([n / 100 for n in range(-200, 201)])
    assert 0.5 < of(24, 20.5, residuals, spread=8)[0] < of(24, 20.5, residuals, spread=6)[0]


def test_residuals_are_in_deviations_of_the_forecast_sorted_and_without_unknown_outcomes() -> None:
    rows = pl.DataFrame({"actual_value": [30, 20, None], "mean": [25.0, 25.0, 25.0]})
    assert standardized_residuals(rows, "mean").to_list() == pytest.approx([-5 / 7.72, 5 / 7.72])
