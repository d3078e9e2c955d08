"""Worlds with added lines and reports."""

from datetime import timedelta

import polars as pl

from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.snapshots import with_lines_just_before, with_reports_just_before, with_snapshots_in_play
from nba_pipeline.audit.worlds import PLAYER


def test_in_play_snapshots_are_marked_unmarked_or_without_an_instant(world: World) -> None:
    later = with_snapshots_in_play(world)
    added = later["prop_lines"].join(
        world["prop_lines"], on=["game_id", "player_id", "snapshot_at", "book"], how="anti", nulls_equal=True
    )
    when = pl.when(pl.col("snapshot_at").is_null()).then(pl.lit("unknown")).when(pl.col("snapshot_at") == pl.col("tipoff_at"))
    kinds = (
        added.select(when.then(pl.lit("tip-off")).otherwise(pl.lit("in play")).alias("when"), "is_before_tipoff")
        .unique()
        .sort("when", "is_before_tipoff")
    )
    assert kinds.rows() == [("in play", None), ("in play", False), ("tip-off", False), ("unknown", None)]
    assert added.select(PLAYER).n_unique() == world["boxscores"].height
    assert (later["injuries"]["snapshot_at"].is_not_null()).all()


def test_snapshots_of_a_game_without_a_tipoff_are_from_the_next_noon(world: World) -> None:
    unknown = world["schedule"].with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("tipoff_at"))
    later = with_snapshots_in_play({**world, "schedule": unknown, "injuries": world["injuries"].clear()})["injuries"]
    after = later.select(
        (pl.col("snapshot_at") - pl.col("game_date").cast(pl.Datetime("us", "UTC"))).dt.total_hours().unique().sort()
    )
    assert after.to_series().to_list() == [36]
    assert later["is_before_tipoff"].unique().sort().to_list() == [None, False]


def test_a_line_and_a_report_are_added_one_second_before_tipoff(world: World) -> None:
    person = world["boxscores"].head(1).join(world["schedule"].select("game_id", "tipoff_at"), on="game_id")
    for altered, name in (
        (with_lines_just_before(world, person, 30.5), "prop_lines"),
        (with_reports_just_before(world, person, "doubtful"), "injuries"),
    ):
        added = altered[name].join(world[name], on=["game_id", "player_id", "snapshot_at"], how="anti")
        assert added.select(pl.col("tipoff_at") - pl.col("snapshot_at"), "is_before_tipoff").rows() == [
            (timedelta(seconds=1), True)
        ]
