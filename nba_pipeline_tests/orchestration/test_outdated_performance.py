"""Dates whose performance is older than the grades in its windows."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.system_performance import TABLE as PERFORMANCE
from nba_pipeline.orchestration.outdated_performance import outdated_performance
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, at, frame_of

NEXT = DAY + timedelta(days=1)
JULY = date(2024, 7, 1)
NOON, EVENING = at(12), at(20)


def written(warehouse: LocalWarehouse, table: Table, day: date, as_of: datetime) -> None:
    """Writes a row of a date, as of an instant."""
    values = {name: 0 for name, kind in table.dtypes.items() if kind == pl.Int64()}
    values |= dict.fromkeys((name for name, kind in table.dtypes.items() if kind == pl.String()), "x")
    row = frame_of(table, values | {"game_date": day, "as_of": as_of})
    (warehouse.add if table.is_ledger else warehouse.replace)(table, [day], row, "test")


def test_a_later_grade_makes_the_performance_of_later_dates_outdated(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    written(warehouse, GRADES, DAY, EVENING)
    for day in (DAY, NEXT, JULY):
        written(warehouse, PERFORMANCE, day, NOON)
    # DAY itself follows its own grades; 1 July is another season
    assert outdated_performance(warehouse, [DAY, NEXT, JULY]) == {NEXT: ([DAY], EVENING)}
    written(warehouse, PERFORMANCE, NEXT, EVENING)
    assert outdated_performance(warehouse, [DAY, NEXT, JULY]) == {}


def test_a_home_without_performance_has_none_outdated(tmp_path: Path) -> None:
    assert outdated_performance(LocalWarehouse(home=str(tmp_path)), [DAY]) == {}
