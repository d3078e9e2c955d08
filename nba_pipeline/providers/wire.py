"""Conversion of provider values: clocks, numbers as text, instants. Nothing is coerced silently."""

import math
import re
import reprlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

ISO_CLOCK = re.compile(r"PT(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?")
MINUTES_AND_SECONDS = re.compile(r"(\d{1,9}):([0-5]?\d)(?:\.\d+)?")
PLAIN_MINUTES = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
INTEGER = re.compile(r"([+-]?\d{1,18})(?:\.0*)?")
LARGEST = 10**18
"""Exclusive limit of whole numbers. Larger numbers may not fit an Int64 column."""
EARLIEST_INSTANT, LATEST_INSTANT = datetime(1900, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Range of valid instants. The NBA's placeholder for an unset time is earlier. Adding hours to the latest years overflows."""

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 120
_REPR.maxlevel = 3


def quoted(value: Any) -> str:
    """Returns a provider's value for a message: its `repr`, shortened if it is long or deeply nested.

    >>> quoted("x"), len(quoted("x" * 10**6)), quoted([[[[[]]]]])
    ("'x'", 120, '[[[[...]]]]')
    """
    return _REPR.repr(value)


def plain(value: Any) -> str:
    """Returns a provider's value for a message as text without quotes, shortened like `quoted`."""
    return str(value)[: _REPR.maxstring].encode(errors="backslashreplace").decode()


def seconds_of(clock: str | None) -> int | None:
    """Seconds of a playing time: "PT25M01.00S", "25:01", "25", "07" or "45.5" (minutes). Null for other formats.

    >>> seconds_of("PT25M01.00S"), seconds_of("25:01"), seconds_of("07"), seconds_of("45.5"), seconds_of("")
    (1501, 1501, 420, 2730, None)
    """
    text = (clock or "").strip()
    if len(text) > len("PT") and (match := ISO_CLOCK.fullmatch(text)):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 3600 * hours + 60 * minutes + seconds
    if match := MINUTES_AND_SECONDS.fullmatch(text):
        return 60 * int(match[1]) + int(match[2])
    return round(60 * float(text)) if PLAIN_MINUTES.fullmatch(text) else None


def integer_or_none(value: Any) -> int | None:
    """An integer from a number or plain text: 21, 21.0, "21". Null for anything else, including booleans.

    Null also if the absolute value is 10**18 or more.
    """
    number = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, str) and (match := INTEGER.fullmatch(value.strip())):
        number = int(match[1])
    return number if number is not None and abs(number) < LARGEST else None


def instant(value: Any) -> datetime | None:
    """A UTC instant from ISO text with an offset. Null for anything else, for 1900-01-01, and from the year 2100 on."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo and EARLIEST_INSTANT <= parsed < LATEST_INSTANT else None


def day_or_none(day: date) -> date | None:
    """The date, or null if it is outside of the range of valid instants."""
    return day if EARLIEST_INSTANT.date() <= day < LATEST_INSTANT.date() else None


def number_or_none(value: Any) -> float | None:
    """A finite number from a number or text. Null for anything else, including booleans."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def text_or_none(value: Any) -> str | None:
    """Stripped text. Null if empty, not text, or with a lone surrogate, which cannot be encoded as UTF-8."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value.strip() or None


def is_rounded_to_minutes(seconds: Sequence[int]) -> bool:
    """True if most playing times of a game are whole minutes: the source rounds, and its seconds are not meaningful."""
    return bool(seconds) and sum(s % 60 == 0 for s in seconds) * 2 > len(seconds)


def minutes_fields(seconds: int | None, is_rounded: bool) -> dict[str, Any]:
    """Returns the columns seconds, minutes and minutes_precision of a playing time. All null for null."""
    if seconds is None:
        return {"seconds": None, "minutes": None, "minutes_precision": None}
    if is_rounded:
        return {"seconds": None, "minutes": float(seconds // 60), "minutes_precision": "rounded"}
    return {"seconds": seconds, "minutes": seconds / 60, "minutes_precision": "exact"}
