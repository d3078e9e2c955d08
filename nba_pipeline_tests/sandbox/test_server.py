"""Connections, control plane, quota, command line."""

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox import League, SandboxServer, serve
from nba_pipeline.sandbox.clubs import CLUBS
from nba_pipeline.sandbox.faults import parse_rules
from nba_pipeline_tests.sandbox.conftest import DAY, PATIENT_SECONDS, Peer

pytestmark = pytest.mark.platform


def test_responses_are_compressed_and_connections_are_reused(peer: Peer) -> None:
    assert peer.get(peer.box_path).headers["content-encoding"] == "gzip"
    plain = peer.client.get(peer.box_path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.json()["game"] == peer.box()
    log = peer.get("/__control/requests").json()
    assert log["by_provider"] == {"nba_cdn": 3} and log["connections"] == {"nba_cdn": 1}
    assert peer.client.delete("/__control/requests").json() == {"cleared": True}
    assert peer.get("/__control/requests").json()["count"] == 0


def test_the_clock_follows_the_pipeline_until_it_is_set(peer: Peer) -> None:
    peer.before_tip()
    assert datetime.fromisoformat(peer.get("/__control/clock", timeout=PATIENT_SECONDS).json()["now"]) == peer.moment[0]
    peer.client.post("/__control/clock", json={"advance": 120})
    assert peer.box()["gameStatus"] == 2
    state = peer.client.post("/__control/clock", json={"now": "2024-07-04T12:00:00", "speed": 0}).json()
    assert state["now_et"] == "2024-07-04T12:00:00-04:00" and state["season"] == "2024-25"
    assert peer.get(peer.box_path).status_code == 403


def test_rules_are_added_listed_replaced_and_removed(peer: Peer) -> None:
    peer.rule(id="a", action="reset", times=0)
    peer.client.post("/__control/faults", params={"replace": "1"}, json={"rules": [{"id": "b", "action": "reset", "times": 0}]})
    assert [rule["id"] for rule in peer.get("/__control/faults").json()["rules"]] == ["b"]
    assert peer.client.delete("/__control/faults", params={"id": "b"}).json() == {"removed": 1}


def test_true_results_are_independent_of_the_clock(peer: Peer) -> None:
    truth = peer.before_tip().get("/__control/truth", date=DAY.isoformat(), include="lines").json()
    game = truth["games"][0]
    assert (game["game_id"], game["home_points"]) == (peer.game.game_id, peer.game.score[0])
    rows = [row for row in truth["players"] if row["game_id"] == peer.game.game_id and row["home_away"] == "H"]
    assert sum(row["points"] for row in rows) == game["home_points"]
    assert truth["lines"][0]["book"] == "draftkings"


def test_an_invalid_control_request_is_refused_with_a_message(peer: Peer) -> None:
    assert peer.get("/__control/health").json()["ok"] is True
    assert peer.get("/__control/nothing").status_code == 404
    assert peer.get("/__control/truth", date="soon").status_code == 400
    assert peer.client.post("/__control/clock", json={"now": "soon"}).status_code == 400
    assert peer.client.post("/__control/faults", content=b"{").status_code == 400


def test_used_up_credits_are_refused(league: League) -> None:
    game = league.games(DAY)[0]
    with SandboxServer(league, lambda: game.tipoff_at - timedelta(hours=1), quota=1) as server:
        url = f"{server.url}/v4/sports/basketball_nba/events/{game.fixture.event_id}/odds"
        query = {"apiKey": "k", "regions": "us", "markets": "player_points"}
        first, second = (httpx.get(url, params=query, timeout=PATIENT_SECONDS) for _ in range(2))
    assert (first.status_code, first.headers["x-requests-remaining"]) == (200, "0")
    assert (second.status_code, second.json()["error_code"]) == (401, "OUT_OF_USAGE_CREDITS")


def test_a_home_with_few_clubs_serves_only_these_from_every_provider(tmp_path: Path) -> None:
    small = League(clubs=6)
    game, teams = small.games(DAY)[0], set(TEAMS[:6])
    (tmp_path / "sandbox_rules.json").write_text('{"clubs": 6}')
    with serve(tmp_path, lambda: game.ends_at) as server, httpx.Client(base_url=server.url, timeout=PATIENT_SECONDS) as client:
        dates = client.get("/static/json/staticData/scheduleLeagueV2.json").json()["leagueSchedule"]["gameDates"]
        codes = {row[f"{side}Team"]["teamTricode"] for day in dates for row in day["games"] for side in ("home", "away")}
        assert codes == teams
        box_scores = client.get("/v1/box_scores", params={"date": DAY.isoformat()}, headers={"Authorization": "k"}).json()["data"]
        assert {row[f"{side}_team"]["abbreviation"] for row in box_scores for side in ("home", "visitor")} <= teams
        events = client.get("/v4/sports/basketball_nba/events", params={"apiKey": "k"}).json()
        names = {CLUBS[team].odds_api_name for team in teams}
        assert events and {event[f"{side}_team"] for event in events for side in ("home", "away")} <= names
        rosters = {
            team: client.get(f"/apis/site/v2/sports/basketball/nba/teams/{club.espn_id}").status_code
            for team, club in CLUBS.items()
        }
        assert {team for team, status in rosters.items() if status == 200} == teams


@pytest.mark.unattended
def test_a_home_with_fifteen_games_per_date_serves_all_of_them_from_every_provider(tmp_path: Path) -> None:
    games = League(games_per_date=15).games(DAY)
    (tmp_path / "sandbox_rules.json").write_text('{"games_per_date": 15}')
    now = max(game.ends_at for game in games)
    with serve(tmp_path, lambda: now) as server, httpx.Client(base_url=server.url, timeout=PATIENT_SECONDS) as client:
        ids = {game.game_id for game in games}
        assert len(ids) == 15
        dates = client.get("/static/json/staticData/scheduleLeagueV2.json").json()["leagueSchedule"]["gameDates"]
        assert {row["gameId"] for day in dates if day["gameDate"] == f"{DAY:%m/%d/%Y} 00:00:00" for row in day["games"]} == ids
        box_scores = client.get("/v1/box_scores", params={"date": DAY.isoformat()}, headers={"Authorization": "k"}).json()["data"]
        assert len(box_scores) == 15
        now = min(game.tipoff_at for game in games) - timedelta(hours=1)
        events = client.get("/v4/sports/basketball_nba/events", params={"apiKey": "k"}).json()
        assert {game.fixture.event_id for game in games} <= {event["id"] for event in events}


def test_a_home_with_a_date_without_games_serves_an_empty_day(tmp_path: Path, league: League) -> None:
    game = league.games(DAY)[0]
    (tmp_path / "sandbox_rules.json").write_text(json.dumps({"no_game_dates": [DAY.isoformat()]}))
    with serve(tmp_path, lambda: game.ends_at) as server, httpx.Client(base_url=server.url, timeout=PATIENT_SECONDS) as client:
        dates = client.get("/static/json/staticData/scheduleLeagueV2.json").json()["leagueSchedule"]["gameDates"]
        assert f"{DAY:%m/%d/%Y} 00:00:00" not in {day["gameDate"] for day in dates} and len(dates) == 364
        box_scores = client.get("/v1/box_scores", params={"date": DAY.isoformat()}, headers={"Authorization": "k"})
        assert box_scores.json()["data"] == []
        assert client.get(f"/static/json/liveData/boxscore/boxscore_{game.game_id}.json").status_code == 403
        events = client.get("/v4/sports/basketball_nba/events", params={"apiKey": "k"}).json()
        assert game.fixture.event_id not in {event["id"] for event in events}


def test_stopping_ends_a_hanging_request_and_may_be_repeated(league: League) -> None:
    game = league.games(DAY)[0]
    server = SandboxServer(league, lambda: game.ends_at, parse_rules({"action": "hang"}))
    server.start()
    server.start()
    url, outcome = server.url, []

    def ask() -> None:
        try:
            httpx.get(f"{url}/v1/box_scores", timeout=PATIENT_SECONDS)
        except httpx.RemoteProtocolError as error:
            outcome.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not server.service.log:
        time.sleep(0.01)
    server.stop()
    server.stop()
    asking.join(timeout=PATIENT_SECONDS)
    assert len(outcome) == 1


def test_the_command_line_prints_its_address_and_ends_when_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nba_pipeline.sandbox", "--now", "2025-01-15T12:00:00", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = json.loads(process.stdout.readline())
        clock = httpx.get(f"{address['url']}/__control/clock", timeout=PATIENT_SECONDS).json()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENT_SECONDS) == 0
    assert clock["now_et"].startswith("2025-01-15T12:00:") and address["url"].endswith(str(address["port"]))
