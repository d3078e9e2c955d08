"""Verdicts: which dates pass, with which numbers and names."""

from datetime import date, timedelta

import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import (
    EXPECTED,
    MISSING,
    NAMES_SHOWN,
    NO_NAME,
    PASSED,
    Verdict,
    count_off,
    fixed,
    for_each_date,
    none_missing,
    share_present,
    verdict_rows,
    verdicts_of,
    with_presence,
    with_share,
)
from nba_pipeline.errors import BadInput

DAY = date(2026, 1, 15)
NEXT, LATER = DAY + timedelta(days=1), DAY + timedelta(days=2)
ITEMS = pl.DataFrame(
    {
        "game_date": [DAY, DAY, DAY, NEXT, NEXT],
        "player": ["A. Able", "B. Bold", "C. Calm", "D. Dear", "E. Easy"],
        "is_there": [True, None, False, True, True],
        "minutes": [10.0, 20.0, 30.0, 40.0, 50.0],
    }
)
"""Two dates: on the first, one of three items is present; on the second, both are."""


def text_of(*missing: str | None) -> str:
    [verdict] = verdicts_of(verdict_rows([{"game_date": DAY, PASSED: False, MISSING: list(missing)}]), [DAY])
    return str(verdict.metadata()[MISSING].value)


# What a verdict shows


def test_a_name_is_shown_once_so_that_it_hides_no_other() -> None:
    """A game is missing as often as it has predictions without a grade."""
    assert text_of(*["NYK@BOS"] * NAMES_SHOWN, "LAL@GSW") == "NYK@BOS\nLAL@GSW"


def test_fifty_names_are_shown() -> None:
    assert text_of(*(f"player {number}" for number in range(60))).splitlines() == [f"player {number}" for number in range(50)]


def test_an_item_without_a_name_is_shown() -> None:
    assert text_of("A. Able", None) == f"A. Able\n{NO_NAME}"


def test_numbers_have_four_decimals_and_what_is_not_said_has_no_entry() -> None:
    assert Verdict(DAY, passed=True, numbers={"share": 2 / 3, "games": 9}).metadata() == {"share": 0.6667, "games": 9}
    assert Verdict(DAY, passed=False, is_expected=True).metadata() == {EXPECTED: True}
    assert Verdict(DAY, passed=False).metadata() == {}


# From a frame to verdicts


def test_an_unknown_number_is_omitted_and_dates_are_in_order() -> None:
    frame = pl.DataFrame({"game_date": [NEXT, DAY], PASSED: [True, False], "games": [3, None]})
    assert verdicts_of(frame, [DAY, NEXT]) == [Verdict(DAY, passed=False), Verdict(NEXT, passed=True, numbers={"games": 3})]


@pytest.mark.parametrize(("passed", "expected", "is_expected"), [(False, True, True), (True, True, False), (False, None, False)])
def test_only_a_closed_gate_is_closed_as_expected(passed: bool, expected: bool | None, is_expected: bool) -> None:
    frame = pl.DataFrame({"game_date": [DAY], PASSED: [passed], EXPECTED: [expected]}, schema_overrides={EXPECTED: pl.Boolean})
    assert [one.is_expected for one in verdicts_of(frame, [DAY])] == [is_expected]


@pytest.mark.parametrize(
    ("days", "passed", "named"),
    [
        ([DAY], [True], "2026-01-16"),
        ([DAY, NEXT, LATER], [True, True, False], "2026-01-17"),
        ([DAY, NEXT], [True, None], "2026-01-16"),
        ([DAY, NEXT, NEXT], [True, True, True], "a date"),
        ([LATER, DAY], [True, True], "2026-01-16, 2026-01-17"),
    ],
    ids=["a date is missing", "one too many", "without a result", "one twice", "another date"],
)
def test_a_date_without_one_verdict_is_an_error(days: list[date], passed: list[bool | None], named: str) -> None:
    frame = pl.DataFrame({"game_date": days, PASSED: passed}, schema_overrides={PASSED: pl.Boolean})
    with pytest.raises(BadInput) as error:
        verdicts_of(frame, [DAY, NEXT], "toys_are_there")
    assert str(error.value) == f"toys_are_there: expected one verdict per date; missing or repeated on {named}"


# Frames of verdicts


def test_every_date_has_a_row_in_order_with_zero_and_no_names_where_a_frame_has_none() -> None:
    counts = pl.DataFrame({"game_date": [NEXT], "games": [2], "names": [["A. Able"]], "mean": [1.5]})
    assert for_each_date([NEXT, DAY, DAY], counts).to_dicts() == [
        {"game_date": DAY, "games": 0, "names": [], "mean": None},
        {"game_date": NEXT, "games": 2, "names": ["A. Able"], "mean": 1.5},
    ]


def test_a_date_passes_without_a_failing_row_and_an_unknown_row_fails() -> None:
    is_off, mean = ~pl.col("is_there"), pl.col("minutes").mean()
    found = count_off([DAY, NEXT, LATER], ITEMS, is_off, pl.col("player"), total="rows", off="failing", mean=mean)
    assert found.to_dicts() == [
        {"game_date": DAY, "rows": 3, "failing": 2, MISSING: ["B. Bold", "C. Calm"], "mean": 20.0, PASSED: False},
        {"game_date": NEXT, "rows": 2, "failing": 0, MISSING: [], "mean": 45.0, PASSED: True},
        {"game_date": LATER, "rows": 0, "failing": 0, MISSING: [], "mean": None, PASSED: True},
    ]
    one = count_off([DAY], ITEMS, pl.col("player") == "C. Calm", pl.col("player"), total="rows", off="failing")
    assert one[PASSED].to_list() == [False]


def test_a_share_passes_at_its_floor_and_nothing_expected_is_a_full_share() -> None:
    found = share_present([DAY, NEXT, LATER], ITEMS, pl.col("is_there"), pl.col("player"), 1 / 3, mean=pl.col("minutes").mean())
    assert found.select("game_date", "present", "expected", MISSING, "mean", "share", PASSED).rows() == [
        (DAY, 1, 3, ["B. Bold", "C. Calm"], 20.0, 1 / 3, True),
        (NEXT, 2, 2, [], 45.0, 1.0, True),
        (LATER, 0, 0, [], None, 1.0, True),
    ]
    above = share_present([DAY, NEXT, LATER], ITEMS, pl.col("is_there"), pl.col("player"), 0.34, share="there")
    assert above.select("there", PASSED).rows() == [(1 / 3, False), (1.0, True), (1.0, True)]


def test_a_share_of_one_expected_item_is_that_of_its_presence() -> None:
    counts = pl.DataFrame({"game_date": [DAY, NEXT], "present": [0, 1], "expected": [1, 1]})
    assert with_share(counts, 1.0).select("share", PASSED).rows() == [(0.0, False), (1.0, True)]


def test_expected_items_keep_their_order_and_say_whether_a_row_has_their_key() -> None:
    expected = pl.DataFrame({"game_date": [DAY, DAY, NEXT], "player": ["C. Calm", "A. Able", "A. Able"]})
    present = pl.DataFrame({"player": ["A. Able", "A. Able"], "game_date": [DAY, DAY], "minutes": [1, 2]})
    found = with_presence(expected, present, ["game_date", "player"])
    assert found.rows() == [(DAY, "C. Calm", False), (DAY, "A. Able", True), (NEXT, "A. Able", False)]


@pytest.mark.parametrize(
    ("value", "places", "text"), [(2.345, 1, "2.3"), (9.96, 1, "10.0"), (0.05, 2, "0.05"), (12.5, 3, "12.500")]
)
def test_a_number_as_text_has_a_fixed_number_of_decimals(value: float, places: int, text: str) -> None:
    assert pl.select(fixed(pl.lit(value), places)).item() == text


def test_a_date_passes_without_missing_names() -> None:
    found = none_missing([DAY, NEXT], {NEXT: ("A. Able", "B. Bold")}, "players")
    assert found.to_dicts() == [
        {"game_date": DAY, PASSED: True, "players": 0, MISSING: []},
        {"game_date": NEXT, PASSED: False, "players": 2, MISSING: ["A. Able", "B. Bold"]},
    ]
