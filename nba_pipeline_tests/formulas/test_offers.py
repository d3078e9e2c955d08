"""Offers of one line: equal ones are merged, contradictions are kept and named."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from nba_pipeline.formulas.offers import merge_offers

KEY = ["player_id", "book", "line", "snapshot_at"]
AT = datetime(2024, 3, 12, 20, tzinfo=UTC)
SCHEMA = {
    "player_id": pl.Int64, "book": pl.String, "line": pl.Float64, "snapshot_at": pl.Datetime("us", "UTC"),
    "spelling": pl.String, "over_price": pl.Int64, "under_price": pl.Int64, "captured_at": pl.Datetime("us", "UTC"),
    "source": pl.String, "is_latest_pregame": pl.Boolean, "problem": pl.String, "ignored": pl.String,
}  # fmt: skip


def merged(*offers: dict[str, Any]) -> list[tuple[Any, ...]]:
    common = {"player_id": 1, "book": "fanduel", "line": 10.5, "snapshot_at": AT, "captured_at": AT, "source": "a"}
    rows = pl.DataFrame([common | offer for offer in offers], schema=SCHEMA)
    return merge_offers(rows, KEY).select("spelling", "over_price", "under_price", "problem", "copies").rows()


def an_offer(spelling: str, over: int | None, under: int | None, **fields: Any) -> dict[str, Any]:
    return {"spelling": spelling, "over_price": over, "under_price": under, **fields}


def test_two_spellings_of_a_player_at_one_line_are_one_row() -> None:
    offers = an_offer("Wendell Carter", -110, -120), an_offer("Wendell Carter Jr.", -110, -120)
    assert merged(*offers) == [("Wendell Carter", -110, -120, None, 1)]


def test_an_over_and_an_under_are_one_two_sided_row() -> None:
    offers = an_offer("Wendell Carter", -110, None), an_offer("Wendell Carter Jr.", None, -120)
    assert merged(*offers) == [("Wendell Carter", -110, -120, None, 1)]


def test_the_first_capture_represents_those_that_repeat_it() -> None:
    later = an_offer("A", -110, -120, captured_at=AT.replace(hour=21), source="b")
    assert merged(later, an_offer("B", -110, -120)) == [("B", -110, -120, None, 1)]


def test_two_prices_at_one_instant_remain_with_a_problem() -> None:
    problem = "offers of A at 10.5 of fanduel contradict each other: over price is -150 and -110"
    assert merged(an_offer("A", -110, -120), an_offer("A", -150, -120), an_offer("A", -150, -120, source="b")) == [
        ("A", -110, -120, problem, 0),
        ("A", -150, -120, problem, 1),
    ]


def test_a_row_with_a_problem_takes_no_part() -> None:
    odd = an_offer("A", None, -120, problem="Over price of A at 10.5 is 1.91")
    assert merged(an_offer("A", -110, -120), odd, odd | {"source": "b"}) == [
        ("A", -110, -120, None, 0),
        ("A", None, -120, "Over price of A at 10.5 is 1.91", 1),
    ]


def test_nothing_in_nothing_out() -> None:
    assert merged() == []
