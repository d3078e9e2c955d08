"""Altered worlds: changed facts, unchanged facts, and completeness of every altered game."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.audit.box_scores import with_more_threes
from nba_pipeline.audit.known_facts import without_later_facts
from nba_pipeline.audit.nonsense import with_nonsense
from nba_pipeline.audit.recompute import SOURCES, World, summaries_of
from nba_pipeline.audit.snapshots import WILD_LINE, with_lines_just_before, with_reports_just_before, with_snapshots_in_play
from nba_pipeline.audit.worlds import PLAYER, before, between, first_tipoff, since
from nba_pipeline.completeness import gates
from nba_pipeline_tests.audit.conftest import CONTROL, LATER
from nba_pipeline_tests.builders import at

NEXT_DAY = CONTROL + timedelta(days=1)
FIRST_TIPOFF = at(0, day=NEXT_DAY)


def test_a_world_is_cut_by_its_dates(world: World) -> None:
    boxscores = world["boxscores"]
    assert before(boxscores, CONTROL)["game_date"].max() == CONTROL - timedelta(days=2)
    assert since(boxscores, CONTROL)["game_date"].min() == CONTROL
    assert between(boxscores, CONTROL, CONTROL)["game_date"].unique().to_list() == [CONTROL]
    assert before(boxscores.clear(), CONTROL).is_empty()


@pytest.mark.parametrize("name", SOURCES)
def test_facts_known_before_the_date_stay(world: World, name: str) -> None:
    assert world[name].height
    for altered in (without_later_facts(world, CONTROL), with_nonsense(world, CONTROL)):
        assert_frame_equal(before(altered[name], CONTROL), before(world[name], CONTROL))


def test_only_snapshots_and_the_schedule_of_the_date_remain(world: World) -> None:
    left = {name: since(frame, CONTROL) for name, frame in without_later_facts(world, CONTROL).items()}
    assert left["boxscores"].height == left["team_boxscores"].height == left["play_by_play"].height == 0
    assert left["schedule"]["status"].unique().to_list() == ["scheduled"]
    assert left["schedule"].select("home_points", "away_points").null_count().row(0) == (5, 5)
    for name in ("prop_lines", "game_lines", "injuries", "rosters"):
        assert_frame_equal(left[name], between(world[name], CONTROL, CONTROL))


def test_with_a_border_later_arrivals_are_removed_too(world: World) -> None:
    two_hours_before = FIRST_TIPOFF - timedelta(hours=2)
    left = without_later_facts(world, CONTROL, two_hours_before)
    shown = since(left["prop_lines"], CONTROL)["snapshot_at"]
    assert shown.max() < two_hours_before  # type: ignore[operator]
    assert 0 < shown.len() < between(world["prop_lines"], CONTROL, CONTROL).height


def test_a_report_that_arrived_after_the_border_was_not_known(world: World) -> None:
    late = world["injuries"].with_columns(pl.lit(FIRST_TIPOFF).alias("seen_at"))
    assert since(without_later_facts({**world, "injuries": late}, CONTROL, FIRST_TIPOFF)["injuries"], CONTROL).is_empty()


def test_snapshots_of_an_unknown_tipoff_are_removed(world: World) -> None:
    unknown = world["schedule"].with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("tipoff_at"))
    left = without_later_facts({**world, "schedule": unknown}, CONTROL)
    assert since(left["prop_lines"], CONTROL).height == since(left["injuries"], CONTROL).height == 0
    assert first_tipoff({**world, "schedule": unknown}, CONTROL) is None
    assert first_tipoff(world, CONTROL) == FIRST_TIPOFF


def test_nonsense_games_are_complete_and_differ_in_every_value(world: World) -> None:
    changed = with_nonsense(world, CONTROL)
    assert gates.judge_games(changed["schedule"], changed["boxscores"])["is_complete"].all()
    was, now = (since(summaries_of(w, LATER)["player_game_summary"], CONTROL) for w in (world, changed))
    assert now["has_complete_zones"].drop_nulls().all()
    beside = was.join(now, on=PLAYER, suffix="_now")
    assert beside.height < was.height / 2, "most players are in another game"
    assert was.group_by("team").agg(pl.col("points").sum()).join(
        now.group_by("team").agg(pl.col("points").sum()), on=["team", "points"]
    ).is_empty()  # fmt: skip


def test_nonsense_snapshots_are_extreme_and_later_than_the_remaining_ones(world: World) -> None:
    changed = with_nonsense(world, CONTROL)
    added = between(changed["prop_lines"], CONTROL, CONTROL).join(
        world["prop_lines"], on=["game_id", "player_id", "snapshot_at"], how="anti"
    )
    assert added["line"].unique().to_list() == [WILD_LINE]
    assert not added["is_before_tipoff"].any()
    strangers = between(changed["rosters"], CONTROL, CONTROL).filter(pl.col("spelling") == "A Stranger")
    assert strangers["team"].n_unique() == 10


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
