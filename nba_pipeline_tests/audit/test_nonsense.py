"""Worlds with nonsense after tip-off. Every game stays complete."""

import polars as pl
import pytest

from nba_pipeline.audit.nonsense import with_nonsense
from nba_pipeline.audit.recompute import World, summaries_of
from nba_pipeline.audit.snapshots import WILD_LINE
from nba_pipeline.audit.worlds import PLAYER, between, since
from nba_pipeline.completeness import gates
from nba_pipeline_tests.audit.conftest import CONTROL, LATER

pytestmark = pytest.mark.slow


def test_nonsense_games_are_complete_and_differ_in_every_value(world: World) -> None:
    changed = with_nonsense(world, CONTROL)
    assert gates.judge_games(changed["schedule"], changed["boxscores"])["is_complete"].all()
    was, now = (since(summaries_of(w, LATER)["player_game_summary"], CONTROL) for w in (world, changed))
    assert now["has_complete_zones"].drop_nulls().all()
    beside = was.join(now, on=PLAYER, suffix="_now")
    assert beside.height < was.height / 2, "most players are in another game"
    assert (
        was.group_by("team")
        .agg(pl.col("points").sum())
        .join(now.group_by("team").agg(pl.col("points").sum()), on=["team", "points"])
        .is_empty()
    )


def test_nonsense_snapshots_are_extreme_and_later_than_the_remaining_ones(world: World) -> None:
    changed = with_nonsense(world, CONTROL)
    added = between(changed["prop_lines"], CONTROL, CONTROL).join(
        world["prop_lines"], on=["game_id", "player_id", "snapshot_at"], how="anti"
    )
    assert added["line"].unique().to_list() == [WILD_LINE]
    assert not added["is_before_tipoff"].any()
    strangers = between(changed["rosters"], CONTROL, CONTROL).filter(pl.col("spelling") == "A Stranger")
    assert strangers["team"].n_unique() == 10
