"""The NBA's box scores: flags as text, zeros for players who did not play, team totals."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn_boxscore import is_final, parse_boxscore, parse_team_boxscores
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import MISSING, RENAMED, drifted, message_of

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)
FIELDS = (
    "points reboundsTotal reboundsOffensive reboundsDefensive assists steals blocks turnovers foulsPersonal "
    "fieldGoalsMade fieldGoalsAttempted threePointersMade threePointersAttempted freeThrowsMade freeThrowsAttempted"
).split()


def a_player(number: int, minutes: str = "PT20M46.00S", **fields: Any) -> dict[str, Any]:
    """A player who played and made one free throw."""
    free_throws = {"points": 1, "freeThrowsMade": 1, "freeThrowsAttempted": 2}
    statistics = {**dict.fromkeys(FIELDS, 0), **free_throws, "minutes": minutes, "plusMinusPoints": 21.0}
    return {
        "personId": number,
        "name": f"Player {number}",
        "status": "ACTIVE",
        "starter": "1",
        "played": "1",
        "statistics": statistics,
    } | fields


def a_box(*home: dict[str, Any], status: int = 3, **fields: Any) -> dict[str, Any]:
    return {
        "game": {
            "gameId": "0022300945",
            "gameStatus": status,
            "gameTimeUTC": "2024-03-12T23:30:00Z",
            "homeTeam": {"teamTricode": "BOS", "score": 1, "players": list(home)},
            "awayTeam": {"teamTricode": "NYK", "score": "0", "players": []},
        }
        | fields
    }


def box(land: Land, *home: dict[str, Any], **fields: Any) -> pl.DataFrame:
    return parse_boxscore(land(a_box(*home, **fields), entity="0022300945"))


def test_a_player_who_played_becomes_a_row(land: Land) -> None:
    frame = box(land, a_player(7))
    expected = dict.fromkeys(BOXSCORE_COLUMNS) | {
        "game_date": DAY,
        "game_id": "0022300945",
        "player_id": 7,
        "season": "2023-24",
        "team": "BOS",
        "opponent": "NYK",
        "is_home": True,
        "player_name": "Player 7",
        "did_play": True,
        "status": "played",
        "is_starter": True,
        "seconds": 1246,
        "minutes": 1246 / 60,
        "minutes_precision": "exact",
        **dict.fromkeys(("rebounds", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls"), 0),
        **dict.fromkeys(("fgm", "fga", "fg3m", "fg3a"), 0),
        "points": 1,
        "ftm": 1,
        "fta": 2,
        "plus_minus": 21,
        "team_points": 1,
        "provider": "nba_cdn",
        "source": frame["source"][0],
    }
    assert frame.schema == pl.Schema(BOXSCORE_COLUMNS) and frame.row(0, named=True) == expected


@pytest.mark.parametrize(("listed_status", "status"), [("ACTIVE", "dnp"), ("INACTIVE", "inactive")])
def test_an_absent_player_has_null_statistics_and_a_reason(listed_status: str, status: str, land: Land) -> None:
    out = a_player(
        8,
        "PT00M00.00S",
        played="0",
        starter="0",
        status=listed_status,
        notPlayingReason="INJURY",
        notPlayingDescription="Left knee",
    )
    row = box(land, out).row(0, named=True)
    assert (row["status"], row["reason"], row["did_play"]) == (status, "INJURY: Left knee", False)
    assert {row[c] for c in ("points", "minutes", "seconds", "fga", "plus_minus", "minutes_precision")} == {None}


def test_a_source_of_whole_minutes_is_rounded(land: Land) -> None:
    frame = box(land, a_player(1, "PT20M00.00S"), a_player(2, "PT12M00.00S"), a_player(3, "PT00M15.00S"))
    assert frame["minutes"].to_list() == [20.0, 12.0, 0.0] and frame["seconds"].null_count() == 3
    assert frame["minutes_precision"].unique().to_list() == ["rounded"]


def test_numbers_as_text_are_parsed(land: Land) -> None:
    player = a_player(1)
    text = {"personId": "1", "statistics": {k: str(v) for k, v in player["statistics"].items()}, "played": 1}
    assert box(land, player | text).drop("source").equals(box(land, player).drop("source"))


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"statistics": a_player(1)["statistics"] | {"points": None}}, "points of Player 1 is None"),
        ({"statistics": a_player(1)["statistics"] | {"points": "x"}}, "points of Player 1 is 'x'"),
        ({"statistics": a_player(1)["statistics"] | {"minutes": ""}}, "minutes of Player 1 are ''"),
        ({"personId": None}, "personId is None"),
        ({"played": None}, "played of Player 1 is None"),
        ({"played": "0", "status": "GONE"}, "status of Player 1 is 'GONE'"),
        ({"name": ""}, "name of player 1 is missing"),
    ],
)
def test_an_unusable_field_names_game_field_and_value(broken: dict[str, Any], problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"nba_cdn boxscore 0022300945: {problem}: nba_cdn/boxscore/2024-03-12/0022300945/"):
        box(land, a_player(1) | broken)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"homeTeam": {"teamTricode": "XXX", "score": 1, "players": []}}, "unknown team 'XXX'"),
        ({"homeTeam": {"teamTricode": "BOS", "score": 1}}, "players is missing"),
        ({"homeTeam": None}, "nba_cdn boxscore 0022300945: homeTeam is None"),
        ({"gameId": "0022300946"}, "the response is about game '0022300946'"),
        ({"gameId": None}, "has no game.gameId"),
    ],
    ids=["team", "players", "side", "another game", "no id"],
)
def test_a_box_score_of_another_structure_is_permanent(fields: dict[str, Any], problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=problem):
        box(land, a_player(1), **fields)


def test_a_box_score_is_final_by_its_own_status(land: Land) -> None:
    assert is_final(land(a_box())) and not is_final(land(a_box(status=2)))


TOTALS = {
    "points": 110,
    "reboundsTotal": 60,
    "reboundsPersonal": 50,
    "reboundsOffensive": 10,
    "reboundsDefensive": 40,
    "assists": 25,
    "steals": 8,
    "blocks": 5,
    "turnovers": 12,
    "turnoversTeam": 1,
    "turnoversTotal": 13,
    "foulsPersonal": 20,
    "fieldGoalsMade": 42,
    "fieldGoalsAttempted": 92,
    "threePointersMade": 15,
    "threePointersAttempted": 35,
    "freeThrowsMade": 11,
    "freeThrowsAttempted": 12,
}


def team_boxes(land: Land, *players: dict[str, Any], totals: dict[str, Any] | None = None) -> pl.DataFrame:
    sides = {
        side: {"teamTricode": team, "score": 110, "players": list(players), "statistics": totals or TOTALS}
        for side, team in (("homeTeam", "BOS"), ("awayTeam", "NYK"))
    }
    return parse_team_boxscores(land(a_box(period=5, **sides), entity="0022300945"))


def test_a_team_has_the_totals_of_the_nba(land: Land) -> None:
    frame = team_boxes(land, a_player(1), a_player(2), a_player(3, played="0"))
    expected = {
        "game_date": DAY,
        "game_id": "0022300945",
        "season": "2023-24",
        "team": "BOS",
        "opponent": "NYK",
        "is_home": True,
        "points": 110,
        "rebounds": 50,
        "oreb": 10,
        "dreb": 40,
        "assists": 25,
        "steals": 8,
        "blocks": 5,
        "turnovers": 12,
        "fouls": 20,
        "fgm": 42,
        "fga": 92,
        "fg3m": 15,
        "fg3a": 35,
        "ftm": 11,
        "fta": 12,
        "seconds": 2 * 1246,
        "periods": 5,
        "is_reconstructed": False,
        "provider": "nba_cdn",
        "source": frame["source"][0],
        "problem": None,
    }
    assert frame.schema == pl.Schema(TEAM_BOXSCORE_COLUMNS) and frame.row(0, named=True) == expected
    assert frame.select("team", "opponent", "is_home").row(1) == ("NYK", "BOS", False)


def test_a_team_of_rounded_playing_times_has_no_seconds(land: Land) -> None:
    assert team_boxes(land, a_player(1, "PT20M00.00S"))["seconds"].to_list() == [None, None]


def test_a_team_without_its_totals_is_permanent(land: Land) -> None:
    lacking = {field: value for field, value in TOTALS.items() if field != "turnovers"}
    with pytest.raises(Permanent, match="nba_cdn boxscore 0022300945: turnovers is None"):
        team_boxes(land, a_player(1), totals=lacking)
    with pytest.raises(Permanent, match="nba_cdn boxscore 0022300945: statistics is missing"):
        parse_team_boxscores(land(a_box(a_player(1)), entity="0022300945"))


@pytest.mark.parametrize("players", [None, {}, "x", [None]], ids=str)
def test_players_of_an_unexpected_type_are_named(players: Any, land: Land) -> None:
    side = {"teamTricode": "BOS", "score": 1, "players": players}
    with pytest.raises(Permanent, match=r"nba_cdn boxscore 0022300945: players(\[0\])? is (None|{}|'x')"):
        box(land, homeTeam=side)


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("gameStatus", RENAMED, "gameStatus is None"),
        ("gameStatus", "Final", "gameStatus is 'Final'"),
        ("homeTeam", RENAMED, "homeTeam is missing"),
        ("homeTeam.score", MISSING, "score is None"),
        ("homeTeam.players", RENAMED, "players is missing"),
        ("homeTeam.teamTricode", MISSING, "unknown team None"),
        ("homeTeam.players.0.statistics", RENAMED, "statistics is missing"),
        ("homeTeam.players.0.statistics.minutes", 20, "minutes of Player 1 are 20"),
        ("homeTeam.players.0.statistics.reboundsTotal", RENAMED, "reboundsTotal of Player 1 is None"),
        ("homeTeam.players.0.statistics.assists", "", "assists of Player 1 is ''"),
        ("homeTeam.players.0.statistics.plusMinusPoints", RENAMED, "plusMinusPoints is missing"),
        ("homeTeam.players.0.statistics.plusMinusPoints", "x", "plusMinusPoints of Player 1 is 'x'"),
        ("homeTeam.players.0.starter", "yes", "starter of Player 1 is 'yes'"),
    ],
)
def test_changed_fields_of_a_box_score_are_named(field: str, change: Any, message: str, land: Land) -> None:
    document = drifted(a_box(a_player(1)), f"game.{field}", change)
    problem, _, ref = message_of(lambda: parse_boxscore(land(document, entity="0022300945"))).rpartition(": ")
    assert problem == f"nba_cdn boxscore 0022300945: {message}" and ref.startswith("nba_cdn/boxscore/2024-03-12/0022300945/")


def test_an_unknown_plus_minus_is_null(land: Land) -> None:
    document = drifted(a_box(a_player(1)), "game.homeTeam.players.0.statistics.plusMinusPoints", None)
    assert parse_boxscore(land(document, entity="0022300945"))["plus_minus"].to_list() == [None]


def test_unusable_totals_are_named(land: Land) -> None:
    no_team = {"teamTricode": "NYK", "score": 110, "players": [], "statistics": TOTALS}
    home = {"teamTricode": "BOS", "score": 110, "players": [a_player(1)], "statistics": TOTALS}
    without_players, bad_period = (
        a_box(homeTeam=home, awayTeam=away, period=period) for away, period in ((no_team, 4), (home, "OT"))
    )
    assert message_of(lambda: parse_team_boxscores(land(without_players, entity="0022300945"))).startswith(
        "nba_cdn boxscore 0022300945: no player of NYK played: "
    )
    assert message_of(lambda: parse_team_boxscores(land(bad_period, entity="0022300945"))).startswith(
        "nba_cdn boxscore 0022300945: period is 'OT': "
    )
