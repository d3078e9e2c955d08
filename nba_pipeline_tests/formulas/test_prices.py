"""Prices of a line: the recommended side, distinct feeds within five minutes, and junk that is no price."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.adjusted_line import feed_lines
from nba_pipeline.formulas.latest_offers import latest_offers
from nba_pipeline.formulas.prices import expected_value, line_prices, with_prices, with_side_prices
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.builders import PLAYER, Values, a_prop_line, at, prop_lines_of


def prices(*rows: Values, line: float | None = 24.5, book: str = "draftkings") -> dict[str, Any]:
    offers = latest_offers(prop_lines_of(*rows), **SETTINGS.lines.adjusting_of("player_points"))
    lines = pl.DataFrame(
        {"game_id": [a_prop_line()["game_id"]], "player_id": [PLAYER], "line": [line], "book": [book]},
        schema_overrides={"line": pl.Float64},
    )
    return line_prices(lines, offers, feed_lines(offers, 5.0), 5.0).row(0, named=True)


def side(recommendation: str, **values: Any) -> dict[str, Any]:
    made = {f"{one}_{name}": None for one in ("over", "under") for name in ("price", "best_price", "best_price_book")}
    made |= {f"{one}_{name}": None for one in ("over", "under") for name in ("best_price_source", "price_edge")}
    return with_side_prices(pl.DataFrame([made | values | {"recommendation": recommendation}])).row(0, named=True)


def test_the_best_price_of_each_side_comes_from_any_feed_and_the_price_from_the_book_of_the_line() -> None:
    row = prices(
        a_prop_line(over_price=-120, under_price=100),
        a_prop_line(book="fanduel", over_price=-105, under_price=-115, source="fd"),
        a_prop_line(book="betmgm", over_price=-110, under_price=-110),
    )
    assert (row["over_price"], row["over_best_price"], row["over_best_price_book"]) == (-120, -105, "fanduel")
    assert (row["under_price"], row["under_best_price"], row["under_best_price_book"]) == (100, 100, "draftkings")
    assert (row["over_best_price_source"], row["prices_snapshot_at"]) == ("fd", at(20))


def test_the_market_probability_is_the_mean_over_distinct_feeds_with_both_prices() -> None:
    rows = [
        a_prop_line(over_price=-140, under_price=110), a_prop_line(book="fanduel"), a_prop_line(book="betmgm", under_price=None),
        a_prop_line(book="betrivers"), a_prop_line(book="unibet_us", over_price=-200, under_price=150),
    ]  # fmt: skip
    assert prices(*rows)["market_over_probability"] == pytest.approx((0.550562 + 0.5 + 0.5) / 3, abs=1e-6)


def test_a_median_of_books_has_no_price_of_its_own_and_a_best_price() -> None:
    row = prices(a_prop_line(book="betmgm", over_price=105), book="median")
    assert (row["over_price"], row["over_best_price"]) == (None, 105)


@pytest.mark.parametrize(
    "other",
    [
        {"line": 25.5, "line_half_points": 51}, {"market": "player_rebounds"}, {"book": "prizepicks"},
        {"snapshot_at": at(20) - timedelta(minutes=6)}, {"is_before_tipoff": False}, {"over_price": 0, "under_price": 0},
        {"over_price": 100_000, "under_price": 100_000}, {"over_price": None, "under_price": None},
    ],
    ids=str,
)  # fmt: skip
def test_an_offer_of_another_line_market_instant_or_without_a_price_is_no_better_price(other: Values) -> None:
    row = prices(a_prop_line(), a_prop_line(**{"book": "fanduel", "over_price": 150, "under_price": 150} | other))
    assert (row["over_best_price"], row["under_best_price"]) == (-110, -110)
    assert row["market_over_probability"] == 0.5


@pytest.mark.parametrize("over_price", [0, 100_000, None])
def test_without_a_valid_pair_there_is_no_market_probability(over_price: int | None) -> None:
    row = prices(a_prop_line(over_price=over_price))
    assert (row["market_over_probability"], row["over_price"], row["over_price_edge"]) == (None, None, None)
    assert row["under_price"] == -110


@pytest.mark.parametrize(
    ("seconds", "price"), [(-1, -110), (0, None), (1, None)], ids=["before tip-off", "at tip-off", "after tip-off"]
)
def test_only_prices_from_before_tip_off_are_used(seconds: int, price: int | None) -> None:
    lines = pl.DataFrame([prices(a_prop_line())])
    tipoff = lines["prices_snapshot_at"][0] - timedelta(seconds=seconds)
    predictions = lines.select("game_id", "player_id", pl.lit(24.5).alias("line"), pl.lit(tipoff).alias("tipoff_at"))
    row = with_prices(predictions, lines).row(0, named=True)
    assert (row["over_price"], row["prices_snapshot_at"] is None) == (price, price is None)


def test_without_a_line_there_are_no_prices() -> None:
    assert prices(a_prop_line(), line=None)["over_best_price"] is None


def test_the_price_edge_compares_with_the_other_feeds_only() -> None:
    """Two other books have the over at 50 %; +110 implies 47.6 %."""
    rows = [a_prop_line(over_price=110, under_price=-130), a_prop_line(book="fanduel"), a_prop_line(book="betmgm")]
    row = prices(*rows)
    assert row["over_price_edge"] == pytest.approx(0.5 - 100 / 210)
    assert row["under_price_edge"] < 0
    assert prices(*rows[:1])["over_price_edge"] is None


def test_a_prediction_carries_the_prices_of_the_side_it_recommends() -> None:
    both = {"over_price": -120, "under_price": 100}
    assert [side(name, **both)["price"] for name in ("OVER", "UNDER", "PASS", "NO_LINE")] == [-120, 100, None, None]


def test_the_expected_value_of_a_bet_returns_the_stake_on_a_push() -> None:
    value = pl.select(expected_value(pl.lit(-110), pl.lit(0.5), pl.lit(0.4))).item()
    assert value == pytest.approx(0.5 / 1.1 - 0.4)


@pytest.mark.parametrize("price", [0, 100_000, -50, None])
def test_without_a_valid_price_there_is_no_expected_value(price: int | None) -> None:
    assert pl.select(expected_value(pl.lit(price, pl.Int64), pl.lit(0.5), pl.lit(0.5))).item() is None
