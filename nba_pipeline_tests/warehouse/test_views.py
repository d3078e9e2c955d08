"""The latest versions in the views, and the counts of a record."""

from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY
from nba_pipeline_tests.builders_format_1 import ledgers


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """The ledgers for points, and only the first versions for rebounds."""
    warehouse = LocalWarehouse(home=str(tmp_path))
    for table, points in ledgers().items():
        first = pl.col("version" if table is PREDICTIONS else "grade_version") == 1
        rebounds = points.filter(first).with_columns(pl.lit("player_rebounds").alias("market"))
        warehouse.add(table, [DAY], pl.concat([points, rebounds]), "a test")
    return warehouse


def test_each_market_has_its_own_latest_prediction(warehouse: LocalWarehouse) -> None:
    latest = warehouse.sql("SELECT market, player_id, version FROM latest_predictions WHERE player_id > 2 ORDER BY market")
    assert latest.select("market", "version").rows() == [("player_points", 2), ("player_rebounds", 1)]


def test_each_market_has_its_own_latest_grade_and_record(warehouse: LocalWarehouse) -> None:
    latest = warehouse.sql("SELECT market, count(*) AS n FROM latest_grades GROUP BY market ORDER BY market")
    assert latest.rows() == [("player_points", 2), ("player_rebounds", 2)]
    record = warehouse.sql("SELECT market, graded, mae_all FROM season_record ORDER BY market")
    assert record.rows() == [("player_points", 2, 3.0), ("player_rebounds", 2, 3.0)]
    assert warehouse.scan(GRADES).collect().height == 4
