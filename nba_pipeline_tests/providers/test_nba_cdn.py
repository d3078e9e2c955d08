"""The NBA's CDN: mislabeled times, flags as text, zeros for players who did not play."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.errors import BadInput, NotLanded, NotPublished, Permanent, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.league.calendar import EASTERN, eastern_date
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.nba_cdn import (
    NbaCdn,
    Scoreboard,
    boxscore_request,
    count_undetermined_games,
    is_final,
    parse_boxscore,
    parse_schedule,
    parse_team_boxscores,
    playbyplay_request,
)
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.client import SandboxHttpClient
from nba_pipeline.warehouse.landing import Landing, Payload
from nba_pipeline_tests.providers.conftest import MISSING, RENAMED, Answer, ReceivedRequest, Provider, drifted, told
from nba_pipeline_tests.providers.test_nba_cdn_play_by_play import a_list, an_action

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)
FIELDS = (
    "points reboundsTotal reboundsOffensive reboundsDefensive assists steals blocks turnovers foulsPersonal "
    "fieldGoalsMade fieldGoalsAttempted threePointersMade threePointersAttempted freeThrowsMade freeThrowsAttempted"
).split()


def a_game(**fields: Any) -> dict[str, Any]:
    """A game of the schedule: final, BOS 110 - NYK 100, 19:30 Eastern on 12 March 2024."""
    home, away = {"teamTricode": "BOS", "score": 110}, {"teamTricode": "NYK", "score": 100}
    return {
        "gameId": "0022300945", "gameStatus": 3, "gameStatusText": "Final", "gameDateTimeUTC": "2024-03-12T23:30:00Z",
        "gameDateTimeEst": "2024-03-12T19:30:00Z", "homeTeam": home, "awayTeam": away, "isNeutral": False,
        "gameLabel": "Emirates NBA Cup", "gameSubLabel": "East Group A", "arenaName": "TD Garden",
        "arenaCity": "Boston", "postponedStatus": "A",
    } | fields  # fmt: skip


def a_schedule(*games: dict[str, Any], day: str = "03/12/2024 00:00:00") -> dict[str, Any]:
    return {"leagueSchedule": {"gameDates": [{"gameDate": day, "games": list(games)}]}}


def parsed(land: Land, *games: dict[str, Any]) -> dict[str, Any]:
    return parse_schedule(land(a_schedule(*games))).row(0, named=True)


def test_a_final_game_becomes_a_row(land: Land) -> None:
    payload = land(a_schedule(a_game()))
    assert parse_schedule(payload).schema == pl.Schema(SCHEDULE_COLUMNS)
    assert parse_schedule(payload).row(0, named=True) == {
        "game_date": DAY, "game_id": "0022300945", "season": "2023-24", "season_type": "regular_season",
        "tipoff_at": datetime(2024, 3, 12, 23, 30, tzinfo=UTC), "tipoff_source": "gameDateTimeUTC", "home_team": "BOS",
        "away_team": "NYK", "is_neutral": False, "status": "final", "status_text": "Final", "home_points": 110,
        "away_points": 100, "game_label": "Emirates NBA Cup, East Group A", "arena": "TD Garden, Boston",
        "has_boxscore_source": True, "source": payload.ref, "problem": None,
    }  # fmt: skip


NO_SCORE = {"homeTeam": {"teamTricode": "BOS", "score": 0}, "awayTeam": {"teamTricode": "NYK", "score": 0}}


@pytest.mark.parametrize(
    ("fields", "status", "points"),
    [
        ({}, "final", 110), ({"gameStatus": "3"}, "final", 110), ({"gameStatus": 2}, "live", 110),
        ({"gameStatus": 1, "gameStatusText": "7:30 pm ET", **NO_SCORE}, "scheduled", None), (NO_SCORE, "unknown", None),
        ({"gameStatus": 1, "gameStatusText": "PPD"}, "postponed", None), ({"gameStatus": 9}, "unknown", None),
        ({"gameStatus": None}, "unknown", None),
    ],
)  # fmt: skip
def test_status_needs_its_scores(fields: dict[str, Any], status: str, points: int | None, land: Land) -> None:
    row = parsed(land, a_game(**fields))
    assert (row["status"], row["home_points"]) == (status, points)


@pytest.mark.parametrize(
    "fields",
    [
        {"gameDateTimeUTC": "1900-01-01T00:00:00Z"}, {"gameDateTimeUTC": None}, {"gameStatusText": "TBD"},
        {"gameDateTimeUTC": "2024-03-12T04:00:00Z"},
    ],
    ids=["1900", "none", "to be determined", "midnight in the East"],
)  # fmt: skip
def test_a_tipoff_without_a_time_is_null(fields: dict[str, Any], land: Land) -> None:
    row = parsed(land, a_game(**fields))
    assert (row["tipoff_at"], row["tipoff_source"]) == (None, None)


def test_games_out_of_scope_and_without_teams_are_left_out_and_counted(land: Land) -> None:
    nobody = {"teamTricode": "", "score": 0}
    payload = land(a_schedule(a_game(gameId="0012300001"), a_game(gameId="0022301201", homeTeam=nobody), a_game()))
    assert parse_schedule(payload)["game_id"].to_list() == ["0022300945"]
    assert count_undetermined_games(payload) == 1


def test_an_unknown_team_and_an_unusable_date_are_problems(land: Land) -> None:
    odd = a_game(homeTeam={"teamTricode": "XXX", "score": 1})
    assert parsed(land, odd)["problem"] == "unknown team 'XXX' in game 0022300945"
    row = parse_schedule(land(a_schedule(a_game(), day="soon"))).row(0, named=True)
    assert row["problem"] == "unusable date 'soon' in game 0022300945" and row["game_date"] is None


@pytest.mark.parametrize("document", [{}, a_schedule(), {"leagueSchedule": {"dates": []}}, [1]], ids=str)
def test_a_schedule_without_games_or_built_otherwise_is_permanent(document: Any, land: Land) -> None:
    with pytest.raises(
        Permanent, match=r"nba_cdn boxscore 1: (leagueSchedule is missing|the schedule holds no game|gameDates is missing)"
    ):
        parse_schedule(land(document))


def a_player(number: int, minutes: str = "PT20M46.00S", **fields: Any) -> dict[str, Any]:
    """A player who played and made one free throw."""
    made = {"points": 1, "freeThrowsMade": 1, "freeThrowsAttempted": 2}
    statistics = {**dict.fromkeys(FIELDS, 0), **made, "minutes": minutes, "plusMinusPoints": 21.0}
    return {"personId": number, "name": f"Player {number}", "status": "ACTIVE", "starter": "1", "played": "1",
            "statistics": statistics} | fields  # fmt: skip


def a_box(*home: dict[str, Any], status: int = 3, **fields: Any) -> dict[str, Any]:
    return {
        "game": {
            "gameId": "0022300945", "gameStatus": status, "gameTimeUTC": "2024-03-12T23:30:00Z",
            "homeTeam": {"teamTricode": "BOS", "score": 1, "players": list(home)},
            "awayTeam": {"teamTricode": "NYK", "score": "0", "players": []},
        } | fields
    }  # fmt: skip


def box(land: Land, *home: dict[str, Any], **fields: Any) -> pl.DataFrame:
    return parse_boxscore(land(a_box(*home, **fields), entity="0022300945"))


def test_a_player_who_played_becomes_a_row(land: Land) -> None:
    frame = box(land, a_player(7))
    expected = dict.fromkeys(BOXSCORE_COLUMNS) | {
        "game_date": DAY, "game_id": "0022300945", "player_id": 7, "season": "2023-24", "team": "BOS",
        "opponent": "NYK", "is_home": True, "player_name": "Player 7", "did_play": True, "status": "played",
        "is_starter": True, "seconds": 1246, "minutes": 1246 / 60, "minutes_precision": "exact",
        **dict.fromkeys(("rebounds", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls"), 0),
        **dict.fromkeys(("fgm", "fga", "fg3m", "fg3a"), 0), "points": 1, "ftm": 1, "fta": 2, "plus_minus": 21,
        "team_points": 1, "provider": "nba_cdn", "source": frame["source"][0],
    }  # fmt: skip
    assert frame.schema == pl.Schema(BOXSCORE_COLUMNS) and frame.row(0, named=True) == expected


@pytest.mark.parametrize(("dress", "status"), [("ACTIVE", "dnp"), ("INACTIVE", "inactive")])
def test_who_did_not_play_has_null_statistics_and_a_reason(dress: str, status: str, land: Land) -> None:
    out = a_player(8, "PT00M00.00S", played="0", starter="0", status=dress, notPlayingReason="INJURY",
                   notPlayingDescription="Left knee")  # fmt: skip
    row = box(land, out).row(0, named=True)
    assert (row["status"], row["reason"], row["did_play"]) == (status, "INJURY: Left knee", False)
    assert {row[c] for c in ("points", "minutes", "seconds", "fga", "plus_minus", "minutes_precision")} == {None}


def test_a_source_of_whole_minutes_is_rounded(land: Land) -> None:
    frame = box(land, a_player(1, "PT20M00.00S"), a_player(2, "PT12M00.00S"), a_player(3, "PT00M15.00S"))
    assert frame["minutes"].to_list() == [20.0, 12.0, 0.0] and frame["seconds"].null_count() == 3
    assert frame["minutes_precision"].unique().to_list() == ["rounded"]


def test_numbers_that_arrive_as_text_are_read(land: Land) -> None:
    player = a_player(1)
    text = {"personId": "1", "statistics": {k: str(v) for k, v in player["statistics"].items()}, "played": 1}
    assert box(land, player | text).drop("source").equals(box(land, player).drop("source"))


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"statistics": a_player(1)["statistics"] | {"points": None}}, "points of Player 1 is None"),
        ({"statistics": a_player(1)["statistics"] | {"points": "x"}}, "points of Player 1 is 'x'"),
        ({"statistics": a_player(1)["statistics"] | {"minutes": ""}}, "minutes of Player 1 are ''"),
        ({"personId": None}, "personId is None"), ({"played": None}, "played of Player 1 is None"),
        ({"played": "0", "status": "GONE"}, "status of Player 1 is 'GONE'"),
        ({"name": ""}, "name of player 1 is missing"),
    ],
)  # fmt: skip
def test_an_unusable_field_names_game_field_and_value(broken: dict[str, Any], problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"nba_cdn boxscore 0022300945: {problem}: nba_cdn/boxscore/2024-03-12/0022300945/"):
        box(land, a_player(1) | broken)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"homeTeam": {"teamTricode": "XXX", "score": 1, "players": []}}, "unknown team 'XXX'"),
        ({"homeTeam": {"teamTricode": "BOS", "score": 1}}, "players is missing"),
        ({"homeTeam": None}, "nba_cdn boxscore 0022300945: homeTeam is None"),
        ({"gameId": "0022300946"}, "the answer is about game '0022300946'"), ({"gameId": None}, "lacks game.gameId"),
    ],
    ids=["team", "players", "side", "another game", "no id"],
)  # fmt: skip
def test_a_box_built_otherwise_is_permanent(fields: dict[str, Any], problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=problem):
        box(land, a_player(1), **fields)


def test_final_is_what_the_box_itself_says(land: Land) -> None:
    assert is_final(land(a_box())) and not is_final(land(a_box(status=2)))


TOTALS = {
    "points": 110, "reboundsTotal": 60, "reboundsPersonal": 50, "reboundsOffensive": 10, "reboundsDefensive": 40,
    "assists": 25, "steals": 8, "blocks": 5, "turnovers": 12, "turnoversTeam": 1, "turnoversTotal": 13, "foulsPersonal": 20,
    "fieldGoalsMade": 42, "fieldGoalsAttempted": 92, "threePointersMade": 15, "threePointersAttempted": 35,
    "freeThrowsMade": 11, "freeThrowsAttempted": 12,
}  # fmt: skip


def team_boxes(land: Land, *players: dict[str, Any], totals: dict[str, Any] | None = None) -> pl.DataFrame:
    sides = {
        side: {"teamTricode": team, "score": 110, "players": list(players), "statistics": totals or TOTALS}
        for side, team in (("homeTeam", "BOS"), ("awayTeam", "NYK"))
    }
    return parse_team_boxscores(land(a_box(period=5, **sides), entity="0022300945"))


def test_a_team_has_the_totals_that_the_nba_gives(land: Land) -> None:
    frame = team_boxes(land, a_player(1), a_player(2), a_player(3, played="0"))
    expected = {
        "game_date": DAY, "game_id": "0022300945", "season": "2023-24", "team": "BOS", "opponent": "NYK", "is_home": True,
        "points": 110, "rebounds": 50, "oreb": 10, "dreb": 40, "assists": 25, "steals": 8, "blocks": 5, "turnovers": 12,
        "fouls": 20, "fgm": 42, "fga": 92, "fg3m": 15, "fg3a": 35, "ftm": 11, "fta": 12, "seconds": 2 * 1246, "periods": 5,
        "is_reconstructed": False, "provider": "nba_cdn", "source": frame["source"][0], "problem": None,
    }  # fmt: skip
    assert frame.schema == pl.Schema(TEAM_BOXSCORE_COLUMNS) and frame.row(0, named=True) == expected
    assert frame.select("team", "opponent", "is_home").row(1) == ("NYK", "BOS", False)


def test_a_team_of_rounded_playing_times_has_no_seconds(land: Land) -> None:
    assert team_boxes(land, a_player(1, "PT20M00.00S"))["seconds"].to_list() == [None, None]


def test_a_team_without_its_totals_is_permanent(land: Land) -> None:
    lacking = {field: value for field, value in TOTALS.items() if field != "turnovers"}
    with pytest.raises(Permanent, match="nba_cdn boxscore 0022300945: turnovers is None"):
        team_boxes(land, a_player(1), totals=lacking)
    with pytest.raises(Permanent, match="nba_cdn boxscore 0022300945: statistics is missing"):
        parse_team_boxscores(land(a_box(a_player(1)), entity="0022300945"))


def test_box_scores_are_asked_for_landed_and_found_again(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.says(Answer(a_box(a_player(1))), Answer(status=403, body=b"<Error/>"))
    [answer], [missing] = cdn.boxscores([("0022300945", DAY)]), cdn.boxscores([("0022300946", DAY)])
    assert isinstance(missing, NotPublished)
    assert cdn.landed_boxscores("0022300945", DAY) == [answer] and cdn.landed_boxscores("0022300946", DAY) == []
    landing = http_client.landing
    assert [x["outcome"] for x in landing.requests()] == ["landed", "not_yet", "reused"]
    assert next(landing.requests())["final_game_ids"] == ["0022300945"]
    assert provider.asked[0].path == "/static/json/liveData/boxscore/boxscore_0022300945.json"


def test_a_box_that_does_not_parse_costs_only_that_game(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.says(Answer(a_box(a_player(1, minutes="?"))))
    [answer] = cdn.boxscores([("0022300945", DAY)])
    assert isinstance(answer, Permanent) and "minutes of Player 1" in str(answer)
    assert http_client.landing.newest(boxscore_request("0022300945", DAY)) is None


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"statistics": a_player(1)["statistics"] | {"assists": 10**30}}, "assists of Player 1 is 1000000000000000000000000000000"),
        ({"statistics": a_player(1)["statistics"] | {"assists": "1" * 400}}, "assists of Player 1 is '1111"),
        ({"statistics": a_player(1)["statistics"] | {"minutes": "9" * 400}}, "minutes of Player 1 are '9999"),
        ({"name": "\ud800"}, "name of player 1 is missing"),
        ({"statistics": None}, "statistics is None"),
    ],
    ids=["number", "digits", "minutes", "half a character", "null"],
)  # fmt: skip
def test_one_bad_game_of_nine_costs_itself(
    bad: dict[str, Any], sentence: str, http_client: HttpClient, provider: Provider
) -> None:
    def answer(asked: ReceivedRequest) -> Answer:
        game_id = asked.path[-15:-5]
        return Answer(a_box(a_player(1) | bad if game_id == "0022300940" else a_player(1), gameId=game_id))

    provider.says(answer)
    bad_one, *others = NbaCdn(http=http_client).boxscores([(f"00223009{number}", DAY) for number in range(40, 49)])
    assert all(isinstance(other, Payload) for other in others)
    assert isinstance(bad_one, Permanent) and re.match(f"nba_cdn boxscore 0022300940: {sentence}", str(bad_one))
    assert [line["problem"] for line in http_client.landing.incidents()] == [str(bad_one)]


@pytest.mark.parametrize("players", [None, {}, "x", [None]], ids=str)
def test_players_of_another_kind_are_named(players: Any, land: Land) -> None:
    side = {"teamTricode": "BOS", "score": 1, "players": players}
    with pytest.raises(Permanent, match=r"nba_cdn boxscore 0022300945: players(\[0\])? is (None|{}|'x')"):
        box(land, homeTeam=side)


@pytest.mark.parametrize("start", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "9999-12-31T00:00:00Z"])
def test_a_tip_off_of_another_age_is_the_problem_of_its_game(start: str, land: Land) -> None:
    frame = parse_schedule(land(a_schedule(a_game(gameDateTimeUTC=start), a_game(gameId="0022300946"))))
    assert frame["problem"].to_list() == [f"gameDateTimeUTC is '{start}' in game 0022300945", None]
    far = parse_schedule(land(a_schedule(a_game(), day="12/31/9999 00:00:00")))
    assert far["problem"].to_list() == ["unusable date '12/31/9999 00:00:00' in game 0022300945"]


def test_play_by_play_is_asked_for_landed_and_found_again(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.says(Answer(a_list(an_action())), Answer(status=403, body=b"<Error/>"))
    [answer], [missing] = cdn.play_by_play([("0022300945", DAY)]), cdn.play_by_play([("0022300946", DAY)])
    assert isinstance(missing, NotPublished)
    assert cdn.landed_play_by_play("0022300945", DAY) == [answer] and cdn.landed_play_by_play("0022300946", DAY) == []
    assert provider.asked[0].path == "/static/json/liveData/playbyplay/playbyplay_0022300945.json"


def test_a_list_without_its_actions_is_never_landed_as_accepted(http_client: HttpClient, provider: Provider) -> None:
    """The previous pipeline treated an unknown key as no data and loaded 1 of 59 dates."""
    provider.says(Answer({"game": {"gameId": "0022300945", "plays": [an_action()]}}))
    [answer] = NbaCdn(http=http_client).play_by_play([("0022300945", DAY)])
    assert isinstance(answer, Permanent) and "lacks the list game.actions" in str(answer)
    assert http_client.landing.newest(playbyplay_request("0022300945", DAY)) is None


def test_the_schedule_is_kept_under_its_season(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer(a_schedule(a_game())))
    payload = NbaCdn(http=http_client).schedule()
    assert payload.ref.startswith("nba_cdn/schedule/2023-24/season/") and payload.game_date is None


# The scoreboard: a poll that only decides when to fetch


def a_scoreboard(*games: dict[str, Any]) -> dict[str, Any]:
    return {"scoreboard": {"gameDate": "2024-03-12", "games": list(games)}}


def a_score(
    number: int, status: Any = 3, points: tuple[Any, Any] = (110, 100), text: str = "Final", kind: str = "002"
) -> dict[str, Any]:
    """A game of the scoreboard. The first digits of its id are its competition."""
    home, away = ({"teamTricode": team, "score": score} for team, score in zip(("BOS", "NYK"), points, strict=True))
    return {
        "gameId": f"{kind}{number:07d}", "gameStatus": status, "gameStatusText": text, "homeTeam": home, "awayTeam": away,
    }  # fmt: skip


def nothing_is_kept(landing: Landing) -> bool:
    return not any(path.is_file() for path in Path(landing.home).rglob("*"))


def test_a_game_is_final_when_its_status_and_both_scores_say_so(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer(a_scoreboard(
        a_score(1), a_score(2, status="3"), a_score(3, points=("99", "98")), a_score(4, status=2, text="Q4 0:00"),
        a_score(5, points=(110, None)), a_score(6, points=(110, "")), a_score(7, points=(0, 0)), a_score(8, text="PPD"),
        a_score(9, status=1, text="7:30 pm ET"), a_score(10, status=None), a_score(11, kind="001"), a_score(12, kind="004"),
    )))  # fmt: skip
    board = NbaCdn(http=http_client).scoreboard()
    assert board.game_date == DAY
    assert board.final == {"0020000001", "0020000002", "0020000003", "0040000012"}
    assert board.listed - board.final == {f"002{number:07d}" for number in range(4, 11)}
    assert provider.asked[0].path == "/static/json/liveData/scoreboard/todaysScoreboard_00.json"
    assert nothing_is_kept(http_client.landing)


def test_a_day_without_games_lists_none(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer(a_scoreboard()))
    assert NbaCdn(http=http_client).scoreboard() == Scoreboard(DAY, frozenset(), frozenset())


HTML = Answer(body=b"<html>Please wait.</html>", headers={"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (HTML, Permanent, r"nba_cdn scoreboard today: the answer is not JSON \(text/html, 25 bytes\)"),
        (Answer({}, status=503), Transient, "nba_cdn scoreboard today: status 503 after 1 try"),
        (Answer({}, status=429, headers={"Retry-After": "1"}), Transient, "status 429 after 1 try"),
        (Answer(a_scoreboard(), delay_seconds=0.8), Transient, "ReadTimeout after 1 try"),
        (Answer(a_scoreboard(), lost=9), Transient, "RemoteProtocolError after 1 try"),
        (Answer({}, status=403), NotPublished, r"nba_cdn scoreboard today is not published \(403\)"),
        (Answer({}, status=400), Permanent, "nba_cdn scoreboard today: status 400"),
        (Answer({}, status=302, headers={"Location": "http://elsewhere.test/"}), Permanent, "redirected to elsewhere.test"),
        (Answer({"board": {}}), Permanent, "the answer lacks scoreboard"),
        (Answer({"scoreboard": {"gameDate": "2024-03-12"}}), Permanent, "nba_cdn scoreboard today: games is missing"),
        (Answer({"scoreboard": {"gameDate": "soon", "games": []}}), Permanent, "nba_cdn scoreboard today: gameDate is 'soon'"),
        (Answer(a_scoreboard(drifted(a_score(1), "homeTeam.score", RENAMED))), Permanent, "score is missing"),
        (Answer(a_scoreboard(drifted(a_score(1), "gameId", 20000001))), Permanent, "gameId is 20000001"),
        (Answer(a_scoreboard(drifted(a_score(1), "homeTeam", None))), Permanent, "nba_cdn scoreboard today: homeTeam is None"),
    ],
    ids=lambda value: "" if isinstance(value, Answer) else None,
)  # fmt: skip
def test_a_scoreboard_that_cannot_be_used_is_asked_for_once_and_leaves_nothing(
    answer: Answer, error: type[Exception], sentence: str, http_client: HttpClient, provider: Provider
) -> None:
    provider.says(answer)
    with pytest.raises(error, match=sentence):
        NbaCdn(http=http_client).scoreboard()
    assert len(provider.asked) == 1 and nothing_is_kept(http_client.landing)


def test_failing_polls_do_not_hold_the_runs_back(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.says(Answer({}, status=503))
    for _ in range(12):
        with pytest.raises(Transient, match="status 503"):
            cdn.scoreboard()
    provider.says(Answer(a_schedule(a_game())))
    assert cdn.schedule().game_date is None


def test_a_rejected_key_is_not_sent_again_by_a_poll(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=401))
    for _ in range(2):
        with pytest.raises(Permanent, match="nba_cdn rejected the key"):
            NbaCdn(http=http_client).scoreboard()
    assert len(provider.asked) == 1


def test_a_provider_without_an_address_is_named(landing: Landing, clock: Clock) -> None:
    with pytest.raises(BadInput, match="no address is configured for nba_cdn; known: odds_api"):
        NbaCdn(http=HttpClient(base_urls={"odds_api": "http://127.0.0.1:1"}, landing=landing, clock=clock)).scoreboard()


def test_a_replay_polls_nobody(http_client: HttpClient, provider: Provider) -> None:
    @dg.op
    def poll(nba_cdn: NbaCdn) -> None:
        with pytest.raises(NotLanded, match="the network is off"):
            nba_cdn.scoreboard()

    @dg.job(tags={REPLAY_TAG: "0" * 8})
    def replay() -> None:
        poll()

    cdn = NbaCdn(http=http_client)
    assert replay.execute_in_process(resources={"nba_cdn": cdn}).success and not provider.asked


def polled(cdn: NbaCdn) -> dict[str, list[str]]:
    """Returns a sensor's result, evaluated outside of a run, as Dagster's daemon does."""

    @dg.sensor(job_name="nothing")
    def scoreboard(nba_cdn: NbaCdn) -> dg.SensorResult:
        board = nba_cdn.scoreboard()
        heard = {"date": [str(board.game_date)], "listed": sorted(board.listed), "final": sorted(board.final)}
        return dg.SensorResult(skip_reason="a poll", cursor=json.dumps(heard))

    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance, resources={"nba_cdn": cdn}) as context:
        heard = scoreboard.evaluate_tick(context).cursor
    return dict(json.loads(str(heard)))


def test_a_sensor_polls_outside_of_a_run(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer(a_scoreboard(a_score(1), a_score(2, status=2))))
    heard = polled(NbaCdn(http=http_client))
    assert heard == {"date": [str(DAY)], "listed": ["0020000001", "0020000002"], "final": ["0020000001"]}
    assert len(provider.asked) == 1 and nothing_is_kept(http_client.landing)


def test_a_sensor_polls_the_simulated_league_of_its_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sandbox_rules.json").write_text('{"game_minutes": 3}')
    games = League(game_minutes=3).games(DAY)
    clock = Clock(fixed_at=games[0].ends_at.isoformat())
    landing = Landing(home=str(tmp_path / "landing"), clock=clock)
    http = SandboxHttpClient(base_urls={}, landing=landing, clock=clock, home=str(tmp_path / "home"))
    heard = polled(NbaCdn(http=http))
    assert heard["date"] == [str(DAY)] and heard["listed"] == sorted(game.game_id for game in games)
    assert heard["final"] == sorted(game.game_id for game in games if game.ends_at <= games[0].ends_at)
    assert nothing_is_kept(landing)


# Schema changes raise errors and never give silent nulls


@pytest.mark.parametrize(
    ("field", "change", "sentence"),
    [
        ("gameId", RENAMED, "nba_cdn boxscore 1: gameId is missing"),
        ("gameStatus", RENAMED, "nba_cdn boxscore 1: gameStatus is missing"),
        ("gameStatusText", MISSING, "nba_cdn boxscore 1: gameStatusText is missing"),
        ("gameDateTimeUTC", RENAMED, "nba_cdn boxscore 1: gameDateTimeUTC is missing"),
        ("homeTeam", MISSING, "nba_cdn boxscore 1: homeTeam is missing"),
        ("homeTeam.teamTricode", RENAMED, "nba_cdn boxscore 1: teamTricode is missing"),
        ("awayTeam.score", MISSING, "nba_cdn boxscore 1: score is missing"),
        ("gameId", 22300945, "gameId is 22300945 in game 22300945"),
        ("gameStatus", "Final", "gameStatus is 'Final' in game 0022300945"),
        ("gameStatusText", 3, "gameStatusText is 3 in game 0022300945"),
        ("gameDateTimeUTC", 1710286200, "gameDateTimeUTC is 1710286200 in game 0022300945"),
        ("gameDateTimeUTC", "2024-03-12 23:30", "gameDateTimeUTC is '2024-03-12 23:30' in game 0022300945"),
        ("homeTeam.teamTricode", ["BOS"], "unknown team ['BOS'] in game 0022300945"),
        ("awayTeam.score", "many", "score of NYK is 'many' in game 0022300945"),
        ("isNeutral", "false", "isNeutral is 'false' in game 0022300945"),
    ],
)  # fmt: skip
def test_a_schedule_that_drifts_is_named(field: str, change: Any, sentence: str, land: Land) -> None:
    document = drifted(a_schedule(a_game()), f"leagueSchedule.gameDates.0.games.0.{field}", change)
    assert told(lambda: parse_schedule(land(document))).startswith(sentence)


def test_scores_and_codes_of_the_schedule_may_be_text(land: Land) -> None:
    text = a_game(
        gameStatus="3", homeTeam={"teamTricode": "BOS", "score": "110"}, awayTeam={"teamTricode": "NYK", "score": "100"}
    )
    one, other = (parse_schedule(land(a_schedule(game))).drop("source") for game in (text, a_game()))
    assert one.equals(other)


@pytest.mark.parametrize(
    ("day", "tipoff", "hour"),
    [
        (date(2026, 3, 7), "2026-03-08T03:30:00Z", 22), (date(2026, 3, 8), "2026-03-09T02:30:00Z", 22),
        (date(2026, 10, 31), "2026-11-01T02:30:00Z", 22), (date(2026, 11, 1), "2026-11-02T03:30:00Z", 22),
        (date(2026, 3, 8), "2026-03-08T17:00:00Z", 13), (date(2026, 11, 1), "2026-11-01T18:00:00Z", 13),
    ],
    ids=["night before spring", "spring", "night before autumn", "autumn", "spring matinee", "autumn matinee"],
)  # fmt: skip
def test_a_tip_off_is_the_utc_instant_across_the_clock_changes(day: date, tipoff: str, hour: int, land: Land) -> None:
    """The Eastern hour is constant and the UTC hour changes. Local times that end in Z are not read."""
    wrong = {"gameDateTimeEst": "2026-01-01T00:00:00Z", "gameDateUTC": "2026-01-01T05:00:00Z"}
    game = a_game(gameStatus=1, gameStatusText="soon", gameDateTimeUTC=tipoff, **wrong)
    row = parse_schedule(land(a_schedule(game, day=f"{day:%m/%d/%Y} 00:00:00"))).row(0, named=True)
    assert (row["game_date"], row["tipoff_at"]) == (day, datetime.fromisoformat(tipoff))
    assert (eastern_date(row["tipoff_at"]), row["tipoff_at"].astimezone(EASTERN).hour) == (day, hour)


@pytest.mark.parametrize(
    ("field", "change", "sentence"),
    [
        ("gameStatus", RENAMED, "gameStatus is None"), ("gameStatus", "Final", "gameStatus is 'Final'"),
        ("homeTeam", RENAMED, "homeTeam is missing"), ("homeTeam.score", MISSING, "score is None"),
        ("homeTeam.players", RENAMED, "players is missing"), ("homeTeam.teamTricode", MISSING, "unknown team None"),
        ("homeTeam.players.0.statistics", RENAMED, "statistics is missing"),
        ("homeTeam.players.0.statistics.minutes", 20, "minutes of Player 1 are 20"),
        ("homeTeam.players.0.statistics.reboundsTotal", RENAMED, "reboundsTotal of Player 1 is None"),
        ("homeTeam.players.0.statistics.assists", "", "assists of Player 1 is ''"),
        ("homeTeam.players.0.statistics.plusMinusPoints", RENAMED, "plusMinusPoints is missing"),
        ("homeTeam.players.0.statistics.plusMinusPoints", "x", "plusMinusPoints of Player 1 is 'x'"),
        ("homeTeam.players.0.starter", "yes", "starter of Player 1 is 'yes'"),
    ],
)  # fmt: skip
def test_a_box_score_that_drifts_is_named(field: str, change: Any, sentence: str, land: Land) -> None:
    document = drifted(a_box(a_player(1)), f"game.{field}", change)
    problem, _, ref = told(lambda: parse_boxscore(land(document, entity="0022300945"))).rpartition(": ")
    assert problem == f"nba_cdn boxscore 0022300945: {sentence}" and ref.startswith("nba_cdn/boxscore/2024-03-12/0022300945/")


def test_an_unknown_plus_minus_is_null(land: Land) -> None:
    document = drifted(a_box(a_player(1)), "game.homeTeam.players.0.statistics.plusMinusPoints", None)
    assert parse_boxscore(land(document, entity="0022300945"))["plus_minus"].to_list() == [None]


def test_totals_that_drift_are_named(land: Land) -> None:
    nobody = {"teamTricode": "NYK", "score": 110, "players": [], "statistics": TOTALS}
    home = {"teamTricode": "BOS", "score": 110, "players": [a_player(1)], "statistics": TOTALS}
    empty, odd = (a_box(homeTeam=home, awayTeam=away, period=period) for away, period in ((nobody, 4), (home, "OT")))
    assert told(lambda: parse_team_boxscores(land(empty, entity="0022300945"))).startswith(
        "nba_cdn boxscore 0022300945: nobody played for NYK: "
    )
    assert told(lambda: parse_team_boxscores(land(odd, entity="0022300945"))).startswith(
        "nba_cdn boxscore 0022300945: period is 'OT': "
    )
