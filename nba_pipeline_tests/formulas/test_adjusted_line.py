"""The price-adjusted line: distinct feeds, fresh snapshots, no pick'em constants."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.adjusted_line import adjusted_lines, feed_lines
from nba_pipeline.formulas.latest_offers import latest_offers
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.builders import Values, a_prop_line, at, prop_lines_of


def adjusted(*rows: Values) -> list[dict[str, Any]]:
    offers = latest_offers(prop_lines_of(*rows), **SETTINGS.lines.adjusting_of("player_points"))
    frame = adjusted_lines(feed_lines(offers, SETTINGS.forecasts.feed_minutes))
    return frame.select("adjusted_line", "adjusted_line_feeds").to_dicts()


def test_equal_prices_leave_the_line() -> None:
    assert adjusted(a_prop_line(24.5)) == [{"adjusted_line": 24.5, "adjusted_line_feeds": 1}]


def test_a_likelier_over_raises_it() -> None:
    (row,) = adjusted(a_prop_line(20.5, over_price=-140, under_price=110))
    assert row["adjusted_line"] == pytest.approx(21.403, abs=1e-3)


def test_a_copy_of_a_feed_counts_once_and_the_mean_is_over_feeds() -> None:
    rows = a_prop_line(24.5), a_prop_line(20.5, "betrivers"), a_prop_line(20.5, "unibet_us")
    assert adjusted(*rows) == [{"adjusted_line": 22.5, "adjusted_line_feeds": 2}]


def test_a_feed_that_is_older_than_five_minutes_is_excluded() -> None:
    for minutes, feeds in ((5, 2), (6, 1)):
        old = a_prop_line(20.5, "fanduel", snapshot_at=at(20) - timedelta(minutes=minutes))
        assert adjusted(a_prop_line(24.5), old)[0]["adjusted_line_feeds"] == feeds


@pytest.mark.parametrize(
    "fields",
    [
        {"book": "prizepicks"}, {"under_price": None}, {"is_before_tipoff": None}, {"is_before_tipoff": False},
        {"line": 20.0}, {"line": 4.5}, {"over_price": 100_000}, {"under_price": -100_000}, {"over_price": 0}, {"market": "player_rebounds"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_price_of_the_market_does_not_count(fields: Values) -> None:
    assert adjusted(a_prop_line(24.5) | fields) == []


def test_a_rung_of_a_ladder_does_not_count() -> None:
    rung = a_prop_line(30.5, over_price=300, under_price=-400)
    assert adjusted(a_prop_line(24.5), rung) == [{"adjusted_line": 24.5, "adjusted_line_feeds": 1}]


def test_no_lines_are_no_rows() -> None:
    made = adjusted_lines(feed_lines(latest_offers(prop_lines_of(), **SETTINGS.lines.adjusting_of("player_points")), 5.0))
    assert made.is_empty() and made.schema["adjusted_line"] == pl.Float64
