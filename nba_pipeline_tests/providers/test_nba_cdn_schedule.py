"""The NBA's schedule: times, statuses, games out of scope, changed fields."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.league.calendar import EASTERN, eastern_date
from nba_pipeline.providers.columns import SCHEDULE_COLUMNS
from nba_pipeline.providers.nba_cdn_schedule import count_undetermined_games, parse_schedule
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import MISSING, RENAMED, drifted, message_of

Land = Callable[..., Payload]
DAY = date(2024, 3, 12)


def a_game(**fields: Any) -> dict[str, Any]:
    """A game of the schedule: final, BOS 110 - NYK 100, 19:30 Eastern on 12 March 2024."""
    home, away = {"teamTricode": "BOS", "score": 110}, {"teamTricode": "NYK", "score": 100}
    return {
        "gameId": "0022300945",
        "gameStatus": 3,
        "gameStatusText": "Final",
        "gameDateTimeUTC": "2024-03-12T23:30:00Z",
        "gameDateTimeEst": "2024-03-12T19:30:00Z",
        "homeTeam": home,
        "awayTeam": away,
        "isNeutral": False,
        "gameLabel": "Emirates NBA Cup",
        "gameSubLabel": "East Group A",
        "arenaName": "TD Garden",
        "arenaCity": "Boston",
        "postponedStatus": "A",
    } | fields


def a_schedule(*games: dict[str, Any], day: str = "03/12/2024 00:00:00") -> dict[str, Any]:
    return {"leagueSchedule": {"gameDates": [{"gameDate": day, "games": list(games)}]}}


def parsed(land: Land, *games: dict[str, Any]) -> dict[str, Any]:
    return parse_schedule(land(a_schedule(*games))).row(0, named=True)


def test_a_final_game_becomes_a_row(land: Land) -> None:
    payload = land(a_schedule(a_game()))
    assert parse_schedule(payload).schema == pl.Schema(SCHEDULE_COLUMNS)
    assert parse_schedule(payload).row(0, named=True) == {
        "game_date": DAY,
        "game_id": "0022300945",
        "season": "2023-24",
        "season_type": "regular_season",
        "tipoff_at": datetime(2024, 3, 12, 23, 30, tzinfo=UTC),
        "tipoff_source": "gameDateTimeUTC",
        "home_team": "BOS",
        "away_team": "NYK",
        "is_neutral": False,
        "status": "final",
        "status_text": "Final",
        "home_points": 110,
        "away_points": 100,
        "game_label": "Emirates NBA Cup, East Group A",
        "arena": "TD Garden, Boston",
        "has_boxscore_source": True,
        "source": payload.ref,
        "problem": None,
    }


NO_SCORE = {"homeTeam": {"teamTricode": "BOS", "score": 0}, "awayTeam": {"teamTricode": "NYK", "score": 0}}


@pytest.mark.parametrize(
    ("fields", "status", "points"),
    [
        ({}, "final", 110),
        ({"gameStatus": "3"}, "final", 110),
        ({"gameStatus": 2}, "live", 110),
        ({"gameStatus": 1, "gameStatusText": "7:30 pm ET", **NO_SCORE}, "scheduled", None),
        (NO_SCORE, "unknown", None),
        ({"gameStatus": 1, "gameStatusText": "PPD"}, "postponed", None),
        ({"gameStatus": 9}, "unknown", None),
        ({"gameStatus": None}, "unknown", None),
    ],
)
def test_a_final_status_requires_scores(fields: dict[str, Any], status: str, points: int | None, land: Land) -> None:
    row = parsed(land, a_game(**fields))
    assert (row["status"], row["home_points"]) == (status, points)


@pytest.mark.parametrize(
    "fields",
    [
        {"gameDateTimeUTC": "1900-01-01T00:00:00Z"},
        {"gameDateTimeUTC": None},
        {"gameStatusText": "TBD"},
        {"gameDateTimeUTC": "2024-03-12T04:00:00Z"},
    ],
    ids=["1900", "none", "to be determined", "midnight in the East"],
)
def test_a_tipoff_without_a_time_is_null(fields: dict[str, Any], land: Land) -> None:
    row = parsed(land, a_game(**fields))
    assert (row["tipoff_at"], row["tipoff_source"]) == (None, None)


def test_games_out_of_scope_or_without_teams_are_omitted_and_undetermined_games_counted(land: Land) -> None:
    no_team = {"teamTricode": "", "score": 0}
    payload = land(a_schedule(a_game(gameId="0012300001"), a_game(gameId="0022301201", homeTeam=no_team), a_game()))
    assert parse_schedule(payload)["game_id"].to_list() == ["0022300945"]
    assert count_undetermined_games(payload) == 1


def test_an_unknown_team_and_an_unusable_date_are_problems(land: Land) -> None:
    unknown_team = a_game(homeTeam={"teamTricode": "XXX", "score": 1})
    assert parsed(land, unknown_team)["problem"] == "unknown team 'XXX' in game 0022300945"
    row = parse_schedule(land(a_schedule(a_game(), day="soon"))).row(0, named=True)
    assert row["problem"] == "unusable date 'soon' in game 0022300945" and row["game_date"] is None


@pytest.mark.parametrize("document", [{}, a_schedule(), {"leagueSchedule": {"dates": []}}, [1]], ids=str)
def test_a_schedule_without_games_or_of_another_structure_is_permanent(document: Any, land: Land) -> None:
    with pytest.raises(
        Permanent, match=r"nba_cdn boxscore 1: (leagueSchedule is missing|the schedule has no games|gameDates is missing)"
    ):
        parse_schedule(land(document))


@pytest.mark.parametrize("start", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "9999-12-31T00:00:00Z"])
def test_an_implausible_tipoff_is_a_problem_of_its_game(start: str, land: Land) -> None:
    frame = parse_schedule(land(a_schedule(a_game(gameDateTimeUTC=start), a_game(gameId="0022300946"))))
    assert frame["problem"].to_list() == [f"gameDateTimeUTC is '{start}' in game 0022300945", None]
    far = parse_schedule(land(a_schedule(a_game(), day="12/31/9999 00:00:00")))
    assert far["problem"].to_list() == ["unusable date '12/31/9999 00:00:00' in game 0022300945"]


@pytest.mark.parametrize(
    ("field", "change", "message"),
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
)
def test_changed_fields_of_a_schedule_are_named(field: str, change: Any, message: str, land: Land) -> None:
    document = drifted(a_schedule(a_game()), f"leagueSchedule.gameDates.0.games.0.{field}", change)
    assert message_of(lambda: parse_schedule(land(document))).startswith(message)


def test_scores_and_codes_of_the_schedule_may_be_text(land: Land) -> None:
    text = a_game(
        gameStatus="3", homeTeam={"teamTricode": "BOS", "score": "110"}, awayTeam={"teamTricode": "NYK", "score": "100"}
    )
    one, other = (parse_schedule(land(a_schedule(game))).drop("source") for game in (text, a_game()))
    assert one.equals(other)


@pytest.mark.parametrize(
    ("day", "tipoff", "hour"),
    [
        (date(2026, 3, 7), "2026-03-08T03:30:00Z", 22),
        (date(2026, 3, 8), "2026-03-09T02:30:00Z", 22),
        (date(2026, 10, 31), "2026-11-01T02:30:00Z", 22),
        (date(2026, 11, 1), "2026-11-02T03:30:00Z", 22),
        (date(2026, 3, 8), "2026-03-08T17:00:00Z", 13),
        (date(2026, 11, 1), "2026-11-01T18:00:00Z", 13),
    ],
    ids=["night before spring", "spring", "night before autumn", "autumn", "spring matinee", "autumn matinee"],
)
def test_a_tipoff_is_the_utc_instant_across_clock_changes(day: date, tipoff: str, hour: int, land: Land) -> None:
    """The Eastern hour is constant and the UTC hour changes. Local times that end in Z are not read."""
    wrong = {"gameDateTimeEst": "2026-01-01T00:00:00Z", "gameDateUTC": "2026-01-01T05:00:00Z"}
    game = a_game(gameStatus=1, gameStatusText="soon", gameDateTimeUTC=tipoff, **wrong)
    row = parse_schedule(land(a_schedule(game, day=f"{day:%m/%d/%Y} 00:00:00"))).row(0, named=True)
    assert (row["game_date"], row["tipoff_at"]) == (day, datetime.fromisoformat(tipoff))
    assert (eastern_date(row["tipoff_at"]), row["tipoff_at"].astimezone(EASTERN).hour) == (day, hour)
