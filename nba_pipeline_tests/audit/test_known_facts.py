"""Worlds without the facts that were unknown at an instant."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.audit.known_facts import without_later_facts
from nba_pipeline.audit.nonsense import with_nonsense
from nba_pipeline.audit.recompute import SOURCES, World
from nba_pipeline.audit.worlds import before, between, first_tipoff, since
from nba_pipeline_tests.audit.conftest import CONTROL
from nba_pipeline_tests.builders import at

NEXT_DAY = CONTROL + timedelta(days=1)
FIRST_TIPOFF = at(0, day=NEXT_DAY)


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
