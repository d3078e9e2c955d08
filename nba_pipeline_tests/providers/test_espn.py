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
from nba_pipeline.warehouse.landing import Landing, Payload
from nba_pipeline_tests.builders_injuries import an_espn_injury, espn_injuries
from nba_pipeline_tests.providers.conftest import NOON, Answer, ReceivedRequest, Provider

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)
BROWN = {
    "id": "3917376", "fullName": "Jaylen Brown", "weight": 223.0, "height": 78.0, "dateOfBirth": "1996-10-24T07:00Z",
    "position": {"abbreviation": "SG"},
}  # fmt: skip


def a_roster(*athletes: dict[str, Any], **team: Any) -> dict[str, Any]:
    return {"team": {"id": "2", "abbreviation": "BOS", "athletes": list(athletes)} | team}


def injuries(land: Land, document: Any) -> pl.DataFrame:
    return parse_injuries(land(document, "espn", "injuries", "league"))


def roster(land: Land, document: Any) -> pl.DataFrame:
    return parse_roster(land(document, "espn", "roster", "2"))


# Injuries


def test_an_injury_is_of_the_instant_of_the_answer(land: Land) -> None:
    frame = injuries(land, espn_injuries(an_espn_injury()))
    assert frame.schema == pl.Schema(INJURY_COLUMNS)
    assert frame.rows(named=True) == [
        {
            "snapshot_at": NOON, "seen_at": NOON, "team": "GSW", "spelling": "Stephen Curry", "status": "out",
            "reason": "He is hurt.", "source": frame["source"][0], "problem": None,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Out", "out"), ("Doubtful", "doubtful"), ("Questionable", "questionable"), ("Day-To-Day", "questionable"),
        ("Probable", "probable"), ("Available", "available"), ("Active", "available"),
    ],
)  # fmt: skip
def test_its_words_become_ours(said: str, status: str, land: Land) -> None:
    assert injuries(land, espn_injuries(an_espn_injury(status=said)))["status"].to_list() == [status]


def test_all_thirty_teams_have_a_code() -> None:
    assert set(TEAM_OF_CODE.values()) == set(TEAMS)
    assert [TEAM_OF_CODE[code] for code in ("GS", "NO", "NY", "SA", "UTAH", "WSH")] == "GSW NOP NYK SAS UTA WAS".split()


def test_the_team_is_the_list_s_where_the_player_has_none(land: Land) -> None:
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
def test_the_reason_is_what_is_hurt(fields: dict[str, Any], reason: str | None, land: Land) -> None:
    assert injuries(land, espn_injuries(an_espn_injury(**fields)))["reason"].to_list() == [reason]


@pytest.mark.parametrize(
    ("injury", "problem"),
    [
        (an_espn_injury(status="Suspension"), "status of Stephen Curry is 'Suspension'"),
        (an_espn_injury(team="SEA"), "unknown team 'SEA' of Stephen Curry"),
    ],
)
def test_an_unknown_word_is_a_problem_of_the_row(injury: dict[str, Any], problem: str, land: Land) -> None:
    frame = injuries(land, espn_injuries(an_espn_injury(), injury))
    assert frame["problem"].to_list() == [None, problem]


def test_the_newest_entry_of_a_player_counts(land: Land) -> None:
    older = an_espn_injury(status="Out", date="2024-03-10T12:00Z")
    newer = an_espn_injury(status="Questionable", date="2024-03-11T12:00Z")
    for entries in ((older, newer), (newer, older)):
        assert injuries(land, espn_injuries(*entries))["status"].to_list() == ["questionable"]


@pytest.mark.parametrize("dated", ["2024-03-11T12:00Z", None, "Tuesday"], ids=["the same date", "no date", "unreadable"])
def test_entries_whose_order_is_unknown_are_all_there(dated: str | None, land: Land) -> None:
    entries = an_espn_injury(status="Out", date=dated), an_espn_injury(status="Questionable")
    assert injuries(land, espn_injuries(*entries))["status"].to_list() == ["out", "questionable"]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"injuries": {}}, "the answer has no list injuries"),
        ({"injuries": [{"displayName": "Boston Celtics"}]}, "the answer has no list injuries"),
        (espn_injuries({k: v for k, v in an_espn_injury().items() if k != "status"} | {"state": "Out"}), "no status"),
        (espn_injuries(an_espn_injury() | {"athlete": None}), "no athlete"),
        (espn_injuries(an_espn_injury() | {"athlete": {"name": "Stephen Curry"}}), "no displayName"),
    ],
    ids=["no list", "no list of a team", "renamed status", "no athlete", "renamed name"],
)
def test_a_list_built_otherwise_is_permanent(document: Any, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"espn injuries league: .*{problem}"):
        injuries(land, document)


# Rosters


def test_a_player_of_a_roster(land: Land) -> None:
    frame = roster(land, a_roster(BROWN))
    assert frame.schema == pl.Schema(ROSTER_COLUMNS)
    assert frame.rows(named=True) == [
        {
            "team": "BOS", "spelling": "Jaylen Brown", "birth_date": date(1996, 10, 24), "position": "SG",
            "height_inches": 78.0, "weight_pounds": 223.0, "seen_at": NOON, "source": frame["source"][0], "problem": None,
        }
    ]  # fmt: skip


def test_only_the_name_is_needed(land: Land) -> None:
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
def test_a_value_that_cannot_be_read_is_a_problem(fields: dict[str, Any], problem: str, land: Land) -> None:
    assert roster(land, a_roster(BROWN | fields))["problem"].to_list() == [problem]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"team": None}, "the answer has no list athletes"),
        (a_roster(athletes={"items": []}), "the answer has no list athletes"),
        (a_roster(BROWN | {"fullName": None}), "an entry has no fullName"),
        (a_roster(BROWN, id="3"), "the answer is team 3 BOS"),
        (a_roster(BROWN, abbreviation="SEA"), "unknown team 'SEA'"),
    ],
    ids=["no team", "no list", "no name", "another team", "unknown team"],
)
def test_a_roster_built_otherwise_is_permanent(document: Any, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"espn roster 2: {problem}"):
        roster(land, document)


# Requests


@pytest.fixture
def espn(http_client: HttpClient, provider: Provider) -> Espn:
    http_client.base_urls["espn"] = provider.url
    return Espn(http=http_client)


def test_questions_go_to_their_addresses(espn: Espn, provider: Provider) -> None:
    provider.says(Answer(espn_injuries()), Answer(a_roster(BROWN)))
    espn.injuries(DAY)
    espn.rosters(["2"], DAY)
    assert [asked.path for asked in provider.asked] == [
        f"/apis/site/v2/sports/basketball/nba/{rest}" for rest in ("injuries", "teams/2")
    ]
    assert provider.asked[1].params == {"enable": "roster"}
    assert len(espn.landed_injuries(DAY)) == 1 and list(espn.landed_rosters(DAY)) == ["2"]


def test_a_roster_that_fails_is_told_and_the_others_go_on(espn: Espn, provider: Provider) -> None:
    def answer(asked: ReceivedRequest) -> Answer:
        return Answer(a_roster(BROWN)) if asked.path.endswith("/2") else Answer({}, status=404)

    provider.says(answer)
    good, missing = espn.rosters(["2", "3"], DAY)
    assert isinstance(good, Payload) and isinstance(missing, NotPublished)


def test_what_breaks_the_contract_is_not_kept(espn: Espn, provider: Provider, landing: Landing) -> None:
    provider.says(Answer({"injured": []}))
    with pytest.raises(Permanent, match="espn injuries league: the answer lacks injuries"):
        espn.injuries(DAY)
    assert not espn.landed_injuries(DAY) and [line["outcome"] for line in landing.incidents()] == ["rejected"]
