"""The lines that can be the market line, and those that cannot."""

from typing import Any

import pytest

from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.builders import Values, a_prop_line, at, prop_lines_of

EARLY, LATE, IN_PLAY = at(20), at(22), at(23, 30)


def the_line(*rows: Values) -> Values | None:
    lines = market_lines(prop_lines_of(*rows), **SETTINGS.lines.cascade)
    return lines.row(0, named=True) if lines.height else None


def test_the_first_book_of_precedence_is_the_market() -> None:
    found = the_line(a_prop_line(23.5, "fanduel"), a_prop_line(24.5, "draftkings"), a_prop_line(22.5, "bovada"))
    assert found and (found["line"], found["book"]) == (24.5, "draftkings")


def test_the_next_book_of_the_precedence_is_used() -> None:
    found = the_line(a_prop_line(23.5, "fanduel"), a_prop_line(22.5, "bovada"))
    assert found and (found["line"], found["book"]) == (23.5, "fanduel")


def test_without_them_the_line_is_the_median_of_the_others() -> None:
    found = the_line(
        a_prop_line(22.5, "bovada", source="a"),
        a_prop_line(23.5, "betmgm", snapshot_at=LATE, source="b"),
        a_prop_line(26.5, "pointsbetus", source="c"),
    )
    assert found and found["book"] == "median"
    assert (found["line"], found["snapshot_at"], found["line_source"]) == (23.5, LATE, "b")


def test_a_median_of_a_quarter_is_rounded_down_to_a_half_point() -> None:
    found = the_line(a_prop_line(22.5, "bovada"), a_prop_line(23.0, "betmgm"))
    assert found and found["line"] == 22.5


def test_a_feed_shown_by_two_books_counts_once() -> None:
    found = the_line(
        a_prop_line(22.5, "unibet_us"), a_prop_line(22.5, "betrivers"), a_prop_line(24.5, "bovada"), a_prop_line(25.5, "betmgm")
    )
    assert found and found["line"] == 24.5
    assert found["line_standard_deviation_across_books"] == pytest.approx(1.5275, abs=1e-4)


def test_the_owner_of_a_feed_speaks_for_its_copies() -> None:
    found = the_line(a_prop_line(22.5, "unibet_us"), a_prop_line(24.5, "betrivers"))
    assert found and found["line"] == 24.5


def test_the_standard_deviation_needs_two_feeds() -> None:
    found = the_line(a_prop_line(22.5, "unibet_us"), a_prop_line(22.5, "betrivers"))
    assert found and found["line_standard_deviation_across_books"] is None
    found = the_line(a_prop_line(22.5, "bovada"), a_prop_line(24.5, "betmgm"))
    assert found and found["line_standard_deviation_across_books"] == pytest.approx(2**0.5)


def test_the_latest_snapshot_speaks_and_the_first_one_opened() -> None:
    found = the_line(a_prop_line(24.5), a_prop_line(26.5, snapshot_at=LATE), a_prop_line(25.5, snapshot_at=at(21)))
    assert found and (found["line"], found["opening_line"], found["snapshot_at"]) == (26.5, 24.5, LATE)


def test_a_median_opens_as_the_median_of_the_same_books() -> None:
    opening = [a_prop_line(20.5, "bovada"), a_prop_line(22.5, "betmgm")]
    latest = [a_prop_line(24.5, "bovada", snapshot_at=LATE), a_prop_line(25.5, "betmgm", snapshot_at=LATE)]
    found = the_line(*opening, *latest)
    assert found and (found["line"], found["opening_line"]) == (25.0, 21.5)


def test_alternate_lines_of_a_ladder_are_not_the_market() -> None:
    ladder = [a_prop_line(18.5, over_price=-300, under_price=220), a_prop_line(24.5), a_prop_line(29.5, under_price=None)]
    found = the_line(*ladder)
    assert found and (found["line"], found["opening_line"]) == (24.5, 24.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"is_before_tipoff": False, "snapshot_at": IN_PLAY},
        {"is_before_tipoff": None, "snapshot_at": None},
        {"is_before_tipoff": None},
        {"market": "player_assists"},
        {"book": "prizepicks"},
        {"line": 20.0},
        {"line": 4.5},
    ],
    ids=["in play", "unknown instant", "unknown tip-off", "another market", "pick'em", "placeholder", "too low"],
)
def test_what_is_never_the_market(fields: Values) -> None:
    assert the_line(a_prop_line() | fields) is None


def test_the_lowest_line_is_a_line() -> None:
    found = the_line(a_prop_line(SETTINGS.lines.cascade["lowest"]))
    assert found and found["line"] == SETTINGS.lines.cascade["lowest"]


def test_wild_lines_after_the_tip_off_move_nothing() -> None:
    unchanged = [a_prop_line(24.5), a_prop_line(25.5, "bovada")]
    wild = [a_prop_line(60.0, book, snapshot_at=IN_PLAY, is_before_tipoff=False) for book in ("draftkings", "bovada")]
    assert the_line(*unchanged, *wild) == the_line(*unchanged)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [a_prop_line(22.5, "bovada"), a_prop_line(23.5, "betmgm"), a_prop_line(26.5, "betrivers", snapshot_at=LATE)]
    assert the_line(*rows) == the_line(*reversed(rows))


def test_the_movement_is_the_line_minus_where_the_same_book_opened() -> None:
    found = the_line(a_prop_line(24.5), a_prop_line(26.0, snapshot_at=LATE), a_prop_line(20.5, "fanduel", snapshot_at=at(18)))
    assert found and (found["opening_line"], found["line_movement"]) == (24.5, 1.5)


@pytest.mark.parametrize(
    ("books", "is_fallback"),
    [(["draftkings", "fanduel"], False), (["fanduel"], True), (["bovada", "betmgm"], True)],
    ids=["the first book", "the next book", "median"],
)
def test_whatever_is_not_of_the_first_book_is_a_fallback(books: list[str], is_fallback: bool) -> None:
    found = the_line(*[a_prop_line(24.5, book) for book in books])
    assert found and found["is_fallback"] is is_fallback


def test_the_prices_lean_as_those_of_the_chosen_line_do() -> None:
    rungs = [a_prop_line(18.5, over_price=-300, under_price=220), a_prop_line(20.5, over_price=-140, under_price=110)]
    found = the_line(*rungs, a_prop_line(20.5, "fanduel", over_price=150, under_price=-200))
    assert found and found["price_skew"] == pytest.approx(0.1012, abs=2e-4)


def moves(*lines: tuple[int, float], book: str = "draftkings", **fields: Any) -> tuple[int | None, int | None]:
    """Returns direction and late moves from (hour, line) of one book, for a game that starts at 23:30."""
    tipoff = {"tipoff_at": at(23, 30)} | fields
    found = the_line(*[a_prop_line(line, book, snapshot_at=at(hour), **tipoff) for hour, line in lines])
    assert found
    return found["line_movement_direction"], found["late_line_movements"]


def test_the_path_of_the_chosen_book_counts_its_moves_and_the_late_ones() -> None:
    assert moves((12, 24.5), (14, 25.5), (16, 25.5), (18, 26.5), (20, 25.5), (22, 27.5)) == (2, 3)
    assert moves((12, 24.5), (14, 23.5), (16, 22.5)) == (-2, 0)
    assert moves((20, 24.5)) == (0, 0)


def test_another_book_s_line_in_between_is_no_move() -> None:
    rows = [a_prop_line(24.5, snapshot_at=at(hour)) for hour in (12, 16)]
    found = the_line(*rows, a_prop_line(20.5, "fanduel", snapshot_at=at(14)))
    assert found and found["line_movement_direction"] == 0


def test_another_rung_of_the_ladder_is_no_move() -> None:
    early = [a_prop_line(line, over_price=over, tipoff_at=at(23, 30)) for line, over in ((24.5, -110), (27.5, 200))]
    found = the_line(*early, a_prop_line(24.5, snapshot_at=LATE, tipoff_at=at(23, 30)))
    assert found and (found["line_movement_direction"], found["late_line_movements"]) == (0, 0)


def test_a_move_is_late_from_six_hours_before_the_tip_off() -> None:
    rows = [a_prop_line(24.5, snapshot_at=at(12)), a_prop_line(25.5, snapshot_at=at(17, 30))]
    late = [the_line(*[row | {"tipoff_at": tipoff} for row in rows]) for tipoff in (at(23, 30), at(23, 31), None)]
    assert [found and found["late_line_movements"] for found in late] == [1, 0, None]


def test_a_median_has_no_prices_and_no_path() -> None:
    found = the_line(a_prop_line(22.5, "bovada"), a_prop_line(23.5, "bovada", snapshot_at=LATE), a_prop_line(23.5, "betmgm"))
    assert found and [found[name] for name in ("price_skew", "line_movement_direction", "late_line_movements")] == [None] * 3


def test_without_both_prices_there_is_no_skew() -> None:
    found = the_line(a_prop_line(22.5, under_price=None))
    assert found and (found["line"], found["price_skew"]) == (22.5, None)
