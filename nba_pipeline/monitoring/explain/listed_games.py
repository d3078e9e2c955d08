"""The games of a date that the newest capture of lines listed. A game that is not listed gets no request for odds."""

import polars as pl

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link, State
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.providers.odds_events import match_events, parse_events
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.payloads import Payload

NAMED = 10
PROVIDER, EVENTS = "odds_api", "events"
TABLES_OF_LINES = ("prop_lines", "game_lines")


def events_links(facts: SlateFacts, subject: Subject, name: str, is_needed: bool) -> list[Link]:
    """Returns the link of the newest list of events, in a list. Empty for other tables, and after the games have begun."""
    lists = facts.landing.listed(PROVIDER, EVENTS, facts.game_date) if name in TABLES_OF_LINES else []
    if not lists:
        return []
    newest, games = lists[-1], facts.of("schedule", subject).filter(pl.col("status") != OFF)
    upcoming = games.filter(pl.col("tipoff_at").is_null() | (pl.col("tipoff_at") > newest.fetched_at))
    return [] if upcoming.is_empty() else [_events_link(facts, facts.of(name, subject), newest, upcoming, is_needed)]


def _events_link(facts: SlateFacts, lines: pl.DataFrame, newest: Payload, upcoming: pl.DataFrame, is_needed: bool) -> Link:
    """Returns how many upcoming games are listed.

    The link is broken if lines are needed. It is partial if an unlisted game has lines, or if they are due.
    """
    at, evidence = eastern_time(newest.fetched_at, facts.game_date), [f"from {newest.ref}"]
    next_step = "" if is_needed else facts.next_capture  # lines that are needed have the command of their link
    try:
        if problem := newest.problem:
            raise Permanent(problem)
        events = parse_events(newest)
        listed = match_events(events, upcoming).select("game_id")
    except PipelineError as error:
        return Link("events", _state(is_needed, True), f"the capture of {at} is unusable: {error}", evidence, next_step)
    usable = lines.filter("is_before_tipoff")
    unlisted = upcoming.join(listed, on="game_id", how="anti")
    withdrawn = usable.join(unlisted, on="game_id", how="semi")
    fact = f"the capture of {at} listed {upcoming.height - unlisted.height} of {counted(upcoming.height, 'upcoming game')}"
    fact += _why_unlisted(events, unlisted)
    if withdrawn.height:
        captured_at = eastern_time(withdrawn.select(pl.coalesce("captured_at", "snapshot_at").max()).item(), facts.game_date)
        fact += f"; the lines of unlisted games were captured at {captured_at} and stay in use"
    elif is_needed:
        fact += _why_no_lines(upcoming.join(listed, on="game_id", how="semi"), usable)
    is_partial = unlisted.height > 0 and (withdrawn.height > 0 or not facts.lines_due_text)
    return Link("events", _state(is_needed, is_partial), fact, evidence, next_step if is_partial else "")


def _why_unlisted(events: pl.DataFrame, unlisted: pl.DataFrame) -> str:
    """Returns what the response has instead of the unlisted games; empty if every game is listed."""
    if unlisted.is_empty():
        return ""
    if events.is_empty():
        return " (the response is an empty list)"
    names = [f"{away or 'unknown'}@{home or 'unknown'}" for away, home in events.select("away_team", "home_team").iter_rows()]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" (the response lists {', '.join(names[:NAMED])}{more})"


def _why_no_lines(listed: pl.DataFrame, usable: pl.DataFrame) -> str:
    """Returns whether no odds were requested, or which listed games have odds without usable lines."""
    if listed.is_empty():
        return ", so no odds were requested"
    empty = listed.join(usable, on="game_id", how="anti").sort("game_id").select("away_team", "home_team")
    names = [f"{away}@{home}" for away, home in empty.iter_rows()]
    return f"; the odds of {', '.join(names)} have no usable line" if names else ""


def _state(is_needed: bool, has_problem: bool) -> State:
    return "broken" if is_needed else "partial" if has_problem else "ok"
