"""ESPN's documents: rosters of thirty clubs, and the newest injury report in ESPN's format."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.clubs import CLUBS
from nba_pipeline.sandbox.names import without_accents
from nba_pipeline.sandbox.roster import roster
from nba_pipeline_tests.sandbox.conftest import DAY, Peer

pytestmark = pytest.mark.platform

BASE = "/apis/site/v2/sports/basketball/nba"
NOON = eastern(DAY, 12, 45)


def team(peer: Peer, number: int) -> dict[str, Any]:
    return peer.get(f"{BASE}/teams/{number}", enable="roster").json()["team"]


def injured(peer: Peer) -> dict[str, list[dict[str, Any]]]:
    """Returns ESPN's club code -> injuries."""
    document = peer.get(f"{BASE}/injuries").json()
    return {club["injuries"][0]["athlete"]["team"]["abbreviation"]: club["injuries"] for club in document["injuries"]}


def test_thirty_clubs_have_fifteen_players_and_espn_codes(peer: Peer) -> None:
    teams = [team(peer, number) for number in range(1, 31)]
    codes = {item["abbreviation"] for item in teams}
    assert codes - set(CLUBS) == {"GS", "NO", "NY", "SA", "UTAH", "WSH"} and len(codes) == 30
    assert teams[1]["abbreviation"] == "BOS" and {len(item["athletes"]) for item in teams} == {15}
    assert {item["displayName"] for item in teams} == {club.full_name for club in CLUBS.values()}
    assert len({athlete["id"] for item in teams for athlete in item["athletes"]}) == 450
    for number in ("0", "31", "BOS"):
        assert peer.get(f"{BASE}/teams/{number}").status_code == 404
    assert "athletes" not in peer.get(f"{BASE}/teams/2").json()["team"]


def test_the_roster_lists_every_player_who_plays(league: League, peer: Peer) -> None:
    for side, rows in enumerate(league.boxscore(peer.game)):
        athletes = team(peer, CLUBS[peer.game.teams[side]].espn_id)["athletes"]
        jerseys = {athlete["jersey"]: athlete["lastName"] for athlete in athletes}
        for row in rows:
            assert without_accents(row.player.family_name).startswith(jerseys[row.player.jersey_number])


def test_athletes_have_plausible_bodies_and_ages(peer: Peer) -> None:
    years = (date(2021, 10, 1), DAY, date(2028, 6, 30))
    athletes_by_date = []
    for day in years:
        peer.at(eastern(day, 12))
        athletes_by_date.append([athlete for number in range(1, 31) for athlete in team(peer, number)["athletes"]])
        assert all(19 <= athlete["age"] <= 38 for athlete in athletes_by_date[-1])
        assert all(isinstance(athlete["height"], float) and 69 <= athlete["height"] <= 89 for athlete in athletes_by_date[-1])
        assert all(140 < athlete["weight"] < 310 and athlete["experience"]["years"] >= 0 for athlete in athletes_by_date[-1])
    births = [[athlete["dateOfBirth"] for athlete in athletes] for athletes in athletes_by_date]
    assert births[0] == births[1] == births[2]
    assert {text[10:] for text in births[0]} == {"T07:00Z", "T08:00Z"}  # midnight in California
    assert datetime.fromisoformat(births[0][0])
    centers, guards = ([a["height"] for a in athletes_by_date[1] if a["position"]["abbreviation"] == p] for p in ("C", "PG"))
    assert sum(centers) / len(centers) > sum(guards) / len(guards) + 6
    assert athletes_by_date[2][0]["experience"]["years"] - athletes_by_date[0][0]["experience"]["years"] == 6


def test_names_have_no_accents_and_sometimes_no_suffix(peer: Peer) -> None:
    athletes = [athlete for number in range(1, 31) for athlete in team(peer, number)["athletes"]]
    assert all(athlete["fullName"].isascii() and athlete["fullName"] == athlete["displayName"] for athlete in athletes)
    suffixed = sum(bool(player.suffix) for players in roster().values() for player in players)
    suffixed_names = sum(athlete["fullName"].endswith(("Jr.", " II", " III")) for athlete in athletes)
    assert 0 < suffixed_names < suffixed


def test_injuries_are_those_of_the_newest_report(league: League, peer: Peer) -> None:
    reported = injured(peer.at(NOON))
    expected = {}
    for game in league.games(DAY):
        for club in league.injuries(game, game.tipoff_at, game.game_date):
            statements = [item for item in club.statements(eastern(DAY, 12, 30)) or () if item.status != "Available"]
            expected |= {CLUBS[club.team].espn_code: statements} if statements else {}
    assert set(reported) == set(expected) and expected
    for code, statements in expected.items():
        espn_statuses = {"Out": "Out", "Doubtful": "Doubtful", "Questionable": "Day-To-Day", "Probable": "Day-To-Day"}
        assert [entry["status"] for entry in reported[code]] == [espn_statuses[item.status] for item in statements]
        for entry, item in zip(reported[code], statements, strict=True):
            assert without_accents(item.family_name).startswith(entry["athlete"]["lastName"])
            assert f"is {item.status.lower()} for" in entry["shortComment"]
            assert datetime.fromisoformat(entry["date"]) == item.since.replace(second=0) <= NOON


def test_a_status_between_two_reports_appears_in_the_later_one(league: League, peer: Peer) -> None:
    decided, club, listed = next(
        (instant, club, listed)
        for game in league.season("2024-25").games
        for club in league.injuries(game, game.tipoff_at, game.game_date)
        for listed in club.listed_players
        for instant, status in listed.timeline[1:]
        if instant.minute > 31
        and eastern(game.game_date, 16) > instant
        and {status, listed.timeline[0][1]} != {"Questionable", "Probable"}
    )
    name = roster()[club.team][listed.slot].first_name

    def status(at: datetime) -> str:
        entries = injured(peer.at(at)).get(CLUBS[club.team].espn_code, [])
        return next((entry["status"] for entry in entries if entry["athlete"]["firstName"] == without_accents(name)), "")

    assert status(decided) == status(decided.replace(minute=30)) != status(decided.replace(minute=30) + timedelta(hours=1))


def test_a_later_report_lists_more_players_and_the_evening_adds_tomorrows_clubs(league: League, peer: Peer) -> None:
    tomorrow = {CLUBS[team].espn_code for game in league.games(DAY + timedelta(days=1)) for team in game.teams}
    today = {CLUBS[team].espn_code for game in league.games(DAY) for team in game.teams}
    assert set(injured(peer.at(NOON))) <= today
    assert set(injured(peer.at(eastern(DAY, 20, 5)))) & (tomorrow - today)


def test_the_roster_shows_the_same_injuries(peer: Peer) -> None:
    code, entries = next(iter(injured(peer.at(NOON)).items()))
    number = next(club.espn_id for club in CLUBS.values() if club.espn_code == code)
    suffixed_names = {
        athlete["displayName"]: athlete["injuries"][0]["status"]
        for athlete in team(peer, number)["athletes"]
        if athlete["injuries"]
    }
    assert suffixed_names == {entry["athlete"]["displayName"]: entry["status"] for entry in entries}


def test_rules_apply_to_espn(league: League, peer: Peer) -> None:
    game = next(game for game in league.games(DAY) if any(c.statements(NOON) for c in league.injuries(game, game.tipoff_at, DAY)))
    code = next(CLUBS[c.team].espn_code for c in league.injuries(game, game.tipoff_at, DAY) if c.statements(NOON))
    peer.at(NOON).rule(match={"provider": "espn"}, action="status", status=500, times=1)
    assert peer.get(f"{BASE}/injuries").status_code == 500
    peer.rule(match={"provider": "espn"}, action="rename_field", field="athletes", to="players", times=1)
    assert "players" in team(peer, 2) and "players" not in team(peer, 2)
    peer.rule(game=game.game_id, action="postpone", times=1)
    assert code not in injured(peer) and code in injured(peer)
    player = roster()["BOS"][0]
    peer.rule(match={"provider": "espn"}, action="rename_player", player=player.name, to="Quentin Newman", times=1)
    assert "Quentin Newman" in {athlete["fullName"] for athlete in team(peer, 2)["athletes"]}
    assert "Quentin Newman" not in {athlete["fullName"] for athlete in team(peer, 2)["athletes"]}


@pytest.mark.parametrize("path", ["/apis/site/v2/sports/basketball/nba/news", "/apis/x"])
def test_other_addresses_are_unknown(peer: Peer, path: str) -> None:
    assert peer.get(path).status_code == 404
    assert peer.get("/__control/requests").json()["by_provider"] == {"espn": 1}
