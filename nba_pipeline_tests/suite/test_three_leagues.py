"""The games of three leagues on the same dates: each league has the summaries and features that it has alone.

Fifteen games are the most that thirty clubs can play on a date.
"""

from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.audit.derivations import FEATURE_TABLES, SUMMARIES
from nba_pipeline.audit.recompute import World, derive
from nba_pipeline.audit.worlds import ordered
from nba_pipeline.league.teams import TEAMS
from nba_pipeline_tests.builders_audit import DATES, a_world
from nba_pipeline_tests.builders_audit import TEAMS as CLUBS

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=1, group="three leagues")]

LEAGUES, DAY, LATER = range(3), DATES[-1], datetime(2024, 1, 1, tzinfo=UTC)
OTHERS = [team for team in TEAMS if team not in CLUBS]
PLAYERS = 10_000
"""More than the highest player id of one league."""

OF_ALL_TEAMS = {
    # averages of the league, and differences from them
    "league_pace", "pace_score", "free_throw_points_effect", "shot_zone_mismatch_score",
    "paint_field_goal_pct_points_above_league", "three_point_field_goal_pct_points_above_league",
    # games of similar players
    "points_mean_similar_games", "same_venue_pct_similar_games", "missing_features",
    # how often players with a status in the injury report play
    "plays_probability", "absent_minutes_expected", "absent_points_expected", "absent_minutes_of_the_position_expected",
    "available_minutes_expected", "minutes_share_expected", "absent_minutes_change", "absent_points_change",
}  # fmt: skip
"""Columns that games of other clubs change."""


def moved(world: World, league: int) -> World:
    """The same games with clubs, players and game ids of their own."""
    clubs = dict(zip(CLUBS, [*CLUBS, *OTHERS][len(CLUBS) * league :], strict=False))
    return {name: rows.with_columns(_renamed(rows.columns, clubs, league)) for name, rows in world.items()}


def _renamed(columns: list[str], clubs: dict[str, str], league: int) -> list[pl.Expr]:
    teams = [pl.col(name).replace(clubs) for name in ("team", "opponent", "home_team", "away_team") if name in columns]
    players = [pl.col(name) + PLAYERS * league for name in columns if name.endswith("player_id")]
    games = [pl.col(name).str.replace("^0", str(league)) for name in ("game_id",) if name in columns]
    return [*teams, *players, *games]


@pytest.fixture(scope="module")
def leagues() -> list[World]:
    """Three leagues with other results, lines and reports."""
    return [moved(a_world(seed=league), league) for league in LEAGUES]


@pytest.fixture(scope="module")
def alone(leagues: list[World]) -> list[World]:
    return [derive(world, [DAY], LATER) for world in leagues]


@pytest.fixture(scope="module")
def together(leagues: list[World]) -> World:
    joined = {name: pl.concat([world[name] for world in leagues]).unique(maintain_order=True) for name in leagues[0]}
    return derive(ordered(joined), [DAY], LATER)


def test_three_leagues_play_at_once(together: World) -> None:
    assert together["schedule"].filter(game_date=DAY).height == 15
    assert together["features"].filter(game_date=DAY).select("game_id", "player_id").n_unique() == 270


@pytest.mark.parametrize("table", [*SUMMARIES, *FEATURE_TABLES])
def test_a_league_has_the_rows_that_it_has_alone(alone: list[World], together: World, table: str) -> None:
    expected = pl.concat([world[table] for world in alone])
    key = [name for name in ("game_date", "game_id", "player_id", "team") if name in expected.columns]
    own = [name for name in expected.columns if name not in OF_ALL_TEAMS]
    assert_frame_equal(together[table].select(own).sort(key), expected.select(own).sort(key))
