"""The closing line of a book is its last line, if the game was captured shortly before tip-off."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.closing_lines import closing_line_value, closing_lines
from nba_pipeline_tests.builders_evaluation import FIRST, a_line, lines_of, tipoff_of

RULES = {"market": "player_points", "placeholder": 20.0, "closing_minutes": 20.0, "historical_minutes": 15.0}
LATE = tipoff_of(FIRST) + timedelta(days=30)


def closing(*rows: dict[str, Any]) -> dict[str, Any]:
    [row] = closing_lines(lines_of(*rows), **RULES).to_dicts()
    return row


def test_the_last_snapshot_before_tipoff_closes_and_the_first_opens() -> None:
    row = closing(a_line(line=18.5, minutes=300), a_line(line=19.5, minutes=90), a_line(line=21.5, minutes=5, over_price=-130))
    assert (row["first_line"], row["closing_line"], row["closing_over_price"], row["closing_status"]) == (
        18.5,
        21.5,
        -130,
        "captured",
    )


def test_a_missed_capture_is_recorded_as_missed_without_a_closing_line() -> None:
    row = closing(a_line(minutes=300), a_line(minutes=21))
    assert (row["closing_status"], row["closing_line"], row["closing_over_price"]) == ("missed", None, None)
    assert row["closing_at"] == tipoff_of(FIRST) - timedelta(minutes=21)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"captured_at": tipoff_of(FIRST) - timedelta(minutes=15)}, "captured"),
        ({"captured_at": LATE}, "captured"),
        ({"captured_at": None}, "missed"),
        ({"captured_at": tipoff_of(FIRST) - timedelta(minutes=15), "tipoff_at": None}, "missed"),
    ],
    ids=["captured 15 minutes before", "a historical request", "an archive without captures", "an unknown tip-off"],
)
def test_a_book_that_changed_nothing_for_hours_closes_with_the_capture(fields: dict[str, Any], status: str) -> None:
    assert closing(a_line(minutes=300, **fields))["closing_status"] == status


def test_a_capture_of_the_game_closes_the_books_that_did_not_change() -> None:
    rows = closing_lines(lines_of(a_line(minutes=200), a_line(minutes=5, book="fanduel", player=2)), **RULES)
    assert rows["closing_status"].to_list() == ["captured", "captured"]


def test_the_lines_of_some_bets_are_those_of_all_books() -> None:
    lines = lines_of(a_line(minutes=200), a_line(minutes=5, book="fanduel"))
    every = closing_lines(lines, **RULES)
    assert closing_lines(lines, every.filter(book="draftkings"), **RULES).equals(every.filter(book="draftkings"))
    assert every["closing_status"].to_list() == ["captured", "captured"]


@pytest.mark.parametrize(
    "fields", [{"is_before_tipoff": None}, {"snapshot_at": None}, {"market": "player_assists"}, {"line": 20.0}], ids=str
)
def test_other_lines_do_not_close(fields: dict[str, Any]) -> None:
    assert closing_lines(lines_of(a_line(**fields)), **RULES).is_empty()


def test_an_alternate_line_does_not_close() -> None:
    row = closing(a_line(line=20.5, minutes=5), a_line(line=30.5, minutes=5, over_price=400, under_price=-600))
    assert row["closing_line"] == 20.5


def value(is_over: bool, *rows: dict[str, Any]) -> float | None:
    made = closing_lines(lines_of(*rows), **RULES).select(closing_line_value(pl.lit(is_over)).round(4))
    result: float | None = made.item()
    return result


def test_the_price_taken_is_compared_with_the_closing_no_vig_price_of_the_same_line() -> None:
    # closing no-vig P(over) = 0.58333 / (0.58333 + 0.47619) = 0.55056; at +100 the over is worth 2 x 0.55056 - 1
    early, late = a_line(minutes=300, over_price=100, under_price=-120), a_line(minutes=5, over_price=-140, under_price=110)
    assert value(True, early, late) == 0.1011
    assert value(False, early, late) == -0.1760  # (1 - 0.55056) x (1 + 100 / 120) - 1


def test_a_moved_line_has_a_value_per_half_point() -> None:
    # even closing prices at 21.5: P(over 20.5) = 0.5 + 0.4 x 1 / (1.6 + 1.224 sqrt(20.5)) = 0.55600
    assert value(True, a_line(minutes=300), a_line(line=21.5, minutes=5)) == pytest.approx(0.5560 * (1 + 100 / 110) - 1, abs=1e-4)


@pytest.mark.parametrize(
    "rows",
    [
        [a_line(minutes=5)],
        [a_line(minutes=300), a_line(minutes=60)],
        [a_line(minutes=300), a_line(minutes=5, under_price=None)],
        [a_line(minutes=300, over_price=None), a_line(minutes=5)],
        [a_line(minutes=300), a_line(minutes=5, over_price=0)],
    ],
    ids=["one snapshot", "a missed capture", "one closing price", "no price taken", "a price of 0"],
)
def test_the_value_is_unknown_without_two_snapshots_and_their_prices(rows: list[dict[str, Any]]) -> None:
    assert value(True, *rows) is None
