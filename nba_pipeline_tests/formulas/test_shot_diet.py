"""Where a player shoots from, as of before the date."""

from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.shot_diet import DIET, ZONES, columns_of, with_shot_diet
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_boxscore, before, who_did_not_play
from nba_pipeline_tests.builders_summaries import Zones, a_zoned_game, player_games, zoned_games

SHARES = columns_of(10)[1:4]


def diet(*games: Values, **row: Any) -> Values:
    rows = pl.DataFrame([{"player_id": PLAYER, "season": "2023-24", "game_date": DAY} | row])
    return with_shot_diet(rows, player_games(*games)).row(0, named=True)


def of(row: Values, kind: str, games: int = 10) -> tuple[float | None, ...]:
    return tuple(row[f"{zone}_{kind}_last_{games}_games"] for zone in ZONES)


def test_shares_percentages_and_rates_are_sums_over_sums() -> None:
    row = diet(*zoned_games(4, attempts=(5, 2, 3), made=(3, 1, 1)), a_zoned_game(before(1), (0, 0, 10), (0, 0, 10)))
    assert row["games_with_zones_last_10"] == 5
    assert of(row, "attempt_pct") == pytest.approx((20 / 50, 8 / 50, 22 / 50))
    assert of(row, "field_goal_pct") == pytest.approx((12 / 20, 4 / 8, 14 / 22))
    assert row["field_goal_attempts_per_game_last_10_games"] == 10
    assert row["assisted_pct_last_10_games"] == pytest.approx(12 / 30)


def test_only_the_last_ten_and_twenty_games_count() -> None:
    old, new = zoned_games(15, before(30), attempts=(10, 0, 0)), zoned_games(10, attempts=(0, 0, 10), made=(0, 0, 2))
    row = diet(*old, *new)
    assert (row["games_with_zones_last_10"], row["games_with_zones_last_20"]) == (10, 20)
    assert of(row, "attempt_pct") == (0, 0, 1)
    assert of(row, "attempt_pct", 20) == (0.5, 0, 0.5)
    assert of(row, "field_goal_pct") == (None, None, 0.2)


@pytest.mark.parametrize(
    ("games", "attempts", "known"),
    [(5, (2, 1, 1), True), (4, (5, 2, 3), False), (5, (1, 1, 1), False)],
    ids=["enough", "four games", "fifteen attempts"],
)
def test_shares_of_the_last_ten_need_five_games_and_twenty_attempts(games: int, attempts: Zones, known: bool) -> None:
    row = diet(*zoned_games(games, attempts=attempts, made=(1, 0, 0)))
    assert [row[name] is not None for name in SHARES] == [known] * 3
    assert row["games_with_zones_last_10"] == games


def test_the_last_twenty_and_the_primary_zone_need_ten_games() -> None:
    nine, ten = diet(*zoned_games(9)), diet(*zoned_games(10))
    assert (of(nine, "attempt_pct", 20), nine["primary_zone"]) == ((None, None, None), None)
    assert (of(ten, "attempt_pct", 20), ten["primary_zone"]) == ((0.5, 0.2, 0.3), "paint")


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ((8, 2, 10), "paint"), ((8, 4, 8), "paint"), ((7, 5, 8), "three_point"), ((7, 7, 6), "mid_range"),
        ((7, 6, 7), "balanced"), ((0, 13, 7), "mid_range"), ((0, 7, 8), "three_point"),
    ],
)  # fmt: skip
def test_the_primary_zone_at_its_bounds(attempts: Zones, expected: str) -> None:
    """Paint from 0.40, else three-point from 0.40, else mid-range from 0.35."""
    assert diet(*zoned_games(10, attempts=attempts, made=(0, 0, 0)))["primary_zone"] == expected


def test_games_without_zones_are_passed_over() -> None:
    unknown = [a_boxscore(before(n)) | {"has_complete_zones": known} for n, known in ((1, None), (3, False))]
    row = diet(*zoned_games(10, before(5)), *unknown, who_did_not_play(before(2)))
    assert (row["games_with_zones_last_10"], row["games_with_zones_last_20"], row["primary_zone"]) == (10, 10, "paint")
    assert row["field_goal_attempts_per_game_last_20_games"] == 10


@pytest.mark.parametrize("fields", [{"season": "2022-23"}, {"player_id": 2}], ids=["another season", "another player"])
def test_games_of_other_players_do_not_count(fields: Values) -> None:
    row = diet(*zoned_games(10, **fields))
    assert [row[name] for name in DIET] == [0 if name.startswith("games") else None for name in DIET]


def test_a_game_on_the_date_or_later_changes_nothing() -> None:
    known = zoned_games(10)
    later = [a_zoned_game(day, (0, 50, 0), (0, 50, 0)) for day in (DAY, before(-1))]
    assert diet(*known, *later) == diet(*known)
    assert diet(*known, a_zoned_game(before(1), (0, 50, 0), (0, 50, 0))) != diet(*known)


def test_a_trade_does_not_end_the_window() -> None:
    row = diet(*zoned_games(5, before(20), team="BOS"), *zoned_games(5))
    assert row["games_with_zones_last_10"] == 10
