"""Games that are not played: canceled, stopped, or of a decided series."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from nba_pipeline.providers.nba_cdn import Scoreboard, read_scoreboard
from nba_pipeline.providers.nba_cdn_boxscore import is_final
from nba_pipeline.providers.nba_cdn_schedule import parse_schedule
from nba_pipeline.providers.nba_cdn_status import status_of
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import NOON
from nba_pipeline_tests.providers.test_nba_cdn_schedule import a_game

Land = Callable[..., Payload]
TODAY, TOMORROW, YESTERDAY = "03/12/2024", "03/13/2024", "03/11/2024"
"""TODAY is the date of NOON, the instant at which payloads land."""
NO_SCORE: dict[str, Any] = {
    "homeTeam": {"teamTricode": "BOS", "score": 0},
    "awayTeam": {"teamTricode": "NYK", "score": 0},
}


def test_a_payload_is_fetched_today(land: Land) -> None:
    assert land({}).fetched_at.date() == NOON.date()


@pytest.mark.parametrize("code", [1, 2, 3, None, 7])
@pytest.mark.parametrize(
    "text",
    [
        "PPD",
        "ppd",
        "Postponed",
        "POSTPONED - weather",
        "Game Postponed",
        "Cancelled",
        "Canceled",
        "CANC",
        "CNCL",
        "CXL",
        "Forfeit",
        "Abandoned",
        "No contest",
        "Not necessary",
    ],
)
def test_a_text_of_a_game_that_is_not_played_takes_precedence_over_its_code(text: str, code: int | None) -> None:
    assert status_of(code, text, (0, 0)) == "postponed"


@pytest.mark.parametrize("code", [1, 2, 3])
@pytest.mark.parametrize("text", ["Suspended", "SUSP", "Susp. Q3 4:12", "Q3 Suspended"])
def test_a_suspended_game_is_neither_final_nor_postponed(text: str, code: int) -> None:
    assert status_of(code, text, (61, 58)) == "suspended"


@pytest.mark.parametrize(
    ("code", "text", "points", "status"),
    [
        (3, "Final", (110, 100), "final"),
        (3, "Final/OT2", (110, 100), "final"),
        (3, "Final (suspended in Q3)", (110, 100), "final"),
        (3, "Final", (0, 0), "unknown"),
        (1, "7:30 pm ET", (0, 0), "scheduled"),
        (1, "TBD", (0, 0), "scheduled"),
        (2, "Q3 4:12", (61, 58), "live"),
        (1, "Delayed", (0, 0), "scheduled"),
    ],
    ids=str,
)
def test_with_other_texts_code_and_scores_decide(code: int, text: str, points: tuple[int, int], status: str) -> None:
    assert status_of(code, text, points) == status


def season(land: Land, *games: tuple[str, dict[str, Any]]) -> dict[str, str]:
    """Returns game id -> status of games by date."""
    dates = [{"gameDate": f"{day} 00:00:00", "games": [game]} for day, game in games]
    return dict(parse_schedule(land({"leagueSchedule": {"gameDates": dates}})).select("game_id", "status").iter_rows())


def a_playoff_game(number: int, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Game `number` of a series, won by BOS on an earlier date."""
    game_id = f"004230010{number}"
    return f"03/0{number}/2024", a_game(gameId=game_id, seriesGameNumber=f"Game {number}", **fields)


def listed_game_5(**fields: Any) -> tuple[str, dict[str, Any]]:
    """Game 5 of the series, still listed for tomorrow without a time."""
    tbd = {"gameStatus": 1, "gameStatusText": "TBD", "ifNecessary": True, "gameDateTimeUTC": "2024-03-13T04:00:00Z"}
    return TOMORROW, a_playoff_game(5)[1] | copy.deepcopy(NO_SCORE) | tbd | fields


FOUR_WINS = [a_playoff_game(number) for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("flag", [True, False, "true", None])
@pytest.mark.parametrize("time", ["2024-03-13T04:00:00Z", "2024-03-13T23:30:00Z"], ids=["TBD", "with a time"])
def test_a_game_after_the_fourth_win_of_its_series_is_not_played(flag: Any, time: str, land: Land) -> None:
    listed = listed_game_5(ifNecessary=flag, gameDateTimeUTC=time, gameStatusText="7:30 pm ET")
    assert season(land, *FOUR_WINS, listed)["0042300105"] == "postponed"


def test_a_series_with_three_wins_is_not_decided(land: Land) -> None:
    assert season(land, *FOUR_WINS[:3], listed_game_5())["0042300105"] == "scheduled"


def test_four_wins_in_the_regular_season_do_not_decide_a_series(land: Land) -> None:
    games = [(f"03/0{n}/2024", a_game(gameId=f"002230010{n}")) for n in (1, 2, 3, 4)]
    coming = {"gameId": "0022300105", "gameStatus": 1, "gameStatusText": "7:30 pm ET"}
    assert season(land, *games, (TOMORROW, a_game(**NO_SCORE | coming)))["0022300105"] == "scheduled"


@pytest.mark.parametrize(
    ("series_text", "status"),
    [
        ("BOS wins 4-0", "postponed"),
        ("BOS won series 4-0", "postponed"),
        ("Series over, BOS 4-0", "postponed"),
        ("BOS leads 3-0", "scheduled"),
        ("BOS leads 3-1", "scheduled"),
        ("BOS wins 4-1", "scheduled"),
        ("", "scheduled"),
    ],
)
def test_a_game_after_four_wins_in_the_series_text_is_not_played(series_text: str, status: str, land: Land) -> None:
    assert season(land, listed_game_5(seriesText=series_text))["0042300105"] == status


@pytest.mark.parametrize(
    ("day", "fields", "status"),
    [
        (YESTERDAY, {}, "postponed"),
        (TODAY, {}, "scheduled"),
        (TOMORROW, {}, "scheduled"),
        (YESTERDAY, {"gameDateTimeUTC": "2024-03-11T23:30:00Z", "gameStatusText": "7:30 pm ET"}, "scheduled"),
        (YESTERDAY, {"ifNecessary": False}, "scheduled"),
        (YESTERDAY, {"ifNecessary": "perhaps"}, "scheduled"),
        (YESTERDAY, {"ifNecessary": False, "gameSubLabel": "Game 5 (If Necessary)"}, "postponed"),
        (YESTERDAY, {"gameStatus": 2, "gameStatusText": "Q1"}, "live"),
    ],
    ids=["its date passed", "today", "to come", "with a time", "not conditional", "an unknown flag", "by its label", "in play"],
)
def test_a_conditional_game_without_a_time_is_not_played_after_its_date(
    day: str, fields: dict[str, Any], status: str, land: Land
) -> None:
    assert season(land, (day, listed_game_5(**fields)[1]))["0042300105"] == status


def test_a_conditional_game_that_was_played_is_final(land: Land) -> None:
    assert season(land, *FOUR_WINS[:3], (YESTERDAY, a_playoff_game(4, ifNecessary=True)[1]))["0042300104"] == "final"


@pytest.mark.parametrize("text", ["Suspended", "Postponed", "Cancelled"])
def test_scoreboard_and_box_score_of_a_stopped_game_are_not_final(text: str, land: Land) -> None:
    game = a_game(gameStatusText=text)
    board = read_scoreboard({"scoreboard": {"gameDate": "2024-03-12", "games": [game]}})
    assert board == Scoreboard(NOON.date(), frozenset({game["gameId"]}), frozenset())
    assert not is_final(land({"game": game})) and is_final(land({"game": a_game()}))
