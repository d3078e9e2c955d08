"""Provider values: converted exactly or null."""

from datetime import UTC, date, datetime

import pytest

from nba_pipeline.providers.wire import (
    day_or_none,
    instant,
    integer_or_none,
    is_rounded_to_minutes,
    minutes_fields,
    number_or_none,
    quoted,
    seconds_of,
    text_or_none,
)


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("PT25M01.00S", 1501),
        ("PT20M46.00S", 1246),
        ("PT00M00.00S", 0),
        ("PT15.5S", 15),
        ("25:01", 1501),
        ("135:49", 8149),
        ("25", 1500),
        ("07", 420),
        ("00", 0),
        ("45.5", 2730),
        ("", None),
        (None, None),
        ("PT", None),
        ("DNP", None),
        ("-3", None),
        ("12:60", None),
        ("9" * 400, None),
        ("PT" + "9" * 5000 + "M", None),
        ("9" * 5000 + ":00", None),
    ],
)
def test_every_form_of_a_clock_is_parsed(clock: str | None, seconds: int | None) -> None:
    assert seconds_of(clock) == seconds


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (21, 21),
        (21.0, 21),
        ("21", 21),
        ("-3", -3),
        ("21.0", 21),
        (21.5, None),
        ("x", None),
        ("", None),
        (None, None),
        (True, None),
        (10**30, None),
        ("1" * 400, None),
        ("1" * 5000, None),
        (1e300, None),
        (float("inf"), None),
        (10**18 - 1, 10**18 - 1),
        ("9007199254740993", 9007199254740993),
        (-(10**18), None),
    ],
)
def test_other_values_than_integers_are_null(value: object, number: int | None) -> None:
    assert integer_or_none(value) == number


def test_an_instant_requires_an_offset_and_a_plausible_date() -> None:
    at = datetime(2024, 11, 28, tzinfo=UTC)
    assert [instant(text) for text in ("2024-11-28T00:00:00Z", "2024-11-27T19:00:00-05:00")] == [at, at]
    assert [instant(text) for text in ("2024-11-28T00:00:00", "1900-01-01T00:00:00Z", "", None)] == [None] * 4
    far = ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "2100-01-01T00:00:00Z", "9999-12-31T00:00:00Z")
    assert [instant(text) for text in far] == [None] * 4
    assert [day_or_none(day) for day in (date(9999, 12, 31), date(1, 1, 1), date(2024, 11, 28))] == [
        None,
        None,
        date(2024, 11, 28),
    ]


def test_a_source_of_whole_minutes_has_no_seconds() -> None:
    assert is_rounded_to_minutes([600, 1200, 15]) and not is_rounded_to_minutes([601, 1246, 1200])
    assert minutes_fields(15, is_rounded=True) == {"seconds": None, "minutes": 0.0, "minutes_precision": "rounded"}
    assert minutes_fields(90, is_rounded=False) == {"seconds": 90, "minutes": 1.5, "minutes_precision": "exact"}


@pytest.mark.parametrize(
    "value", [True, None, "x", [], {}, 10**400, float("nan"), "nan", "1e999", "-inf"], ids=lambda value: str(value)[:5]
)
def test_a_number_is_finite(value: object) -> None:
    assert number_or_none(value) is None
    assert (number_or_none("24.5"), number_or_none(24)) == (24.5, 24.0)


def test_a_long_value_is_shortened() -> None:
    assert [quoted(value) for value in ("x", 5, None, {"a": [1]})] == ["'x'", "5", "None", "{'a': [1]}"]
    assert len(quoted("x" * 10**6)) == 120 and len(quoted([[[["x" * 1000]] * 1000] * 1000] * 1000)) < 2000


def test_text_with_a_lone_surrogate_is_null() -> None:
    assert [text_or_none(value) for value in (" Jokić ", "\ud800", "", 5, None)] == ["Jokić", None, None, None, None]
