"""The last materializations, one at a time and all in one query."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from nba_pipeline.instance.materializations import materialized_at, materialized_dates
from nba_pipeline_tests.instances import instance_without_files

pytestmark = pytest.mark.any_storage

DAY = date(2026, 1, 15)
NEXT = DAY + timedelta(days=1)
NOON = datetime(2026, 1, 15, 17, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return instance_without_files(tmp_path)


def materialize(instance: dg.DagsterInstance, table: str, day: date, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=day.isoformat()))


def test_one_query_returns_the_last_materialization_of_each_table_and_date(instance: dg.DagsterInstance) -> None:
    for minutes, (table, day) in enumerate(
        (("a", DAY), ("a", NEXT), ("b", DAY), ("a", DAY), ("c", DAY), ("a", DAY - timedelta(days=1)))
    ):
        materialize(instance, table, day, NOON + timedelta(minutes=minutes))
    found = materialized_dates(instance, ["a", "b", "never"], [DAY, NEXT])
    assert found == {
        DAY: {"a": NOON + timedelta(minutes=3), "b": NOON + timedelta(minutes=2)},
        NEXT: {"a": NOON + timedelta(minutes=1)},
    }
    assert all(materialized_at(instance, table, day) == at for day, tables in found.items() for table, at in tables.items())


def test_a_wiped_table_counts_as_never_materialized(instance: dg.DagsterInstance) -> None:
    materialize(instance, "a", DAY, NOON)
    materialize(instance, "b", DAY, NOON)
    instance.wipe_assets([dg.AssetKey("a")])
    assert materialized_dates(instance, ["a", "b"], [DAY]) == {DAY: {"b": NOON}}
    assert materialized_at(instance, "a", DAY) is None
