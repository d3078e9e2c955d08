"""Values off the wire: read exactly, or null."""

from datetime import UTC, datetime

import pytest

from nba_pipeline.providers.wire import instant, knows_only_whole_minutes, minutes_fields, seconds_of, whole


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("PT25M01.00S", 1501), ("PT20M46.00S", 1246), ("PT00M00.00S", 0), ("PT15.5S", 15), ("25:01", 1501),
        ("135:49", 8149), ("25", 1500), ("07", 420), ("00", 0), ("45.5", 2730), ("", None), (None, None), ("PT", None),
        ("DNP", None), ("-3", None), ("12:60", None),
    ],
)  # fmt: skip
def test_a_clock_is_read_in_every_form(clock: str | None, seconds: int | None) -> None:
    assert seconds_of(clock) == seconds


@pytest.mark.parametrize(
    ("value", "number"), [(21, 21), (21.0, 21), ("21", 21), ("-3", -3), ("21.0", 21), (21.5, None), ("x", None),
                          ("", None), (None, None), (True, None)],
)  # fmt: skip
def test_only_plain_integers_are_numbers(value: object, number: int | None) -> None:
    assert whole(value) == number


def test_an_instant_needs_an_offset_and_a_real_date() -> None:
    at = datetime(2024, 11, 28, tzinfo=UTC)
    assert [instant(text) for text in ("2024-11-28T00:00:00Z", "2024-11-27T19:00:00-05:00")] == [at, at]
    assert [instant(text) for text in ("2024-11-28T00:00:00", "1900-01-01T00:00:00Z", "", None)] == [None] * 4


def test_a_source_of_whole_minutes_has_no_seconds() -> None:
    assert knows_only_whole_minutes([600, 1200, 15]) and not knows_only_whole_minutes([601, 1246, 1200])
    assert minutes_fields(15, is_rounded=True) == {"seconds": None, "minutes": 0.0, "minutes_precision": "rounded"}
    assert minutes_fields(90, is_rounded=False) == {"seconds": 90, "minutes": 1.5, "minutes_precision": "exact"}
