"""Reasons of the NBA's box score, its statistics pages and its injury report."""

import polars as pl
import pytest

from nba_pipeline.formulas.did_not_play import CATEGORIES, dnp_category


def category_of(reason: str | None) -> str | None:
    found = pl.DataFrame({"reason": [reason]}, schema={"reason": pl.String}).select(dnp_category()).item()
    assert found is None or found in CATEGORIES
    return found if found is None else str(found)


@pytest.mark.parametrize(
    ("reason", "category"),
    [
        ("DNP - Coach's Decision", "coach"),
        ("DNP_COACH", "coach"),
        ("INACTIVE_COACH", "coach"),
        ("INACTIVE_COACH: Rest", "rest"),
        ("NWT - Rest", "rest"),
        ("DND - Injury/Illness", "injury"),
        ("INACTIVE_INJURY", "injury"),
        ("INACTIVE_INJURY: Right Knee Tendinopathy", "injury"),
        ("NWT - Injury/Illness - Right Low Back; Hip Strain", "injury"),
        ("Injury/Illness - Left Wrist; Rest", "injury"),
        ("DND - Sore Knee", "injury"),
        ("Health and Safety Protocols", "injury"),
        ("G League - Two-Way", "g_league"),
        ("G League - On Assignment", "g_league"),
        ("INACTIVE_GLEAGUE_TWOWAY", "g_league"),
        ("League Suspension", "suspension"),
        ("NWT - Personal", "personal"),
        ("Personal Reasons", "personal"),
        ("Trade Pending", "other"),
        ("NWT - Not With Team", "other"),
        ("Restricted minutes", "other"),
        ("Conflict of interest", "other"),
        (None, None),
    ],
)
def test_the_category_of_a_reason(reason: str | None, category: str | None) -> None:
    assert category_of(reason) == category


def test_a_reason_is_read_whatever_its_case() -> None:
    assert category_of("dnd - INJURY/illness") == "injury"
