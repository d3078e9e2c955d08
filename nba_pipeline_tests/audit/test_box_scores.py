"""Worlds with changed box scores. Every game stays complete."""

import polars as pl
import pytest

from nba_pipeline.audit.box_scores import with_more_threes
from nba_pipeline.audit.recompute import World, summaries_of
from nba_pipeline.audit.worlds import PLAYER, between
from nba_pipeline.completeness import gates
from nba_pipeline_tests.audit.conftest import CONTROL, LATER

pytestmark = pytest.mark.slow


def test_a_game_with_more_threes_stays_complete(world: World) -> None:
    rows = between(world["boxscores"], CONTROL, CONTROL).filter("did_play").head(2).select(*PLAYER, threes=pl.lit(5, pl.Int64))
    changed = with_more_threes(world, rows)
    assert gates.judge_games(changed["schedule"], changed["boxscores"])["is_complete"].all()
    was, now = (summaries_of(w, LATER)["player_game_summary"].join(rows, on=PLAYER).sort(PLAYER) for w in (world, changed))
    assert (now["points"] - was["points"]).to_list() == [15, 15]
    assert (now["three_point_fgm"] - was["three_point_fgm"]).to_list() == [5, 5]
    totals = changed["team_boxscores"].join(rows, on="game_id")
    assert (
        totals.filter(pl.col("points") == 2 * (pl.col("fgm") - pl.col("fg3m")) + 3 * pl.col("fg3m") + pl.col("ftm")).height
        == totals.height
    )
