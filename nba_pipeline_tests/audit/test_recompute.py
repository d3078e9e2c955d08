"""Tables derived in memory equal the tables of the platform for the same sources."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.summaries.player_game_summary import TABLE as PLAYER_GAMES
from nba_pipeline.assets.summaries.player_game_summary import player_game_summary
from nba_pipeline.assets.summaries.team_game_summary import TABLE as TEAM_GAMES
from nba_pipeline.assets.summaries.team_game_summary import team_game_summary
from nba_pipeline.audit.box_scores import with_more_threes
from nba_pipeline.audit.recompute import World, summaries_of
from nba_pipeline.audit.worlds import between
from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.step_failures import StepFailure
from nba_pipeline.tables.table import LINEAGE
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_audit import DATES, a_waiver, a_world

pytestmark = pytest.mark.platform

NOW = datetime(2024, 1, 1, tzinfo=UTC)
OPEN, THIN, WAIVED, ODD = DATES[1], DATES[2], DATES[3], DATES[4]
TRIED = [OPEN, THIN, WAIVED, ODD]


@pytest.fixture(scope="module")
def world() -> World:
    """Five rounds. Two lack most box scores, and one of these is waived. Another has an impossible game."""
    league = a_world(DATES[:5])
    boxes = league["boxscores"]
    odd = between(boxes, ODD, ODD).filter("did_play").head(1).select("game_id", "player_id", threes=pl.lit(60, pl.Int64))
    is_lost = pl.col("game_date").is_in([THIN, WAIVED]) & (pl.col("game_id").str.tail(1) != "0")
    changed = with_more_threes({**league, "boxscores": boxes.filter(~is_lost)}, odd)
    return {**changed, "waivers": frame_of(gates.WAIVERS, a_waiver(WAIVED))}


def materialized(world: World, day: date, home: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the summaries that the assets store in the warehouse."""
    warehouse, clock = LocalWarehouse(home=str(home)), Clock(fixed_at=NOW.isoformat())
    warehouse.add(gates.WAIVERS, [day], world["waivers"].filter(game_date=day), "test")
    of_day = {name: between(frame, day, day) for name, frame in world.items()}
    context = dg.build_asset_context(partition_key=str(day))
    try:
        summaries = player_game_summary(
            context,
            **{name: of_day[name] for name in ("schedule", "boxscores", "play_by_play", "prop_lines")},
            warehouse=warehouse,
            clock=clock,
        )
    except StepFailure as failure:
        assert isinstance(failure.__cause__, Closed)
        summaries = PLAYER_GAMES.empty().drop(LINEAGE[1:])
    players, _ = PLAYER_GAMES.conform(summaries, NOW, "1")
    teams = team_game_summary(
        dg.build_asset_context(partition_key=str(day)),
        schedule=world["schedule"],
        team_boxscores=of_day["team_boxscores"],
        player_game_summary=players,
        play_by_play=of_day["play_by_play"],
    )
    return players, TEAM_GAMES.conform(teams, NOW, "1")[0]


@pytest.mark.parametrize("day", TRIED, ids=["open", "closed", "waived", "an impossible game"])
def test_the_summaries_of_a_date_are_those_of_the_assets(world: World, day: date, tmp_path: Path) -> None:
    derived = summaries_of(world, NOW)
    for table, stored in zip((PLAYER_GAMES, TEAM_GAMES), materialized(world, day, tmp_path), strict=True):
        ours = derived[table.name].filter(game_date=day).sort(table.key)
        assert_frame_equal(ours, stored.select(ours.columns).sort(table.key))


def test_closed_dates_and_quarantined_games_are_excluded_and_waived_ones_included(world: World) -> None:
    derived = summaries_of(world, NOW)
    teams = dict(derived["team_game_summary"].group_by("game_date").len().iter_rows())
    assert [teams.get(day, 0) for day in TRIED] == [10, 0, 2, 8]
    ended = world["waivers"].with_columns(ends_at=pl.lit(NOW - timedelta(days=1)).cast(pl.Datetime("us", "UTC")))
    assert summaries_of({**world, "waivers": ended}, NOW)["player_game_summary"].filter(game_date=WAIVED).is_empty()


def test_without_any_complete_game_there_are_no_summaries(world: World) -> None:
    lost = summaries_of({**world, "boxscores": world["boxscores"].clear()}, NOW)
    assert lost["player_game_summary"].is_empty() and lost["team_game_summary"].is_empty()
