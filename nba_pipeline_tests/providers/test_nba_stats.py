"""stats.nba.com: columns by header, players who played, and an outage that looks like an empty date."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import NotPublished, Permanent, Transient
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.nba_stats import NbaStats, final_game_ids, parse_game_log
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import Answer, Provider

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)
GAME = "0022300945"
SCHEDULE = pl.DataFrame(
    {
        "game_id": [GAME, "0022300946"],
        "season": ["2023-24"] * 2,
        "home_team": ["BOS", "GSW"],
        "away_team": ["NYK", "LAL"],
        "status": ["final", "live"],
        "home_points": [110, 50],
        "away_points": [100, 60],
    }
)


def a_logged_game(**fields: Any) -> dict[str, Any]:
    """A row of the log by header: Al Horford, 23 minutes, 8 points from 2 twos, a three and a free throw."""
    return {
        "SEASON_ID": "22023",
        "PLAYER_ID": 201143,
        "PLAYER_NAME": "Al Horford",
        "TEAM_ID": 1610612738,
        "TEAM_ABBREVIATION": "BOS",
        "TEAM_NAME": "Boston Celtics",
        "GAME_ID": GAME,
        "GAME_DATE": "2024-03-12",
        "MATCHUP": "BOS @ NYK",
        "WL": "W",
        "MIN": 23,
        "FGM": 3,
        "FGA": 7,
        "FG_PCT": 0.429,
        "FG3M": 1,
        "FG3A": 4,
        "FG3_PCT": 0.25,
        "FTM": 1,
        "FTA": 2,
        "FT_PCT": 0.5,
        "OREB": 1,
        "DREB": 5,
        "REB": 6,
        "AST": 3,
        "STL": 0,
        "BLK": 2,
        "TOV": 1,
        "PF": 4,
        "PTS": 8,
        "PLUS_MINUS": -5,
        "FANTASY_PTS": 20.0,
        "VIDEO_AVAILABLE": 1,
    } | fields


def a_log(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    headers = list((rows or (a_logged_game(),))[0])
    log = {"name": "LeagueGameLog", "headers": headers, "rowSet": [list(row.values()) for row in rows]} | fields
    return {"resource": "leaguegamelog", "parameters": {}, "resultSets": [log]}


def logged(land: Land, document: Any) -> Payload:
    return land(document, "nba_stats", "player_game_log", "regular_season", DAY)


def parsed(land: Land, *rows: dict[str, Any]) -> pl.DataFrame:
    return parse_game_log(logged(land, a_log(*rows)), SCHEDULE)


@pytest.fixture
def nba_stats(http_client: HttpClient, provider: Provider) -> NbaStats:
    http_client.base_urls["nba_stats"] = provider.url
    return NbaStats(http=http_client)


def test_a_game_with_a_winner_is_final() -> None:
    log = a_log(a_logged_game(), a_logged_game(PLAYER_ID=2), a_logged_game(GAME_ID="0022300946", WL=None))
    assert final_game_ids(log) == [GAME]


@pytest.mark.parametrize("document", [[], {}, {"resultSets": [1, {"headers": 1}, {"headers": ["GAME_ID", "WL"], "rowSet": [1]}]}])
def test_a_log_of_another_shape_has_no_final_games(document: Any) -> None:
    assert final_game_ids(document) == []


def test_a_participant_becomes_a_row_with_the_home_team_of_the_schedule(land: Land) -> None:
    frame = parsed(land, a_logged_game())
    expected = dict.fromkeys(BOXSCORE_COLUMNS) | {
        "game_date": DAY,
        "game_id": GAME,
        "player_id": 201143,
        "season": "2023-24",
        "team": "BOS",
        "opponent": "NYK",
        "is_home": True,
        "player_name": "Al Horford",
        "did_play": True,
        "status": "played",
        "minutes": 23.0,
        "minutes_precision": "rounded",
        "points": 8,
        "rebounds": 6,
        "oreb": 1,
        "dreb": 5,
        "assists": 3,
        "steals": 0,
        "blocks": 2,
        "turnovers": 1,
        "fouls": 4,
        "fgm": 3,
        "fga": 7,
        "fg3m": 1,
        "fg3a": 4,
        "ftm": 1,
        "fta": 2,
        "plus_minus": -5,
        "team_points": 110,
        "provider": "nba_stats",
        "source": frame["source"][0],
    }
    assert frame.schema == pl.Schema(BOXSCORE_COLUMNS) and frame.row(0, named=True) == expected


def test_zero_minutes_are_a_participation(land: Land) -> None:
    row = parsed(land, a_logged_game(MIN=0, TEAM_ABBREVIATION="NYK")).row(0, named=True)
    assert (row["did_play"], row["minutes"], row["seconds"], row["team_points"]) == (True, 0.0, None, 100)


def test_headers_are_bound_by_name(land: Land) -> None:
    reversed_headers = dict(reversed(a_logged_game().items()))
    assert_frame_equal(parsed(land, reversed_headers).drop("source"), parsed(land, a_logged_game()).drop("source"))


def test_numbers_as_text_are_parsed(land: Land) -> None:
    text = {name: str(value) for name, value in a_logged_game().items()}
    assert_frame_equal(parsed(land, text).drop("source"), parsed(land, a_logged_game()).drop("source"))


def test_games_that_are_not_final_are_omitted(land: Land) -> None:
    assert parsed(land, a_logged_game(GAME_ID="0022300946", TEAM_ABBREVIATION="GSW")).is_empty()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"PTS": None}, "PTS is None"),
        ({"PTS": "eight"}, "PTS is 'eight'"),
        ({"AST": 2.5}, "AST is 2.5"),
        ({"MIN": "23:10"}, "MIN is '23:10'"),
        ({"MIN": None}, "MIN is None"),
        ({"PLUS_MINUS": "x"}, "PLUS_MINUS is 'x'"),
        ({"PLAYER_ID": None}, "PLAYER_ID is None"),
        ({"FGM": True, "FGA": [7]}, "FGM is True, FGA is [7]"),
        ({"TEAM_ABBREVIATION": "LAL"}, "TEAM_ABBREVIATION is 'LAL', of neither BOS nor NYK"),
    ],
)
def test_an_unusable_value_names_provider_game_player_field_and_value(fields: dict[str, Any], problem: str, land: Land) -> None:
    frame = parsed(land, a_logged_game(**fields), a_logged_game(PLAYER_ID=2))
    assert frame["problem"].to_list() == [f"nba_stats: {problem} for Al Horford in game {GAME}", None]


def test_a_missing_plus_minus_is_null(land: Land) -> None:
    assert parsed(land, a_logged_game(PLUS_MINUS=None)).select("plus_minus", "problem").row(0) == (None, None)


def test_a_game_missing_from_the_schedule_is_a_problem(land: Land) -> None:
    row = parsed(land, a_logged_game(GAME_ID="0022300999")).row(0, named=True)
    assert row["problem"] == "nba_stats: the schedule has no such game on the date for Al Horford in game 0022300999"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"resultSets": []}, "no result set LeagueGameLog although games are final, probably an outage"),
        ({"resultSets": None}, "no result set LeagueGameLog"),
        ([], "no result set LeagueGameLog"),
        (a_log(), "LeagueGameLog has no rows although games are final, probably an outage"),
        (a_log(a_logged_game(), rowSet=None), "headers or rowSet of LeagueGameLog is not a list"),
        (a_log(a_logged_game(), rowSet=[[1]]), "a row does not have the 32 values of headers"),
        (a_log({("POINTS" if k == "PTS" else k): v for k, v in a_logged_game().items()}), "headers missing or not unique: PTS"),
        (
            a_log(a_logged_game(), headers=[k.removeprefix("FANTASY_") for k in a_logged_game()]),
            "headers missing or not unique: PTS",
        ),
        (a_log(a_logged_game(GAME_DATE="2024-03-11")), "rows have other values of GAME_DATE: 2024-03-11"),
    ],
    ids=["no sets", "null", "list", "no rows", "rows", "short row", "renamed", "doubled", "another date"],
)
def test_a_document_of_another_structure_is_permanent_with_a_reason(document: Any, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"nba_stats player_game_log regular_season of 2024-03-12: .*{problem}"):
        parse_game_log(logged(land, document), SCHEDULE)


def test_an_outage_with_status_200_is_never_landed_as_accepted(nba_stats: NbaStats, provider: Provider) -> None:
    provider.responds(Answer(a_log()))
    with pytest.raises(Permanent, match="an outage"):
        nba_stats.player_game_log(DAY, "regular_season")
    assert nba_stats.landed_player_game_logs(DAY, "regular_season") == []


@pytest.mark.parametrize(
    ("season_type", "parameter"),
    [("regular_season", "Regular Season"), ("playoffs", "Playoffs"), ("play_in", "PlayIn"), ("cup_final", "IST")],
)
def test_requests_have_the_headers_of_a_browser(
    season_type: str, parameter: str, nba_stats: NbaStats, provider: Provider
) -> None:
    provider.responds(Answer(a_log(a_logged_game())))
    payload = nba_stats.player_game_log(DAY, season_type)
    assert nba_stats.landed_player_game_logs(DAY, season_type) == [payload]
    (request,) = provider.asked
    assert request.path == "/stats/leaguegamelog" and request.params == {
        "LeagueID": "00",
        "Season": "2023-24",
        "SeasonType": parameter,
        "PlayerOrTeam": "P",
        "DateFrom": "03/12/2024",
        "DateTo": "03/12/2024",
        "Counter": "0",
        "Direction": "ASC",
        "Sorter": "DATE",
    }
    assert request.headers["user-agent"].startswith("Mozilla/5.0") and request.headers["referer"] == "https://www.nba.com/"


def test_after_a_403_no_further_request_is_sent(nba_stats: NbaStats, provider: Provider) -> None:
    provider.responds(Answer({}, status=403))
    days = [date(2024, 3, day) for day in (12, 13, 14)]
    responses = nba_stats.player_game_logs([(day, "regular_season") for day in days])
    assert len(provider.asked) == 1 and all(isinstance(answer, Permanent) for answer in responses)
    assert "is not published (403); stats.nba.com may block this address, so this run sends it no further requests" in str(
        responses[2]
    )
    with pytest.raises(NotPublished):
        nba_stats.player_game_log(DAY, "regular_season")


def test_a_failure_is_retried_once_and_the_next_date_is_requested(nba_stats: NbaStats, provider: Provider) -> None:
    provider.responds(Answer({}, status=500), Answer({}, status=500), Answer(a_log(a_logged_game())))
    failed, answered = nba_stats.player_game_logs([(date(2024, 3, 11), "regular_season"), (DAY, "regular_season")])
    assert isinstance(failed, Transient) and isinstance(answered, Payload) and len(provider.asked) == 3
