"""Spreads, totals and winners in addition to player lines."""

from datetime import datetime, timedelta
from statistics import fmean, pstdev
from typing import Any

import httpx
import pytest

from nba_pipeline.sandbox import League, SandboxServer
from nba_pipeline_tests.sandbox.conftest import PATIENT_SECONDS, Peer

pytestmark = pytest.mark.slow

ALL = "player_points,spreads,totals"


def books(peer: Peer, **query: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns book -> market -> market document."""
    response = peer.get(peer.odds_path, **(peer.odds | {"markets": ALL} | query)).json()
    return {book["key"]: {market["key"]: market for market in book["markets"]} for book in response["bookmakers"]}


def points(market: dict[str, Any]) -> dict[str, float]:
    return {outcome["name"]: outcome["point"] for outcome in market["outcomes"]}


def test_one_request_has_both_kinds_and_costs_a_credit_for_each_market(peer: Peer) -> None:
    response = peer.at(peer.game.tipoff_at - timedelta(hours=1)).get(peer.odds_path, **(peer.odds | {"markets": ALL}))
    assert response.headers["x-requests-last"] == "3"
    for book in response.json()["bookmakers"]:
        assert [market["key"] for market in book["markets"]] == ALL.split(",")
    assert len(response.json()["bookmakers"]) == 6
    assert peer.get(peer.odds_path, **(peer.odds | {"markets": f"{ALL},h2h,player_rebounds"})).headers["x-requests-last"] == "4"
    assert peer.get(peer.odds_path, **(peer.odds | {"markets": ALL, "regions": "us,eu"})).headers["x-requests-last"] == "6"


def test_player_lines_do_not_depend_on_the_other_requested_markets(peer: Peer) -> None:
    peer.at(peer.game.tipoff_at - timedelta(hours=1))
    alone, together = books(peer, markets="player_points"), books(peer)
    assert {book: markets["player_points"] for book, markets in together.items()} == {
        book: markets["player_points"] for book, markets in alone.items()
    }
    assert all(set(markets) == {"player_points"} for markets in alone.values())


def test_a_spread_has_two_clubs_and_opposite_points_and_a_total_two_sides(peer: Peer) -> None:
    response = peer.at(peer.game.tipoff_at - timedelta(hours=1)).get(peer.odds_path, **(peer.odds | {"markets": ALL}))
    home, away = response.json()["home_team"], response.json()["away_team"]
    for markets in books(peer).values():
        spread, total = markets["spreads"], markets["totals"]
        assert set(spread) == {"key", "last_update", "outcomes"} and set(spread["outcomes"][0]) == {"name", "price", "point"}
        assert set(points(spread)) == {home, away} and sum(points(spread).values()) == 0 and points(spread)[home] != 0
        assert set(points(total)) == {"Over", "Under"} and len(set(points(total).values())) == 1
        assert all(-135 <= o["price"] <= -100 or o["price"] == 100 for m in (spread, total) for o in m["outcomes"])
        assert datetime.fromisoformat(total["last_update"]) < peer.moment[0]
    assert len({markets["spreads"]["last_update"] for markets in books(peer).values()}) > 3


def test_winners_are_the_default_and_agree_with_the_spread(peer: Peer) -> None:
    peer.at(peer.game.tipoff_at - timedelta(hours=1))
    query = {name: value for name, value in peer.odds.items() if name != "markets"}
    prices = {
        book["key"]: {outcome["name"]: outcome["price"] for outcome in book["markets"][0]["outcomes"]}
        for book in peer.get(peer.odds_path, **query).json()["bookmakers"]
    }
    spread = points(books(peer)["draftkings"]["spreads"])
    favourite = min(spread, key=lambda name: spread[name])
    assert min(prices["draftkings"], key=lambda name: prices["draftkings"][name]) == favourite
    decimal = books(peer, oddsFormat="decimal")["draftkings"]
    assert all(1.5 < outcome["price"] < 2.5 for market in ("spreads", "totals") for outcome in decimal[market]["outcomes"])


def test_game_lines_match_the_expected_points_of_both_teams(league: League) -> None:
    margins, totals, covered, over = [], [], [], []
    for game in league.season("2024-25").games[:1200]:
        quotes = {quote.market: quote for quote in league.game_lines(game, game.tipoff_at) if quote.book == "draftkings"}
        margin, total = game.score[0] - game.score[1], sum(game.score)
        margins.append((quotes["spreads"].line, margin))
        totals.append((quotes["totals"].line, total))
        covered += [margin > quotes["spreads"].line] if margin != quotes["spreads"].line else []
        over += [total > quotes["totals"].line] if total != quotes["totals"].line else []
    assert 0.45 < fmean(covered) < 0.55 and 0.45 < fmean(over) < 0.55
    for pairs, least in ((margins, 3), (totals, 6)):
        lines, results = zip(*pairs, strict=True)
        assert pstdev(lines) > least and all((2 * line).is_integer() for line in lines)
        by_line = sorted(pairs)
        assert fmean(r for _, r in by_line[-300:]) > fmean(r for _, r in by_line[:300]) + 2 * least
        assert len(results) == 1200
    assert 195 < min(totals)[0] and max(totals)[0] < 260 and all(abs(line) < 22 for line, _ in margins)


def test_lines_move_over_the_day_and_are_absent_before_the_opening_and_in_play(peer: Peer) -> None:
    morning = books(peer.at(peer.game.tipoff_at - timedelta(hours=7)))
    evening = books(peer.before_tip())
    assert {b: m["totals"]["last_update"] for b, m in morning.items()} != {
        b: m["totals"]["last_update"] for b, m in evening.items()
    }
    moved = [points(evening[book]["totals"])["Over"] - points(morning[book]["totals"])["Over"] for book in morning]
    assert any(moved) and all(abs(move) < 8 for move in moved)
    assert evening["unibet_us"] == evening["betrivers"]
    assert books(peer.at(peer.game.tipoff_at - timedelta(hours=14))) == {}
    assert books(peer.in_play()) == {}


def test_historical_lines_equal_the_lines_of_the_instant_and_cost_ten_times_as_much(peer: Peer) -> None:
    then = peer.game.tipoff_at - timedelta(hours=2)
    path = peer.odds_path.replace("/v4/", "/v4/historical/")
    query = peer.odds | {"markets": ALL, "date": then.strftime("%Y-%m-%dT%H:%M:%SZ")}
    response = peer.at(peer.game.ends_at + timedelta(days=3)).get(path, **query)
    assert response.headers["x-requests-last"] == "30"
    for book in response.json()["data"]["bookmakers"]:
        assert book["last_update"] == max(market["last_update"] for market in book["markets"])
        assert all(datetime.fromisoformat(market["last_update"]) <= then for market in book["markets"])


def test_rules_on_books_and_instants_change_game_lines_and_rules_on_players_do_not(peer: Peer) -> None:
    expected = books(peer.before_tip())
    peer.rule(action="drop_book", book="draftkings", times=1)
    assert set(expected) - set(books(peer)) == {"draftkings"}
    peer.rule(action="alt_lines", offsets=[-3, 3], book="fanduel", times=1)
    ladder = books(peer)["fanduel"]
    line = points(expected["fanduel"]["totals"])["Over"]
    assert {o["point"] for o in ladder["totals"]["outcomes"]} == {line - 3, line, line + 3}
    overs = {o["point"]: o["price"] for o in ladder["totals"]["outcomes"] if o["name"] == "Over"}
    assert overs[line - 3] < overs[line] < overs[line + 3]
    assert len(ladder["spreads"]["outcomes"]) == 6
    peer.rule(action="placeholder_line", times=1)
    faulty = books(peer)
    assert {o["point"] for o in faulty["fanduel"]["player_points"]["outcomes"]} == {20.0}
    assert faulty["fanduel"]["totals"] == expected["fanduel"]["totals"]
    quoted = expected["draftkings"]["player_points"]["outcomes"][0]["description"]
    peer.rule(action="inplay_odds", player=quoted, times=1)
    assert books(peer)["fanduel"]["totals"] == expected["fanduel"]["totals"]
    peer.in_play().rule(action="inplay_odds", minutes=20, times=1)
    late = (peer.game.tipoff_at + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert {market["last_update"] for markets in books(peer).values() for market in markets.values()} == {late}
    assert books(peer) == {}
    assert books(peer.before_tip()) == expected


def test_a_spread_names_the_clippers_like_its_event(league: League) -> None:
    game = next(game for game in league.season("2024-25").games if "LAC" in game.teams)
    moment = game.tipoff_at - timedelta(hours=1)
    with SandboxServer(league, lambda: moment) as server:
        path = f"{server.url}/v4/sports/basketball_nba/events/{game.fixture.event_id}/odds"
        response = httpx.get(path, params={"apiKey": "k", "regions": "us", "markets": "spreads"}, timeout=PATIENT_SECONDS).json()
    assert "Los Angeles Clippers" in points(response["bookmakers"][0]["markets"][0])
