"""Features of the four real seasons: the rows of domain/golden.md section 7, bit-identical one date at a time."""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.sources.team_boxscores import complete_with_sums
from nba_pipeline.assets.summaries.player_game_summary import TABLE as SUMMARIES
from nba_pipeline.assets.summaries.team_game_summary import TABLE as TEAM_SUMMARIES
from nba_pipeline.audit.recompute import SOURCES, derive
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing

DATA = Path(os.environ.get("NBA_SHARED_DIR", Path(__file__).parents[3] / "shared")) / "data"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the real data in {DATA} (NBA_SHARED_DIR)"),
]

GOLDEN = {
    "0022400565 1630162": {  # Anthony Edwards, 2025-01-15
        "games_played_season": 39, "points_mean_last_3_games": 25.6667, "points_mean_last_5_games": 29.2,
        "points_mean_last_10_games": 27.2, "points_mean_season": 25.7949,
        "points_standard_deviation_last_10_games": 13.1132, "games_last_7_days": 3, "minutes_sum_last_7_days": 111,
        "rest_days": 2, "is_back_to_back": 0, "minutes_mean_last_10_games": 37.8,
        "points_per_minute_last_10_games": 0.7196, "free_throw_point_pct_last_10_games": 0.1875,
        "points_trend_level_last_5_games": -1, "points_mean_versus_opponent_last_1095_days": 22.1667,
        "games_versus_opponent_last_1095_days": 12, "home_court_level": 1,
    },
    "0022400974 201939": {  # Stephen Curry, 2025-03-15
        "games_played_season": 57, "points_mean_last_3_games": 22.3333, "points_mean_last_5_games": 27.0,
        "points_mean_last_10_games": 28.6, "points_mean_season": 24.2807,
        "points_standard_deviation_last_10_games": 12.7732, "games_last_7_days": 3, "minutes_sum_last_7_days": 97,
        "rest_days": 2, "is_back_to_back": 0, "minutes_mean_last_10_games": 31.9,
        "points_per_minute_last_10_games": 0.8966, "free_throw_point_pct_last_10_games": 0.2028,
        "points_trend_level_last_5_games": -2, "points_mean_versus_opponent_last_1095_days": 27.5,
        "games_versus_opponent_last_1095_days": 4, "home_court_level": 1,
    },
    "0022400561 1628404": {  # Josh Hart, 2025-01-15
        "games_played_season": 40, "points_mean_last_3_games": 13.0, "points_mean_last_5_games": 15.0,
        "points_mean_last_10_games": 14.7, "points_mean_season": 14.3250,
        "points_standard_deviation_last_10_games": 5.9076, "games_last_7_days": 4, "minutes_sum_last_7_days": 141,
        "rest_days": 2, "is_back_to_back": 0, "minutes_mean_last_10_games": 39.2,
        "points_per_minute_last_10_games": 0.3750, "free_throw_point_pct_last_10_games": 0.1837,
        "points_trend_level_last_5_games": -2, "points_mean_versus_opponent_last_1095_days": 15.0,
        "games_versus_opponent_last_1095_days": 12, "home_court_level": 0,
    },
}  # fmt: skip

DATES = [
    date(2021, 10, 20),
    date(2022, 4, 10),
    date(2022, 10, 25),
    date(2023, 2, 15),
    date(2024, 1, 15),
    date(2024, 4, 20),
    date(2024, 12, 1),
    date(2025, 1, 15),
    date(2025, 6, 22),
]

TABLES_BUILT = (
    "upcoming_players",
    "player_form",
    "player_shot_zones",
    "team_defense_zones",
    "matchups",
    "career_form",
    "team_outlook",
    "expected_absences",
    "features",
)
AS_OF = datetime(2025, 9, 1, tzinfo=UTC)

Seasons = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> Seasons:
    """Every table of the four seasons, computed together."""
    clock = Clock(fixed_at=AS_OF.isoformat())
    landing = Landing(home=str(tmp_path_factory.mktemp("landing")), clock=clock)
    archive, dates = Archive(folder=str(DATA), landing=landing, clock=clock), days(date(2021, 10, 1), date(2025, 6, 22))
    schedule, boxscores = archive.schedule(dates), archive.boxscores(dates)
    teams = complete_with_sums(archive.team_boxscores(dates), boxscores)
    without = {name: table.empty() for name, table in SOURCES.items()}
    world = {**without, "schedule": schedule, "boxscores": boxscores, "team_boxscores": teams}
    return derive(world, schedule["game_date"].unique().sort().to_list(), AS_OF)


@pytest.mark.parametrize("key", GOLDEN)
def test_the_row_of_a_real_player(seasons: Seasons, key: str) -> None:
    game_id, player_id = key.split()
    row = seasons["features"].row(
        by_predicate=(pl.col("game_id") == game_id) & (pl.col("player_id") == int(player_id)), named=True
    )
    assert {name: row[name] for name in GOLDEN[key]} == pytest.approx(GOLDEN[key], abs=5e-5)


@pytest.mark.parametrize("day", DATES, ids=str)
def test_a_date_computed_from_its_past_alone_is_bit_identical(seasons: Seasons, day: date) -> None:
    """The input is shuffled and has only the history that the asset reads."""
    past = {name: before(seasons[name], day, 1100) for name in ("boxscores", "team_boxscores")}
    schedule = pl.concat([before(seasons["schedule"], day, 1100), seasons["schedule"].filter(game_date=day)])
    alone = derive({**seasons, **past, "schedule": schedule}, [day], AS_OF)
    for name in TABLES_BUILT:
        assert_frame_equal(alone[name], seasons[name].filter(game_date=day), check_exact=True)


def test_every_summary_and_feature_row_conforms(seasons: Seasons) -> None:
    for name in (SUMMARIES.name, TEAM_SUMMARIES.name, *TABLES_BUILT):
        assert TABLES[name].schema.is_valid(seasons[name].drop("source")), name


def test_usage_of_a_team_sums_to_one(seasons: Seasons) -> None:
    used = pl.col("usage_pct") * pl.col("minutes") / (48 + 5 * pl.col("overtimes"))
    sums = seasons["player_game_summary"].filter(pl.col("minutes") >= 1).group_by("game_id", "team").agg(used.sum())["usage_pct"]
    assert sums.filter(sums > 0).median() == pytest.approx(1.0, abs=0.005)


def test_no_feature_window_includes_its_own_game(seasons: Seasons) -> None:
    """The match-rate probe: a leaked store shows 72 %; by chance a game equals the one that left the window."""
    leaked = (
        seasons["player_game_summary"]
        .sort("player_id", "game_date")
        .select(
            "game_id",
            "player_id",
            pl.col("points").rolling_mean(5).over("player_id", "season").alias("with_the_game"),
        )
    )
    rows = seasons["features"].join(leaked, on=["game_id", "player_id"]).drop_nulls("points_mean_last_5_games")
    share = rows.select((pl.col("points_mean_last_5_games") - pl.col("with_the_game")).abs().lt(1e-9).mean()).item()
    assert rows.height > 90_000
    assert share < 0.10


def before(frame: pl.DataFrame, day: date, reach: int) -> pl.DataFrame:
    """Returns the rows of the given number of days before the date, in another order."""
    past = pl.col("game_date").is_between(day - timedelta(days=reach), day - timedelta(days=1))
    return frame.filter(past).sample(fraction=1, shuffle=True, seed=11)
