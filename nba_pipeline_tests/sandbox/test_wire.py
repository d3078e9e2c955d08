"""The documents in the providers' formats, including their irregularities."""

from datetime import UTC, datetime, timedelta

import pytest

from nba_pipeline.league.calendar import EASTERN
from nba_pipeline_tests.sandbox.conftest import DAY, Peer

pytestmark = pytest.mark.slow

HISTORICAL = "/v4/historical/sports/basketball_nba/events"
EVENTS = "/v4/sports/basketball_nba/events"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_schedule_lists_the_current_season_with_local_times_marked_as_utc(peer: Peer) -> None:
    schedule = peer.final().get(peer.schedule).json()["leagueSchedule"]
    assert schedule["seasonYear"] == "2024-25"
    assert len(schedule["gameDates"]) == 365
    game = peer.listed()
    tipoff = peer.game.tipoff_at
    assert game["listed_on"] == f"{DAY:%m/%d/%Y}" and game["gameDateEst"] == f"{DAY}T00:00:00Z"
    assert instant(game["gameDateTimeUTC"]) == tipoff
    assert game["gameDateTimeEst"] == tipoff.astimezone(EASTERN).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert game["gameTimeUTC"].startswith("1900-01-01T")
    assert game["gameDateUTC"] == f"{DAY}T05:00:00Z"
    assert game["gameCode"] == f"{DAY:%Y%m%d}/{peer.game.teams[1]}{peer.game.teams[0]}"


@pytest.mark.parametrize("moment", ["2025-06-30T12:00:00-04:00", "2025-07-01T02:00:00-04:00"])
def test_yesterday_and_tomorrow_are_listed_at_the_season_boundary(peer: Peer, moment: str) -> None:
    schedule = peer.at(instant(moment)).get(peer.schedule).json()["leagueSchedule"]
    dates = [day["gameDate"][:10] for day in schedule["gameDates"]]
    assert {"06/30/2025", "07/01/2025"} <= set(dates) and len(dates) in (365 + 7, 365 + 8)


@pytest.mark.parametrize(("moment", "status"), [("before_tip", 1), ("in_play", 2), ("final", 3)])
def test_status_and_score_follow_the_clock(peer: Peer, moment: str, status: int) -> None:
    game = getattr(peer, moment)().listed()
    assert game["gameStatus"] == status
    score = game["homeTeam"]["score"], game["awayTeam"]["score"]
    assert (score == (0, 0)) == (status == 1)
    assert (score == peer.game.score) == (status == 3)


@pytest.mark.parametrize("day", ["2025-01-15", "2025-03-09", "2025-11-02", "2025-07-01"])
def test_the_scoreboard_switches_to_the_next_date_at_noon_eastern(peer: Peer, day: str) -> None:
    league, noon = peer.server.service.league, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=EASTERN)
    for moment, date_shown in ((noon - timedelta(seconds=1), noon.date() - timedelta(days=1)), (noon, noon.date())):
        board = peer.at(moment.astimezone(UTC)).get(peer.scoreboard).json()["scoreboard"]
        assert board["gameDate"] == str(date_shown)
        assert [game["gameId"] for game in board["games"]] == [game.game_id for game in league.games(date_shown)]


@pytest.mark.parametrize(
    ("moment", "status", "period", "clock"),
    [("before_tip", 1, 0, ""), ("in_play", 2, 3, "PT12M00.00S"), ("final", 3, 4, "")],
)
def test_scoreboard_and_schedule_agree(peer: Peer, moment: str, status: int, period: int, clock: str) -> None:
    game, listed = getattr(peer, moment)().scoreboard_games()[peer.game.game_id], peer.listed()
    for field in ("gameId", "gameCode", "gameStatus", "gameStatusText"):
        assert game[field] == listed[field]
    for side in ("homeTeam", "awayTeam"):
        assert {field: listed[side][field] for field in game[side]} == game[side]
        assert {"teamId", "teamTricode", "score"} <= set(game[side])
    assert (game["gameStatus"], game["period"], game["gameClock"]) == (status, period, clock)
    assert instant(game["gameTimeUTC"]) == peer.game.tipoff_at and game["gameEt"] == listed["gameDateTimeEst"]


def test_game_rules_apply_to_the_scoreboard(peer: Peer) -> None:
    game_id, path = peer.final().game.game_id, {"path": "scoreboard", "provider": "nba_cdn"}
    peer.rule(game=game_id, match=path, action="stale_status", times=1)
    assert peer.listed()["gameStatus"] == 3
    assert (peer.scoreboard_games()[game_id]["gameStatus"], peer.scoreboard_games()[game_id]["gameStatus"]) == (2, 3)
    peer.rule(game=game_id, match=path, action="postpone", times=1)
    postponed = peer.scoreboard_games()[game_id]
    assert (postponed["gameStatus"], postponed["gameStatusText"], postponed["homeTeam"]["score"]) == (1, "PPD", 0)
    peer.rule(game=game_id, match=path, action="drop_game", times=1)
    assert game_id not in peer.scoreboard_games()
    peer.rule(game=game_id, match=path, action="move_date", days=1, times=2)
    assert game_id not in peer.scoreboard_games()
    assert peer.at(peer.moment[0] + timedelta(days=1)).scoreboard_games()[game_id]["gameStatus"] == 3
    peer.rule(match=path, action="null_field", field="score", times=1)
    assert {game["homeTeam"]["score"] for game in peer.scoreboard_games().values()} == {None}
    peer.rule(match=path, action="status", status=503, times=1)
    assert [peer.get(peer.scoreboard).status_code for _ in range(2)] == [503, 200]


def test_box_score_is_denied_before_tip_off(peer: Peer) -> None:
    response = peer.before_tip().get(peer.box_path)
    assert response.status_code == 403
    assert "<Code>AccessDenied</Code>" in response.text


def test_a_box_score_in_play_is_partial_and_sums_to_its_totals(peer: Peer) -> None:
    box = peer.in_play().box()
    assert box["gameStatus"] == 2 and box["period"] == 3
    for side, final in zip(("homeTeam", "awayTeam"), peer.game.score, strict=True):
        team = box[side]
        assert 0 < team["score"] < final
        assert sum(player["statistics"]["points"] for player in team["players"]) == team["score"]
        assert sum(period["score"] for period in team["periods"]) == team["score"]


def test_a_final_box_score_lists_players_who_did_not_play_with_zeros(peer: Peer) -> None:
    team = peer.final().box()["homeTeam"]
    assert len(team["players"]) == 15
    absent = [player for player in team["players"] if player["played"] == "0"]
    assert absent
    for player in absent:
        assert player["starter"] == "0" and player["notPlayingReason"]
        assert player["statistics"]["minutes"] == "PT00M00.00S" and player["statistics"]["points"] == 0
    starters = [player for player in team["players"] if player["starter"] == "1"]
    assert {player["position"] for player in starters} and len(starters) == 5
    assert any(not player["statistics"]["minutes"].endswith("M00.00S") for player in starters)
    assert team["statistics"]["points"] == team["score"] == peer.game.score[0]
    assert team["statistics"]["minutes"].startswith("PT2")


def test_balldontlie_requires_a_key_and_serves_the_older_format(peer: Peer) -> None:
    path = "/v1/box_scores"
    peer.at(peer.game.ends_at + timedelta(hours=8))
    document = peer.get(path, date=DAY.isoformat()).json()
    assert {"id", "home_q1", "datetime"}.isdisjoint(document["data"][0])
    player = document["data"][0]["home_team"]["players"][0]
    assert player["min"].isdigit() and len(player["min"]) == 2 and "plus_minus" not in player
    for side in ("first_name", "last_name"):
        assert all(row["player"][side].isascii() for row in document["data"][0]["home_team"]["players"])
    del peer.client.headers["Authorization"]
    assert peer.get(path, date=DAY.isoformat()).status_code == 401


def test_balldontlie_pages_over_games(peer: Peer) -> None:
    peer.at(peer.game.ends_at + timedelta(hours=8))
    games, cursor, pages = [], "0", 0
    while cursor:
        page = peer.get("/v1/box_scores", date=DAY.isoformat(), per_page="2", cursor=cursor).json()
        games += page["data"]
        cursor, pages = str(page["meta"].get("next_cursor", "")), pages + 1
    assert len(games) == len(peer.server.service.league.games(DAY)) and pages == -(-len(games) // 2)


def test_odds_require_a_key_use_their_own_team_names_and_start_ten_minutes_late(peer: Peer) -> None:
    assert peer.before_tip().get(EVENTS).status_code == 401
    response = peer.get(EVENTS, apiKey="k")
    event = next(event for event in response.json() if event["id"] == peer.game.fixture.event_id)
    assert instant(event["commence_time"]) == peer.game.tipoff_at + timedelta(minutes=10)
    assert response.headers["x-requests-last"] == "0"
    names = {name for event in response.json() for name in (event["home_team"], event["away_team"])}
    assert "LA Clippers" not in names


def test_event_odds_respect_books_markets_and_format_and_cost_credits(peer: Peer) -> None:
    peer.at(peer.game.tipoff_at - timedelta(hours=1))
    response = peer.get(peer.odds_path, **peer.odds)
    assert [book["key"] for book in response.json()["bookmakers"]][:2] == ["draftkings", "fanduel"]
    assert (response.headers["x-requests-used"], response.headers["x-requests-last"]) == ("1", "1")
    assert set(peer.quotes(bookmakers="fanduel")) == {"fanduel"}
    assert peer.quotes(markets="player_rebounds") == {} and peer.quotes(regions="eu") == {}
    decimal = peer.quotes(oddsFormat="decimal")["draftkings"]
    assert all(1 < outcome["price"] < 10 for outcome in decimal)
    american = peer.quotes()["draftkings"]
    assert all(abs(outcome["price"]) >= 100 for outcome in american)
    assert {outcome["name"] for outcome in american} == {"Over", "Under"}


def test_an_event_is_listed_in_play_without_prices_and_unlisted_after_the_game(peer: Peer) -> None:
    assert peer.in_play().quotes() == {}
    response = peer.final().get(peer.odds_path, **peer.odds)
    assert response.status_code == 404 and response.json()["error_code"] == "EVENT_NOT_FOUND"
    assert "x-requests-remaining" in response.headers


def test_historical_odds_have_steps_of_five_minutes_and_cost_ten_times_as_much(peer: Peer) -> None:
    requested_at = peer.game.tipoff_at - timedelta(hours=1)
    path = f"{HISTORICAL}/{peer.game.fixture.event_id}/odds"
    response = peer.at(peer.game.ends_at + timedelta(days=20)).get(
        path, **peer.odds, date=requested_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    document = response.json()
    stamp = instant(document["timestamp"])
    assert stamp <= requested_at < stamp + timedelta(minutes=5) and stamp.second == 38
    assert instant(document["next_timestamp"]) - stamp == timedelta(minutes=5)
    assert all(instant(book["last_update"]) <= stamp for book in document["data"]["bookmakers"])
    assert response.headers["x-requests-last"] == "10"
    events = peer.get(HISTORICAL, apiKey="k", date=requested_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert peer.game.fixture.event_id in {event["id"] for event in events.json()["data"]}
    assert peer.get(HISTORICAL, apiKey="k").status_code == 422


def test_a_historical_snapshot_is_never_later_than_now(peer: Peer) -> None:
    document = peer.before_tip().get(HISTORICAL, apiKey="k", date="2030-01-01T00:00:00Z").json()
    assert instant(document["timestamp"]) <= peer.moment[0].astimezone(UTC)
