"""The stored rows of a season are compared with the expected rows."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.audit.seasons import PLAUSIBLE, seasons
from nba_pipeline.completeness.modes import record_tables
from nba_pipeline.league.calendar import days
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_audit import DATES

pytestmark = pytest.mark.platform

SEASON = days(DATES[0], DATES[-1])


def test_a_season_is_counted(warehouse: LocalWarehouse) -> None:
    (record,) = seasons(warehouse, SEASON)
    assert {name: record[name] for name in ("season", "first_date", "last_date", "games", "final_games", "complete_games")} == {
        "season": "2023-24",
        "first_date": str(DATES[0]),
        "last_date": str(DATES[-1]),
        "games": 100,
        "final_games": 100,
        "complete_games": 100,
    }
    assert record["player_games"] == 100 * 2 * 8
    assert sum(record["tiers"].values()) == pytest.approx(1)
    assert record["null_shares"]["points_mean_season"] == 0
    assert record["null_shares"]["line"] > 0.2


def test_coverage_counts_complete_games_expected_players_and_dates(warehouse: LocalWarehouse) -> None:
    (record,) = seasons(warehouse, SEASON)
    assert list(record["coverage"]) == [
        table for table in daily_tables() if table not in ("schedule", "players", *record_tables())
    ]
    complete = {name for name, share in record["coverage"].items() if share == 1}
    assert complete >= {"boxscores", "play_by_play", "prop_lines", "injuries", "rosters", "player_game_summary", "features"}
    assert record["coverage"]["upcoming_players"] == 0.6  # features are stored for 12 of 20 rounds
    assert record["coverage"]["player_shot_zones"] == 0.6
    assert record["coverage"]["predictions"] == record["coverage"]["grades"] == 0


def test_a_game_without_its_box_score_is_not_complete_and_expects_no_rows(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    other = copy_of(warehouse, tmp_path)
    rows = other.scan(TABLES["boxscores"], [DATES[0]]).collect()
    half = rows.filter(pl.col("player_id") != rows.filter("did_play")["player_id"][0])
    other.replace(TABLES["boxscores"], [DATES[0]], half, "test")
    (record,) = seasons(other, SEASON)
    assert (record["final_games"], record["complete_games"]) == (100, 99)
    assert record["coverage"]["boxscores"] == 1


def test_lines_from_after_tipoff_do_not_count(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    other = copy_of(warehouse, tmp_path)
    late = other.scan(TABLES["prop_lines"], [DATES[0]]).collect().with_columns(pl.lit(False).alias("is_before_tipoff"))
    other.replace(TABLES["prop_lines"], [DATES[0]], late, "test")
    assert seasons(other, SEASON)[0]["coverage"]["prop_lines"] == 0.95


def test_implausible_means_are_flagged(warehouse: LocalWarehouse) -> None:
    (record,) = seasons(warehouse, SEASON)
    odd = [name for name, (low, high) in PLAUSIBLE.items() if not low <= record["means"][name] <= high]
    assert odd, "the league of the tests is no NBA"
    assert [message.split()[0] for message in record["implausible"]] == odd
    low, high = PLAUSIBLE["true_shooting_pct"]
    assert (
        f"true_shooting_pct {record['means']['true_shooting_pct']:.4g} is not between {low} and {high:g}" in record["implausible"]
    )


def test_means_of_few_games_are_not_judged(warehouse: LocalWarehouse) -> None:
    (record,) = seasons(warehouse, DATES[:9])
    assert (record["complete_games"], record["is_judged"], record["implausible"]) == (45, False, [])


def test_unknown_means_of_enough_games_are_not_plausible(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    other = copy_of(warehouse, tmp_path)
    games = TABLES["team_game_summary"]
    other.replace(games, SEASON, games.empty(), "test", dict.fromkeys(SEASON, 10_000))
    (record,) = seasons(other, SEASON)
    assert record["is_judged"]
    assert record["implausible"] == [f"{name} is unknown: it is null in every row of team_game_summary" for name in PLAUSIBLE]


def test_dates_without_games_have_no_season(warehouse: LocalWarehouse) -> None:
    assert seasons(warehouse, [date(2023, 8, 1)]) == []


def copy_of(warehouse: LocalWarehouse, folder: Path) -> LocalWarehouse:
    """Returns a copy of a warehouse that the test may change."""
    shutil.copytree(warehouse.home, str(folder / "copy"))
    return LocalWarehouse(home=str(folder / "copy"))
