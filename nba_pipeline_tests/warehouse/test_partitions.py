"""Unreadable partitions of the local warehouse are moved aside unchanged; those of a ledger close their date."""

import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet
import pytest
from filelock import FileLock
from polars.testing import assert_frame_equal

from nba_pipeline.errors import Busy, Closed, Damaged
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import checksum, damage, partitions
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.partitions import damage_named, recovering
from nba_pipeline_tests.warehouse import damages
from nba_pipeline_tests.warehouse.contract import DAY, NEXT, Tables, quarantine, quarantined_row, rows, stored_rows

LEDGER = {"write": "add", "is_ledger": True}


@pytest.fixture
def store(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path), lock_wait_seconds=0.3)


@pytest.fixture
def table(store: LocalWarehouse, tables: Tables) -> Table:
    """A table with three rows on DAY and two on NEXT."""
    table = tables("toy_lines")
    store.replace(table, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "test")
    return table


@pytest.fixture
def ledger(store: LocalWarehouse, tables: Tables) -> Table:
    """A ledger with three rows on DAY and two on NEXT."""
    ledger = tables("toy_ledger", **LEDGER)
    store.add(ledger, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "test")
    return ledger


def part(store: LocalWarehouse, table: Table, kind: str = "tables") -> Path:
    return Path(store.home, kind, table.name, f"game_date={DAY}", "part.parquet")


def moved(store: LocalWarehouse) -> list[Path]:
    return sorted(path for path in Path(store.home, "damaged").rglob("part.parquet.*") if path.parts[-4] != "notices")


def unseal(file: Path) -> None:
    """Rewrite a file as earlier versions did, without a checksum."""
    pl.read_parquet(file, hive_partitioning=False).write_parquet(file)


# The checksum


def test_a_sealed_file_is_parquet_for_everybody_else(store: LocalWarehouse, table: Table) -> None:
    file = part(store, table)
    assert checksum.is_sealed(file.read_bytes())
    assert_frame_equal(pl.read_parquet(file, hive_partitioning=False), rows(3))
    assert pyarrow.parquet.read_table(str(file), partitioning=None).num_rows == 3
    assert duckdb.sql(f"SELECT count(*) FROM '{file}'").fetchall() == [(3,)]


def test_every_changed_byte_of_pages_and_footer_is_noticed(store: LocalWarehouse, table: Table) -> None:
    body = part(store, table).read_bytes()
    mark = body.index(checksum.MARK)
    changed = [n for n in range(len(body)) if not mark <= n < mark + len(checksum.MARK)]
    unnoticed = [n for n in changed if partitions._first_problem(body[:n] + bytes([body[n] ^ 1]) + body[n + 1 :]) is None]
    assert unnoticed == []


# Tables


@pytest.mark.parametrize("how", damages.DAMAGES)
def test_an_unreadable_partition_is_moved_byte_for_byte_and_its_date_is_not_written(
    store: LocalWarehouse, table: Table, how: str
) -> None:
    body = damages.damage(part(store, table), how)
    assert stored_rows(store, table)["game_date"].unique().to_list() == [NEXT]
    [copy] = moved(store)
    assert copy.read_bytes() == body and copy.parent == Path(store.home, "damaged", "tables", "toy_lines", f"game_date={DAY}")
    assert store.dates(table) == {NEXT} and store.lost(table).keys() == {DAY}
    [notice] = store.notices()
    assert notice.subject == f"tables/toy_lines/game_date={DAY}/part.parquet" and notice.next_command == "nba-pipeline reconcile"
    assert Path(store.home, notice.moved_to) == copy


@pytest.mark.parametrize("how", damages.DAMAGES)
def test_a_partition_is_replaced_over_an_unreadable_one(store: LocalWarehouse, table: Table, how: str) -> None:
    body = damages.damage(part(store, table), how)
    store.replace(table, [DAY], rows(1), "test")
    assert_frame_equal(stored_rows(store, table, DAY), rows(1))
    assert [copy.read_bytes() for copy in moved(store)] == [body] and store.lost(table) == {}


def test_a_partition_damaged_twice_has_two_copies(store: LocalWarehouse, table: Table) -> None:
    for _ in range(2):
        damages.damage(part(store, table), "empty")
        stored_rows(store, table)
        store.replace(table, [DAY], rows(3), "test")
    assert len(moved(store)) == len(store.notices()) == 2


def test_the_check_before_a_plan_reads_files_that_no_scan_has_read(store: LocalWarehouse, table: Table) -> None:
    damages.damage(part(store, table), "cut off")
    store.check([table], [DAY])
    assert store.dates(table) == {NEXT}


def test_a_query_answers_without_the_unreadable_date(store: LocalWarehouse, table: Table) -> None:
    damages.damage(part(store, table), "cut off")
    assert store.sql("SELECT count(*) AS n FROM toy_lines")["n"].to_list() == [2]
    assert len(moved(store)) == 1


@pytest.mark.parametrize("how", damages.DAMAGES)
def test_an_unreadable_quarantine_is_moved_and_its_date_is_lost(store: LocalWarehouse, table: Table, how: str) -> None:
    quarantine(store, table, [DAY], quarantined_row(DAY))
    body = damages.damage(part(store, table, "quarantine"), how)
    assert store.scan_quarantine(table).collect().is_empty()
    assert [copy.read_bytes() for copy in moved(store)] == [body]
    assert "quarantine" in store.lost(table)[DAY]
    quarantine(store, table, [DAY], quarantined_row(DAY))
    store.replace(table, [DAY], rows(3), "test")
    assert store.lost(table) == {} and store.scan_quarantine(table).collect().height == 1


def test_a_quarantine_written_over_an_unreadable_one_moves_it(store: LocalWarehouse, table: Table) -> None:
    quarantine(store, table, [DAY], quarantined_row(DAY))
    body = damages.damage(part(store, table, "quarantine"), "garbage")
    store.quarantine(table, [DAY], pl.DataFrame(schema=dict(QUARANTINE_SCHEMA)))
    assert [copy.read_bytes() for copy in moved(store)] == [body]


def test_a_file_that_a_writer_replaced_meanwhile_is_not_moved(
    store: LocalWarehouse, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    damages.damage(part(store, table), "empty")
    real = partitions.locked

    def replaced_before_the_lock(*args: object) -> object:
        monkeypatch.setattr(partitions, "locked", real)
        store.replace(table, [DAY], rows(1), "another writer")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(partitions, "locked", replaced_before_the_lock)
    assert stored_rows(store, table, DAY).height == 1
    assert len(moved(store)) == 1 and part(store, table).exists()


def test_two_readers_move_one_file_once(store: LocalWarehouse, table: Table) -> None:
    damages.damage(part(store, table), "empty")
    partitions._checked.clear()
    readers = [threading.Thread(target=stored_rows, args=(store, table)) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(moved(store)) == len(store.notices()) == 1


# Files without a checksum


def page_damaged(store: LocalWarehouse, table: Table) -> bytes:
    """A file of an earlier version with an intact footer and a damaged page."""
    file = part(store, table)
    unseal(file)
    body = file.read_bytes()
    body = body[:4] + b"\xff" * 40 + body[44:]
    file.write_bytes(body)
    return body


def test_a_file_of_an_earlier_version_is_read(store: LocalWarehouse, table: Table) -> None:
    unseal(part(store, table))
    assert stored_rows(store, table, DAY).height == 3


@pytest.mark.parametrize("how", ["empty", "cut off", "garbage"])
def test_an_unreadable_file_of_an_earlier_version_is_moved(store: LocalWarehouse, table: Table, how: str) -> None:
    unseal(part(store, table))
    damages.damage(part(store, table), how)
    assert stored_rows(store, table)["game_date"].unique().to_list() == [NEXT] and len(moved(store)) == 1


def test_a_failed_read_of_a_damaged_page_moves_the_file_and_is_repeated(store: LocalWarehouse, table: Table) -> None:
    body = page_damaged(store, table)
    assert recovering(lambda: stored_rows(store, table))["game_date"].unique().to_list() == [NEXT]
    assert [copy.read_bytes() for copy in moved(store)] == [body]


def test_work_that_cannot_be_repeated_ends_with_the_name_of_the_file(store: LocalWarehouse, table: Table) -> None:
    page_damaged(store, table)
    with pytest.raises(Damaged, match=str(part(store, table))), damage_named():
        stored_rows(store, table)
    assert stored_rows(store, table)["game_date"].unique().to_list() == [NEXT]


def test_an_error_without_an_unreadable_file_propagates(store: LocalWarehouse, table: Table) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError), damage_named():
        store.scan(table).select("nothing").collect()
    assert moved(store) == []


def test_a_damaged_page_of_a_ledger_of_an_earlier_version_closes_its_date(store: LocalWarehouse, ledger: Table) -> None:
    body = page_damaged(store, ledger)
    assert recovering(lambda: stored_rows(store, ledger))["game_date"].unique().to_list() == [NEXT]
    assert part(store, ledger).read_bytes() == body and store.closed(ledger, [DAY, NEXT]).keys() == {DAY}


# Ledgers

WRITES: dict[str, Callable[[LocalWarehouse, Table], object]] = {
    "add": lambda store, ledger: store.add(ledger, [DAY], rows(5), "test"),
    "add of two dates": lambda store, ledger: store.add(ledger, [DAY, NEXT], rows(5), "test"),
    "replace": lambda store, ledger: store.replace(ledger, [DAY], rows(5), "test"),
}


@pytest.mark.parametrize("how", damages.DAMAGES)
def test_an_unreadable_ledger_partition_is_not_moved_and_closes_only_its_date(
    store: LocalWarehouse, ledger: Table, how: str
) -> None:
    body = damages.damage(part(store, ledger), how)
    assert stored_rows(store, ledger)["game_date"].unique().to_list() == [NEXT]
    assert part(store, ledger).read_bytes() == body and moved(store) == []
    assert store.dates(ledger) == {DAY, NEXT} and store.lost(ledger) == {}
    [message] = store.closed(ledger, [DAY, NEXT]).values()
    assert str(part(store, ledger)) in message and damage.RESTORE in message
    assert [(notice.moved_to, notice.next_command) for notice in store.notices()] == [("", damage.RESTORE)]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_to_a_closed_date(
    store: LocalWarehouse, ledger: Table, write: Callable[[LocalWarehouse, Table], object]
) -> None:
    body = damages.damage(part(store, ledger), "cut off")
    with pytest.raises(Closed, match=f"toy_ledger is closed for {DAY}.*nba-pipeline restore"):
        write(store, ledger)
    assert part(store, ledger).read_bytes() == body and stored_rows(store, ledger, NEXT).height == 2


def test_another_date_of_a_ledger_takes_rows(store: LocalWarehouse, ledger: Table) -> None:
    damages.damage(part(store, ledger), "empty")
    assert store.add(ledger, [NEXT], rows(4, NEXT), "test") == 2


def test_a_restored_partition_opens_its_date(store: LocalWarehouse, ledger: Table) -> None:
    rows_before = stored_rows(store, ledger, DAY)
    body = damages.damage(part(store, ledger), "empty")
    assert store.closed(ledger, [DAY])
    store.replace_unreadable(ledger, DAY, rows_before)
    assert [copy.read_bytes() for copy in moved(store)] == [body]
    assert store.closed(ledger, [DAY]) == {} and stored_rows(store, ledger, DAY).height == 3


def test_an_unreadable_lock_file_does_not_hide_that_a_writer_is_busy(store: LocalWarehouse, table: Table) -> None:
    locks = Path(store.home, "locks", table.name)
    with FileLock(locks / f"{DAY}.lock"):
        (locks / f"{DAY}.lock").write_bytes(b"\xff\xfe")
        with pytest.raises(Busy, match=f"toy_lines {DAY} is being written by"):
            store.replace(table, [DAY], rows(1), "test")
