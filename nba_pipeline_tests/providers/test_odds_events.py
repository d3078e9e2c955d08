"""The Odds API's events: dates, teams, and their match to the schedule."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.odds_events import match_events, parse_events
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.test_odds_lines import EVENT

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)


def test_an_event_belongs_to_its_eastern_date(land: Land) -> None:
    frame = parse_events(land([EVENT, EVENT | {"id": "e2", "home_team": "Seattle"}], "odds_api", "events", "slate"))
    assert frame.select("odds_event_id", "game_date", "home_team", "problem").rows() == [
        ("e1", DAY, "LAC", None),
        ("e2", DAY, None, "unknown team 'Seattle'"),
    ]
    with pytest.raises(Permanent, match="not a list of events"):
        parse_events(land({}, "odds_api", "events", "slate"))


def test_events_are_matched_to_the_schedule(land: Land) -> None:
    events = parse_events(land([EVENT, EVENT | {"id": "e2", "home_team": "Miami Heat"}], "odds_api", "events", "slate"))
    games = pl.DataFrame({"game_id": ["g1"], "game_date": [DAY], "home_team": ["LAC"], "away_team": ["UTA"]})
    assert match_events(events, games).rows() == [("e1", "g1")]
