"""A dataset with ledgers of format 1 is refused by everything except a copy to a local warehouse."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from nba_pipeline import definitions  # noqa: F401  # the modules of the assets register their tables
from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.cli import app
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.bigquery.format_1 import refusal, shape_of_format_1
from nba_pipeline.warehouse.bigquery.format_1_source import Format1Source, source_of_copy
from nba_pipeline.warehouse.bigquery.plan import apply, plan
from nba_pipeline.warehouse.bigquery.shapes import Shape, quarantine_of, shape_of
from nba_pipeline.warehouse.bigquery.writes import Writer
from nba_pipeline.warehouse.copying import copy
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.migration import migrate
from nba_pipeline.warehouse.migration import plan as plan_migration
from nba_pipeline_tests.bigquery.fixtures import PROJECT
from nba_pipeline_tests.bigquery.store import BigQueryStore
from nba_pipeline_tests.builders import DAY
from nba_pipeline_tests.builders_format_1 import (
    ADDED_LATER,
    COLUMNS_OF_FORMAT_1,
    NEXT,
    a_home_of_format_1,
    in_format_1,
    ledgers,
)
from nba_pipeline_tests.warehouse.contract import quarantined_row

BOTH = (PREDICTIONS, GRADES)
NAMES = [table.name for table in BOTH]
RANGE = ["--from", str(DAY), "--to", str(NEXT)]


@pytest.fixture
def only_ledgers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers only these two tables."""
    for name in TABLES.keys() - set(NAMES):
        monkeypatch.delitem(TABLES, name)


def shape_on_disk(name: str) -> Shape:
    """The shape of a ledger as format 1 wrote it, without the columns that were added since."""
    shape = shape_of_format_1(name)
    return replace(shape, columns=tuple(column for column in shape.columns if column.name not in ADDED_LATER))


@pytest.fixture
def old(store: BigQueryStore, only_ledgers: None) -> BigQueryStore:
    """A dataset in format 1, with one non-empty and one empty date."""
    store.make(*(shape for table in BOTH for shape in (shape_on_disk(table.name), quarantine_of(table))))
    warehouse = store.open()
    for table, rows in ledgers().items():
        key = [name for name in table.key if name != "market"]
        before = in_format_1(table, rows)
        Writer(warehouse._connection).replace(shape_on_disk(table.name), key, {DAY: before, NEXT: before.clear()})
    rejected = pl.DataFrame([quarantined_row(DAY, table="grades")], schema=warehouse.scan_quarantine(GRADES).collect_schema())
    warehouse.quarantine(GRADES, [DAY], rejected)
    return store


@pytest.fixture
def migrated(tmp_path: Path) -> LocalWarehouse:
    """A local home with the same rows, converted by `migrate`."""
    home = a_home_of_format_1(tmp_path / "migrated")
    list(migrate(home, plan_migration(home)))
    return LocalWarehouse(home=str(home))


USES: dict[str, Callable[[BigQueryWarehouse, Table], object]] = {
    "preflight": lambda warehouse, _: warehouse.preflight(),
    "scan": lambda warehouse, table: warehouse.scan(table),
    "dates": lambda warehouse, table: warehouse.dates(table),
    "add": lambda warehouse, table: warehouse.add(table, [DAY], ledgers()[table], "me"),
    "replace": lambda warehouse, table: warehouse.replace(table, [DAY], ledgers()[table], "me"),
    "plan": lambda warehouse, _: plan(warehouse.session),
    "apply": lambda warehouse, _: list(apply(warehouse.session)),
}


def stored(warehouse: BigQueryWarehouse | LocalWarehouse, table: Table) -> pl.DataFrame:
    return warehouse.scan(table).sort("game_date", *table.key).collect()


def test_a_dataset_of_format_1_is_recreated() -> None:
    for table in BOTH:
        shape = shape_of_format_1(table.name)
        names = tuple(column.name for column in shape.columns if column.name not in ADDED_LATER)
        assert names == COLUMNS_OF_FORMAT_1[table.name]
        assert shape.cluster == shape_of(table).cluster


def test_every_use_is_refused_with_both_copy_commands(old: BigQueryStore) -> None:
    before = old.effective()
    for name, use in USES.items():
        for table in BOTH:
            with pytest.raises(BadInput) as raised:
                use(old.open(), table)
            expected = {refusal(f"{PROJECT}.{old.dataset}", other.name) for other in BOTH}
            assert str(raised.value) in expected, name
    message = refusal("p.d", "grades")
    assert message.startswith("BigQuery p.d.grades has the shape of format 1; copy the dataset out with `nba-pipeline copy")
    assert "\n" not in message and re.findall(r"--to-warehouse (\w+)", message) == ["local", "bigquery"]
    assert "BIGQUERY_DATASET=<new name> nba-pipeline bigquery apply" in message
    assert old.effective() == before


def test_a_copy_to_a_local_warehouse_converts_as_migrate_does(
    old: BigQueryStore, migrated: LocalWarehouse, tmp_path: Path
) -> None:
    source, target = source_of_copy(old.open_reader()), LocalWarehouse(home=str(tmp_path / "copied"))
    assert isinstance(source, Format1Source)
    source.preflight()
    for written in (2, 0):
        records = list(copy(source, target, [DAY, NEXT], NAMES))
        assert [record.differences for record in records] == [()] * len(records)
        assert [record.written for record in records if "quarantine" not in record.name] == [written] * 2
    for table in BOTH:
        assert target.dates(table) == {DAY, NEXT}
        lists = [name for name, kind in table.dtypes.items() if kind == pl.List]
        assert_frame_equal(stored(target, table), stored(migrated, table).with_columns(pl.col(lists).fill_null([])))
    assert target.scan_quarantine(GRADES).collect().height == 1


def test_a_source_of_format_1_is_read_only(old: BigQueryStore) -> None:
    source = source_of_copy(old.open_reader())
    uses: list[Callable[[], object]] = [
        lambda: source.add(GRADES, [DAY], ledgers()[GRADES], "me"),
        lambda: source.replace(GRADES, [DAY], ledgers()[GRADES], "me"),
        lambda: source.quarantine(GRADES, [DAY], source.scan_quarantine(GRADES).collect()),
        lambda: source.drop(GRADES),
    ]
    for use in uses:
        with pytest.raises(PipelineError, match=r"has the shape of format 1: grades can only be read$"):
            use()


def test_the_command_copies_out_and_is_refused_the_other_way(old: BigQueryStore, tmp_path: Path) -> None:
    out = CliRunner().invoke(app, ["copy", "--from-warehouse", "bigquery", "--to-warehouse", "local", *RANGE])
    assert out.exit_code == 0, out.output
    assert stored(LocalWarehouse(home=str(tmp_path)), GRADES).height == ledgers()[GRADES].height
    back = CliRunner().invoke(app, ["copy", "--from-warehouse", "local", "--to-warehouse", "bigquery", *RANGE])
    assert isinstance(back.exception, BadInput) and "has the shape of format 1" in str(back.exception)


@pytest.fixture
def new_dataset(old: BigQueryStore, tmp_path: Path) -> Iterator[BigQueryStore]:
    store = BigQueryStore(old.emulator, old.proxy, old.admin, f"new_{uuid.uuid4().hex[:12]}", tmp_path)
    store.make(*(shape for table in BOTH for shape in (shape_of(table), quarantine_of(table))))
    yield store
    old.admin.delete_dataset(store.dataset, delete_contents=True)


def test_a_copied_dataset_can_be_copied_into_a_new_one(old: BigQueryStore, new_dataset: BigQueryStore, tmp_path: Path) -> None:
    local = LocalWarehouse(home=str(tmp_path / "between"))
    list(copy(source_of_copy(old.open_reader()), local, [DAY, NEXT], NAMES))
    records = list(copy(local, new_dataset.open_reader(), [DAY, NEXT], NAMES))
    assert [record.differences for record in records] == [()] * len(records)
    assert source_of_copy(new_dataset.open_reader()) is not None and not isinstance(
        source_of_copy(new_dataset.open_reader()), Format1Source
    )
    for table in BOTH:
        assert_frame_equal(stored(new_dataset.open_reader(), table), stored(local, table))


def test_a_source_of_format_1_may_lack_later_columns(old: BigQueryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nullable column that the dataset lacks is null; a table that it lacks is empty."""
    old.admin.delete_table(old.reference.table("grades"))
    old.admin.delete_table(old.reference.table("predictions"))
    shape = shape_of_format_1("predictions")
    without = [column for column in shape.columns if column.name != "injury_status"]
    old.make(type(shape)(shape.name, tuple(without), shape.cluster, shape.description))
    source = source_of_copy(old.open_reader())
    source.preflight()
    assert source.scan(PREDICTIONS, []).collect_schema() == TABLES["predictions"].empty().schema
    assert source.scan(GRADES).collect().is_empty()


def test_a_source_that_differs_in_another_way_is_refused(old: BigQueryStore) -> None:
    old.run_query("ALTER TABLE predictions ADD COLUMN mood STRING")
    with pytest.raises(BadInput, match=r"predictions cannot be copied: column mood is unknown$"):
        source_of_copy(old.open_reader()).preflight()
