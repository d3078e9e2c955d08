"""The NBA's content delivery network: the season schedule, the scoreboard, box scores and play-by-play. No key.

Requests and the scoreboard belong here. The other payloads have parsers of their own: `nba_cdn_schedule`,
`nba_cdn_boxscore` and `nba_cdn_play_by_play`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from nba_pipeline.errors import NotPublished, PipelineError
from nba_pipeline.league.calendar import season_of
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.nba_cdn_boxscore import final_game_ids, parse_boxscore
from nba_pipeline.providers.nba_cdn_play_by_play import parse_play_by_play
from nba_pipeline.providers.nba_cdn_schedule import game_status, is_game_id, parse_schedule
from nba_pipeline.providers.parsing import Unusable, field_in, object_in, objects_in, parsing
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.wire import quoted
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "nba_cdn"


@dataclass(frozen=True)
class Scoreboard:
    """The listed and the final games of the league's current day. At noon it changes to the next Eastern date."""

    game_date: date
    listed: frozenset[str]
    final: frozenset[str]


class NbaCdn(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for https://cdn.nba.com/static/json/.

    The files are staticData/scheduleLeagueV2.json, liveData/boxscore, liveData/playbyplay and
    liveData/scoreboard/todaysScoreboard_00.json.
    """

    http: dg.ResourceDependency[HttpClient]

    def schedule(self, day: date | None = None) -> Payload:
        """Returns the landed schedule of the current season. Raises like HttpClient.get.

        `day` selects another season in an offline run. The provider only serves the current season.
        """
        return self.http.get(schedule_request(day or self.http.clock.today))

    def boxscores(self, games: Sequence[tuple[str, date]]) -> list[Payload | PipelineError]:
        """Fetches the box scores of (game_id, game_date) concurrently. Returns a payload or an error per game, in order."""
        return self.http.get_many([boxscore_request(game_id, day) for game_id, day in games])

    def landed_boxscores(self, game_id: str, game_date: date) -> list[Payload]:
        """Returns the landed box scores of a game, oldest first. The newest is journaled as reused."""
        return self.http.landed(boxscore_request(game_id, game_date))

    def play_by_play(self, games: Sequence[tuple[str, date]]) -> list[Payload | PipelineError]:
        """Fetches the play-by-play of (game_id, game_date) concurrently. Returns a payload or an error per game, in order."""
        return self.http.get_many([playbyplay_request(game_id, day) for game_id, day in games])

    def landed_play_by_play(self, game_id: str, game_date: date) -> list[Payload]:
        """Returns the landed play-by-play of a game, oldest first. The newest is journaled as reused."""
        return self.http.landed(playbyplay_request(game_id, game_date))

    def scoreboard(self) -> Scoreboard:
        """Returns the current scoreboard, to decide when to fetch box scores. Lands nothing. Raises like HttpClient.peek."""
        return read_scoreboard(self.http.peek(scoreboard_request()))

    def has_ended(self, game_id: str, game_date: date) -> bool:
        """True if a game's box score is final, for games that the scoreboard does not list. Nothing is landed.

        Raises like HttpClient.peek, except NotPublished: an unpublished box score is not final.
        """
        try:
            return bool(final_game_ids(self.http.peek(boxscore_request(game_id, game_date))))
        except NotPublished:
            return False

    def reject(self, payload: Payload, problem: str) -> None:
        """Excludes a payload that does not parse from all later reads."""
        self.http.landing.reject(payload, problem)


def schedule_request(today: date) -> Request:
    """The request for the season schedule. The URL is the same for all seasons; the slot names today's season."""
    return Request(
        provider=PROVIDER,
        endpoint="schedule",
        entity="season",
        season=season_of(today),
        path="/static/json/staticData/scheduleLeagueV2.json",
        required_keys=("leagueSchedule",),
        parser=parse_schedule,
    )


def scoreboard_request() -> Request:
    """The request for the scoreboard of the league's current day. The URL has no date."""
    return Request(
        provider=PROVIDER,
        endpoint="scoreboard",
        entity="today",
        required_keys=("scoreboard",),
        path="/static/json/liveData/scoreboard/todaysScoreboard_00.json",
    )


def boxscore_request(game_id: str, game_date: date) -> Request:
    """The request for a game's box score. Not published before tip-off (403)."""
    return Request(
        provider=PROVIDER,
        endpoint="boxscore",
        entity=game_id,
        game_date=game_date,
        required_keys=("game",),
        path=f"/static/json/liveData/boxscore/boxscore_{game_id}.json",
        final_game_ids=final_game_ids,
        parser=parse_boxscore,
    )


def playbyplay_request(game_id: str, game_date: date) -> Request:
    """The request for a game's play-by-play. Not published before tip-off (403), and edited after the game."""
    return Request(
        provider=PROVIDER,
        endpoint="playbyplay",
        entity=game_id,
        game_date=game_date,
        required_keys=("game",),
        path=f"/static/json/liveData/playbyplay/playbyplay_{game_id}.json",
        parser=parse_play_by_play,
    )


def read_scoreboard(document: Any) -> Scoreboard:
    """Returns the games in scope. A game is final with a final status and both scores, unless its text says postponed.

    Raises Permanent if the document has another structure.
    """
    with parsing(scoreboard_request()):
        board = object_in(document, "scoreboard")
        games = {_scoreboard_id(game): game for game in objects_in(board, "games")}
        in_scope = {game_id: game for game_id, game in games.items() if game_id[:3] in SEASON_TYPES}
        final = frozenset(game_id for game_id, game in in_scope.items() if game_status(game) == "final")
        return Scoreboard(_scoreboard_date(board), frozenset(in_scope), final)


def _scoreboard_id(game: Mapping[str, Any]) -> str:
    if not is_game_id(field_in(game, "gameId")):
        raise Unusable(f"gameId is {quoted(game['gameId'])}")
    return str(game["gameId"])


def _scoreboard_date(board: Mapping[str, Any]) -> date:
    value = field_in(board, "gameDate")
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unusable(f"gameDate is {quoted(value)}") from None
