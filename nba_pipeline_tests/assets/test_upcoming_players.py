"""Expected players: the latest rows before the date decide, and no later rows."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.features.upcoming_players import TABLE, expect_players, with_unnamed
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline.assets.sources.rosters import TABLE as ROSTERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA
from nba_pipeline_tests.builders import (
    DAY,
    PLAYER,
    Values,
    a_boxscore,
    a_game,
    a_league,
    at,
    before,
    frame_of,
    who_did_not_play,
)
from nba_pipeline_tests.builders_injuries import a_team_s, an_injury, injuries_of

YESTERDAY = before(1)
NO_ROSTERS, NO_INJURIES = ROSTERS.empty(), INJURIES.empty()


def expected(*boxscores: Values, rosters: Sequence[Values] = (), **game: Any) -> list[tuple[int, str]]:
    schedule = frame_of(SCHEDULE, a_game(**{"status": "scheduled", "tipoff_at": at(23)} | game))
    rows = expect_players(schedule, frame_of(BOXSCORES, *boxscores), frame_of(ROSTERS, *rosters), NO_INJURIES)
    return rows.select("player_id", "team").rows()


def on_the_roster(day: date = YESTERDAY, player_id: int = PLAYER, team: str = "GSW", **fields: Any) -> Values:
    return {
        "game_date": day,
        "team": team,
        "player_id": player_id,
        "spelling": "Stephen Curry",
        "birth_date": date(1988, 3, 14),
        "seen_at": at(15, day=day),
        "source": "test",
    } | fields


def test_a_player_of_the_last_weeks_is_expected() -> None:
    assert expected(a_boxscore(before(21))) == [(PLAYER, "GSW")]


@pytest.mark.parametrize("days", [22, 0, -1], ids=["too long ago", "the game itself", "later"])
def test_only_rows_of_the_21_days_before_count(days: int) -> None:
    assert expected(a_boxscore(before(days))) == []


def test_a_player_who_stayed_on_the_bench_is_expected() -> None:
    assert expected(who_did_not_play(before(1))) == [(PLAYER, "GSW")]


def test_a_row_before_the_team_s_last_ten_games_is_too_old() -> None:
    others = [a_boxscore(before(n), player_id=2) for n in range(1, 11)]
    assert expected(a_boxscore(before(11)), *others) == [(2, "GSW")]
    assert expected(a_boxscore(before(11)), *others[:-1]) == [(2, "GSW"), (PLAYER, "GSW")]


def test_a_traded_player_belongs_to_the_latest_team() -> None:
    rows = [a_boxscore(before(5)), a_boxscore(before(3), team="BOS"), a_boxscore(before(2), player_id=2)]
    assert expected(*rows) == [(2, "GSW")]
    assert expected(*rows, home_team="BOS") == [(PLAYER, "BOS")]


def test_a_trade_after_the_date_does_not_count() -> None:
    assert expected(a_boxscore(before(5)), a_boxscore(before(-3), team="BOS")) == [(PLAYER, "GSW")]


def test_a_postponed_game_has_no_expected_players() -> None:
    postponed = frame_of(SCHEDULE, a_game(status="postponed"))
    assert expect_players(postponed, frame_of(BOXSCORES, a_boxscore(before(2))), NO_ROSTERS, NO_INJURIES).is_empty()


def test_dates_together_and_alone_are_the_same() -> None:
    schedule, boxscores = a_league(date(2024, 1, 1), rounds=14)
    together = expect_players(schedule, boxscores.sample(fraction=1, shuffle=True, seed=1), NO_ROSTERS, NO_INJURIES)
    assert together.height > 300
    assert TABLE.schema.is_valid(together.drop("source"))
    alone = [
        expect_players(schedule.filter(game_date=day), boxscores.filter(pl.col("game_date") < day), NO_ROSTERS, NO_INJURIES)
        for day in schedule["game_date"].unique().sort()
    ]
    assert_frame_equal(together, pl.concat(alone))


def test_no_games_and_no_history_give_no_rows() -> None:
    assert expect_players(frame_of(SCHEDULE), frame_of(BOXSCORES, a_boxscore(before(1))), NO_ROSTERS, NO_INJURIES).is_empty()
    assert expect_players(frame_of(SCHEDULE, a_game()), frame_of(BOXSCORES), NO_ROSTERS, NO_INJURIES).is_empty()


def of_a_quarantined_roster(*quarantined: Values, **fields: Any) -> list[int]:
    """Returns the expected players if box scores show 1 and 2, the roster shows 1 and these entries are quarantined."""
    rows = [
        {"table": "rosters", "game_date": entry["game_date"], "row": json.dumps(entry, default=str), "problem": "x"}
        for entry in quarantined
    ]
    rosters = with_unnamed(frame_of(ROSTERS, on_the_roster(player_id=1)), pl.DataFrame(rows, schema=dict(QUARANTINE_SCHEMA)))
    schedule = frame_of(SCHEDULE, a_game(status="scheduled", tipoff_at=at(23)))
    boxes = frame_of(BOXSCORES, a_boxscore(before(2), player_id=2), a_boxscore(before(2), player_id=1))
    return expect_players(schedule, boxes, rosters, NO_INJURIES)["player_id"].to_list()


def test_a_roster_with_an_unresolved_name_does_not_exclude_players() -> None:
    assert of_a_quarantined_roster() == [1]
    assert of_a_quarantined_roster(on_the_roster(player_id=None)) == [1, 2]  # type: ignore[arg-type]
    assert of_a_quarantined_roster(on_the_roster(player_id=None, team="NYK")) == [1]  # type: ignore[arg-type]
    assert of_a_quarantined_roster(on_the_roster(player_id=3), on_the_roster(player_id=3, spelling="C")) == [1, 3]


def test_a_roster_decides_who_is_with_the_team() -> None:
    """A player only in the box scores has left. A player only on the roster has joined."""
    assert expected(a_boxscore(before(2), player_id=2), rosters=[on_the_roster()]) == [(PLAYER, "GSW")]


def test_a_roster_of_one_team_does_not_affect_the_opponent() -> None:
    rows = [a_boxscore(before(2), player_id=2), a_boxscore(before(2), player_id=3, team="NYK")]
    assert expected(*rows, rosters=[on_the_roster()]) == [(3, "NYK"), (PLAYER, "GSW")]


@pytest.mark.parametrize(
    ("roster", "is_used"),
    [
        (on_the_roster(DAY, seen_at=at(22)), True),
        (on_the_roster(DAY, seen_at=at(23)), False),
        (on_the_roster(before(7)), True),
        (on_the_roster(before(8)), False),
        (on_the_roster(before(-1)), False),
    ],
    ids=["an hour before the tip-off", "at the tip-off", "a week old", "older", "later"],
)
def test_a_roster_of_the_week_before_the_tipoff_counts(roster: Values, is_used: bool) -> None:
    assert expected(a_boxscore(before(2), player_id=2), rosters=[roster]) == ([(PLAYER, "GSW")] if is_used else [(2, "GSW")])


def test_the_newest_roster_before_the_tipoff_speaks() -> None:
    old, new, late = on_the_roster(before(3), 1), on_the_roster(before(1), 2), on_the_roster(DAY, 3, seen_at=at(23))
    assert expected(rosters=[old, new, late]) == [(2, "GSW")]


def test_a_player_who_has_left_since_the_roster_is_with_the_team_that_showed_him_last() -> None:
    left = a_boxscore(before(1), team="BOS", opponent="LAL")
    assert expected(left, rosters=[on_the_roster(before(3))]) == []
    assert expected(left, rosters=[on_the_roster(before(3))], away_team="BOS") == [(PLAYER, "BOS")]


def test_a_player_on_two_rosters_is_with_the_team_of_the_newer_one() -> None:
    both = [on_the_roster(before(3), team="NYK"), on_the_roster(before(1))]
    assert expected(rosters=both) == [(PLAYER, "GSW")]


def test_a_player_listed_as_out_is_expected_with_his_status() -> None:
    schedule = frame_of(SCHEDULE, a_game(status="scheduled", tipoff_at=at(23)))
    reports = injuries_of(an_injury("out"), an_injury("questionable", snapshot_at=at(23)), a_team_s("nobody_listed", team="NYK"))
    boxes = frame_of(
        BOXSCORES, a_boxscore(before(2)), a_boxscore(before(2), player_id=2), a_boxscore(before(2), player_id=3, team="BOS")
    )
    rows = expect_players(schedule, boxes, NO_ROSTERS, reports.with_columns(is_before_tipoff=pl.col("snapshot_at") < at(23)))
    assert rows.select("player_id", "injury_status", "injury_risk_level").rows() == [(2, None, 0.0), (PLAYER, "out", 3.0)]
