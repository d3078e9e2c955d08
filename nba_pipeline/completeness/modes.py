"""What each mode brings for its slate, what of it is critical, and at which instants it is due. Facts and no wiring."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.settings import SETTINGS

Mode = Literal["overnight", "same_day", "tomorrow"]
MODES: tuple[Mode, ...] = ("overnight", "same_day", "tomorrow")

COLLECTED = ("schedule", "boxscores", "team_boxscores", "play_by_play", "players")
"""What is collected of a game that has ended."""

CAPTURED = ("prop_lines", "game_lines", "injuries")
"""What changes until the tip-off, and is captured several times."""

SUMMARIES = ("player_game_summary", "team_game_summary")
FEATURES = ("upcoming_players", "player_form", "player_shot_zones", "team_defense_zones", "matchups", "features")

INFORMED = ("injuries", *FEATURES, "predictions")
"""What news on the injury report changes."""

UP_TO_FEATURES = (*COLLECTED, *CAPTURED, "rosters", *SUMMARIES, *FEATURES)
FROM_PREDICTIONS = ("predictions", "grades")
"""What the modes are for: never what a slate goes without."""

DAILY_TABLES = (*UP_TO_FEATURES, *FROM_PREDICTIONS)
"""Every daily table, in the order of the path."""

TABLES_OF_MODE: dict[Mode, tuple[str, ...]] = {
    "overnight": (*COLLECTED, *SUMMARIES, "grades"),
    "same_day": ("schedule", *CAPTURED, "rosters", *FEATURES, "predictions"),
    "tomorrow": ("schedule", *CAPTURED, "rosters", *FEATURES, "predictions"),
}
"""The tables that each mode materialises for its slate, in order."""

CRITICAL_OF_MODE: dict[Mode, frozenset[str]] = {
    "overnight": frozenset({"schedule", "boxscores", "team_boxscores", *SUMMARIES}),
    "same_day": frozenset({"schedule", "upcoming_players", "player_form", "features"}),
    "tomorrow": frozenset({"schedule", "upcoming_players"}),
}
"""The tables without which a mode has failed. Without one of the others its result is degraded, and says so.

Team box scores are among them because the totals of a team stand in no other table.
"""

DAYS_FROM_TODAY: dict[Mode, int] = {"overnight": -1, "same_day": 0, "tomorrow": 1}

CLOCK: dict[Mode, tuple[tuple[int, int], ...]] = {
    "overnight": ((6, 0), (11, 0)),
    "same_day": ((7, 0), (9, 0), (10, 0), (11, 30), (13, 0), (16, 0)),
    "tomorrow": ((17, 30),),
}
"""Mode -> the Eastern hours and minutes of its schedule, the last call included."""

GRACE = timedelta(minutes=SETTINGS.patience.grace_minutes)
"""After a due instant, before work that is not done is late."""


def due_instants(mode: Mode, slate: date, tipoffs: Sequence[datetime | None]) -> list[datetime]:
    """The instants at which a mode is due for a slate, in order; `tipoffs` are those of its games, in UTC, None: not known.

    A slate without games is due once. One that begins before the clock's first instant is due some hours before its first
    tip-off, and nothing is due for it any more once its last game has begun: while one is not known, everything is.
    """
    day = slate - timedelta(days=DAYS_FROM_TODAY[mode])
    instants = [eastern(day, hour, minute) for hour, minute in CLOCK[mode]]
    if not tipoffs:
        return instants[:1]
    if mode == "overnight":
        return instants
    known = [tipoff for tipoff in tipoffs if tipoff is not None]
    early = min(known, default=instants[-1]) - timedelta(hours=SETTINGS.patience.first_call_hours)
    if mode == "same_day" and early < instants[0]:
        instants = [early, *instants]
    return [instant for instant in instants if len(known) < len(tipoffs) or instant < max(known)]


def has_begun(tipoffs: Sequence[datetime | None], now: datetime) -> bool:
    """Whether every game of a slate has begun; never while one has no tip-off, and not for a date without games."""
    return bool(tipoffs) and all(tipoff is not None and tipoff <= now for tipoff in tipoffs)


def last_due(mode: Mode, slate: date, tipoffs: Sequence[datetime | None], now: datetime) -> datetime | None:
    """The last instant at which a mode was due for a slate, once its grace is over: what was not made since is late.

    What comes before the tip-off is due only on its day: it cannot be made up for.
    """
    if mode != "overnight" and slate != eastern_date(now) + timedelta(days=DAYS_FROM_TODAY[mode]):
        return None
    if mode != "overnight" and has_begun(tipoffs, now):
        return None
    return max((at for at in due_instants(mode, slate, tipoffs) if at + GRACE <= now), default=None)


def first_due(slate: date, tipoffs: Sequence[datetime | None]) -> dict[str, datetime]:
    """By daily table the instant at which it was first due for a slate, whatever mode makes it."""
    instants = {mode: due_instants(mode, slate, tipoffs) for mode in MODES}
    known = {mode: found[0] for mode, found in instants.items() if found}
    return {
        name: min(at for mode, at in known.items() if name in TABLES_OF_MODE[mode])
        for name in DAILY_TABLES
        if any(name in TABLES_OF_MODE[mode] for mode in known)
    }


def may_proceed_without(missing: int, waited: timedelta, until_first_tipoff: timedelta | None) -> bool:
    """Whether a slate goes on although this many of its optional tables cannot be had; it never does without critical ones.

    Everything is waited for at first; then one table less, then two, in the end whatever is there. Shortly before the first
    tip-off the waiting is over.
    """
    tiers = SETTINGS.patience
    if until_first_tipoff is not None and until_first_tipoff <= timedelta(minutes=tiers.last_call_minutes):
        return True
    steps = ((tiers.whatever_hours, missing), (tiers.two_less_hours, 2), (tiers.one_less_hours, 1))
    return missing <= next((allowed for hours, allowed in steps if waited >= timedelta(hours=hours)), 0)


def capture_instants(tipoffs: Sequence[datetime]) -> list[datetime]:
    """When the lines of a slate are captured, in order: from hours before each tip-off, and closer together at its end."""
    lines = SETTINGS.lines
    wanted = set[datetime]()
    for tipoff in tipoffs:
        hours = range(lines.capture_every_hours, lines.capture_from_hours + 1, lines.capture_every_hours)
        wanted |= {tipoff - timedelta(hours=n) for n in hours}
        wanted |= {tipoff - timedelta(minutes=n) for n in lines.capture_minutes_before_tipoff}
    return sorted(wanted)
