"""Copying into BigQuery and back returns every cell unchanged."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import PipelineError
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.bigquery.shapes import quarantine_of, shape_of
from nba_pipeline.warehouse.copying import copy
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.bigquery.faults import Respond
from nba_pipeline_tests.bigquery.store import BigQueryStore, loads
from nba_pipeline_tests.warehouse.test_copying import DAY, NEXT, WEEK, a_toy_table, counts, named, quarantined, rows, stored_rows

NAMES = ["toy_lines", "toy_ledger"]


@pytest.fixture
def toys(store: BigQueryStore) -> Iterator[tuple[Table, Table]]:
    """A table and a ledger, also in the dataset."""
    toy_tables = a_toy_table("toy_lines"), a_toy_table("toy_ledger", write="add")
    store.make(*(shape for table in toy_tables for shape in (shape_of(table), quarantine_of(table))))
    yield toy_tables
    for table in toy_tables:
        del TABLES[table.name]


@pytest.fixture
def source(tmp_path: Path, toys: tuple[Table, Table]) -> Warehouse:
    """Two dates with rows and an empty one; other dates were never written. Includes values that are stored differently."""
    toy, ledger = toys
    local = LocalWarehouse(home=str(tmp_path / "source"))
    local.replace(toy, WEEK[:3], rows(toy, (DAY, 5), (NEXT, 4)), "me")
    local.quarantine(toy, WEEK[:3], quarantined(toy, NEXT))
    local.add(ledger, [DAY], rows(ledger, (DAY, 3), share_pct=-0.0, reasons=[]), "me")
    return local


def lists_are_never_null(frame: object) -> object:
    return frame.with_columns(frame["reasons"].fill_null([]))  # type: ignore[attr-defined]


def test_a_copy_into_bigquery_and_back_is_identical(
    source: Warehouse, store: BigQueryStore, toys: tuple[Table, Table], tmp_path: Path
) -> None:
    assert named(list(copy(source, store.open_reader(), WEEK, NAMES))) == []
    back = LocalWarehouse(home=str(tmp_path / "back"))
    outcomes = list(copy(store.open_reader(), back, WEEK, NAMES))
    assert counts(outcomes) == [("toy_lines", 3, 0, 9), ("toy_ledger", 1, 0, 3)] and named(outcomes) == []
    for table in toys:
        assert back.dates(table) == source.dates(table) == store.open_reader().dates(table)
        assert_frame_equal(lists_are_never_null(stored_rows(back, table)), lists_are_never_null(stored_rows(source, table)))
        assert_frame_equal(back.scan_quarantine(table).collect(), source.scan_quarantine(table).collect())


def test_a_repeated_copy_starts_no_job(source: Warehouse, store: BigQueryStore) -> None:
    list(copy(source, store.open_reader(), WEEK, NAMES))
    before = store.effective()
    assert {record.written for record in copy(source, store.open(), WEEK, NAMES)} == {0}
    assert store.effective() == before


def test_a_long_range_is_merged_and_agrees(store: BigQueryStore, toys: tuple[Table, Table], tmp_path: Path) -> None:
    toy, dates = toys[0], days(DAY, DAY + timedelta(days=SETTINGS.bigquery.dates_by_load + 1))
    local = LocalWarehouse(home=str(tmp_path / "long"))
    local.replace(toy, dates, rows(toy, *((day, 3) for day in dates[::2])), "me")
    outcomes = list(copy(local, store.open(), dates, ["toy_lines"]))
    assert counts(outcomes) == [("toy_lines", 16, 0, 24)] and named(outcomes) == []
    assert [job.split("_")[0] for job in store.effective()] == ["stage", "merge"]


def test_a_failed_copy_resumes_with_its_date(source: Warehouse, store: BigQueryStore) -> None:
    store.proxy.rule(loads("toy_lines", NEXT), Respond(400, "invalid", "not this one"), times=None)
    with pytest.raises(PipelineError, match=r"loading toy_lines 2024-03-13: .*not this one"):
        list(copy(source, store.open(), WEEK, ["toy_lines"]))
    store.proxy.forget()
    assert counts(list(copy(source, store.open(), WEEK, ["toy_lines"]))) == [("toy_lines", 1, 2, 4)]


def test_rows_that_bigquery_lost_are_copied_again(source: Warehouse, store: BigQueryStore, toys: tuple[Table, Table]) -> None:
    """A user deletes rows that the record of writes lists."""
    list(copy(source, store.open(), WEEK, ["toy_lines"]))
    store.run_query(f"DELETE FROM toy_lines WHERE game_date = DATE '{DAY}' AND game_id = '0000000000'")
    outcomes = list(copy(source, store.open(), WEEK, ["toy_lines"]))
    assert counts(outcomes) == [("toy_lines", 1, 2, 5)] and named(outcomes) == []


def test_a_ledger_with_other_values_is_named(source: Warehouse, store: BigQueryStore, toys: tuple[Table, Table]) -> None:
    ledger = toys[1]
    store.open().add(ledger, [DAY], rows(ledger, (DAY, 3), share_pct=0.5, reasons=[]), "me")
    outcomes = list(copy(source, store.open(), WEEK, ["toy_ledger"]))
    assert named(outcomes) == ["toy_ledger 2024-03-12: 3 rows in the source, 3 rows in the target, with other values"]
    assert stored_rows(store.open(), ledger)["share_pct"].to_list() == [0.5] * 3
