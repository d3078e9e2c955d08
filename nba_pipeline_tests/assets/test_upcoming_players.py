"""Who is expected: the latest rows before the date say it, and nothing later."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.features.upcoming_players import TABLE, expect_players
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline_tests.builders import (
    PLAYER,
    Values,
    a_boxscore,
    a_game,
    a_league,
    before,
    frame_of,
    who_did_not_play,
)


def expected(*boxscores: Values, **game: object) -> list[tuple[int, str]]:
    schedule = frame_of(SCHEDULE, a_game(status="scheduled", **game))  # type: ignore[arg-type]
    return expect_players(schedule, frame_of(BOXSCORES, *boxscores)).select("player_id", "team").rows()


def test_a_player_of_the_last_weeks_is_expected() -> None:
    assert expected(a_boxscore(before(21))) == [(PLAYER, "GSW")]


@pytest.mark.parametrize("days", [22, 0, -1], ids=["too long ago", "the game itself", "later"])
def test_only_rows_of_the_21_days_before_count(days: int) -> None:
    assert expected(a_boxscore(before(days))) == []


def test_somebody_who_stayed_on_the_bench_is_expected_too() -> None:
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


def test_nobody_is_expected_for_a_postponed_game() -> None:
    postponed = frame_of(SCHEDULE, a_game(status="postponed"))
    assert expect_players(postponed, frame_of(BOXSCORES, a_boxscore(before(2)))).is_empty()


def test_dates_together_and_alone_are_the_same() -> None:
    schedule, boxscores = a_league(date(2024, 1, 1), rounds=14)
    together = expect_players(schedule, boxscores.sample(fraction=1, shuffle=True, seed=1))
    assert together.height > 300
    assert TABLE.schema.is_valid(together.drop("source"))
    alone = [
        expect_players(schedule.filter(game_date=day), boxscores.filter(pl.col("game_date") < day))
        for day in schedule["game_date"].unique().sort()
    ]
    assert_frame_equal(together, pl.concat(alone))


def test_no_games_and_no_history_give_no_rows() -> None:
    assert expect_players(frame_of(SCHEDULE), frame_of(BOXSCORES, a_boxscore(before(1)))).is_empty()
    assert expect_players(frame_of(SCHEDULE, a_game()), frame_of(BOXSCORES)).is_empty()
