"""Rows per date, and proof that no row uses the date. formulas/test_shot_diet.py covers the values."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.features.player_shot_zones import TABLE, most_players_have_a_shot_diet, shot_zones_of
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_boxscore, at, before, frame_of
from nba_pipeline_tests.builders_summaries import a_zoned_game, player_games, zoned_games

ROWS = [row for player in (1, 2, 3) for row in zoned_games(30, every=player, player_id=player, attempts=(2 + player, 4, 5))]
GAMES = player_games(*ROWS)
DATES = days(before(40), before(-5))


def rows_of(*games: Values, day: date = DAY) -> list[Values]:
    return shot_zones_of([day], player_games(*games)).to_dicts()


def test_a_row_is_of_the_team_of_the_latest_game() -> None:
    (row,) = rows_of(*zoned_games(6, before(20), team="BOS"), *zoned_games(5))
    assert (row["player_id"], row["team"], row["season"], row["latest_game_date"]) == (PLAYER, "GSW", "2023-24", before(2))
    assert (row["games_with_zones_last_10"], row["games_with_zones_last_20"], row["primary_zone"]) == (10, 11, "paint")


@pytest.mark.parametrize(("days_ago", "known"), [(0, 0), (1, 1), (60, 1), (61, 0)])
def test_a_player_is_here_for_sixty_days_after_a_game_with_zones(days_ago: int, known: int) -> None:
    unzoned = a_boxscore(before(1), player_id=PLAYER) | {"has_complete_zones": None}
    assert len(rows_of(a_zoned_game(before(days_ago)), unzoned)) == known


def test_players_of_another_season_have_no_row() -> None:
    assert rows_of(a_zoned_game(date(2024, 6, 20)), day=date(2024, 6, 30))
    assert not rows_of(a_zoned_game(date(2024, 6, 20)), day=date(2024, 7, 1))


def test_rows_keep_the_promise_of_the_table_over_a_range_of_dates() -> None:
    good, bad = TABLE.conform(shot_zones_of(DATES, GAMES), at(12), "1")
    assert (good.height, bad.height) == (len(DATES) * 3 - 10, 0)  # the first player's first game is 9 days into the range


@pytest.mark.parametrize("day", DATES[5::12])
def test_one_date_alone_with_only_its_past_has_the_same_bits_as_in_a_range(day: date) -> None:
    past = GAMES.filter(pl.col("game_date") < day).sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(shot_zones_of([day], past), shot_zones_of(DATES, GAMES).filter(game_date=day), check_exact=True)


def test_a_date_without_anybody_is_empty() -> None:
    assert shot_zones_of([DAY], player_games()).is_empty()
    assert shot_zones_of([DAY], player_games()).columns == [*TABLE.schema.column_names(), "source"]


def test_shares_that_do_not_sum_to_one_are_quarantined() -> None:
    rows = shot_zones_of([DAY], GAMES).with_columns(pl.col("paint_attempt_pct_last_10_games") + 0.002)
    assert set(TABLE.conform(rows, at(12), "1")[1]["problem"]) == {"shares_sum_to_one"}


@pytest.mark.parametrize(("shooters", "passed"), [(1, True), (0, False)])
def test_a_date_on_which_few_have_a_diet_warns(shooters: int, passed: bool, tmp_path: Path) -> None:
    """Player 2 has five games and five attempts. Player 3 has fewer than five games and is not expected."""
    games = [*zoned_games(5, player_id=2, attempts=(1, 0, 0), made=(0, 0, 0)), *zoned_games(4, player_id=3)]
    rows = shot_zones_of([DAY], player_games(*games, *zoned_games(5 * shooters))).to_dicts()
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *rows), "me")
    found, empty = verdicts_of(
        most_players_have_a_shot_diet(warehouse, [DAY, DAY + timedelta(days=1)], Clock(fixed_at=at(12).isoformat())),
        [DAY, DAY + timedelta(days=1)],
    )
    assert (found.passed, found.numbers["present"], found.numbers["expected"]) == (passed, shooters, 1 + shooters)
    assert found.numbers.get("paint_attempt_pct_last_10_games") == (0.5 if shooters else None)
    assert (empty.passed, empty.numbers["expected"]) == (True, 0)
