"""Decides when ended games are collected, from the state of the scoreboard.

The functions are pure: `scoreboard.py` reads the scoreboard, and the sensor `final_games` requests the runs. The sensor's
cursor holds one memory per date, so that a restarted daemon continues where it stopped.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted


@dataclass(frozen=True)
class Pending:
    """The games of a date that lack a complete box score, as game id -> tip-off in UTC, and the deadline of the date."""

    game_date: date
    games: Mapping[str, datetime]
    deadline: datetime
    teams: Mapping[str, str] = field(default_factory=dict)
    """Game id -> AWAY@HOME."""


@dataclass(frozen=True)
class Memory:
    """Earlier requests for one date: games, number, consecutive repetitions, next instant, and whether the date is given up."""

    requested: tuple[str, ...] = ()
    requests: int = 0
    in_a_row: int = 0
    next_at: str = ""
    is_given_up: bool = False
    seen_at: str = ""
    """When the sensor first saw the date past its deadline. After a daemon's downtime, the reconciliation collects the date."""


@dataclass(frozen=True)
class Decision:
    """Whether to collect the date now, and why. `gives_up` is true once, after the deadline."""

    collects: bool
    why: str
    memory: Memory
    gives_up: bool = False


def decide(pending: Pending, final: frozenset[str], listed: frozenset[str], memory: Memory, now: datetime) -> Decision:
    """Decides whether to collect a date now. A newly final game is collected at once, a late box score at growing intervals.

    A game that the scoreboard does not list counts as over some hours after its tip-off.
    """
    if not pending.games:
        return Decision(False, "every ended game has a complete box score", Memory(requests=memory.requests))
    if now >= pending.deadline:
        started_memory = replace(memory, seen_at=memory.seen_at or now.isoformat())
        if not memory.requests and now < datetime.fromisoformat(started_memory.seen_at) + timedelta(
            hours=SETTINGS.patience.reconciled_hours
        ):
            return Decision(False, "past the deadline without a request; the reconciliation collects the date", started_memory)
        names = ", ".join(f"{pending.teams.get(game, 'game')} {game}" for game in sorted(pending.games))
        why = f"no complete box score of {names} by the deadline, {eastern_text(pending.deadline)}"
        return Decision(False, why, replace(memory, is_given_up=True), gives_up=not memory.is_given_up)
    ended_games = {
        game for game in pending.games if game in final or (game not in listed and _must_be_over(pending.games[game], now))
    }
    if not ended_games:
        playing = [game for game, tipoff in pending.games.items() if tipoff <= now]
        first = min(pending.games.values())
        why = f"{_named(playing)} in play" if playing else f"the first tip-off is at {eastern_text(first)}"
        return Decision(False, why, memory)
    new = sorted(ended_games - set(memory.requested))
    if not new and memory.next_at and now < datetime.fromisoformat(memory.next_at):
        next_at = datetime.fromisoformat(memory.next_at)
        why = f"no complete box score of {_named(ended_games)} yet; the next attempt is at {eastern_text(next_at)}"
        return Decision(False, why, memory)
    in_a_row = 0 if new else memory.in_a_row + 1
    wait = min(
        timedelta(seconds=SETTINGS.patience.first_poll_seconds) * 2**in_a_row,
        timedelta(minutes=SETTINGS.patience.longest_poll_minutes),
    )
    after = Memory(
        requested=tuple(sorted(ended_games | (set(memory.requested) & set(pending.games)))),
        requests=memory.requests + 1,
        in_a_row=in_a_row,
        next_at=(now + wait).isoformat(),
    )
    why = f"{_named(new)} ended" if new else f"no complete box score of {_named(ended_games)} yet, attempt {in_a_row + 1}"
    return Decision(True, why, after)


def is_watched(pending: Pending, now: datetime) -> bool:
    """Whether the scoreboard must be read for this date: the deadline has not passed, and an incomplete game has begun."""
    return now < pending.deadline and any(tipoff <= now for tipoff in pending.games.values())


def remembered(cursor: str | None) -> dict[date, Memory]:
    """Returns the memories of a cursor. Raises ValueError if the cursor is unreadable."""
    try:
        return _memories(json.loads(cursor) if cursor else {})
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def new_memory(now: datetime) -> Memory:
    """Returns the memory of a date after an unreadable cursor. Its request number is unused, so that run keys do not repeat."""
    return Memory(requests=int(now.timestamp()) // 60)


def _memories(cursor: Mapping[str, Mapping[str, Any]]) -> dict[date, Memory]:
    return {date.fromisoformat(day): _memory(fields) for day, fields in cursor.items()}


def _memory(fields: Mapping[str, Any]) -> Memory:
    """Returns a memory from a cursor. A cursor of another version keeps the common fields."""
    requested = fields.get("requested", fields.get("asked", ()))  # until 2026-11-29 cursors had `asked`
    common = {name: value for name, value in fields.items() if name in Memory.__dataclass_fields__}
    return Memory(**{**common, "requested": tuple(requested)})


def cursor_of(memories: Mapping[date, Memory]) -> str:
    """Returns the memories as a cursor."""
    return json.dumps({day.isoformat(): asdict(memory) for day, memory in sorted(memories.items())})


def _must_be_over(tipoff: datetime, now: datetime) -> bool:
    return tipoff + timedelta(hours=SETTINGS.patience.longest_game_hours) <= now


def _named(games: Iterable[str]) -> str:
    names = sorted(games)
    return f"game {names[0]}" if len(names) == 1 else counted(len(names), "game")
