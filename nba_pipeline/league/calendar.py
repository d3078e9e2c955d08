"""Eastern dates, seasons, partitions, modes and the clock. No other module asks what time it is."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput

EASTERN_NAME = "America/New_York"
EASTERN = ZoneInfo(EASTERN_NAME)
FIRST_DATE = date(2021, 10, 1)
SEASON_FIRST_MONTH = 7  # a season runs from 1 July to 30 June

DAILY = dg.DailyPartitionsDefinition(FIRST_DATE.isoformat(), timezone=EASTERN_NAME, end_offset=2)
"""Every daily table shares this one object: 2021-10-01 to tomorrow, in US Eastern dates."""

WEEKLY = dg.WeeklyPartitionsDefinition("2021-09-27", timezone=EASTERN_NAME, day_offset=1, end_offset=2)
"""Training weeks, Monday to Sunday. `end_offset=2` lets Sunday's run train for Monday."""

Mode = Literal["overnight", "same_day", "tomorrow"]
MODES: tuple[Mode, ...] = ("overnight", "same_day", "tomorrow")

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
"""How Dagster says on a run which date, or which first and last one, it is about."""

AS_OF_TAG = "nba/as_of"
REPLAY_TAG = "nba/replay_of"
OFFLINE_TAG = "nba/offline"
"""Marks a run that reads what is landed and sends no request."""


def eastern_date(instant: datetime) -> date:
    """The US Eastern calendar date of an instant."""
    return instant.astimezone(EASTERN).date()


def eastern(day: date, hour: int, minute: int = 0) -> datetime:
    """The UTC instant of an Eastern wall-clock time on a date."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=EASTERN).astimezone(UTC)


def season_of(day: date) -> str:
    """The season a date belongs to, as "2024-25"."""
    first = day.year if day.month >= SEASON_FIRST_MONTH else day.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def season_start(day: date) -> date:
    """The 1 July on which the date's season begins."""
    return date(int(season_of(day)[:4]), SEASON_FIRST_MONTH, 1)


def season_of_game_date() -> pl.Expr:
    """The season of the column `game_date`, as "2024-25"."""
    year = pl.col("game_date").dt.year().cast(pl.Int32)
    first = pl.when(pl.col("game_date").dt.month() >= SEASON_FIRST_MONTH).then(year).otherwise(year - 1)
    return pl.format("{}-{}", first, ((first + 1) % 100).cast(pl.String).str.zfill(2)).alias("season")


def week_of(day: date) -> date:
    """The Monday of the training week that holds a date."""
    return day - timedelta(days=day.weekday())


def days(first: date, last: date) -> list[date]:
    """Every date from first to last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def parse_date(text: str, name: str) -> date:
    """An ISO date that has a partition shape. Raises BadInput naming the argument and the value."""
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
    """An ISO instant with an offset, as UTC. Raises BadInput naming the variable and the value."""
    try:
        instant = datetime.fromisoformat(text.strip())
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{name} must be an instant like 2024-03-15T12:00:00-04:00, not {text!r}") from None
    if instant.tzinfo is None:
        raise BadInput(f"{name} needs an offset, as in 2024-03-15T12:00:00-04:00, not {text!r}")
    return in_utc


_run_instants: dict[str, datetime] = {}
"""Dagster builds a resource anew for each resource that needs it; all of a run's clocks must agree on when it began."""


class Clock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What time it is. `stands_at` (NBA_PIPELINE_NOW) stops it; a replayed run stands at the instant of the original."""

    stands_at: str = ""
    _run_stands_at: datetime | None = PrivateAttr(default=None)
    _as_of: datetime | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Read off when the run began, or the instant at which a replay stands."""
        tags = context.run.tags if context.run else {}
        if AS_OF_TAG in tags:
            self._run_stands_at = parse_instant(tags[AS_OF_TAG], AS_OF_TAG)
        self._as_of = _run_instants.setdefault(context.run.run_id, self.now()) if context.run else self.now()

    def now(self) -> datetime:
        """The present instant, UTC."""
        if self._run_stands_at:
            return self._run_stands_at
        if self.stands_at:
            return parse_instant(self.stands_at, "NBA_PIPELINE_NOW")
        return datetime.now(UTC)

    @property
    def as_of(self) -> datetime:
        """The instant at which this run began: one for all of its tables."""
        return self._as_of or self.now()

    @property
    def today(self) -> date:
        """The Eastern date of the present instant."""
        return eastern_date(self.now())
