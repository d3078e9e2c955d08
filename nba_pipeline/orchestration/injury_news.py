"""Late news: when the injury report of a slate is looked at until its last tip-off, and whether it says something new.

A look asks for a report by one try and lands nothing. What starts a run is a report that says something else about the games
to come than the newest landed one. The sensor `injury_news` keeps a memory per date in its cursor.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import takewhile

import polars as pl

from nba_pipeline.errors import NotYet, Permanent, PipelineError
from nba_pipeline.providers.injury_report import QUARTER_HOUR, InjuryReport, due_at, parse_injury_report, report_names
from nba_pipeline.settings import SETTINGS

Said = frozenset[tuple[str | None, str | None, str | None]]
"""Team, spelling and status of every entry."""


@dataclass(frozen=True)
class Memory:
    """What was seen of a slate's reports: the name of the newest, when to look again, and since when no look found any."""

    seen: str = ""
    next_at: datetime | None = None
    silent_since: datetime | None = None


@dataclass(frozen=True)
class Look:
    """What a look led to. `name` is the report that was found, `has_news` whether it asks for a run."""

    memory: Memory
    reason: str
    name: str = ""
    has_news: bool = False


def remembered(cursor: str | None) -> dict[date, Memory]:
    """The memories of a cursor. Raises ValueError for one that cannot be read."""
    try:
        found = json.loads(cursor or "{}")
        return {date.fromisoformat(day): _memory(**fields) for day, fields in found.items()}
    except (AttributeError, TypeError) as error:
        raise ValueError(str(error)) from None


def cursor_of(memories: dict[date, Memory]) -> str:
    """The memories as text."""
    return json.dumps({str(day): vars(memory) for day, memory in memories.items()}, default=lambda at: at.isoformat())


def _memory(seen: str, next_at: str | None, silent_since: str | None) -> Memory:
    next_look, silent = (datetime.fromisoformat(text) if text else None for text in (next_at, silent_since))
    return Memory(seen, next_look, silent)


def why_not_now(day: date, tipoffs: Sequence[datetime], memory: Memory, now: datetime) -> str:
    """Why the reports of a slate are not looked at; empty when a look is due. `tipoffs` are the known ones of its games."""
    if not any(tipoff > now for tipoff in tipoffs):
        return "no game to come"
    first_look = max(due_at(day), min(tipoffs) - timedelta(hours=SETTINGS.injuries.read_from_hours))
    next_at = max(first_look, memory.next_at or first_look)
    return f"the report is looked at from {next_at:%H:%M} UTC on" if now < next_at else ""


def look(
    day: date, games: pl.DataFrame, memory: Memory, injury_report: InjuryReport, known: Callable[[], Said | None], now: datetime
) -> Look:  # fmt: skip
    """Look at the reports that are newer than the newest seen, and compare the first that is published.

    Args:
        day: the slate.
        games: its games to come.
        memory: what was seen before.
        injury_report: the provider.
        known: what the newest loaded report says of the games, null where there is none.
        now: the present instant.
    """
    every = report_names(day, now)
    names = list(takewhile(lambda name: name != memory.seen, every))[: SETTINGS.injuries.names_per_look]
    next_quarter = _next_quarter(now)
    if not names:
        return Look(replace(memory, next_at=next_quarter), "the newest report was looked at")
    again = min(now + timedelta(minutes=SETTINGS.injuries.look_again_minutes), next_quarter)
    for name in names:
        try:
            said = statements(injury_report.peek(day, name), day, games)
        except NotYet:
            continue
        except PipelineError as error:
            return Look(replace(memory, next_at=again), str(error))
        has_news = said != known()
        found = Memory(name, next_quarter if name == names[0] else again)
        return Look(found, f"the report {name} {'has news' if has_news else 'is unchanged'}", name, has_news)
    silent = memory.silent_since or now
    is_long = silent_for(replace(memory, silent_since=silent), now)
    reason = f"no report is published from {names[-1]} to {names[0]}, or the host refuses to answer"
    return Look(Memory(memory.seen, next_quarter if is_long else again, silent), reason)


def silent_for(memory: Memory, now: datetime) -> bool:
    """Whether no look found a report for so long that it is a provider's problem."""
    since = memory.silent_since
    return since is not None and now - since >= timedelta(minutes=SETTINGS.injuries.silent_minutes)


def statements(rows: pl.DataFrame, day: date, games: pl.DataFrame) -> Said:
    """What a parsed report says of some games of a slate, whenever it says so; entries that cannot be used by their problem."""
    teams = [*games["home_team"], *games["away_team"]]
    is_about = pl.col("team").is_in(teams) | pl.col("home_team").is_in(teams) | pl.col("away_team").is_in(teams)
    said = rows.filter(pl.col("game_date") == day, is_about.fill_null(True))
    return frozenset(said.select("team", "spelling", pl.coalesce("problem", "status")).iter_rows())


def newest_landed(injury_report: InjuryReport, day: date, games: pl.DataFrame, loaded_at: datetime | None) -> Said | None:
    """What the newest landed report says of some games; null without one, and where it was landed and not loaded."""
    landed = injury_report.landed(day)
    if not landed or loaded_at is None or landed[-1].fetched_at > loaded_at:
        return None
    try:
        return statements(parse_injury_report(landed[-1]), day, games)
    except Permanent:  # the run that is asked for rejects it
        return None


def _next_quarter(now: datetime) -> datetime:
    """The next quarter of an hour, when the league prints."""
    past = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    return now - past + QUARTER_HOUR
