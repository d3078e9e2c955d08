"""A shared league, a game date, and one server per test with a clock set by the test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from nba_pipeline.sandbox import League, SandboxServer
from nba_pipeline.sandbox.league import Game

DAY = date(2025, 1, 15)
PATIENT_SECONDS = 60.0
"""The first request simulates a whole season, which can exceed httpx's default timeout on a busy machine."""


@dataclass
class Peer:
    """A running sandbox with its client and clock."""

    game: Game
    server: SandboxServer
    client: httpx.Client
    moment: list[datetime]
    schedule: str = "/static/json/staticData/scheduleLeagueV2.json"
    scoreboard: str = "/static/json/liveData/scoreboard/todaysScoreboard_00.json"
    odds: dict[str, str] = field(
        default_factory=lambda: {
            "apiKey": "k",
            "regions": "us",
            "markets": "player_points",
            "oddsFormat": "american",
        }
    )

    def at(self, instant: datetime) -> "Peer":
        self.moment[0] = instant
        return self

    def before_tip(self) -> "Peer":
        return self.at(self.game.tipoff_at - timedelta(minutes=1))

    def in_play(self) -> "Peer":
        return self.at(self.game.tipoff_at + timedelta(minutes=75))

    def final(self) -> "Peer":
        return self.at(self.game.ends_at)

    def get(self, path: str, /, **query: str) -> httpx.Response:
        return self.client.get(path, params=query or None)

    def rule(self, **spec: Any) -> None:
        assert self.client.post("/__control/faults", json=spec).status_code == 200

    @property
    def box_path(self) -> str:
        return f"/static/json/liveData/boxscore/boxscore_{self.game.game_id}.json"

    @property
    def odds_path(self) -> str:
        return f"/v4/sports/basketball_nba/events/{self.game.fixture.event_id}/odds"

    def box(self) -> dict[str, Any]:
        return self.get(self.box_path).json()["game"]

    def listed(self) -> dict[str, Any] | None:
        dates = self.get(self.schedule).json()["leagueSchedule"]["gameDates"]
        games = [game | {"listed_on": day["gameDate"][:10]} for day in dates for game in day["games"]]
        return next((game for game in games if game["gameId"] == self.game.game_id), None)

    def scoreboard_games(self) -> dict[str, dict[str, Any]]:
        """Returns game id -> game of the scoreboard."""
        return {game["gameId"]: game for game in self.get(self.scoreboard).json()["scoreboard"]["games"]}

    def quotes(self, **query: str) -> dict[str, list[dict[str, Any]]]:
        books = self.get(self.odds_path, **(self.odds | query)).json()["bookmakers"]
        return {book["key"]: book["markets"][0]["outcomes"] for book in books}


@pytest.fixture(scope="session")
def league() -> League:
    return League()


@pytest.fixture
def peer(league: League) -> Iterator[Peer]:
    game = league.games(DAY)[0]
    moment = [game.ends_at]
    with (
        SandboxServer(league, lambda: moment[0]) as server,
        httpx.Client(base_url=server.url, verify=False, timeout=PATIENT_SECONDS) as client,
    ):
        client.headers["Authorization"] = "key"
        yield Peer(game, server, client, moment)
