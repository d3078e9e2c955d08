"""The play-by-play sums to the box score of the same moment."""

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from nba_pipeline.sandbox import League, play_by_play
from nba_pipeline.sandbox.league import Game
from nba_pipeline.sandbox.play_by_play.tally import COUNTS, tally
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire import nba_cdn
from nba_pipeline_tests.sandbox.conftest import DAY, Peer

ANY = {
    "actionNumber", "clock", "timeActual", "period", "periodType", "actionType", "subType", "qualifiers", "personId", "x", "y",
    "side", "possession", "scoreHome", "scoreAway", "edited", "orderNumber", "isTargetScoreLastPeriod", "xLegacy", "yLegacy",
    "isFieldGoal", "description", "personIdsFilter",
}  # fmt: skip
TEAM = {"teamId", "teamTricode"}
PLAYER = TEAM | {"playerName", "playerNameI"}
PLACE = {"area", "areaDetail"}
SHOT = PLAYER | PLACE | {"shotDistance", "shotResult"}
KEYS = {
    "period": set(), "game": set(), "timeout": TEAM, "substitution": PLAYER, "block": PLAYER | PLACE, "steal": PLAYER | PLACE,
    "2pt": SHOT, "3pt": SHOT, "freethrow": PLAYER | {"shotResult"}, "turnover": PLAYER | PLACE | {"turnoverTotal"},
    "rebound": PLAYER | {"shotActionNumber", "reboundTotal", "reboundDefensiveTotal", "reboundOffensiveTotal"},
    "foul": PLAYER | PLACE | {"officialId", "foulPersonalTotal", "foulTechnicalTotal", "foulDrawnPlayerName", "foulDrawnPersonId"},
}  # fmt: skip
ASSIST = {"assistPlayerNameInitial", "assistPersonId", "assistTotal"}
MAYBE = {
    "2pt": {"descriptor", "pointsTotal", "blockPlayerName", "blockPersonId"} | ASSIST,
    "3pt": {"descriptor", "pointsTotal", "blockPlayerName", "blockPersonId"} | ASSIST,
    "freethrow": {"descriptor", "pointsTotal"},
    "turnover": {"descriptor", "officialId", "stealPlayerName", "stealPersonId"},
    "rebound": PLACE,
    "foul": {"descriptor"},
}
STATISTICS = (
    "fieldGoalsMade", "fieldGoalsAttempted", "twoPointersMade", "twoPointersAttempted", "threePointersMade",
    "threePointersAttempted", "freeThrowsMade", "freeThrowsAttempted", "points", "reboundsOffensive", "reboundsDefensive",
    "assists", "steals", "blocks", "blocksReceived", "turnovers", "foulsPersonal", "foulsDrawn",
)  # fmt: skip


def path_of(game: Game) -> str:
    return f"/static/json/liveData/playbyplay/playbyplay_{game.game_id}.json"


def actions_of(peer: Peer) -> list[dict[str, Any]]:
    return peer.get(path_of(peer.game)).json()["game"]["actions"]


def summed(actions: list[dict[str, Any]]) -> dict[int, Counter[str]]:
    """Returns the sums of every player's actions, with the column names of the box score."""
    sums: dict[int, Counter[str]] = defaultdict(Counter)
    kinds = {"2pt": ("twoPointers", 2), "3pt": ("threePointers", 3), "freethrow": ("freeThrows", 1)}
    for action in actions:
        own, kind = sums[action["personId"]], action["actionType"]
        if kind in kinds:
            name, points = kinds[kind]
            is_made = action["shotResult"] == "Made"
            own[f"{name}Attempted"] += 1
            own[f"{name}Made"] += is_made
            own["points"] += points * is_made
            own["blocksReceived"] += "blockPersonId" in action
            sums[action.get("assistPersonId", 0)]["assists"] += 1
            sums[action.get("blockPersonId", 0)]["blocks"] += 1
            assert not ("assistPersonId" in action and not is_made) and not ("blockPersonId" in action and is_made)
        elif kind == "rebound":
            own["rebounds" + action["subType"].title()] += 1
        elif kind in ("turnover", "steal"):
            own[kind + "s"] += 1
        elif kind == "foul":
            own["foulsPersonal"] += 1
            sums[action["foulDrawnPersonId"]]["foulsDrawn"] += 1
    for own in sums.values():
        for part in ("Made", "Attempted"):
            own[f"fieldGoals{part}"] = own[f"twoPointers{part}"] + own[f"threePointers{part}"]
    return sums


def assert_actions_match_box(actions: list[dict[str, Any]], box: dict[str, Any]) -> None:
    sums, of_period = summed(actions), Counter[tuple[str, int]]()
    before = {"homeTeam": 0, "awayTeam": 0}
    for action in actions:
        for side, key in (("homeTeam", "scoreHome"), ("awayTeam", "scoreAway")):
            of_period[side, action["period"]] += int(action[key]) - before[side]
            before[side] = int(action[key])
    for side in ("homeTeam", "awayTeam"):
        team = box[side]
        for player in team["players"]:
            expected = {name: sums[player["personId"]][name] for name in STATISTICS}
            assert expected == {name: player["statistics"][name] for name in STATISTICS}
        assert before[side] == team["score"]
        for period in team["periods"]:
            assert of_period[side, period["period"]] == period["score"]


def games_to_check(league: League) -> list[Game]:
    overtimes = [game for game in league.season("2024-25").games if game.overtimes]
    return [*league.games(DAY)[:4], overtimes[0], next(game for game in overtimes if game.overtimes > 1)]


@pytest.mark.parametrize("number", range(6), ids=["first", "second", "third", "fourth", "overtime", "two overtimes"])
def test_the_actions_of_a_final_game_sum_to_its_box_score(league: League, number: int) -> None:
    game = games_to_check(league)[number]
    view = View(league, game.ends_at)
    actions = nba_cdn.play_by_play(view, game.game_id)["game"]["actions"]
    assert_actions_match_box(actions, nba_cdn.boxscore(view, game.game_id)["game"])
    assert (actions[-1]["actionType"], actions[-1]["subType"]) == ("game", "end")
    assert (actions[-1]["scoreHome"], actions[-1]["scoreAway"]) == tuple(map(str, game.score))
    assert {action["period"] for action in actions} == set(range(1, 5 + game.overtimes))
    assert 440 < len(actions) < 660 + 60 * game.overtimes
    orders = [action["orderNumber"] for action in actions]
    assert orders == sorted(set(orders))
    numbers = [action["actionNumber"] for action in actions]
    assert len(set(numbers)) == len(numbers) and numbers != sorted(numbers)


def test_thirty_games_have_every_count_and_player_and_no_assist_to_oneself(league: League) -> None:
    for game in league.season("2025-26").games[:30]:
        actions = play_by_play.actions(league, game)
        counts = tally(actions)
        for row in (row for rows in league.boxscore(game) for row in rows):
            own = {name: counts[row.player.person_id, name] for name in COUNTS}
            assert own == {name: getattr(row, name) for name in COUNTS}
        assert all(action.player is not action.other for action in actions if action.other)
        entered = {action.player for action in actions if action.kind == "substitution"}
        assert entered >= {row.player for rows in league.boxscore(game) for row in rows if row.did_play and not row.is_starter}


@pytest.mark.parametrize("minutes", [0, 3, 37.5, 75, 149.9])
def test_in_play_a_prefix_of_the_actions_is_served_and_sums_to_the_box_score(peer: Peer, minutes: float) -> None:
    all_actions = actions_of(peer.final())
    peer.at(peer.game.tipoff_at + timedelta(minutes=minutes))
    actions = actions_of(peer)
    assert_actions_match_box(actions, peer.box())
    for action, final in zip(actions, all_actions, strict=False):
        assert {**action, "edited": ""} == {**final, "edited": ""}
    assert len(all_actions) * minutes / 150 * 0.8 - 5 <= len(actions) < len(all_actions)
    assert all(action["edited"] <= peer.moment[0].strftime("%Y-%m-%dT%H:%M:%SZ") for action in actions)


def test_an_action_number_never_changes_and_blocks_are_numbered_out_of_order(league: League) -> None:
    game = league.games(DAY)[0]
    blocks = [action for action in play_by_play.actions(league, game) if action.kind == "block"]
    all_actions = nba_cdn.play_by_play(View(league, game.ends_at), game.game_id)["game"]["actions"]
    for block in blocks[:4]:
        at = game.tipoff_at + block.elapsed / game.seconds * league.game_length + timedelta(milliseconds=1)
        actions = nba_cdn.play_by_play(View(league, at), game.game_id)["game"]["actions"]
        assert "block" in [action["actionType"] for action in actions[-3:]]
        numbers = [action["actionNumber"] for action in actions]
        assert numbers == [action["actionNumber"] for action in all_actions[: len(actions)]]


def test_an_overtime_in_play_has_its_own_period(league: League) -> None:
    game = next(game for game in league.season("2024-25").games if game.overtimes)
    view = View(league, game.ends_at - timedelta(minutes=5))
    box = nba_cdn.boxscore(view, game.game_id)["game"]
    actions = nba_cdn.play_by_play(view, game.game_id)["game"]["actions"]
    assert_actions_match_box(actions, box)
    assert (box["period"], box["gameStatusText"][:4], box["gameClock"]) == (5, "OT1 ", "PT01M46.00S")
    assert (actions[-1]["period"], actions[-1]["periodType"]) == (5, "OVERTIME")
    assert [period["periodType"] for period in box["homeTeam"]["periods"]] == ["REGULAR"] * 4 + ["OVERTIME"]


def test_the_play_by_play_is_denied_before_tip_off_and_for_an_unknown_game(peer: Peer) -> None:
    response = peer.before_tip().get(path_of(peer.game))
    assert response.status_code == 403 and "<Code>AccessDenied</Code>" in response.text
    assert peer.get(path_of(peer.game).replace(peer.game.game_id, "0022499999")).status_code == 403


def test_every_action_has_the_keys_of_its_type(peer: Peer) -> None:
    actions = actions_of(peer.final())
    assert {action["actionType"] for action in actions} == set(KEYS)
    for action in actions:
        kind = action["actionType"]
        assert ANY | KEYS[kind] <= action.keys() <= ANY | KEYS[kind] | MAYBE.get(kind, set()), kind
        assert isinstance(action["scoreHome"], str) and isinstance(action["scoreAway"], str)
        assert action["clock"].startswith("PT") and action["clock"][4] == "M" and action["clock"].endswith("S")
        assert action["isFieldGoal"] == int(kind in ("2pt", "3pt")) and (action["x"] is None) == (kind not in ("2pt", "3pt"))


def test_times_increase_and_clocks_decrease(peer: Peer) -> None:
    actions = actions_of(peer.final())
    for earlier, later in pairwise(actions):
        assert (earlier["timeActual"], earlier["period"]) <= (later["timeActual"], later["period"])
        assert earlier["period"] < later["period"] or earlier["clock"] >= later["clock"]
    assert actions[-1]["clock"] == "PT00M00.00S" and actions[0]["clock"] == "PT12M00.00S"


def test_the_actors_are_among_the_five_players_on_the_court(league: League) -> None:
    game = league.games(DAY)[0]
    court = [{row.player for row in rows if row.is_starter} for rows in league.boxscore(game)]
    acted = Counter[bool]()
    for action in play_by_play.actions(league, game):
        if action.kind == "substitution":
            (court[action.side].add if action.subtype == "in" else court[action.side].remove)(action.player)
        elif action.player:
            assert [len(five) for five in court] == [5, 5]
            acted[action.player in court[action.side]] += 1
    assert acted[False] < 0.05 * acted.total()


def test_actions_depend_on_the_seed_only(league: League) -> None:
    game = league.games(DAY)[1]
    expected = play_by_play.actions(league, game)
    play_by_play.actions.cache_clear()
    same_league = League()
    assert play_by_play.actions(same_league, same_league.games(DAY)[1]) == expected
    other = League(seed=8)
    assert play_by_play.actions(other, other.games(DAY)[1]) != expected


def test_an_and_one_follows_a_made_shot_of_the_same_player_at_the_same_clock(league: League) -> None:
    and_ones = 0
    for game in league.games(DAY):
        actions = play_by_play.actions(league, game)
        for place, action in enumerate(actions):
            if action.kind == "freethrow" and action.subtype == "1 of 1" and action.descriptor != "technical":
                before = [other for other in actions[place - 3 : place] if other.elapsed == action.elapsed]
                assert any(a.kind in ("2pt", "3pt") and a.is_made and a.player is action.player for a in before)
                and_ones += 1
    assert and_ones > len(league.games(DAY))


def test_response_and_game_rules_apply_to_the_play_by_play(peer: Peer) -> None:
    path = path_of(peer.game)
    all_actions = actions_of(peer.final())
    peer.rule(match={"path": "playbyplay"}, action="rename_field", field="actions", to="plays", times=1)
    assert "plays" in peer.get(path).json()["game"] and peer.box()
    peer.rule(match={"path": "playbyplay"}, action="null_field", field="area", times=1)
    assert {action["area"] for action in actions_of(peer) if "area" in action} == {None}
    peer.rule(match={"path": "playbyplay"}, action="stringify_numbers", fields=["personId"], times=1)
    assert isinstance(actions_of(peer)[5]["personId"], str)
    peer.rule(match={"provider": "nba_cdn", "game": peer.game.game_id}, action="status", status=503, times=1)
    assert peer.get(path).status_code == 503
    for action in ("drop_game", "postpone"):
        peer.rule(id=action, game=peer.game.game_id, action=action)
        assert peer.get(path).status_code == 403
        peer.client.delete("/__control/faults", params={"id": action})
    assert actions_of(peer) == all_actions


def test_player_and_statistic_rules_do_not_change_the_play_by_play(peer: Peer) -> None:
    all_actions = actions_of(peer.final())
    name = peer.box()["homeTeam"]["players"][0]["name"]
    peer.rule(game=peer.game.game_id, action="correct_stat", player=name, field="points", delta=1)
    peer.rule(game=peer.game.game_id, action="drop_players", n=2)
    assert actions_of(peer) == all_actions
    with pytest.raises(AssertionError):
        assert_actions_match_box(all_actions, peer.box())


@pytest.mark.parametrize("moment", ["in_play", "final"])
def test_team_totals_are_the_sums_of_the_players(peer: Peer, moment: str) -> None:
    box = getattr(peer, moment)().box()
    for side in ("homeTeam", "awayTeam"):
        team, players = box[side]["statistics"], [player["statistics"] for player in box[side]["players"]]
        for name in (*STATISTICS, "reboundsTotal"):
            assert team[name] == sum(player[name] for player in players), name
        assert team["turnoversTotal"] == team["turnovers"] + team["turnoversTeam"]
        assert team["reboundsPersonal"] == team["reboundsTotal"] - team["reboundsTeam"]
    home, away = box["homeTeam"]["statistics"], box["awayTeam"]["statistics"]
    assert (home["blocksReceived"], home["foulsDrawn"]) == (away["blocks"], away["foulsPersonal"])
    assert (home["pointsAgainst"], away["pointsAgainst"]) == (away["points"], home["points"])


def test_three_officials_work_a_game_and_none_works_two_on_a_date(peer: Peer) -> None:
    crew = peer.box()["officials"]
    assert [official["assignment"] for official in crew] == ["OFFICIAL1", "OFFICIAL2", "OFFICIAL3"]
    assert set(crew[0]) == {"personId", "name", "nameI", "firstName", "familyName", "jerseyNum", "assignment"}
    view = View(peer.server.service.league, peer.game.ends_at + timedelta(hours=6))
    ids = [
        official["personId"]
        for game in peer.server.service.league.games(DAY)
        for official in nba_cdn.boxscore(view, game.game_id)["game"]["officials"]
    ]
    assert len(set(ids)) == len(ids)
    assert {action["officialId"] for action in actions_of(peer) if "officialId" in action} == {o["personId"] for o in crew}
