"""Copying between two warehouses: copied rows, unchanged rows, reported differences."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import days
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.copying import Copied, Replaced, checksum, copy
from nba_pipeline.warehouse.local import LocalWarehouse

pytestmark = pytest.mark.slow

DAY = date(2024, 3, 12)  # a Tuesday
NEXT = date(2024, 3, 13)
NOON = datetime(2024, 3, 12, 16, 0, 0, 123456, UTC)
WEEK = days(DAY, DAY + timedelta(days=6))


class ToyRows(Row):
    """A column of each type that tables have; the second key column is nullable."""

    game_id = dy.String(description="game")
    book = dy.String(nullable=True, description="book")
    points = dy.Int64(nullable=True, description="points")
    share_pct = dy.Float64(nullable=True, description="share")
    did_play = dy.Bool(nullable=True, description="played")
    seen_at = dy.Datetime(nullable=True, time_zone="UTC", description="when")
    reasons = dy.List(dy.String(), nullable=True, description="why")


def a_toy_table(name: str, **fields: Any) -> Table:
    return Table(name, grain="toy", key=("game_id", "book"), schema=ToyRows, **fields)


def rows(table: Table, *days_and_counts: tuple[date, int], **values: Any) -> pl.DataFrame:
    """The given number of rows per date; every third row is null outside its key."""
    results = []
    for day, count in days_and_counts:
        for n in range(count):
            row = {"game_date": day, "game_id": f"{n:010d}", "source": f"land/{n}", "as_of": NOON, "code_version": "7"}
            if n % 3 != 2:
                row |= {"book": "fanduel", "points": n, "share_pct": n / 3, "did_play": n % 2 == 0, "seen_at": NOON}
                row |= {"reasons": ["späte Linie", ""][: n % 3 + 1]}
            results.append(row | values)
    return pl.DataFrame(results, schema=table.dtypes)


def quarantined(table: Table, day: date, problem: str = "points|min") -> pl.DataFrame:
    row = {"table": table.name, "game_date": day, "problem": problem, "row": '{"points": -1}', "source": "land/9", "as_of": NOON}
    return pl.DataFrame([row], schema=dict(QUARANTINE_SCHEMA))


def stored_rows(warehouse: Warehouse, table: Table) -> pl.DataFrame:
    return warehouse.scan(table).sort("game_date", *table.key).collect()


def counts(records: Sequence[Copied]) -> list[tuple[str, int, int, int]]:
    return [(record.name, record.written, record.matching, record.rows) for record in records if "quarantine" not in record.name]


def named(records: Sequence[Copied]) -> list[str]:
    return [str(difference) for record in records for difference in record.differences]


@pytest.fixture
def toy() -> Iterator[Table]:
    yield a_toy_table("toy_lines")
    del TABLES["toy_lines"]


@pytest.fixture
def ledger() -> Iterator[Table]:
    yield a_toy_table("toy_ledger", write="add")
    del TABLES["toy_ledger"]


@pytest.fixture
def source(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path / "source"))


@pytest.fixture
def target(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path / "target"))


# Copied rows


def test_rows_lineage_and_quarantine_arrive_as_they_are(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, WEEK, rows(toy, (DAY, 5), (NEXT, 4)), "me")
    source.quarantine(toy, WEEK, quarantined(toy, NEXT))
    assert counts(list(copy(source, target, WEEK, ["toy_lines"]))) == [("toy_lines", 7, 0, 9)]
    assert_frame_equal(stored_rows(target, toy), stored_rows(source, toy))
    assert_frame_equal(target.scan_quarantine(toy).collect(), quarantined(toy, NEXT))


def test_an_empty_date_is_copied_and_a_date_never_written_is_not(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, WEEK[:2], rows(toy, (DAY, 1)), "me")
    target.replace(toy, [WEEK[5]], rows(toy, (WEEK[5], 2)), "me")
    list(copy(source, target, WEEK, ["toy_lines"]))
    assert target.dates(toy) == {*WEEK[:2], WEEK[5]}
    assert stored_rows(target, toy).height == 3


def test_replaced_rows_take_the_place_of_more_rows_also_where_rows_are_only_added(
    source: Warehouse, target: Warehouse, ledger: Table
) -> None:
    source.replace(ledger, [DAY], rows(ledger, (DAY, 2), code_version="8"), "me")
    target.add(ledger, [DAY], rows(ledger, (DAY, 9)), "me")
    records = list(copy(source, target, WEEK, ["toy_ledger"], rows=Replaced))
    assert named(records) == [] and counts(records) == [("toy_ledger", 1, 0, 2)]
    assert_frame_equal(stored_rows(target, ledger), stored_rows(source, ledger))


def test_dates_outside_the_range_are_not_copied(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, WEEK, rows(toy, *((day, 1) for day in WEEK)), "me")
    assert counts(list(copy(source, target, WEEK[2:4], ["toy_lines"]))) == [("toy_lines", 2, 0, 2)]
    assert target.dates(toy) == set(WEEK[2:4])


def test_tables_are_copied_in_the_given_order_and_in_chunks(
    source: Warehouse, target: Warehouse, toy: Table, ledger: Table
) -> None:
    for table in (toy, ledger):
        source.replace(table, WEEK, table.empty(), "me")
    results = list(copy(source, target, WEEK, ["toy_ledger", "toy_lines"], dates_per_chunk=4))
    assert [(record.name, record.first, record.last) for record in results] == [
        (name, first, last)
        for table in ("toy_ledger", "toy_lines")
        for name in (f"quarantine of {table}", table)
        for first, last in ((WEEK[0], WEEK[3]), (WEEK[4], WEEK[6]))
    ]


def test_the_week_in_which_the_range_begins_has_its_model(source: Warehouse, target: Warehouse) -> None:
    monday = date(2024, 3, 11)
    table = TABLES.get("points_model") or a_toy_table("points_model")
    is_ours = table.schema is ToyRows
    try:
        source.replace(table, [monday], table.empty(), "me")
        list(copy(source, target, WEEK, ["points_model"]))
        assert target.dates(table) == {monday}
    finally:
        if is_ours:
            del TABLES["points_model"]


def test_rows_no_longer_quarantined_in_the_source_are_deleted_in_the_target(
    source: Warehouse, target: Warehouse, toy: Table
) -> None:
    source.replace(toy, [DAY], toy.empty(), "me")
    target.quarantine(toy, [DAY], quarantined(toy, DAY))
    list(copy(source, target, [DAY], ["toy_lines"]))
    assert target.scan_quarantine(toy).collect().is_empty()


def test_quarantined_rows_of_a_failed_run_are_copied_without_a_partition(
    source: Warehouse, target: Warehouse, toy: Table
) -> None:
    source.quarantine(toy, [DAY], quarantined(toy, DAY))
    list(copy(source, target, WEEK, ["toy_lines"]))
    assert_frame_equal(target.scan_quarantine(toy).collect(), quarantined(toy, DAY))
    assert target.dates(toy) == set()


# Repeated copies


def test_a_copy_that_is_repeated_writes_nothing(source: Warehouse, target: LocalWarehouse, toy: Table) -> None:
    source.replace(toy, WEEK, rows(toy, (DAY, 5)), "me")
    source.quarantine(toy, WEEK, quarantined(toy, DAY))
    list(copy(source, target, WEEK, ["toy_lines"]))
    files = {path: path.stat().st_mtime_ns for path in Path(target.home).rglob("*.parquet")}
    assert {(record.written, record.matching) for record in copy(source, target, WEEK, ["toy_lines"])} == {(0, 7)}
    assert {path: path.stat().st_mtime_ns for path in Path(target.home).rglob("*.parquet")} == files


def test_an_interrupted_copy_resumes(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, WEEK, rows(toy, *((day, 2) for day in WEEK)), "me")
    copying = copy(source, target, WEEK, ["toy_lines"], dates_per_chunk=3)
    while next(copying).name != "toy_lines":
        pass
    copying.close()
    assert target.dates(toy) == set(WEEK[:3])
    assert counts(list(copy(source, target, WEEK, ["toy_lines"], dates_per_chunk=3))) == [
        ("toy_lines", 0, 3, 0),
        ("toy_lines", 3, 0, 6),
        ("toy_lines", 1, 0, 2),
    ]


def test_a_date_with_a_changed_cell_is_copied(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, [DAY, NEXT], rows(toy, (DAY, 2), (NEXT, 2)), "me")
    list(copy(source, target, WEEK, ["toy_lines"]))
    source.replace(toy, [NEXT], rows(toy, (NEXT, 2), code_version="8"), "me")
    assert counts(list(copy(source, target, WEEK, ["toy_lines"]))) == [("toy_lines", 1, 1, 2)]
    assert_frame_equal(stored_rows(target, toy), stored_rows(source, toy))


def test_a_dry_run_reports_the_copy_and_writes_nothing(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, [DAY, NEXT], rows(toy, (DAY, 5), (NEXT, 4)), "me")
    source.quarantine(toy, [DAY], quarantined(toy, DAY))
    target.replace(toy, [DAY], rows(toy, (DAY, 5)), "me")
    results = list(copy(source, target, WEEK, ["toy_lines"], dry_run=True))
    assert counts(results) == [("toy_lines", 1, 1, 4)] and named(results) == []
    assert target.dates(toy) == {DAY} and target.scan_quarantine(toy).collect().is_empty()


# Differences after the copy


def test_a_ledger_gains_rows_and_loses_none(source: Warehouse, target: Warehouse, ledger: Table) -> None:
    source.add(ledger, WEEK[:2], rows(ledger, (DAY, 4), (NEXT, 1)), "me")
    target.add(ledger, [DAY], rows(ledger, (DAY, 2)), "me")
    results = list(copy(source, target, WEEK, ["toy_ledger"]))
    assert named(results) == []
    assert_frame_equal(stored_rows(target, ledger), stored_rows(source, ledger))


def test_a_ledger_with_other_values_is_reported_and_unchanged(source: Warehouse, target: Warehouse, ledger: Table) -> None:
    source.add(ledger, WEEK[:2], rows(ledger, (DAY, 2), (NEXT, 1)), "me")
    target.add(ledger, WEEK[:2], rows(ledger, (DAY, 2), (NEXT, 3), points=99), "me")
    before = stored_rows(target, ledger)
    assert named(list(copy(source, target, WEEK, ["toy_ledger"]))) == [
        "toy_ledger 2024-03-12: 2 rows in the source, 2 rows in the target, with other values",
        "toy_ledger 2024-03-13: 1 row in the source, 3 rows in the target",
    ]
    assert_frame_equal(stored_rows(target, ledger), before)


def test_a_shrinking_date_is_reported_and_the_others_are_copied(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, [DAY, NEXT], rows(toy, (DAY, 7), (NEXT, 1)), "me")
    target.replace(toy, [DAY], rows(toy, (DAY, 10)), "me")
    results = list(copy(source, target, WEEK, ["toy_lines"]))
    assert named(results) == [
        "toy_lines 2024-03-12: 7 rows in the source, 10 rows in the target; toy_lines 2024-03-12: 7 rows would replace 10, fewer than the required 80%; nothing was written"
    ]
    assert stored_rows(target, toy)["game_date"].value_counts(sort=True).rows() == [(DAY, 10), (NEXT, 1)]


def test_rows_that_get_lost_on_the_way_are_noticed(tmp_path: Path, source: Warehouse, toy: Table) -> None:
    class Leaky(LocalWarehouse):
        def replace(
            self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
        ) -> None:
            super().replace(table, dates[1:], frame.filter(pl.col("game_date") != dates[0])[1:], writer, excused)

    source.replace(toy, [DAY, NEXT], rows(toy, (DAY, 2), (NEXT, 2)), "me")
    assert named(list(copy(source, Leaky(home=str(tmp_path / "leaky")), WEEK, ["toy_lines"]))) == [
        "toy_lines 2024-03-12: 2 rows in the source, never written in the target",
        "toy_lines 2024-03-13: 2 rows in the source, 1 row in the target",
    ]


def test_an_unknown_table_is_refused_before_any_copy(source: Warehouse, target: Warehouse, toy: Table) -> None:
    source.replace(toy, [DAY], toy.empty(), "me")
    with pytest.raises(BadInput, match="unknown table points; choose from"):
        next(copy(source, target, WEEK, ["toy_lines", "points"]))
    assert target.dates(toy) == set()


# The checksum


def test_the_order_of_rows_and_columns_does_not_matter(toy: Table) -> None:
    frame = rows(toy, (DAY, 6))
    assert checksum(toy, frame) == checksum(toy, frame.reverse().select(reversed(frame.columns)))


def test_the_checksum_is_the_same_in_every_process(toy: Table) -> None:
    """A changed checksum makes earlier comparisons worthless, but loses no data."""
    assert checksum(toy, rows(toy, (DAY, 6)))[:16] == "d566f3828d53fbc1"


CELLS = {
    "null is not zero": ({"points": None}, {"points": 0}),
    "null is not empty": ({"book": None}, {"book": ""}),
    "null is not false": ({"did_play": None}, {"did_play": False}),
    "null is not NaN": ({"share_pct": None}, {"share_pct": float("nan")}),
    "the last bit": ({"share_pct": 0.1 + 0.2}, {"share_pct": 0.3}),
    "a microsecond": ({"seen_at": NOON}, {"seen_at": NOON + timedelta(microseconds=1)}),
    "where a text ends": ({"source": "ab", "code_version": "c"}, {"source": "a", "code_version": "bc"}),
    "where an item ends": ({"reasons": ["ab", "c"]}, {"reasons": ["a", "bc"]}),
    "an empty item": ({"reasons": []}, {"reasons": [""]}),
    "the order of a list": ({"reasons": ["a", "b"]}, {"reasons": ["b", "a"]}),
}


@pytest.mark.parametrize(("one", "other"), CELLS.values(), ids=CELLS)
def test_a_cell_makes_another_checksum(toy: Table, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert checksum(toy, rows(toy, (DAY, 1), **one)) != checksum(toy, rows(toy, (DAY, 1), **other))


def test_where_a_list_ends_counts_across_rows(toy: Table) -> None:
    two = rows(toy, (DAY, 2))
    one, other = (two.with_columns(pl.Series("reasons", lists)) for lists in ([["a", "b"], ["c"]], [["a"], ["b", "c"]]))
    assert checksum(toy, one) != checksum(toy, other)


@pytest.mark.parametrize(("one", "other"), [({"share_pct": 0.0}, {"share_pct": -0.0}), ({"reasons": None}, {"reasons": []})])
def test_values_that_a_warehouse_may_not_distinguish_have_one_checksum(
    toy: Table, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert checksum(toy, rows(toy, (DAY, 1), **one)) == checksum(toy, rows(toy, (DAY, 1), **other))


def test_an_altered_row_of_a_ledger_is_named_and_its_date_not_copied(source: LocalWarehouse, target: LocalWarehouse) -> None:
    """The target would record the altered row, and verifying the target could not detect it."""
    table = a_toy_table("toy_record", write="add", is_ledger=True)
    try:
        source.add(table, [DAY, NEXT], rows(table, (DAY, 2), (NEXT, 1)), "test")
        altered = source.scan(table, [DAY]).collect().with_columns(points=pl.lit(99, pl.Int64))
        altered.write_parquet(Path(source.home, "tables", "toy_record", f"game_date={DAY}", "part.parquet"))
        names = named(list(copy(source, target, WEEK, ["toy_record"])))
        assert [name for name in names if "the row was altered" in name and f"toy_record {DAY}" in name] == names != []
        assert_frame_equal(stored_rows(target, table), rows(table, (NEXT, 1)))
    finally:
        del TABLES["toy_record"]
