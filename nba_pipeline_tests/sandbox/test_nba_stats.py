"""The game log of stats.nba.com: a table of final games, for requests with browser headers only."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire import nba_stats
from nba_pipeline_tests.sandbox.conftest import DAY, Peer

PATH = "/stats/leaguegamelog"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Referer": "https://www.nba.com/"}
QUERY = {
    "LeagueID": "00", "Season": "2024-25", "SeasonType": "Regular Season", "PlayerOrTeam": "P", "DateFrom": "01/15/2025",
    "DateTo": "01/15/2025", "Counter": "0", "Direction": "ASC", "Sorter": "DATE",
}  # fmt: skip
LINE = (
    "GAME_ID GAME_DATE MATCHUP WL MIN FGM FGA FG_PCT FG3M FG3A FG3_PCT FTM FTA FT_PCT OREB DREB REB AST STL BLK TOV PF PTS PLUS_MINUS"
).split()
TEAM = ["TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME"]
COLUMNS = {
    "MIN": None, "FGM": "fieldGoalsMade", "FGA": "fieldGoalsAttempted", "FG3M": "threePointersMade",
    "FG3A": "threePointersAttempted", "FTM": "freeThrowsMade", "FTA": "freeThrowsAttempted", "OREB": "reboundsOffensive",
    "DREB": "reboundsDefensive", "REB": "reboundsTotal", "AST": "assists", "STL": "steals", "BLK": "blocks", "TOV": "turnovers",
    "PF": "foulsPersonal", "PTS": "points",
}  # fmt: skip


def request_log(peer: Peer, headers: dict[str, str] = BROWSER, **query: str) -> httpx.Response:
    return peer.client.get(PATH, params=QUERY | query, headers=headers)


def rows_of_log(peer: Peer, **query: str) -> list[dict[str, Any]]:
    table = request_log(peer, **query).json()["resultSets"][0]
    return [dict(zip(table["headers"], row, strict=True)) for row in table["rowSet"]]


def of_game(rows: list[dict[str, Any]], peer: Peer) -> list[dict[str, Any]]:
    return [row for row in rows if row["GAME_ID"] == peer.game.game_id]


@pytest.fixture
def next_day(peer: Peer) -> Peer:
    return peer.at(peer.game.ends_at + timedelta(hours=12))


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": BROWSER["User-Agent"]},
        {"Referer": BROWSER["Referer"]},
        BROWSER | {"User-Agent": "python-httpx/0.28"},
        BROWSER | {"Referer": "https://example.com/"},
    ],
    ids=["no referer", "the client's own name", "a program's name", "another site"],
)
def test_a_request_without_browser_headers_is_refused(next_day: Peer, headers: dict[str, str]) -> None:
    response = request_log(next_day, headers)
    assert response.status_code == 403 and "Access Denied" in response.text
    assert response.headers["content-type"] == "text/html"


def test_the_envelope_is_the_classic_one(next_day: Peer) -> None:
    document = request_log(next_day).json()
    assert list(document) == ["resource", "parameters", "resultSets"] and document["resource"] == "leaguegamelog"
    (table,) = document["resultSets"]
    assert table["name"] == "LeagueGameLog"
    assert table["headers"] == ["SEASON_ID", "PLAYER_ID", "PLAYER_NAME", *TEAM, *LINE, "FANTASY_PTS", "VIDEO_AVAILABLE"]
    teams = request_log(next_day, PlayerOrTeam="T").json()["resultSets"][0]
    assert teams["headers"] == ["SEASON_ID", *TEAM, *LINE, "VIDEO_AVAILABLE"]


def test_rows_are_the_players_of_the_box_score_who_played(next_day: Peer) -> None:
    rows = {row["PLAYER_ID"]: row for row in of_game(rows_of_log(next_day), next_day)}
    box = next_day.box()
    players = [player for side in ("homeTeam", "awayTeam") for player in box[side]["players"] if player["played"] == "1"]
    assert set(rows) == {player["personId"] for player in players}
    for player in players:
        row, figures = rows[player["personId"]], player["statistics"]
        assert row["PLAYER_NAME"] == player["name"]
        assert {column: row[column] for column, name in COLUMNS.items() if name} == {
            column: figures[name] for column, name in COLUMNS.items() if name
        }
        assert f"PT{row['MIN']:02d}M" == figures["minutesCalculated"] and row["PLUS_MINUS"] == figures["plusMinusPoints"]
        assert row["FG_PCT"] == (round(row["FGM"] / row["FGA"], 3) if row["FGA"] else None)
    home, away = next_day.game.teams
    assert {row["MATCHUP"] for row in rows.values()} == {f"{home} vs. {away}", f"{away} @ {home}"}
    assert {row["GAME_DATE"] for row in rows.values()} == {DAY.isoformat()}
    assert {row["SEASON_ID"] for row in rows.values()} == {"22024"}


def test_team_rows_sum_their_players(next_day: Peer) -> None:
    rows, players = of_game(rows_of_log(next_day, PlayerOrTeam="T"), next_day), of_game(rows_of_log(next_day), next_day)
    assert tuple(row["PTS"] for row in rows) == next_day.game.score
    assert {row["WL"] for row in rows} == {"W", "L"} and rows[0]["PLUS_MINUS"] == -rows[1]["PLUS_MINUS"] != 0
    for row in rows:
        own = [player for player in players if player["TEAM_ID"] == row["TEAM_ID"]]
        for column in COLUMNS:
            if column != "MIN":
                assert row[column] == sum(player[column] for player in own), column
        assert row["MIN"] == 240 + 25 * next_day.game.overtimes


def test_final_games_of_the_requested_dates_are_listed_in_the_requested_direction(peer: Peer) -> None:
    assert of_game(rows_of_log(peer.in_play()), peer) == []
    assert of_game(rows_of_log(peer.final()), peer)
    peer.at(peer.game.ends_at + timedelta(days=3))
    assert {row["GAME_DATE"] for row in rows_of_log(peer, DateFrom="2025-01-14", DateTo="2025-01-15")} == {
        "2025-01-14",
        "2025-01-15",
    }
    dates = [row["GAME_DATE"] for row in rows_of_log(peer, PlayerOrTeam="T", DateFrom="01/10/2025", DateTo="", Direction="DESC")]
    assert dates == sorted(dates, reverse=True) and {"2025-01-10", "2025-01-17"} <= set(dates)
    assert rows_of_log(peer, SeasonType="Playoffs") == rows_of_log(peer, Season="2031-32", DateFrom="", DateTo="") == []


def test_a_game_belongs_to_its_own_season(league: League) -> None:
    view = View(league, league.games(date(2025, 7, 1))[-1].ends_at + timedelta(hours=1))
    query = {"Season": "2025-26", "SeasonType": "Regular Season", "PlayerOrTeam": "T"}
    rows = nba_stats.league_game_log(view, query, {name.lower(): value for name, value in BROWSER.items()})["resultSets"][0][
        "rowSet"
    ]
    assert {row[5] for row in rows} == {"2025-07-01"} and {row[0] for row in rows} == {"22025"}


@pytest.mark.parametrize(
    "query", [{"Season": ""}, {"SeasonType": "Summer"}, {"PlayerOrTeam": "X"}, {"Season": "2024-26"}, {"DateFrom": "soon"}]
)
def test_an_invalid_query_is_refused(next_day: Peer, query: dict[str, str]) -> None:
    assert request_log(next_day, **query).status_code == 400


def test_shape_rules_apply_to_the_headers_of_the_table(next_day: Peer) -> None:
    expected = rows_of_log(next_day)
    next_day.rule(match={"provider": "nba_stats"}, action="rename_field", field="PTS", to="POINTS", times=1)
    assert "POINTS" in rows_of_log(next_day)[0]
    next_day.rule(match={"provider": "nba_stats"}, action="null_field", field="PTS", times=1)
    assert {row["PTS"] for row in rows_of_log(next_day)} == {None}
    next_day.rule(match={"provider": "nba_stats"}, action="stringify_numbers", fields=["PTS"], times=1)
    assert {type(row["PTS"]) for row in rows_of_log(next_day)} == {str}
    next_day.rule(match={"provider": "nba_stats"}, action="empty_json", body='{"resultSets":[]}', times=1)
    assert request_log(next_day).json() == {"resultSets": []}
    next_day.rule(match={"provider": "nba_stats"}, action="status", status=429, times=1)
    assert request_log(next_day).status_code == 429
    assert rows_of_log(next_day) == expected


def test_content_rules_apply_to_one_provider(next_day: Peer) -> None:
    expected, game = of_game(rows_of_log(next_day), next_day), next_day.game
    match = {"provider": "nba_stats", "game": game.game_id}
    next_day.rule(match=match, action="correct_stat", player=expected[0]["PLAYER_ID"], field="points", delta=3, times=1)
    assert of_game(rows_of_log(next_day), next_day)[0]["PTS"] == expected[0]["PTS"] + 3
    next_day.rule(match=match, action="drop_players", n=1, team="H", times=1)
    assert of_game(rows_of_log(next_day), next_day) == expected[1:]
    assert next_day.box()["homeTeam"]["score"] == game.score[0]
    for action in ("drop_game", "postpone", "stale_status"):
        next_day.rule(match=match, action=action, times=1)
        assert of_game(rows_of_log(next_day), next_day) == []
    assert of_game(rows_of_log(next_day), next_day) == expected
