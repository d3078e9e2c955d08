"""Eastern dates and seasons. Functions of plain dates and instants; the current time comes from `instance/clock.py`."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from nba_pipeline.errors import BadInput

EASTERN_NAME = "America/New_York"
EASTERN = ZoneInfo(EASTERN_NAME)
FIRST_DATE = date(2021, 10, 1)
SEASON_DAYS = 300
"""Days before a date that include every earlier game of its season."""

SEASON_FIRST_MONTH = 7  # a season runs from 1 July to 30 June


def eastern_date(instant: datetime) -> date:
    """The US Eastern calendar date of an instant."""
    return instant.astimezone(EASTERN).date()


def eastern(day: date, hour: int, minute: int = 0) -> datetime:
    """The UTC instant of an Eastern wall-clock time on a date."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=EASTERN).astimezone(UTC)


def season_of(day: date) -> str:
    """The season of a date, as "2024-25"."""
    first = day.year if day.month >= SEASON_FIRST_MONTH else day.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def season_start(day: date) -> date:
    """The first day of a date's season, 1 July."""
    return date(int(season_of(day)[:4]), SEASON_FIRST_MONTH, 1)


def season_of_game_date() -> pl.Expr:
    """The season of the column `game_date`, as "2024-25"."""
    year = pl.col("game_date").dt.year().cast(pl.Int32)
    first = pl.when(pl.col("game_date").dt.month() >= SEASON_FIRST_MONTH).then(year).otherwise(year - 1)
    return pl.format("{}-{}", first, ((first + 1) % 100).cast(pl.String).str.zfill(2)).alias("season")


def week_of(day: date) -> date:
    """The Monday of a date's training week."""
    return day - timedelta(days=day.weekday())


def days(first: date, last: date) -> list[date]:
    """Returns every date from first to last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def parse_date(text: str, name: str) -> date:
    """Parses an ISO date. Raises BadInput naming argument and value if it is malformed or before FIRST_DATE."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{name} must be a date like 2024-03-15, not {text!r}") from None
    if day < FIRST_DATE:
        raise BadInput(f"{name} {day} is before {FIRST_DATE}, the first date of the platform")
    return day


def parse_key(key: str) -> date:
    """The date of a partition key."""
    return date.fromisoformat(key[:10])


def parse_instant(text: str, name: str) -> datetime:
    """Parses an ISO instant with an offset and returns it in UTC. Raises BadInput naming variable and value."""
    try:
        instant = datetime.fromisoformat(text.strip())
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{name} must be an instant like 2024-03-15T12:00:00-04:00, not {text!r}") from None
    if instant.tzinfo is None:
        raise BadInput(f"{name} needs an offset, as in 2024-03-15T12:00:00-04:00, not {text!r}")
    return in_utc
