"""Parsers of the NBA's box scores: players, team totals, and whether the game is final.

Flags and some numbers are text. Players who did not play have zeros. Requests belong to `nba_cdn`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.league.calendar import eastern_date, season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn_status import SIDES, has_ended
from nba_pipeline.providers.parsing import Unusable, field_in, frame_of, object_in, objects_in, parser
from nba_pipeline.providers.wire import (
    instant,
    integer_or_none,
    is_rounded_to_minutes,
    minutes_fields,
    quoted,
    seconds_of,
    text_or_none,
)
from nba_pipeline.warehouse.payloads import Payload

STATISTICS = {
    "points": "points",
    "rebounds": "reboundsTotal",
    "oreb": "reboundsOffensive",
    "dreb": "reboundsDefensive",
    "assists": "assists",
    "steals": "steals",
    "blocks": "blocks",
    "turnovers": "turnovers",
    "fouls": "foulsPersonal",
    "fgm": "fieldGoalsMade",
    "fga": "fieldGoalsAttempted",
    "fg3m": "threePointersMade",
    "fg3a": "threePointersAttempted",
    "ftm": "freeThrowsMade",
    "fta": "freeThrowsAttempted",
}
"""Column -> field of the box score."""

TEAM_STATISTICS = {**STATISTICS, "rebounds": "reboundsPersonal"}
"""Column -> field of a team's totals. A team's reboundsTotal also counts team rebounds."""


@parser
def parse_boxscore(payload: Payload) -> pl.DataFrame:
    """Returns one row per player of both teams. Statistics are null for players who did not play.

    Minutes are exact. If most playing times of the game are whole minutes, they are rounded and `seconds` is null. Raises
    Permanent naming game, field and value if a required value is missing or unusable.
    """
    game = _requested_game(payload)
    _number(game, "gameStatus")
    sides = {side: _side(game, side, payload) | {"team_points": _number(game[side], "score")} for side in SIDES}
    is_rounded = is_rounded_to_minutes([clock for side in SIDES for clock in _clocks(game[side])])
    rows = [sides[side] | _player(player, is_rounded) for side in SIDES for player in game[side]["players"]]
    return frame_of(rows, BOXSCORE_COLUMNS)


@parser
def parse_team_boxscores(payload: Payload) -> pl.DataFrame:
    """Returns one row per team of the box score, with the NBA's own totals.

    Turnovers, rebounds and fouls are sums over players, as in every other source. `turnoversTotal` also counts team
    turnovers, about one per game, and would shift pace and ratings relative to the data that models were trained on.
    `seconds` is the sum over players, null if the source rounds. Raises Permanent naming game, field and value if a value is
    missing or unusable, or if a team has no players who played.
    """
    game = _requested_game(payload)
    sides = {side: _side(game, side, payload) for side in SIDES}
    is_rounded = is_rounded_to_minutes([clock for side in SIDES for clock in _clocks(game[side])])
    rows = [
        {
            **sides[side],
            "is_reconstructed": False,
            **{column: _number(object_in(game[side], "statistics"), field) for column, field in TEAM_STATISTICS.items()},
            "periods": None if game.get("period") is None else _number(game, "period"),
            "seconds": _seconds(game[side], is_rounded),
        }
        for side in SIDES
    ]
    return frame_of(rows, TEAM_BOXSCORE_COLUMNS)


@parser
def is_final(payload: Payload) -> bool:
    """True if the status of the box score is final."""
    return has_ended(_game_of(payload))


def final_game_ids(document: Any) -> list[str]:
    """Returns the id of a final game, otherwise an empty list."""
    game = document.get("game") if isinstance(document, dict) else None
    return [str(game.get("gameId"))] if isinstance(game, dict) and has_ended(game) else []


def _game_of(payload: Payload) -> Mapping[str, Any]:
    document = payload.json()
    game = document.get("game") if isinstance(document, dict) else None
    if not isinstance(game, dict) or not game.get("gameId"):
        raise Permanent(f"{payload.slot.name}: the response has no game.gameId: {payload.ref}")
    return game


def _requested_game(payload: Payload) -> Mapping[str, Any]:
    game = _game_of(payload)
    if payload.slot.entity not in (str(game["gameId"]), "") and payload.slot.endpoint == "boxscore":
        raise Permanent(f"{payload.slot.name}: the response is about game {quoted(game['gameId'])}: {payload.ref}")
    return game


def _side(game: Mapping[str, Any], side: str, payload: Payload) -> dict[str, Any]:
    """Returns the columns that all rows of a team share. Raises Unusable for a team without a list of players."""
    for name in SIDES:
        objects_in(object_in(game, name), "players")
    game_date = payload.game_date or eastern_date(_required_instant(game, "gameTimeUTC"))
    team, opponent = (_tricode(game[name]) for name in (SIDES if side == "homeTeam" else reversed(SIDES)))
    return {
        "game_date": game_date,
        "game_id": str(game["gameId"]),
        "season": season_of(game_date),
        "team": team,
        "opponent": opponent,
        "is_home": side == "homeTeam",
        "provider": payload.slot.provider,
        "source": payload.ref,
        "problem": None,
    }


def _clocks(box: Mapping[str, Any]) -> list[int]:
    return [_clock(player) for player in box["players"] if _flag(player, "played")]


def _seconds(box: Mapping[str, Any], is_rounded: bool) -> int | None:
    clocks = _clocks(box)
    if not clocks:
        raise Unusable(f"no player of {box['teamTricode']} played")
    return None if is_rounded else sum(clocks)


def _player(player: Mapping[str, Any], is_rounded: bool) -> dict[str, Any]:
    did_play = _flag(player, "played")
    row: dict[str, Any] = {
        "player_id": _number(player, "personId"),
        "player_name": _name(player),
        "did_play": did_play,
        "status": "played",
        "reason": None,
        "is_starter": _flag(player, "starter"),
        **minutes_fields(None, is_rounded),
    }
    if not did_play:
        row["status"] = {"ACTIVE": "dnp", "INACTIVE": "inactive"}.get(str(player.get("status")))
        if row["status"] is None:
            raise Unusable(f"status of {row['player_name']} is {quoted(player.get('status'))}")
        reasons = [text_or_none(player.get(field)) for field in ("notPlayingReason", "notPlayingDescription")]
        return row | {"reason": ": ".join(filter(None, reasons)) or None}
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
    number = integer_or_none(values.get(field))
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
