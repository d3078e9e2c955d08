"""When games that have ended are collected: what one look at the scoreboard leads to. Pure; the sensor looks and asks.

The memory of a date is all that the sensor's cursor holds, so that a daemon that is started again goes on where it was.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from nba_pipeline.settings import SETTINGS


@dataclass(frozen=True)
class Pending:
    """The games of a date that lack a complete box score: game id -> tip-off, UTC; when the date is given up."""

    game_date: date
    games: Mapping[str, datetime]
    deadline: datetime


@dataclass(frozen=True)
class Memory:
    """What was asked for before, of one date: which games, how often in a row for the same ones, when next; the alert."""

    asked: tuple[str, ...] = ()
    requests: int = 0
    in_a_row: int = 0
    next_at: str = ""
    is_given_up: bool = False
    seen_at: str = ""
    """Since when nobody has asked although the deadline is over: a daemon that was down leaves the date to the reconciliation."""


@dataclass(frozen=True)
class Decision:
    """Collect the date now or not, and why; `gives_up` once, when the deadline has passed."""

    collects: bool
    why: str
    memory: Memory
    gives_up: bool = False


def decide(pending: Pending, final: frozenset[str], listed: frozenset[str], memory: Memory, now: datetime) -> Decision:
    """Whether a date is collected now: at once for a game that is newly final, ever more rarely for one whose box is late.

    A game that the scoreboard does not list counts as over some hours after its tip-off.
    """
    if not pending.games:
        return Decision(False, "every game that has ended is complete", Memory(requests=memory.requests))
    if now >= pending.deadline:
        seen = replace(memory, seen_at=memory.seen_at or now.isoformat())
        if not memory.requests and now < datetime.fromisoformat(seen.seen_at) + timedelta(
            hours=SETTINGS.patience.reconciled_hours
        ):
            return Decision(False, "nobody asked before the deadline, which leaves it to the reconciliation", seen)
        why = f"gave up on {_named(pending.games)} at the deadline, {pending.deadline:%Y-%m-%d %H:%M} UTC"
        return Decision(False, why, replace(memory, is_given_up=True), gives_up=not memory.is_given_up)
    over = {game for game in pending.games if game in final or (game not in listed and _must_be_over(pending.games[game], now))}
    if not over:
        playing = [game for game, tipoff in pending.games.items() if tipoff <= now]
        first = min(pending.games.values())
        why = f"{_named(playing)} in play" if playing else f"the first tip-off is at {first:%Y-%m-%d %H:%M} UTC"
        return Decision(False, why, memory)
    new = sorted(over - set(memory.asked))
    if not new and memory.next_at and now < datetime.fromisoformat(memory.next_at):
        return Decision(
            False, f"no complete box score of {_named(over)} yet, asked for again at {memory.next_at[:16]} UTC", memory
        )
    in_a_row = 0 if new else memory.in_a_row + 1
    wait = min(
        timedelta(seconds=SETTINGS.patience.first_poll_seconds) * 2**in_a_row,
        timedelta(minutes=SETTINGS.patience.longest_poll_minutes),
    )
    after = Memory(
        asked=tuple(sorted(over | (set(memory.asked) & set(pending.games)))), requests=memory.requests + 1, in_a_row=in_a_row,
        next_at=(now + wait).isoformat(),
    )  # fmt: skip
    why = f"{_named(new)} ended" if new else f"no complete box score of {_named(over)} yet, attempt {in_a_row + 1}"
    return Decision(True, why, after)


def is_watched(pending: Pending, now: datetime) -> bool:
    """Whether the scoreboard has to be looked at for this date: a game has begun and is not complete."""
    return now < pending.deadline and any(tipoff <= now for tipoff in pending.games.values())


def remembered(cursor: str | None) -> dict[date, Memory]:
    """The memories of a cursor. Raises ValueError for an unreadable one."""
    try:
        return _memories(json.loads(cursor) if cursor else {})
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def fresh_memory(now: datetime) -> Memory:
    """The memory of a date after an unreadable cursor: no request of an earlier one had this number, nor its run key."""
    return Memory(requests=int(now.timestamp()) // 60)


def _memories(found: Mapping[str, Mapping[str, Any]]) -> dict[date, Memory]:
    known = Memory.__dataclass_fields__.keys()  # a cursor of another version keeps what both know
    kept = {day: {name: value for name, value in fields.items() if name in known} for day, fields in found.items()}
    return {
        date.fromisoformat(day): Memory(**{**fields, "asked": tuple(fields.get("asked", ()))}) for day, fields in kept.items()
    }


def cursor_of(memories: Mapping[date, Memory]) -> str:
    """The memories as a cursor."""
    return json.dumps({day.isoformat(): asdict(memory) for day, memory in sorted(memories.items())})


def _must_be_over(tipoff: datetime, now: datetime) -> bool:
    return tipoff + timedelta(hours=SETTINGS.patience.longest_game_hours) <= now


def _named(games: Iterable[str]) -> str:
    names = sorted(games)
    return f"game {names[0]}" if len(names) == 1 else f"{len(names)} games"
