"""The NBA's content delivery network: the season schedule, the scoreboard, box scores and play-by-play. No key.

Times that end in Z are UTC only if the field name says UTC. Flags are text. Players who did not play have zeros.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import NotPublished, Permanent, PipelineError
from nba_pipeline.league.calendar import EASTERN, eastern_date, season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.providers.http import HttpClient, Request
from nba_pipeline.providers.nba_cdn_play_by_play import parse_play_by_play
from nba_pipeline.providers.nba_cdn_status import SIDES, decided_series, has_ended, is_unnecessary, status_of
from nba_pipeline.providers.parsing import Unusable, field_in, frame_of, object_in, objects_in, parser, parsing
from nba_pipeline.providers.wire import (
    day_or_none,
    instant,
    knows_only_whole_minutes,
    minutes_fields,
    quoted,
    seconds_of,
    text_or_none,
    whole,
)
from nba_pipeline.warehouse.landing import Payload

PROVIDER = "nba_cdn"
GAME_ID = re.compile(r"\d{10}")
NO_TIME = "1900-"
"""Prefix of an instant that the NBA has not set."""
SCHEDULE_FIELDS = ("gameStatus", "gameStatusText", "gameDateTimeUTC")
"""Required fields of every game of the schedule. `isNeutral` and the labels are newer and optional."""

STATISTICS = {
    "points": "points", "rebounds": "reboundsTotal", "oreb": "reboundsOffensive", "dreb": "reboundsDefensive",
    "assists": "assists", "steals": "steals", "blocks": "blocks", "turnovers": "turnovers", "fouls": "foulsPersonal",
    "fgm": "fieldGoalsMade", "fga": "fieldGoalsAttempted", "fg3m": "threePointersMade",
    "fg3a": "threePointersAttempted", "ftm": "freeThrowsMade", "fta": "freeThrowsAttempted",
}  # fmt: skip
"""Column -> field of the box score."""

TEAM_STATISTICS = {**STATISTICS, "rebounds": "reboundsPersonal"}
"""Column -> field of a team's totals. A team's reboundsTotal also counts team rebounds."""


@dataclass(frozen=True)
class Scoreboard:
    """The listed and the final games of the league's current day, which changes to the next Eastern date at noon."""

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
        """Returns the landed schedule of the current season. Raises as HttpClient.get.

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
        """Returns the current scoreboard, for deciding when to fetch box scores. Nothing is landed. Raises as HttpClient.peek."""
        return read_scoreboard(self.http.peek(scoreboard_request()))

    def has_ended(self, game_id: str, game_date: date) -> bool:
        """True if a game's box score is final, for games that the scoreboard does not list. Nothing is landed.

        Raises as HttpClient.peek, except NotYet: an unpublished box score is not final.
        """
        try:
            return bool(_final_game(self.http.peek(boxscore_request(game_id, game_date))))
        except NotPublished:
            return False

    def reject(self, payload: Payload, problem: str) -> None:
        """Exclude a payload that does not parse from all later look-ups."""
        self.http.landing.reject(payload, problem)


def schedule_request(today: date) -> Request:
    """The request for the season schedule. The URL is the same for all seasons; the slot names today's season."""
    return Request(
        provider=PROVIDER, endpoint="schedule", entity="season", season=season_of(today),
        path="/static/json/staticData/scheduleLeagueV2.json", required_keys=("leagueSchedule",),
        parser=parse_schedule,
    )  # fmt: skip


def scoreboard_request() -> Request:
    """The request for the scoreboard of the league's current day. The URL has no date."""
    return Request(
        provider=PROVIDER, endpoint="scoreboard", entity="today", required_keys=("scoreboard",),
        path="/static/json/liveData/scoreboard/todaysScoreboard_00.json",
    )  # fmt: skip


def boxscore_request(game_id: str, game_date: date) -> Request:
    """The request for a game's box score. Not published before tip-off (403)."""
    return Request(
        provider=PROVIDER, endpoint="boxscore", entity=game_id, game_date=game_date, required_keys=("game",),
        path=f"/static/json/liveData/boxscore/boxscore_{game_id}.json", final_game_ids=_final_game,
        parser=parse_boxscore,
    )  # fmt: skip


def playbyplay_request(game_id: str, game_date: date) -> Request:
    """The request for a game's play-by-play. Not published before tip-off (403), and edited after the game."""
    return Request(
        provider=PROVIDER, endpoint="playbyplay", entity=game_id, game_date=game_date, required_keys=("game",),
        path=f"/static/json/liveData/playbyplay/playbyplay_{game_id}.json", parser=parse_play_by_play,
    )  # fmt: skip


@parser
def parse_schedule(payload: Payload) -> pl.DataFrame:
    """Returns one row per game in scope with known teams, for every date of the season.

    Unusable rows have a `problem`. A game that is being rescheduled may be listed under two dates and then has two rows.
    Games that a series does not need have the status postponed, like canceled games. Raises Permanent if the document
    has no games or another structure.
    """
    listed = [(game, day) for game, day in _scheduled(payload) if _has_teams(game)]
    decided = decided_series([(game, _status(game)) for game, _ in listed])
    rows = [_game(game, day, payload, decided) for game, day in listed]
    return frame_of(rows, SCHEDULE_COLUMNS).unique(maintain_order=True)


@parser
def count_undetermined_games(payload: Payload) -> int:
    """Returns the number of games in scope whose teams are undetermined. `parse_schedule` omits them."""
    return sum(not _has_teams(game) for game, _ in _scheduled(payload))


def read_scoreboard(document: Any) -> Scoreboard:
    """Returns the games in scope. A game is final with a final status and both scores, unless its text says postponed.

    Raises Permanent if the document has another structure.
    """
    with parsing(scoreboard_request()):
        board = object_in(document, "scoreboard")
        games = {_scoreboard_id(game): game for game in objects_in(board, "games")}
        wanted = {game_id: game for game_id, game in games.items() if game_id[:3] in SEASON_TYPES}
        final = frozenset(game_id for game_id, game in wanted.items() if _status(game) == "final")
        return Scoreboard(_scoreboard_date(board), frozenset(wanted), final)


@parser
def parse_boxscore(payload: Payload) -> pl.DataFrame:
    """Returns one row per player of both teams. Statistics are null for players who did not play.

    Minutes are exact. If most playing times of the game are whole minutes, they are rounded and `seconds` is null. Raises
    Permanent naming game, field and value if a required value is missing or unusable.
    """
    game = _game_asked_for(payload)
    _number(game, "gameStatus")
    sides = {side: _side(game, side, payload) | {"team_points": _number(game[side], "score")} for side in SIDES}
    is_rounded = knows_only_whole_minutes([clock for side in SIDES for clock in _clocks(game[side])])
    rows = [sides[side] | _player(player, is_rounded) for side in SIDES for player in game[side]["players"]]
    return frame_of(rows, BOXSCORE_COLUMNS)


@parser
def parse_team_boxscores(payload: Payload) -> pl.DataFrame:
    """Returns one row per team of the box score, with the NBA's own totals.

    Turnovers, rebounds and fouls are sums over players, as in every other source. `turnoversTotal` also counts team
    turnovers, about one per game, and would shift pace and ratings against the data that models were trained on. `seconds` is
    the sum over players, null if the source rounds. Raises Permanent naming game, field and value if a value is missing or
    unusable, or if a team has no players who played.
    """
    game = _game_asked_for(payload)
    sides = {side: _side(game, side, payload) for side in SIDES}
    is_rounded = knows_only_whole_minutes([clock for side in SIDES for clock in _clocks(game[side])])
    rows = [
        {
            **sides[side], "is_reconstructed": False,
            **{column: _number(object_in(game[side], "statistics"), field) for column, field in TEAM_STATISTICS.items()},
            "periods": None if game.get("period") is None else _number(game, "period"), "seconds": _seconds(game[side], is_rounded),
        }
        for side in SIDES
    ]  # fmt: skip
    return frame_of(rows, TEAM_BOXSCORE_COLUMNS)


@parser
def is_final(payload: Payload) -> bool:
    """True if the status of the box score is final."""
    return has_ended(_game_of(payload))


def _final_game(document: Any) -> list[str]:
    game = document.get("game") if isinstance(document, dict) else None
    return [str(game.get("gameId"))] if isinstance(game, dict) and has_ended(game) else []


def _scheduled(payload: Payload) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Returns (game, date entry) of every game in scope."""
    days = objects_in(object_in(payload.json(), "leagueSchedule"), "gameDates")
    games = [(game, day) for day in days for game in objects_in(day, "games")]
    if not games:
        raise Permanent(f"{payload.slot.name}: the schedule holds no game at all: {payload.ref}")
    # keep games with an invalid id: their competition is unknown, and they get a problem
    wanted = [(game, day) for game, day in games if not _is_id(field_in(game, "gameId")) or game["gameId"][:3] in SEASON_TYPES]
    for game, _ in wanted:
        _ = [field_in(game, field) for field in SCHEDULE_FIELDS]
        _ = [field_in(object_in(game, side), field) for side in SIDES for field in ("teamTricode", "score")]
    return wanted


def _scoreboard_id(game: Mapping[str, Any]) -> str:
    if not _is_id(field_in(game, "gameId")):
        raise Unusable(f"gameId is {quoted(game['gameId'])}")
    return str(game["gameId"])


def _scoreboard_date(board: Mapping[str, Any]) -> date:
    value = field_in(board, "gameDate")
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unusable(f"gameDate is {quoted(value)}") from None


def _status(game: Mapping[str, Any]) -> str:
    points = [whole(field_in(object_in(game, side), "score")) for side in SIDES]
    return status_of(whole(field_in(game, "gameStatus")), text_or_none(field_in(game, "gameStatusText")) or "", points)


def _has_teams(game: Mapping[str, Any]) -> bool:
    """False while a team is to be determined: its tricode is null or empty."""
    return all(game[side]["teamTricode"] not in (None, "") for side in SIDES)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and GAME_ID.fullmatch(value) is not None


def _game(
    game: Mapping[str, Any], day: Mapping[str, Any], payload: Payload, decided: set[frozenset[str]]
) -> dict[str, Any]:  # fmt: skip
    game_id, home, away = str(game["gameId"]), game["homeTeam"], game["awayTeam"]
    game_date = _day(day.get("gameDate"))
    text = text_or_none(game.get("gameStatusText"))
    points = [whole(side.get("score")) for side in (home, away)]
    status, tipoff_at = _status(game), _tipoff(game, text or "")
    asked_on = eastern_date(payload.fetched_at)
    if status in ("scheduled", "unknown") and is_unnecessary(game, decided, tipoff_at is not None, game_date, asked_on):
        status = "postponed"
    problems = [f"unknown team {quoted(side['teamTricode'])}" for side in (home, away) if side["teamTricode"] not in TEAMS]
    if game_date is None:
        problems.append(f"unusable date {quoted(day.get('gameDate'))}")
    problems += _retyped(game)
    has_points = status in ("live", "final", "suspended")
    label = [text_or_none(game.get(name)) for name in ("gameLabel", "gameSubLabel")]
    arena = [text_or_none(game.get(name)) for name in ("arenaName", "arenaCity")]
    return {
        "game_date": game_date, "game_id": text_or_none(game_id), "season": season_of(game_date) if game_date else None,
        "season_type": SEASON_TYPES.get(game_id[:3]), "tipoff_at": tipoff_at,
        "tipoff_source": "gameDateTimeUTC" if tipoff_at else None, "home_team": text_or_none(home["teamTricode"]),
        "away_team": text_or_none(away["teamTricode"]), "is_neutral": game.get("isNeutral") is True if _is_flag(game) else None,
        "status": status, "status_text": text,
        "home_points": points[0] if has_points else None, "away_points": points[1] if has_points else None,
        "game_label": ", ".join(filter(None, label)) or None, "arena": ", ".join(filter(None, arena)) or None,
        "has_boxscore_source": True, "source": payload.ref,
        "problem": f"{', '.join(problems)} in game {game_id}" if problems else None,
    }  # fmt: skip


def _retyped(game: Mapping[str, Any]) -> list[str]:
    """Returns the fields with a value of an unknown type. Missing values and unknown status codes are valid."""
    start, text = game["gameDateTimeUTC"], game["gameStatusText"]
    scores = {f"score of {game[side]['teamTricode']}": game[side]["score"] for side in SIDES}
    is_known = {
        "gameId": _is_id(game["gameId"]), "gameStatus": game["gameStatus"] is None or whole(game["gameStatus"]) is not None,
        "gameStatusText": text is None or isinstance(text, str), "isNeutral": game.get("isNeutral") is None or _is_flag(game),
        "gameDateTimeUTC": start in (None, "") or str(start).startswith(NO_TIME) or instant(start) is not None,
    }  # fmt: skip
    bad = [f"{field} is {quoted(game.get(field))}" for field, known in is_known.items() if not known]
    return bad + [
        f"{name} is {quoted(value)}" for name, value in scores.items() if value not in (None, "") and whole(value) is None
    ]


def _is_flag(game: Mapping[str, Any]) -> bool:
    return isinstance(game.get("isNeutral"), bool)


def _tipoff(game: Mapping[str, Any], text: str) -> datetime | None:
    """Null while the time is to be determined: the field then holds midnight Eastern."""
    tipoff = instant(game.get("gameDateTimeUTC"))
    if tipoff is None or text.upper() == "TBD":
        return None
    local = tipoff.astimezone(EASTERN)
    return None if (local.hour, local.minute) == (0, 0) else tipoff


def _day(text: Any) -> date | None:
    try:
        return day_or_none(datetime.strptime(str(text).split(" ")[0], "%m/%d/%Y").date())
    except ValueError:
        return None


def _game_of(payload: Payload) -> Mapping[str, Any]:
    document = payload.json()
    game = document.get("game") if isinstance(document, dict) else None
    if not isinstance(game, dict) or not game.get("gameId"):
        raise Permanent(f"{payload.slot.name}: the answer lacks game.gameId: {payload.ref}")
    return game


def _game_asked_for(payload: Payload) -> Mapping[str, Any]:
    game = _game_of(payload)
    if payload.slot.entity not in (str(game["gameId"]), "") and payload.slot.endpoint == "boxscore":
        raise Permanent(f"{payload.slot.name}: the answer is about game {quoted(game['gameId'])}: {payload.ref}")
    return game


def _side(game: Mapping[str, Any], side: str, payload: Payload) -> dict[str, Any]:
    """Returns the columns that all rows of a team share. Raises Unusable for a team without a list of players."""
    for name in SIDES:
        objects_in(object_in(game, name), "players")
    game_date = payload.game_date or eastern_date(_required_instant(game, "gameTimeUTC"))
    team, opponent = (_tricode(game[name]) for name in (SIDES if side == "homeTeam" else reversed(SIDES)))
    return {
        "game_date": game_date, "game_id": str(game["gameId"]), "season": season_of(game_date), "team": team,
        "opponent": opponent, "is_home": side == "homeTeam", "provider": PROVIDER, "source": payload.ref, "problem": None,
    }  # fmt: skip


def _clocks(box: Mapping[str, Any]) -> list[int]:
    return [_clock(player) for player in box["players"] if _flag(player, "played")]


def _seconds(box: Mapping[str, Any], is_rounded: bool) -> int | None:
    clocks = _clocks(box)
    if not clocks:
        raise Unusable(f"nobody played for {box['teamTricode']}")
    return None if is_rounded else sum(clocks)


def _player(player: Mapping[str, Any], is_rounded: bool) -> dict[str, Any]:
    did_play = _flag(player, "played")
    row: dict[str, Any] = {
        "player_id": _number(player, "personId"), "player_name": _name(player), "did_play": did_play,
        "status": "played", "reason": None, "is_starter": _flag(player, "starter"), **minutes_fields(None, is_rounded),
    }  # fmt: skip
    if not did_play:
        row["status"] = {"ACTIVE": "dnp", "INACTIVE": "inactive"}.get(str(player.get("status")))
        if row["status"] is None:
            raise Unusable(f"status of {row['player_name']} is {quoted(player.get('status'))}")
        words = [text_or_none(player.get(field)) for field in ("notPlayingReason", "notPlayingDescription")]
        return row | {"reason": ": ".join(filter(None, words)) or None}
    statistics = object_in(player, "statistics")
    row |= minutes_fields(_clock(player), is_rounded)
    row |= {column: _number(statistics, field, _name(player)) for column, field in STATISTICS.items()}
    is_unknown = field_in(statistics, "plusMinusPoints") is None
    return row | {"plus_minus": None if is_unknown else _number(statistics, "plusMinusPoints", _name(player))}


def _clock(player: Mapping[str, Any]) -> int:
    text = object_in(player, "statistics").get("minutes")
    seconds = seconds_of(text) if isinstance(text, str) else None
    if seconds is None:
        raise Unusable(f"minutes of {_name(player)} are {quoted(text)}")
    return seconds


def _name(player: Mapping[str, Any]) -> str:
    parts = (text_or_none(player.get(part)) for part in ("firstName", "familyName"))
    name = text_or_none(player.get("name")) or " ".join(filter(None, parts))
    if not name:
        raise Unusable(f"name of player {quoted(player.get('personId'))} is missing")
    return name


def _number(values: Mapping[str, Any], field: str, of: str = "") -> int:
    number = whole(values.get(field))
    if number is None:
        raise Unusable(f"{field}{f' of {of}' if of else ''} is {quoted(values.get(field))}")
    return number


def _flag(player: Mapping[str, Any], field: str) -> bool:
    value = str(player.get(field)).lower()
    if value not in ("0", "1", "false", "true"):
        raise Unusable(f"{field} of {_name(player)} is {quoted(player.get(field))}")
    return value in ("1", "true")


def _tricode(box: Mapping[str, Any]) -> str:
    if box.get("teamTricode") not in TEAMS:
        raise Unusable(f"unknown team {quoted(box.get('teamTricode'))}")
    return str(box["teamTricode"])


def _required_instant(game: Mapping[str, Any], field: str) -> datetime:
    value = instant(game.get(field))
    if value is None:
        raise Unusable(f"{field} is {quoted(game.get(field))}")
    return value
