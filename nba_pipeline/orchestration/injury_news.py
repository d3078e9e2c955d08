"""Late injury news: decides when to peek at the injury reports of a slate, and whether a report has news.

A peek fetches a report without retries and lands nothing. Peeks end at the last tip-off. A report has news, and starts a
run, if its entries about upcoming games differ from those of the newest landed report. The sensor `injury_news` keeps one
memory per date in its cursor.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import takewhile

import dagster as dg
import polars as pl

from nba_pipeline.errors import NotPublished, Permanent, PipelineError
from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.orchestration.run_requests import games_of
from nba_pipeline.providers.injury_report import QUARTER_HOUR, InjuryReport, due_at, parse_injury_report, report_names
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse

Statements = frozenset[tuple[str | None, str | None, str | None]]
"""Team, spelling and status of every entry."""


@dataclass(frozen=True)
class Memory:
    """Earlier peeks at a slate's reports: newest report name, instant of the next peek, instant since which none is published."""

    seen: str = ""
    next_at: datetime | None = None
    silent_since: datetime | None = None


@dataclass(frozen=True)
class Peek:
    """The result of a peek. `name` is the published report; `has_news` is true if it requires a run."""

    memory: Memory
    reason: str
    name: str = ""
    has_news: bool = False


def remembered(cursor: str | None) -> dict[date, Memory]:
    """Returns the memories of a cursor. Raises ValueError if the cursor is unreadable."""
    try:
        memories = json.loads(cursor or "{}")
        return {date.fromisoformat(day): _memory(**fields) for day, fields in memories.items()}
    except (AttributeError, TypeError) as error:
        raise ValueError(str(error)) from None


def cursor_of(memories: dict[date, Memory]) -> str:
    """Returns the memories as a cursor."""
    return json.dumps({str(day): vars(memory) for day, memory in memories.items()}, default=lambda at: at.isoformat())


def _memory(seen: str, next_at: str | None, silent_since: str | None) -> Memory:
    instants = (datetime.fromisoformat(text) if text else None for text in (next_at, silent_since))
    return Memory(seen, *instants)


def reason_to_wait(day: date, tipoffs: Sequence[datetime], memory: Memory, now: datetime) -> str:
    """Returns why no peek at the reports of a slate is due; empty if one is due. `tipoffs` has the known tip-offs, UTC."""
    if not any(tipoff > now for tipoff in tipoffs):
        return "no upcoming games"
    first_at = max(due_at(day), min(tipoffs) - timedelta(hours=SETTINGS.injuries.read_from_hours))
    next_at = max(first_at, memory.next_at or first_at)
    return f"the next peek at the reports is at {eastern_text(next_at, '%H:%M')}" if now < next_at else ""


def peek_if_due(
    instance: dg.DagsterInstance, warehouse: Warehouse, injury_report: InjuryReport, day: date, memory: Memory, now: datetime
) -> Peek:
    """Peeks at the reports of a date if a peek is due. The first report is not news: modes and captures load it."""
    games = games_of(warehouse, [day])
    if reason := reason_to_wait(day, games["tipoff_at"].drop_nulls().to_list(), memory, now):
        return Peek(memory, reason)
    loaded_at = materialized_at(instance, "injuries", day)
    if loaded_at is None:
        return Peek(memory, "no report is loaded yet")
    upcoming = games.filter(pl.col("tipoff_at") > now)
    return peek(day, upcoming, memory, injury_report, lambda: newest_landed(injury_report, day, upcoming, loaded_at), now)


def peek(
    day: date,
    games: pl.DataFrame,
    memory: Memory,
    injury_report: InjuryReport,
    loaded_statements: Callable[[], Statements | None],
    now: datetime,
) -> Peek:
    """Fetches reports newer than `memory.seen`, newest first, until one is published, and compares it with the loaded report.

    Args:
        day: the slate.
        games: its upcoming games.
        memory: earlier peeks.
        injury_report: the provider.
        loaded_statements: returns the statements of the newest loaded report on the games; None without one.
        now: the present instant.
    """
    names = list(takewhile(lambda name: name != memory.seen, report_names(day, now)))[: SETTINGS.injuries.names_per_look]
    next_quarter = _next_quarter(now)
    if not names:
        return Peek(replace(memory, next_at=next_quarter), f"no report is newer than {memory.seen}")
    retry_at = min(now + timedelta(minutes=SETTINGS.injuries.look_again_minutes), next_quarter)
    for name in names:
        try:
            published = statements(injury_report.peek(day, name), day, games)
        except NotPublished:
            continue
        except PipelineError as error:
            return Peek(replace(memory, next_at=retry_at), str(error))
        has_news = published != loaded_statements()
        after = Memory(name, next_quarter if name == names[0] else retry_at)
        return Peek(after, f"the report {name} {'has news' if has_news else 'is unchanged'}", name, has_news)
    silent = memory.silent_since or now
    is_long = silent_for(replace(memory, silent_since=silent), now)
    reason = f"no injury report from {names[-1]} to {names[0]} is published, or the host refuses to answer"
    return Peek(Memory(memory.seen, next_quarter if is_long else retry_at, silent), reason)


def silent_for(memory: Memory, now: datetime) -> bool:
    """Whether peeks have returned no report for so long that the provider must have a problem."""
    since = memory.silent_since
    return since is not None and now - since >= timedelta(minutes=SETTINGS.injuries.silent_minutes)


def statements(rows: pl.DataFrame, day: date, games: pl.DataFrame) -> Statements:
    """Returns the entries of a parsed report on some games of a slate. Unusable entries have their problem as status."""
    teams = [*games["home_team"], *games["away_team"]]
    is_about = pl.col("team").is_in(teams) | pl.col("home_team").is_in(teams) | pl.col("away_team").is_in(teams)
    entries = rows.filter(pl.col("game_date") == day, is_about.fill_null(True))
    return frozenset(entries.select("team", "spelling", pl.coalesce("problem", "status")).iter_rows())


def newest_landed(injury_report: InjuryReport, day: date, games: pl.DataFrame, loaded_at: datetime | None) -> Statements | None:
    """Returns the statements of the newest landed report on some games; None without one, or if it is not loaded yet."""
    landed = injury_report.landed(day)
    if not landed or loaded_at is None or landed[-1].fetched_at > loaded_at:
        return None
    try:
        return statements(parse_injury_report(landed[-1]), day, games)
    except Permanent:  # the requested run rejects it
        return None


def _next_quarter(now: datetime) -> datetime:
    """Returns the next quarter of an hour, when the league publishes."""
    since_quarter_hour = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    return now - since_quarter_hour + QUARTER_HOUR
