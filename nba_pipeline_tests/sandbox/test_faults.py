"""Every fault rule applies once over real HTTP. The next response is correct."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.sandbox.faults import ACTIONS, parse_rules
from nba_pipeline_tests.sandbox.conftest import DAY, PATIENT_SECONDS, Peer

pytestmark = pytest.mark.slow


def players(box: dict[str, Any], side: str = "homeTeam") -> list[int]:
    return [player["personId"] for player in box[side]["players"]]


def test_a_status_rule_applies_to_the_configured_number_of_requests(peer: Peer) -> None:
    peer.rule(match={"provider": "nba_cdn"}, action="status", status=429, headers={"Retry-After": "2"}, times=2, after=1)
    responses = [peer.get(peer.box_path) for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 429, 429, 200]
    assert responses[1].headers["retry-after"] == "2"


def test_a_delay_delays_one_response(peer: Peer) -> None:
    peer.rule(match={"path": "boxscore"}, action="delay", seconds=0.3, times=1)
    assert peer.get(peer.box_path).elapsed > timedelta(seconds=0.3)
    peer.get(peer.box_path)
    assert [len(entry["faults"]) for entry in peer.server.service.log] == [1, 0]


def test_a_hang_sends_no_response(peer: Peer) -> None:
    peer.rule(match={"game": peer.game.game_id}, action="hang", times=1)
    with pytest.raises(httpx.ReadTimeout):
        peer.client.get(peer.box_path, timeout=httpx.Timeout(PATIENT_SECONDS, read=0.3))
    assert peer.get(peer.box_path).status_code == 200


def test_a_reset_breaks_the_connection(peer: Peer) -> None:
    peer.rule(action="reset", times=1)
    with pytest.raises(httpx.NetworkError):
        peer.get(peer.box_path)
    assert peer.get(peer.box_path).status_code == 200


def test_a_truncated_response_declares_more_bytes_than_it_sends(peer: Peer) -> None:
    peer.rule(action="truncate", fraction=0.4, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        peer.get(peer.box_path)
    assert peer.box()["gameStatus"] == 3


def test_html_and_empty_json_replace_the_document(peer: Peer) -> None:
    peer.rule(action="html", times=1)
    assert peer.get(peer.box_path).headers["content-type"].startswith("text/html")
    peer.rule(action="empty_json", times=1)
    assert peer.get(peer.box_path).json() == {}
    assert peer.box()


def test_fields_are_renamed_nulled_and_stringified(peer: Peer) -> None:
    peer.rule(action="rename_field", field="homeTeam", to="hosts", times=1)
    assert "hosts" in peer.box() and "hosts" not in peer.box()
    peer.rule(action="null_field", field="score", times=1)
    assert peer.box()["homeTeam"]["score"] is None and peer.box()["homeTeam"]["score"]
    peer.rule(action="stringify_numbers", fields=["points"], times=1)
    statistics = peer.box()["homeTeam"]["players"][0]["statistics"]
    assert isinstance(statistics["points"], str) and isinstance(statistics["assists"], int)


def test_players_are_dropped_and_duplicated_and_team_totals_do_not_change(peer: Peer) -> None:
    before = peer.box()
    home = peer.game.teams[0]
    peer.rule(action="drop_players", n=3, team=home, times=1)
    dropped = peer.box()
    assert players(dropped) == players(before)[3:] and players(dropped, "awayTeam") == players(before, "awayTeam")
    assert dropped["homeTeam"]["statistics"] == before["homeTeam"]["statistics"]
    peer.rule(action="drop_players", ids=[players(before)[4]], times=1)
    assert players(before)[4] not in players(peer.box())
    peer.rule(action="empty_players", team="A", times=1)
    emptied = peer.box()
    assert players(emptied, "awayTeam") == [] and emptied["awayTeam"]["score"] == before["awayTeam"]["score"]
    peer.rule(action="duplicate_players", n=1, team="H", times=1)
    assert players(peer.box()) == [*players(before), players(before)[0]]
    assert players(peer.box()) == players(before)


def test_a_player_is_renamed_in_boxes_and_odds(peer: Peer) -> None:
    quoted = peer.before_tip().quotes()["draftkings"][0]["description"]
    peer.rule(match={"game": peer.game.game_id}, action="rename_player", player=quoted, to="Q. Newman")
    assert "Q. Newman" in {outcome["description"] for outcome in peer.quotes()["draftkings"]}
    box = peer.final().box()
    assert "Q. Newman" in {p["name"] for side in ("homeTeam", "awayTeam") for p in box[side]["players"]}


def test_a_correction_changes_points_free_throws_and_score_from_its_time(peer: Peer) -> None:
    before = peer.box()["homeTeam"]
    name = before["players"][0]["name"]
    later = peer.game.ends_at + timedelta(hours=5)
    peer.rule(
        game=peer.game.game_id,
        action="correct_stat",
        player=name,
        field="points",
        delta=2,
        **{"from": later.isoformat()},
    )
    assert peer.box()["homeTeam"] == before
    after = peer.at(later).box()["homeTeam"]
    assert after["score"] == before["score"] + 2 == sum(p["statistics"]["points"] for p in after["players"])
    assert after["players"][0]["statistics"]["freeThrowsMade"] == before["players"][0]["statistics"]["freeThrowsMade"] + 2
    assert peer.listed()["homeTeam"]["score"] == after["score"]


def test_a_wrong_total_differs_from_the_sum_of_the_players(peer: Peer) -> None:
    peer.rule(game=peer.game.game_id, action="wrong_total", delta=3, times=1)
    assert peer.box()["homeTeam"]["score"] == peer.game.score[0] + 3
    assert peer.box()["homeTeam"]["score"] == peer.game.score[0]


def test_a_dropped_game_is_absent_from_every_feed(peer: Peer) -> None:
    peer.rule(game=peer.game.game_id, action="drop_game")
    assert peer.listed() is None
    assert peer.get(peer.box_path).status_code == 403
    assert peer.before_tip().get(peer.odds_path, **peer.odds).status_code == 404


def test_a_stale_status_does_not_change_the_score(peer: Peer) -> None:
    peer.rule(game=peer.game.game_id, action="stale_status", times=1)
    game = peer.listed()
    assert game["gameStatus"] == 2 and game["homeTeam"]["score"] == peer.game.score[0]
    assert peer.listed()["gameStatus"] == 3


def test_a_postponed_game_has_no_box_and_no_event(peer: Peer) -> None:
    peer.rule(game=peer.game.game_id, action="postpone")
    game = peer.listed()
    assert (game["postponedStatus"], game["gameStatusText"], game["gameStatus"]) == ("P", "PPD", 1)
    assert peer.get(peer.box_path).status_code == 403
    assert peer.before_tip().get(peer.odds_path, **peer.odds).status_code == 404


def test_a_moved_game_is_played_on_another_date(peer: Peer) -> None:
    peer.rule(game=peer.game.game_id, action="move_date", days=2, times=2)
    game = peer.listed()
    assert game["listed_on"] == f"{DAY + timedelta(days=2):%m/%d/%Y}" and game["gameStatus"] == 1
    assert peer.get(peer.box_path).status_code == 403
    peer.rule(game=peer.game.game_id, action="move_date", to="2025-01-20", times=1)
    assert peer.listed()["listed_on"] == "01/20/2025"
    assert peer.listed()["gameStatus"] == 3


def test_lines_become_placeholders_or_ladders_or_are_dropped(peer: Peer) -> None:
    expected = peer.before_tip().quotes()
    peer.rule(action="placeholder_line", book="betrivers", times=1)
    faulty = peer.quotes()
    assert {outcome["point"] for outcome in faulty["betrivers"]} == {20.0} and faulty["fanduel"] == expected["fanduel"]
    peer.rule(action="drop_book", book=["draftkings", "fanduel"], times=1)
    assert set(expected) - set(peer.quotes()) == {"draftkings", "fanduel"}
    peer.rule(action="alt_lines", offsets=[-2, 2], book="draftkings", times=1)
    assert len(peer.quotes()["draftkings"]) == 3 * len(expected["draftkings"])
    assert peer.quotes() == expected


def test_prices_in_play_are_dated_after_the_start(peer: Peer) -> None:
    peer.in_play().rule(action="inplay_odds", minutes=20, times=1)
    books = peer.get(peer.odds_path, **peer.odds).json()["bookmakers"]
    expected = peer.game.tipoff_at + timedelta(minutes=30)
    assert {book["markets"][0]["last_update"] for book in books} == {expected.strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert peer.quotes() == {}


def test_a_content_rule_counts_only_the_responses_that_it_changed(peer: Peer) -> None:
    peer.before_tip().rule(id="d", action="drop_players", times=1)
    peer.get(peer.schedule)
    peer.get(peer.box_path)
    peer.final().get(peer.box_path)
    rule = peer.get("/__control/faults").json()["rules"][0]
    assert (rule["id"], rule["hits"], rule["seen"]) == ("d", 1, 3)
    assert peer.get("/__control/requests", path="boxscore").json()["requests"][-1]["faults"] == ["d"]


def test_a_rule_keeps_its_count_under_concurrent_requests(peer: Peer) -> None:
    peer.rule(action="drop_players", n=15, times=2)
    with ThreadPoolExecutor(8) as pool:
        boxes = list(
            pool.map(
                lambda _: httpx.get(peer.server.url + peer.box_path, verify=False, timeout=PATIENT_SECONDS).json()["game"],
                range(8),
            )
        )
    assert sum(not players(box) for box in boxes) == 2


def test_queries_select_requests(peer: Peer) -> None:
    peer.rule(match={"provider": "balldontlie", "query": {"date": "2025-01-1"}}, action="status", status=503)
    assert peer.get("/v1/box_scores", date=DAY.isoformat()).status_code == 503
    assert peer.get("/v1/box_scores", date="2025-01-01").status_code == 200


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"action": "explode"}, "unknown fault action 'explode'"),
        ({"action": "status"}, "requires the parameter status"),
        ({"action": "move_date"}, "requires the parameter to or days"),
        ({"action": "delay", "secs": 1}, "has no parameter secs"),
        ({"action": "reset", "match": {"pth": "x"}}, "must be an object of game, path, provider, query"),
        ({"action": "reset", "match": {"path": "("}}, "not a regular expression"),
        ({"action": "reset", "from": "noon"}, "must be a time like"),
        ({"action": "wrong_total", "delta": "3"}, "must be a number"),
        ({"action": "correct_stat", "player": "x", "field": "dunks", "delta": 1}, "has no field 'dunks'"),
        ({"action": "reset", "match": {"provider": "yahoo"}}, "unknown provider 'yahoo'"),
    ],
)
def test_an_invalid_rule_is_refused_with_a_message(peer: Peer, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message.replace("(", "")):
        parse_rules(spec)
    response = peer.client.post("/__control/faults", json=[{"action": "reset"}, spec])
    assert response.status_code == 400 and message in response.json()["error"]
    assert peer.get("/__control/faults").json()["rules"] == []


def test_the_number_of_actions_is_25() -> None:
    assert len(ACTIONS) == 25
