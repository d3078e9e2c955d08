"""The facts of a slate that a test fills by hand. No job runs."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_game, an_expected_player, frame_of
from nba_pipeline_tests.builders_predictions import BEFORE_TIPOFF, TIPOFF, a_feature_row

Slate = Callable[..., SlateFacts]


@pytest.fixture
def slate(tmp_path: Path) -> Slate:
    """Returns a function that writes rows of tables on DAY and returns its facts at an instant, by default before tip-off.

    Without rows of its own, a slate has one scheduled game and one expected player with features. A table that is None is not
    written.
    """

    def write(now: datetime = BEFORE_TIPOFF, **rows: list[Values] | None) -> SlateFacts:
        warehouse, clock = LocalWarehouse(home=str(tmp_path)), Clock(fixed_at=now.isoformat())
        usual = {
            "schedule": [a_game(tipoff_at=TIPOFF, status="scheduled", home_points=None, away_points=None)],
            "upcoming_players": [an_expected_player()],
            "features": [a_feature_row()],
        }
        for name, of_table in (usual | rows).items():
            if of_table is None:
                continue
            table: Table = TABLES[name]
            lineage = {"as_of": now, "code_version": "1", "source": "test"}
            frame = frame_of(table, *(lineage | {"game_date": DAY} | row for row in of_table))
            (warehouse.add if table.write == "add" else warehouse.replace)(table, [DAY], frame, "test")
        return SlateFacts(warehouse, Landing(home=str(tmp_path), clock=clock), clock, None, DAY)

    return write
