"""Slices of a world by date."""

from datetime import timedelta

from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import before, between, since
from nba_pipeline_tests.audit.conftest import CONTROL


def test_a_world_is_cut_by_its_dates(world: World) -> None:
    boxscores = world["boxscores"]
    assert before(boxscores, CONTROL)["game_date"].max() == CONTROL - timedelta(days=2)
    assert since(boxscores, CONTROL)["game_date"].min() == CONTROL
    assert between(boxscores, CONTROL, CONTROL)["game_date"].unique().to_list() == [CONTROL]
    assert before(boxscores.clear(), CONTROL).is_empty()
