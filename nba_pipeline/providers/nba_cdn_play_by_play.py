"""Parser of the NBA's play-by-play list, one entry per action of a game.

Scores are text, person id 0 means no player, and the list is edited after the game. Requests belong to `nba_cdn`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.parsing import frame_of, objects_in, parser
from nba_pipeline.providers.wire import integer_or_none, quoted, text_or_none
from nba_pipeline.warehouse.payloads import Payload

PERIOD_CLOCK = re.compile(r"PT(\d{1,9})M(\d{1,9}(?:\.\d{1,9})?)S")
SHOTS = ("2pt", "3pt", "freethrow", "heave")
RESULTS = {"Made": True, "Missed": False}
ABSENT = (None, 0, "0", "")
SECONDS_PER_MINUTE = 60

PLAY_BY_PLAY_COLUMNS = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "order_number": pl.Int64(),
    "action_number": pl.Int64(),
    "period": pl.Int64(),
    "period_seconds_left": pl.Float64(),
    "team": pl.String(),
    "player_id": pl.Int64(),
    "action_type": pl.String(),
    "sub_type": pl.String(),
    "area": pl.String(),
    "is_made": pl.Boolean(),
    "assist_player_id": pl.Int64(),
    "block_player_id": pl.Int64(),
    "home_points": pl.Int64(),
    "away_points": pl.Int64(),
    "description": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}


def period_seconds_left(clock: Any) -> float | None:
    """Seconds left in the period, from text like "PT11M42.00S". Null for any other value.

    >>> period_seconds_left("PT11M42.00S"), period_seconds_left("PT00M03.40S"), period_seconds_left("11:42")
    (702.0, 3.4, None)
    """
    match = PERIOD_CLOCK.fullmatch(clock) if isinstance(clock, str) else None
    return SECONDS_PER_MINUTE * int(match[1]) + float(match[2]) if match else None


REQUIRED: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "order_number": ("orderNumber", integer_or_none),
    "action_number": ("actionNumber", integer_or_none),
    "period": ("period", integer_or_none),
    "period_seconds_left": ("clock", period_seconds_left),
    "action_type": ("actionType", text_or_none),
    "home_points": ("scoreHome", integer_or_none),
    "away_points": ("scoreAway", integer_or_none),
}
"""Column -> the required field of every action, and the function that reads it."""

PEOPLE = {"player_id": "personId", "assist_player_id": "assistPersonId", "block_player_id": "blockPersonId"}
TEXTS = {"sub_type": "subType", "area": "area", "description": "description"}


@parser
def parse_play_by_play(payload: Payload) -> pl.DataFrame:
    """Returns one row per action of the game, in the order of the list. `area` is the provider's text, null if missing.

    Actions with an unusable value have a `problem`. Raises Permanent naming game and field if the list is missing, empty or
    about another game, or if an action lacks a field.
    """
    game_id, actions = _actions_of(payload)
    shared = {"game_date": payload.game_date, "game_id": game_id, "source": payload.ref}
    try:
        rows = [shared | _action(action, game_id) for action in actions]
    except KeyError as error:
        raise Permanent(f"{payload.slot.name}: an action has no {error.args[0]}: {payload.ref}") from None
    return frame_of(rows, PLAY_BY_PLAY_COLUMNS)


@parser
def is_over(payload: Payload) -> bool:
    """True if the list contains the end of the game. Without it, the list is incomplete."""
    _, actions = _actions_of(payload)
    return any(action.get("actionType") == "game" and action.get("subType") == "end" for action in reversed(actions))


def _actions_of(payload: Payload) -> tuple[str, list[dict[str, Any]]]:
    requested_id, document = payload.slot.entity, payload.json()
    game = document.get("game") if isinstance(document, dict) else None
    if not isinstance(game, dict) or not game.get("gameId"):
        raise Permanent(f"{payload.slot.name}: the response has no game.gameId: {payload.ref}")
    if str(game["gameId"]) != requested_id:
        raise Permanent(f"{payload.slot.name}: the response is about game {quoted(game['gameId'])}: {payload.ref}")
    if not isinstance(game.get("actions"), list):
        raise Permanent(f"{payload.slot.name}: the response has no list game.actions: {payload.ref}")
    if not game["actions"]:
        raise Permanent(f"{payload.slot.name}: game.actions is empty: {payload.ref}")
    return requested_id, objects_in(game, "actions")


def _action(action: Mapping[str, Any], game_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {column: read(action[field]) for column, (field, read) in REQUIRED.items()}
    unusable = [field for column, (field, _) in REQUIRED.items() if row[column] is None]
    for column, field in PEOPLE.items():
        value = action.get(field)
        value = None if value == action.get("teamId") else value  # without a player, some lists have the team id
        row[column] = None if value in ABSENT else integer_or_none(value)
        if row[column] is None and value not in ABSENT:
            unusable.append(field)
    row |= {column: text_or_none(action.get(field)) for column, field in TEXTS.items()}
    team = action.get("teamTricode")
    row["team"] = text_or_none(team)
    if team not in ABSENT and row["team"] not in TEAMS:
        unusable.append("teamTricode")
    kind = (row["action_type"] or "").lower()
    is_shot = kind in SHOTS or integer_or_none(action.get("isFieldGoal")) == 1
    # only a missed heave has no player; the league's stats site lists it without a result
    is_team_heave = kind == "heave" and row["player_id"] is None and action.get("shotResult") in ABSENT
    row["is_made"] = RESULTS.get(str(action.get("shotResult"))) if is_shot and not is_team_heave else None
    if is_team_heave:
        row["is_made"] = False
    if is_shot and row["is_made"] is None:
        unusable.append("shotResult")
    if unusable:
        values = ", ".join(f"{field} is {quoted(action.get(field))}" for field in unusable)
        row["problem"] = f"nba_cdn play-by-play of game {game_id}, action {quoted(action['actionNumber'])}: {values}"
    return row
