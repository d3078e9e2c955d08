"""Every parser on real responses with one changed field: no traceback, no silently lost row, no message without a name."""

import gzip
import json
import random
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.providers import (
    balldontlie,
    espn,
    injury_report,
    nba_cdn_boxscore,
    nba_cdn_schedule,
    nba_stats,
    odds_events,
    odds_lines,
)
from nba_pipeline.providers.nba_cdn_play_by_play import parse_play_by_play
from nba_pipeline.providers.parsing import parser
from nba_pipeline.providers.pdf_reader import read_layout
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.fuzzing import Parse, Sample, fuzz
from nba_pipeline_tests.real.conftest import SHARED

pytestmark = [pytest.mark.real, pytest.mark.long(seconds=15)]

WIRE = SHARED / "wire"
FEBRUARY, JANUARY, MARCH = date(2024, 2, 22), date(2024, 1, 15), date(2025, 3, 15)
EVENT = "odds_api/v4_event_odds__Magic_at_Cavaliers__2024-02-22.json"


def document(path: str) -> Any:
    body = (WIRE / path).read_bytes()
    return json.loads(gzip.decompress(body) if path.endswith(".gz") else body)


def thinned(content: Any, most: int) -> Any:
    """Returns the document with a limited number of elements per list, sampled with a seed."""
    if isinstance(content, dict):
        return {key: thinned(value, most) for key, value in content.items()}
    if not isinstance(content, list):
        return content
    chosen = sorted(random.Random(len(content)).sample(range(len(content)), min(most, len(content))))
    return [thinned(content[number], most) for number in chosen]


def sample(path: str, parse: Parse, slot: tuple[str, str, str, date | None], *decisive: str, most: int = 3) -> Sample:
    provider, endpoint, entity, day = slot
    return Sample(path, Slot(provider, endpoint, entity, day), thinned(document(path), most), parse, frozenset(decisive))


def of_log() -> Sample:
    path = "nba_stats/leaguegamelog_player__2025-03-15.json"
    content = document(path)
    log = content["resultSets"][0]
    log["rowSet"] = log["rowSet"][:5]
    of_game = {name: log["headers"].index(name) for name in ("GAME_ID", "TEAM_ABBREVIATION", "MATCHUP")}
    games = [
        {
            "game_id": row[of_game["GAME_ID"]],
            "season": "2024-25",
            "home_team": row[of_game["TEAM_ABBREVIATION"]],
            "away_team": row[of_game["MATCHUP"]][-3:],
            "status": "final",
            "home_points": 110,
            "away_points": 100,
        }
        for row in log["rowSet"]
    ]
    schedule = pl.DataFrame(games)

    def parse(payload: Payload) -> pl.DataFrame:
        rows = nba_stats.parse_game_log(payload, schedule)
        return rows.with_columns(problem=pl.when(~pl.col("problem").str.contains("of neither")).then("problem"))

    return Sample(path, Slot("nba_stats", "player_game_log", "regular_season", MARCH), content, parse)


def of_game_lines() -> Sample:
    """The sample has decimal prices."""
    path = "odds_api/v4_historical_event_odds__spreads_totals__2024-01-25.json"
    content = document(path)
    for book in content["data"]["bookmakers"]:
        for market in book["markets"]:
            market["outcomes"] = [outcome | {"price": -110} for outcome in market["outcomes"]]
    slot = Slot("odds_api", "historical_event_odds", "e", date(2024, 1, 25))
    return Sample(path, slot, content, odds_lines.parse_game_odds, frozenset({"key"}))


def of_report() -> Sample:
    body = (WIRE / "injury_report" / "Injury-Report_2024-01-04_12PM.pdf").read_bytes()
    slot = Slot("injury_report", "report", "2024-01-04_12PM", date(2024, 1, 4), extension="pdf")
    read = parser(lambda payload: injury_report._statements(payload.json(), payload))
    texts = ("", "x", "1" * 400, "9999-12-31T23:59:59-05:00", "12/31/9999", "\ud800", "\x00")
    return Sample("injury_report", slot, read_layout(body), read, values=texts, is_of_leaves=True)


SAMPLES: dict[str, Callable[[], Sample]] = {
    "boxscore": lambda: sample(
        "nba_cdn/liveData_boxscore_0022000001.json", nba_cdn_boxscore.parse_boxscore, ("nba_cdn", "boxscore", "0022000001", date(2020, 12, 22))
    ),
    "team totals": lambda: sample(
        "nba_cdn/liveData_boxscore_0022000001.json", nba_cdn_boxscore.parse_team_boxscores,
        ("nba_cdn", "boxscore", "0022000001", date(2020, 12, 22)),
    ),
    "schedule": lambda: sample(
        "nba_cdn/scheduleLeagueV2__2024-25_full__2025-08-27.json.gz", nba_cdn_schedule.parse_schedule, ("nba_cdn", "schedule", "season", None),
        "gameId", "teamTricode", most=4,
    ),
    "playbyplay": lambda: sample(
        "nba_cdn/liveData_playbyplay.json.gz", parse_play_by_play,
        ("nba_cdn", "playbyplay", document("nba_cdn/liveData_playbyplay.json.gz")["game"]["gameId"], JANUARY), most=12,
    ),
    "balldontlie": lambda: sample(
        "balldontlie/v1_box_scores__2024-01-15.json", lambda payload: balldontlie.parse_boxscores([payload]),
        ("balldontlie", "box_scores", "page_first", JANUARY), "status",
    ),
    "nba_stats": of_log,
    "event_odds": lambda: sample(
        EVENT, odds_lines.parse_event_odds, ("odds_api", "event_odds", "e", FEBRUARY), "key", "description", "point", most=4
    ),
    "historical": of_game_lines,
    "events": lambda: sample(
        "odds_api/v4_historical_events__2025-03-09.json", odds_events.parse_events, ("odds_api", "historical_events", "slate", date(2025, 3, 9))
    ),
    "roster": lambda: sample("espn/site_roster_team2.json", espn.parse_roster, ("espn", "roster", "2", JANUARY)),
    "injury_report": of_report,
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_a_changed_field_of_a_real_response_is_accepted_quarantined_or_rejected_by_name(name: str) -> None:
    outcomes = fuzz(SAMPLES[name](), each=6)
    print(outcomes.summary)  # noqa: T201
    assert not outcomes.faults, "\n".join(outcomes.faults[:20])
