"""The NBA's play-by-play: clocks, scores as text, missing players as 0, and lists with another structure."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.nba_cdn_play_by_play import PLAY_BY_PLAY_COLUMNS, is_over, parse_play_by_play
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import MISSING, RENAMED, drifted, message_of

Land = Callable[..., Payload]
GAME = "0022300945"


def an_action(order: int = 10000, **fields: Any) -> dict[str, Any]:
    """A made dunk of player 7 of Boston, assisted by player 8."""
    return {
        "actionNumber": order // 10000,
        "orderNumber": order,
        "clock": "PT11M42.50S",
        "period": 1,
        "teamTricode": "BOS",
        "personId": 7,
        "actionType": "2pt",
        "subType": "DUNK",
        "area": "Restricted Area",
        "isFieldGoal": 1,
        "shotResult": "Made",
        "assistPersonId": 8,
        "scoreHome": "2",
        "scoreAway": "0",
        "description": "7 DUNK (2 PTS)",
    } | fields


THE_END = an_action(
    990000,
    clock="PT00M00.00S",
    period=4,
    actionType="game",
    subType="end",
    personId=0,
    teamTricode="",
    isFieldGoal=0,
    area=None,
    shotResult=None,
    assistPersonId=None,
    description="Game End",
)


def a_list(*actions: dict[str, Any], game_id: str = GAME) -> dict[str, Any]:
    return {"meta": {}, "game": {"gameId": game_id, "actions": list(actions)}}


def parsed(land: Land, *actions: dict[str, Any]) -> pl.DataFrame:
    return parse_play_by_play(land(a_list(*actions), endpoint="playbyplay", entity=GAME))


def row(land: Land, **fields: Any) -> dict[str, Any]:
    return parsed(land, an_action(**fields)).row(0, named=True)


def test_an_action_becomes_a_row(land: Land) -> None:
    frame = parsed(land, an_action())
    assert frame.schema == pl.Schema(PLAY_BY_PLAY_COLUMNS)
    assert frame.row(0, named=True) == {
        "game_date": date(2024, 3, 12),
        "game_id": GAME,
        "order_number": 10000,
        "action_number": 1,
        "period": 1,
        "period_seconds_left": 702.5,
        "team": "BOS",
        "player_id": 7,
        "action_type": "2pt",
        "sub_type": "DUNK",
        "area": "Restricted Area",
        "is_made": True,
        "assist_player_id": 8,
        "block_player_id": None,
        "home_points": 2,
        "away_points": 0,
        "description": "7 DUNK (2 PTS)",
        "source": frame["source"][0],
        "problem": None,
    }


def test_missing_players_teams_and_texts_are_null(land: Land) -> None:
    nothing = row(land, personId=0, teamTricode="", subType="", area="", assistPersonId=0)
    assert {nothing[c] for c in ("player_id", "team", "sub_type", "area", "assist_player_id", "problem")} == {None}
    absent = an_action()
    for field in ("teamTricode", "subType", "area", "assistPersonId", "personId", "description"):
        del absent[field]
    assert parsed(land, absent)["problem"].to_list() == [None]


@pytest.mark.parametrize(
    ("fields", "is_made"),
    [
        ({}, True),
        ({"shotResult": "Missed"}, False),
        ({"actionType": "freethrow", "isFieldGoal": 0}, True),
        ({"actionType": "rebound", "isFieldGoal": 0}, None),
        ({"actionType": "heave"}, True),
    ],
    ids=["made", "missed", "free throw", "rebound", "a field goal of another kind"],
)
def test_field_goals_and_free_throws_are_made_or_missed(fields: dict[str, Any], is_made: bool | None, land: Land) -> None:
    assert (row(land, **fields)["is_made"], row(land, **fields)["problem"]) == (is_made, None)


A_HEAVE = {"actionType": "Heave", "subType": "Team Field Goal Attempt", "personId": 0, "isFieldGoal": 0, "assistPersonId": 0}
"""A heave in the format of the league's stats site. The format in this list is not verified."""


@pytest.mark.parametrize(
    "fields",
    [{"shotResult": ""}, {"shotResult": None}, {"shotResult": "Missed"}, {"actionType": "heave", "personId": 1610612738}],
    ids=["no result", "null", "missed", "of the team"],
)
def test_a_heave_without_a_player_is_missed(fields: dict[str, Any], land: Land) -> None:
    heave = row(land, **{"shotResult": "", "teamId": 1610612738, **A_HEAVE, **fields})
    assert {name: heave[name] for name in ("is_made", "player_id", "team", "problem")} == {
        "is_made": False,
        "player_id": None,
        "team": "BOS",
        "problem": None,
    }


def test_a_heave_of_a_player_requires_a_result(land: Land) -> None:
    assert row(land, **A_HEAVE | {"personId": 7, "shotResult": ""})["problem"].endswith("shotResult is ''")
    assert row(land, **A_HEAVE | {"personId": 7, "shotResult": "Made"})["is_made"] is True


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("clock", "11:42", "period_seconds_left"),
        ("clock", None, "period_seconds_left"),
        ("scoreHome", "", "home_points"),
        ("period", "OT", "period"),
        ("orderNumber", None, "order_number"),
        ("personId", "x", "player_id"),
        ("blockPersonId", "x", "block_player_id"),
        ("shotResult", "Blocked", "is_made"),
        ("actionType", "", "action_type"),
    ],
)
def test_an_unusable_value_is_the_problem_of_its_action(field: str, value: Any, column: str, land: Land) -> None:
    broken = row(land, **{field: value})
    assert broken["problem"] == f"nba_cdn play-by-play of game {GAME}, action 1: {field} is {value!r}"
    assert broken[column] is None


def test_an_unknown_team_is_the_problem_of_its_action(land: Land) -> None:
    assert row(land, teamTricode="XXX")["problem"].endswith("action 1: teamTricode is 'XXX'")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"game": {"gameId": GAME, "plays": []}}, "has no list game.actions"),
        (a_list(), "game.actions is empty"),
        (a_list({"orderNumber": 1}), "an action has no actionNumber"),
        ({"game": None}, "has no game.gameId"),
        ([], "has no game.gameId"),
        (a_list("dunk"), r"actions\[0\] is 'dunk'"),
        (a_list(an_action(), game_id="0022300946"), "is about game '0022300946'"),
    ],
    ids=["another key", "empty", "another field", "no game", "no object", "no action", "another game"],
)
def test_a_list_of_another_structure_is_permanent(document: Any, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"nba_cdn playbyplay {GAME}: .*{problem}"):
        parse_play_by_play(land(document, endpoint="playbyplay", entity=GAME))


def test_a_list_is_complete_if_it_contains_the_end_of_the_game(land: Land) -> None:
    other_rows = an_action(20000, actionType="period", subType="end"), an_action(30000, actionType="game", subType="start")
    assert not is_over(land(a_list(an_action(), *other_rows), endpoint="playbyplay", entity=GAME))
    assert is_over(land(a_list(an_action(), THE_END), endpoint="playbyplay", entity=GAME))


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        *[
            (field, RENAMED, f"an action has no {field}")
            for field in ("orderNumber", "actionNumber", "period", "clock", "scoreHome")
        ],
        ("actionType", MISSING, "an action has no actionType"),
        ("shotResult", RENAMED, "action 1: shotResult is None"),
        ("shotResult", True, "action 1: shotResult is True"),
        ("teamTricode", 1610612738, "action 1: teamTricode is 1610612738"),
        ("personId", "Brown", "action 1: personId is 'Brown'"),
        ("scoreAway", "none", "action 1: scoreAway is 'none'"),
    ],
)
def test_changed_fields_of_a_list_are_named(field: str, change: Any, message: str, land: Land) -> None:
    document = drifted(a_list(an_action(), THE_END), f"game.actions.0.{field}", change)
    rows = message_of(lambda: parse_play_by_play(land(document, endpoint="playbyplay", entity=GAME)))
    assert (rows.startswith(f"nba_cdn playbyplay {GAME}: ") or f"play-by-play of game {GAME}" in rows) and message in rows


def test_numbers_as_text_are_parsed(land: Land) -> None:
    text = an_action(orderNumber="10000", actionNumber="1", period="1", personId="7", isFieldGoal="1", assistPersonId="8")
    assert parsed(land, text).drop("source").equals(parsed(land, an_action()).drop("source"))
