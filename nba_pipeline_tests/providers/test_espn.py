"""ESPN: codes and statuses are converted, additional fields are ignored, renamed fields are rejected."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import NotPublished, Permanent
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.espn import INJURY_COLUMNS, ROSTER_COLUMNS, TEAM_OF_CODE, Espn, parse_injuries, parse_roster
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.builders_injuries import an_espn_injury, espn_injuries
from nba_pipeline_tests.providers.conftest import NOON, Answer, Provider, ReceivedRequest

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)
BROWN = {
    "id": "3917376",
    "fullName": "Jaylen Brown",
    "weight": 223.0,
    "height": 78.0,
    "dateOfBirth": "1996-10-24T07:00Z",
    "position": {"abbreviation": "SG"},
}


def a_roster(*athletes: dict[str, Any], **team: Any) -> dict[str, Any]:
    return {"team": {"id": "2", "abbreviation": "BOS", "athletes": list(athletes)} | team}


def injuries(land: Land, document: Any) -> pl.DataFrame:
    return parse_injuries(land(document, "espn", "injuries", "league"))


def roster(land: Land, document: Any) -> pl.DataFrame:
    return parse_roster(land(document, "espn", "roster", "2"))


# Injuries


def test_an_injury_has_the_instant_of_the_response(land: Land) -> None:
    frame = injuries(land, espn_injuries(an_espn_injury()))
    assert frame.schema == pl.Schema(INJURY_COLUMNS)
    assert frame.rows(named=True) == [
        {
            "snapshot_at": NOON,
            "seen_at": NOON,
            "team": "GSW",
            "spelling": "Stephen Curry",
            "status": "out",
            "reason": "He is hurt.",
            "source": frame["source"][0],
            "problem": None,
        }
    ]


@pytest.mark.parametrize(
    ("problems_of", "status"),
    [
        ("Out", "out"),
        ("Doubtful", "doubtful"),
        ("Questionable", "questionable"),
        ("Day-To-Day", "questionable"),
        ("Probable", "probable"),
        ("Available", "available"),
        ("Active", "available"),
    ],
)
def test_statuses_and_team_codes_are_converted(problems_of: str, status: str, land: Land) -> None:
    assert injuries(land, espn_injuries(an_espn_injury(status=problems_of)))["status"].to_list() == [status]


def test_all_thirty_teams_have_a_code() -> None:
    assert set(TEAM_OF_CODE.values()) == set(TEAMS)
    assert [TEAM_OF_CODE[code] for code in ("GS", "NO", "NY", "SA", "UTAH", "WSH")] == "GSW NOP NYK SAS UTA WAS".split()


def test_a_player_without_a_team_has_the_team_of_the_list(land: Land) -> None:
    hurt = an_espn_injury() | {"athlete": {"displayName": "Paul George"}}
    assert injuries(land, espn_injuries(hurt, team="LA Clippers"))["team"].to_list() == ["LAC"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"details": {"type": "Knee", "detail": "Surgery", "side": "Right"}}, "Right Knee; Surgery"),
        ({"details": {"type": "Achilles", "side": "Not Specified", "detail": "Not Specified"}}, "Achilles"),
        ({"details": {"returnDate": "2024-04-01"}}, "He is hurt."),
        ({"details": {}, "shortComment": ""}, None),
    ],
)
def test_the_reason_names_the_injury(fields: dict[str, Any], reason: str | None, land: Land) -> None:
    assert injuries(land, espn_injuries(an_espn_injury(**fields)))["reason"].to_list() == [reason]


@pytest.mark.parametrize(
    ("injury", "problem"),
    [
        (an_espn_injury(status="Suspension"), "status of Stephen Curry is 'Suspension'"),
        (an_espn_injury(team="SEA"), "unknown team 'SEA' of Stephen Curry"),
    ],
)
def test_an_unknown_value_is_a_problem_of_its_row(injury: dict[str, Any], problem: str, land: Land) -> None:
    frame = injuries(land, espn_injuries(an_espn_injury(), injury))
    assert frame["problem"].to_list() == [None, problem]


def test_the_newest_entry_of_a_player_is_used(land: Land) -> None:
    older = an_espn_injury(status="Out", date="2024-03-10T12:00Z")
    newer = an_espn_injury(status="Questionable", date="2024-03-11T12:00Z")
    for entries in ((older, newer), (newer, older)):
        assert injuries(land, espn_injuries(*entries))["status"].to_list() == ["questionable"]


@pytest.mark.parametrize("dated", ["2024-03-11T12:00Z", None, "Tuesday"], ids=["the same date", "no date", "unreadable"])
def test_entries_of_unknown_order_are_all_returned(dated: str | None, land: Land) -> None:
    entries = an_espn_injury(status="Out", date=dated), an_espn_injury(status="Questionable")
    assert injuries(land, espn_injuries(*entries))["status"].to_list() == ["out", "questionable"]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"injuries": {}}, "the response has no list injuries"),
        ({"injuries": [{"displayName": "Boston Celtics"}]}, "the response has no list injuries"),
        (espn_injuries({k: v for k, v in an_espn_injury().items() if k != "status"} | {"state": "Out"}), "no status"),
        (espn_injuries(an_espn_injury() | {"athlete": None}), "no athlete"),
        (espn_injuries(an_espn_injury() | {"athlete": {"name": "Stephen Curry"}}), "no displayName"),
    ],
    ids=["no list", "no list of a team", "renamed status", "no athlete", "renamed name"],
)
def test_a_list_of_another_structure_is_permanent(document: Any, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"espn injuries league: .*{problem}"):
        injuries(land, document)


# Rosters


def test_a_roster_player_becomes_a_row(land: Land) -> None:
    frame = roster(land, a_roster(BROWN))
    assert frame.schema == pl.Schema(ROSTER_COLUMNS)
    assert frame.rows(named=True) == [
        {
            "team": "BOS",
            "spelling": "Jaylen Brown",
            "birth_date": date(1996, 10, 24),
            "position": "SG",
            "height_inches": 78.0,
            "weight_pounds": 223.0,
            "seen_at": NOON,
            "source": frame["source"][0],
            "problem": None,
        }
    ]


def test_only_the_name_is_required(land: Land) -> None:
    frame = roster(land, a_roster({"fullName": "Jaylen Brown", "weight": 0, "position": {}}))
    assert frame.select("spelling", "birth_date", "position", "height_inches", "weight_pounds", "problem").rows() == [
        ("Jaylen Brown", None, None, None, None, None)
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"height": "6'6"}, 'height_inches of Jaylen Brown is "6\'6"'),
        ({"weight": True}, "weight_pounds of Jaylen Brown is True"),
        ({"dateOfBirth": "October 1996"}, "dateOfBirth of Jaylen Brown is 'October 1996'"),
        ({"position": "SG"}, "position of Jaylen Brown is 'SG'"),
        ({"height": "78"}, "height_inches of Jaylen Brown is '78'"),
    ],
)
def test_an_unreadable_value_is_a_problem(fields: dict[str, Any], problem: str, land: Land) -> None:
    assert roster(land, a_roster(BROWN | fields))["problem"].to_list() == [problem]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"team": None}, "the response has no list athletes"),
        (a_roster(athletes={"items": []}), "the response has no list athletes"),
        (a_roster(BROWN | {"fullName": None}), "an entry has no fullName"),
        (a_roster(BROWN, id="3"), "the response is about team 3 BOS"),
        (a_roster(BROWN, abbreviation="SEA"), "unknown team 'SEA'"),
    ],
    ids=["no team", "no list", "no name", "another team", "unknown team"],
)
def test_a_roster_of_another_structure_is_permanent(document: Any, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"espn roster 2: {problem}"):
        roster(land, document)


# Requests


@pytest.fixture
def espn(http_client: HttpClient, provider: Provider) -> Espn:
    http_client.base_urls["espn"] = provider.url
    return Espn(http=http_client)


def test_requests_have_their_paths_and_parameters(espn: Espn, provider: Provider) -> None:
    provider.responds(Answer(espn_injuries()), Answer(a_roster(BROWN)))
    espn.injuries(DAY)
    espn.rosters(["2"], DAY)
    assert [request.path for request in provider.asked] == [
        f"/apis/site/v2/sports/basketball/nba/{rest}" for rest in ("injuries", "teams/2")
    ]
    assert provider.asked[1].params == {"enable": "roster"}
    assert len(espn.landed_injuries(DAY)) == 1 and list(espn.landed_rosters(DAY)) == ["2"]


def test_a_failed_roster_does_not_affect_the_others(espn: Espn, provider: Provider) -> None:
    def answer(request: ReceivedRequest) -> Answer:
        return Answer(a_roster(BROWN)) if request.path.endswith("/2") else Answer({}, status=404)

    provider.responds(answer)
    good, missing = espn.rosters(["2", "3"], DAY)
    assert isinstance(good, Payload) and isinstance(missing, NotPublished)


def test_a_response_that_breaks_the_contract_is_rejected(espn: Espn, provider: Provider, landing: Landing) -> None:
    provider.responds(Answer({"injured": []}))
    with pytest.raises(Permanent, match="espn injuries league: the response has no injuries"):
        espn.injuries(DAY)
    assert not espn.landed_injuries(DAY) and [line["outcome"] for line in landing.incidents()] == ["rejected"]
