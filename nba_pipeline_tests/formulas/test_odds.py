"""Prices. The numbers are from Magic at Cavaliers, 2024-02-22."""

import polars as pl
import pytest

from nba_pipeline.formulas.odds import implied_probability, is_main_line, no_vig_over_probability, price_skew


@pytest.mark.parametrize(
    ("over", "under", "probability"),
    [(-140, 110, 0.5506), (-120, -102, 0.5193), (-148, 108, 0.5538), (106, -130, 0.4620)],
    ids=["draftkings", "fanduel", "williamhill_us", "fanduel's Suggs"],
)
def test_no_vig_probability_of_a_pair_of_prices(over: int, under: int, probability: float) -> None:
    prices = pl.DataFrame({"over_price": [over], "under_price": [under]})
    assert prices.select(no_vig_over_probability()).item() == pytest.approx(probability, abs=5e-5)


def test_prices_lean_to_the_likelier_side_and_mirror() -> None:
    prices = pl.DataFrame({"over_price": [-140, 110, -110, None], "under_price": [110, -140, -110, -110]})
    assert prices.select(price_skew()).to_series().to_list() == [
        pytest.approx(0.1012, abs=1e-4),
        pytest.approx(-0.1012, abs=1e-4),
        0.0,
        None,
    ]


def test_a_price_that_is_not_american_has_no_probability() -> None:
    prices = pl.DataFrame({"price": [None, 0, 99, -99, 100, -100]})
    assert prices.select(implied_probability(pl.col("price"))).to_series().to_list() == [None] * 4 + [0.5, 0.5]


def main_lines(*rungs: tuple[float, int | None, int | None]) -> list[float]:
    ladder = pl.DataFrame(rungs, schema={"line": pl.Float64, "over_price": pl.Int64, "under_price": pl.Int64}, orient="row")
    return ladder.with_columns(book=pl.lit("b")).filter(is_main_line(["book"]))["line"].to_list()


def test_the_main_line_is_the_rung_with_the_most_balanced_prices() -> None:
    assert main_lines((18.5, -240, 175), (20.5, -122, -109), (22.5, 150, -200)) == [20.5]


def test_a_single_rung_is_the_main_line_even_with_one_price() -> None:
    assert main_lines((20.5, -110, None)) == [20.5]


def test_of_several_rungs_without_a_pair_of_prices_none_is_the_main_line() -> None:
    assert main_lines((20.5, -110, None), (21.5, 105, None)) == []


def test_of_two_equally_balanced_rungs_the_lower_is_the_main_line() -> None:
    assert main_lines((26.5, -104, -129), (25.5, -129, -104)) == [25.5]
