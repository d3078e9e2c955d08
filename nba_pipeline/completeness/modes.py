"""The tables of each mode, the critical ones among them, and the instants at which a mode is due. Facts, no wiring.

A table declares its modes, see `tables/declarations.py`.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache

from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import MODES as MODES  # noqa: PLC0414  # mypy: also imported from here
from nba_pipeline.tables.declarations import Mode as Mode  # noqa: PLC0414
from nba_pipeline.tables.declarations import daily_tables, declared

DAYS_FROM_TODAY: dict[Mode, int] = {"overnight": -1, "same_day": 0, "tomorrow": 1}

CLOCK: dict[Mode, tuple[tuple[int, int], ...]] = {
    "overnight": ((6, 0), (11, 0)),
    "same_day": ((7, 0), (9, 0), (10, 0), (11, 30), (13, 0), (16, 0)),
    "tomorrow": ((17, 30),),
}
"""Mode -> the Eastern times of its schedule, as (hour, minute)."""


@cache
def tables_of_mode(mode: Mode) -> tuple[str, ...]:
    """Returns the tables that a mode materializes for its slate, in pipeline order."""
    return tuple(name for name, one in declared().items() if mode in one.modes)


@cache
def critical_tables(mode: Mode) -> frozenset[str]:
    """Returns the critical tables of a mode. The mode fails without one of them. Without any other table, it is degraded."""
    return frozenset(name for name, one in declared().items() if mode in one.critical_in)


def up_to_features() -> tuple[str, ...]:
    """Returns the tables that a backfill materializes before the training, in pipeline order."""
    return daily_tables("sources", "summaries", "features")


def derived_from_games() -> tuple[str, ...]:
    """Returns the tables that are derived from the complete games of a date, once its coverage gate is open."""
    return daily_tables("summaries", "grades")


def from_predictions() -> tuple[str, ...]:
    """Returns the tables that a backfill materializes after the training, in pipeline order."""
    return daily_tables("predictions", "grades")


def results() -> tuple[str, ...]:
    """Returns the results of the modes. They are never optional."""
    return tuple(name for name in from_predictions() if not declared()[name].is_record)


def record_tables() -> tuple[str, ...]:
    """Returns the tables of the published record. A home may be older than they are."""
    return tuple(name for name, one in declared().items() if one.is_record)


def grace() -> timedelta:
    """Returns how long after its due instant unfinished work becomes late."""
    return timedelta(minutes=SETTINGS.patience.grace_minutes)


def due_instants(mode: Mode, slate: date, tipoffs: Sequence[datetime | None]) -> list[datetime]:
    """Returns the instants at which a mode is due for a slate, in order. `tipoffs` are in UTC; None: unknown.

    A slate without games is due once. A same-day slate with an early tip-off is also due some hours before it. Except for
    `overnight`, instants after the last tip-off are dropped if every tip-off is known.
    """
    day = slate - timedelta(days=DAYS_FROM_TODAY[mode])
    instants = [eastern(day, hour, minute) for hour, minute in CLOCK[mode]]
    if not tipoffs:
        return instants[:1]
    if mode == "overnight":
        return instants
    known_tipoffs = [tipoff for tipoff in tipoffs if tipoff is not None]
    early = min(known_tipoffs, default=instants[-1]) - timedelta(hours=SETTINGS.patience.first_call_hours)
    if mode == "same_day" and early < instants[0]:
        instants = [early, *instants]
    if len(known_tipoffs) < len(tipoffs):
        return instants
    return [instant for instant in instants if instant < max(known_tipoffs)]


def has_begun(tipoffs: Sequence[datetime | None], now: datetime) -> bool:
    """Whether every game of a slate has begun. False if a tip-off is unknown or the date has no games."""
    return bool(tipoffs) and all(tipoff is not None and tipoff <= now for tipoff in tipoffs)


def last_due(mode: Mode, slate: date, tipoffs: Sequence[datetime | None], now: datetime) -> datetime | None:
    """Returns the latest due instant of a mode for a slate whose grace period is over; None if there is none.

    Tables materialized before this instant are late. A mode other than `overnight` is due only on its own day and before the
    last tip-off.
    """
    if mode != "overnight" and slate != eastern_date(now) + timedelta(days=DAYS_FROM_TODAY[mode]):
        return None
    if mode != "overnight" and has_begun(tipoffs, now):
        return None
    return max((at for at in due_instants(mode, slate, tipoffs) if at + grace() <= now), default=None)


def first_due(slate: date, tipoffs: Sequence[datetime | None]) -> dict[str, datetime]:
    """Returns per daily table the first instant at which any mode makes it due for a slate."""
    instants = {mode: due_instants(mode, slate, tipoffs) for mode in MODES}
    first_instants = {mode: instants_of_mode[0] for mode, instants_of_mode in instants.items() if instants_of_mode}
    return {
        name: min(at for mode, at in first_instants.items() if name in tables_of_mode(mode))
        for name in daily_tables()
        if any(name in tables_of_mode(mode) for mode in first_instants)
    }


def lines_due_at(slate: date, tipoffs: Sequence[datetime | None] = ()) -> datetime:
    """Returns when the games of a slate should have lines: in the early afternoon of its day, or at an earlier first tip-off.

    Sportsbooks offer few lines before the day of the games.
    """
    known_tipoffs = [tipoff for tipoff in tipoffs if tipoff is not None]
    return min([eastern(slate, SETTINGS.monitors.lines_due_hour_eastern), *known_tipoffs])


def may_proceed_without(missing: int, waited: timedelta, until_first_tipoff: timedelta | None) -> bool:
    """Whether a slate may continue without `missing` optional tables. Critical tables are always required.

    The number of tables that may be missing grows with the time waited: none, one, two, any number. Shortly before the first
    tip-off, any number may be missing.
    """
    tiers = SETTINGS.patience
    if until_first_tipoff is not None and until_first_tipoff <= timedelta(minutes=tiers.last_call_minutes):
        return True
    steps = ((tiers.whatever_hours, missing), (tiers.two_less_hours, 2), (tiers.one_less_hours, 1))
    return missing <= next((allowed for hours, allowed in steps if waited >= timedelta(hours=hours)), 0)


def capture_instants(tipoffs: Sequence[datetime]) -> list[datetime]:
    """Returns the instants at which the lines of a slate are captured, in order. Captures are denser before each tip-off."""
    lines = SETTINGS.lines
    planned = set[datetime]()
    for tipoff in tipoffs:
        hours = range(lines.capture_every_hours, lines.capture_from_hours + 1, lines.capture_every_hours)
        planned |= {tipoff - timedelta(hours=n) for n in hours}
        planned |= {tipoff - timedelta(minutes=n) for n in lines.capture_minutes_before_tipoff}
    return sorted(planned)
