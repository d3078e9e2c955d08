"""Events of The Odds API: their parser, their match to the schedule, and the envelope of historical responses."""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.league.calendar import EASTERN_NAME
from nba_pipeline.league.teams import TEAM_OF_NAME
from nba_pipeline.providers.matching import match_games
from nba_pipeline.providers.parsing import Unusable, frame_of, parser
from nba_pipeline.providers.wire import instant, quoted
from nba_pipeline.warehouse.payloads import Payload

EVENT_COLUMNS = {
    "odds_event_id": pl.String(),
    "commence_time": pl.Datetime("us", "UTC"),
    "game_date": pl.Date(),
    "home_team": pl.String(),
    "away_team": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}

HISTORICAL = "historical_"
"""Prefix of the endpoints whose responses are wrapped with a timestamp."""
EVENT_ID = re.compile(r"[\w-]{1,80}")
"""Valid event ids. They become part of a URL and of a file name."""


@parser
def parse_events(payload: Payload) -> pl.DataFrame:
    """Returns one row per event. `game_date` is the Eastern date of `commence_time`. Unknown teams give a `problem`."""
    events = data_of(payload)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Permanent(f"{payload.slot.name}: the response is not a list of events: {payload.ref}")
    frame = frame_of([{**event_fields(event), "source": payload.ref} for event in events], EVENT_COLUMNS)
    return frame.with_columns(_eastern_date())


def match_events(events: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns (odds_event_id, game_id) of the events that match a game of the schedule.

    `events` needs odds_event_id, commence_time, home_team and away_team. `schedule` needs game_id, game_date, home_team and
    away_team.
    """
    keyed = events.select("odds_event_id", "commence_time", "home_team", "away_team").unique(maintain_order=True)
    matched = match_games(keyed.with_columns(_eastern_date()), schedule)
    return matched.select("odds_event_id", "game_id").drop_nulls().unique(maintain_order=True)


@parser
def data_of(payload: Payload) -> Any:
    """Returns the data of a live response, or of the envelope of a historical one."""
    document = payload.json()
    is_historical = isinstance(document, dict) and "timestamp" in document and "data" in document
    if payload.slot.endpoint.startswith(HISTORICAL) and not is_historical:
        raise Unusable("timestamp or data is missing")
    return document["data"] if is_historical else document


def event_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of an event: id, start, teams and problem."""
    names = {side: event.get(side) for side in ("home_team", "away_team")}
    problems = [f"unknown team {quoted(name)}" for name in names.values() if str(name) not in TEAM_OF_NAME]
    event_id = event.get("id")
    is_id = isinstance(event_id, str) and EVENT_ID.fullmatch(event_id) is not None
    if not is_id:
        problems.append(f"id of the event is {quoted(event.get('id'))}")
    commence_time = instant(event.get("commence_time"))
    if commence_time is None:
        problems.append(f"commence_time is {quoted(event.get('commence_time'))}")
    return {
        "odds_event_id": event_id if is_id else None,
        "commence_time": commence_time,
        **{side: TEAM_OF_NAME.get(str(name)) for side, name in names.items()},
        "problem": ", ".join(problems) or None,
    }


def _eastern_date() -> pl.Expr:
    return pl.col("commence_time").dt.convert_time_zone(EASTERN_NAME).dt.date().alias("game_date")
