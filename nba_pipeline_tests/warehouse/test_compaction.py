"""Closed months become one file per table: equal rows before, during and after, whenever the process is killed."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import home_format, swap
from nba_pipeline.warehouse.home_format import FORMAT, WITH_MONTHS, format_of, league_of, prepare_write, write_format
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.months import days_of
from nba_pipeline_tests.warehouse.contract import IMPATIENT, Tables, a_table, forgotten_tables, rows, stored_rows
from nba_pipeline_tests.warehouse.damages import damage

pytestmark = pytest.mark.slow

MONTH = days_of(Path("month=2024-02", "part.parquet"))
FIRST, SECOND, EMPTY, UNWRITTEN = MONTH[0], MONTH[1], MONTH[2], MONTH[28]
NEXT_MONTH = date(2024, 3, 1)
TODAY = MONTH[-1] + timedelta(days=SETTINGS.warehouse.compact_after_days)


@pytest.fixture
def store(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path), lock_wait_seconds=IMPATIENT)


@pytest.fixture
def table(store: LocalWarehouse, tables: Tables) -> Table:
    """Two dates with rows and an empty one in February, and a date in March."""
    table = tables("toy_lines")
    for day, count in ((FIRST, 3), (SECOND, 2), (EMPTY, 0), (NEXT_MONTH, 1)):
        store.replace(table, [day], rows(count, day), "me")
    return table


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are deleted by the next compaction."""
    settings = SETTINGS.warehouse.model_copy(update={"copies_kept_hours": -1.0})
    monkeypatch.setitem(SETTINGS.__dict__, "warehouse", settings)


def files(store: LocalWarehouse) -> list[str]:
    folder = Path(store.home, "tables", "toy_lines")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def month(store: LocalWarehouse) -> Path:
    return Path(store.home, "tables", "toy_lines", "month=2024-02", "part.parquet")


def day_file(store: LocalWarehouse, day: date) -> Path:
    return Path(store.home, "tables", "toy_lines", f"game_date={day}", "part.parquet")


def test_a_closed_month_becomes_one_file_with_the_same_rows_and_dates(store: LocalWarehouse, table: Table, no_wait: None) -> None:
    before, dates = stored_rows(store, table), store.dates(table)
    assert store.compact([table], TODAY) == "compacted 1 month, deleted 0 copied date files"
    assert_frame_equal(stored_rows(store, table), before)
    assert store.compact([table], TODAY) == "compacted 0 months, deleted 3 copied date files"
    assert files(store) == ["game_date=2024-03-01/part.parquet", "month=2024-02/part.parquet"]
    assert store.compact([table], TODAY) == ""
    assert_frame_equal(stored_rows(store, table), before)
    assert_frame_equal(
        store.scan(table, [NEXT_MONTH, SECOND, UNWRITTEN]).collect(), pl.concat([rows(2, SECOND), rows(1, NEXT_MONTH)])
    )
    assert store.dates(table) == dates
    assert (
        store.sql("SELECT game_date, game_id FROM toy_lines ORDER BY ALL").rows() == before.select("game_date", "game_id").rows()
    )


def test_copies_are_kept_for_readers_that_planned_to_read_them(store: LocalWarehouse, table: Table) -> None:
    planned = store.scan(table)
    for _ in range(3):
        store.compact([table], TODAY)
    assert len(files(store)) == 5
    assert planned.collect().height == 6


def test_a_reader_reads_each_date_once_although_its_month_file_is_replaced(
    store: LocalWarehouse, table: Table, no_wait: None
) -> None:
    """The new month file has a date that the reader planned to read from its date file, and one that it did not ask for."""
    compact_twice(store, table)
    of_old_dates = store.scan(table, [FIRST, SECOND, EMPTY])
    store.replace(table, [UNWRITTEN], rows(1, UNWRITTEN), "me")
    of_all_dates = store.scan(table)
    assert store.compact([table], TODAY).startswith("compacted 1 month,")
    assert_frame_equal(of_old_dates.collect(), pl.concat([rows(3, FIRST), rows(2, SECOND)]))
    assert_frame_equal(of_all_dates.collect(), stored_rows(store, table))


def test_a_month_is_compacted_some_days_after_its_end(store: LocalWarehouse, table: Table) -> None:
    assert store.compact([table], TODAY - timedelta(days=1)) == ""


def test_ledgers_are_not_compacted(store: LocalWarehouse, tables: Tables) -> None:
    ledger = tables("toy_picks", write="add", is_ledger=True)
    store.add(ledger, [FIRST], rows(1, FIRST), "me")
    assert store.compact([ledger], TODAY) == ""


def test_a_date_of_a_compacted_month_is_replaced_and_compacted_again(store: LocalWarehouse, table: Table, no_wait: None) -> None:
    compact_twice(store, table)
    with pytest.raises(PipelineError, match="1 row would replace 3"):
        store.replace(table, [FIRST], rows(1, FIRST), "me")
    store.replace(table, [FIRST], rows(4, FIRST, points=9), "me")
    store.replace(table, [UNWRITTEN], rows(1, UNWRITTEN), "me")
    expected = pl.concat([rows(4, FIRST, points=9), rows(2, SECOND), rows(1, UNWRITTEN), rows(1, NEXT_MONTH)])
    for _ in range(3):
        assert_frame_equal(stored_rows(store, table), expected)
        assert_frame_equal(store.scan(table).collect(), expected)  # sorted by date, as from date files
        store.compact([table], TODAY)
    assert files(store) == ["game_date=2024-03-01/part.parquet", "month=2024-02/part.parquet"]


def test_rows_are_added_to_a_date_of_a_compacted_month(store: LocalWarehouse, tables: Tables, no_wait: None) -> None:
    table = tables("toy_lines", write="add")
    store.add(table, [FIRST], rows(2, FIRST), "me")
    compact_twice(store, table)
    assert store.add(table, [FIRST], rows(3, FIRST, points=9), "me") == 1
    assert stored_rows(store, table)["points"].to_list() == [1, 1, 9]


@pytest.mark.parametrize("how", ["one byte", "cut off", "empty"])
def test_an_unreadable_month_file_is_moved_aside_and_its_dates_are_lost_until_they_are_written(
    how: str, store: LocalWarehouse, table: Table, no_wait: None
) -> None:
    compact_twice(store, table)
    store.replace(table, [SECOND], rows(2, SECOND), "me")
    damage(month(store), how)
    assert_frame_equal(stored_rows(store, table), pl.concat([rows(2, SECOND), rows(1, NEXT_MONTH)]))
    assert store.dates(table) == {SECOND, NEXT_MONTH}
    assert store.lost(table).keys() == set(MONTH) - {SECOND}
    assert [notice.subject for notice in store.notices()] == ["tables/toy_lines/month=2024-02/part.parquet"]
    assert store.compact([table], TODAY) == ""
    store.replace(table, MONTH, pl.concat([rows(3, FIRST), rows(2, SECOND)]), "me")
    assert store.lost(table) == {}
    compact_twice(store, table)
    assert stored_rows(store, table).height == 6 and store.lost(table) == {}


def test_a_lost_date_does_not_get_the_older_rows_of_its_month_file(store: LocalWarehouse, table: Table, no_wait: None) -> None:
    compact_twice(store, table)
    store.replace(table, [FIRST], rows(3, FIRST, points=9), "me")
    damage(day_file(store, FIRST), "one byte")
    assert stored_rows(store, table, FIRST).is_empty()
    assert FIRST not in store.dates(table) and store.lost(table).keys() == {FIRST}
    assert store.compact([table], TODAY) == ""
    store.replace(table, [FIRST], rows(3, FIRST, points=8), "me")
    compact_twice(store, table)
    assert stored_rows(store, table, FIRST)["points"].to_list() == [8, 8, 8] and store.lost(table) == {}


def test_a_damaged_copy_is_not_read(store: LocalWarehouse, table: Table) -> None:
    store.compact([table], TODAY)
    file = day_file(store, FIRST)
    stat = file.stat()
    with file.open("r+b") as stream:
        stream.seek(stat.st_size // 3)
        stream.write(b"\xff\xff")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert stored_rows(store, table, FIRST).height == 3 and store.notices() == []


def test_a_home_without_month_files_keeps_its_format_and_a_compacted_one_is_refused_by_earlier_versions(
    store: LocalWarehouse, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(store.home)
    assert format_of(home) == FORMAT
    store.compact([table], TODAY)
    assert format_of(home) == WITH_MONTHS
    monkeypatch.setattr(home_format, "READABLE", (FORMAT,))
    monkeypatch.setattr(home_format, "WITH_MONTHS", FORMAT)
    home_format._current.clear()
    with pytest.raises(BadInput, match="has format 3; this version reads format 2; install a newer nba_pipeline"):
        store.scan(table)


def test_recording_the_league_of_a_compacted_home_keeps_its_format(store: LocalWarehouse, table: Table) -> None:
    store.compact([table], TODAY)
    prepare_write(Path(store.home), "simulated")
    assert (format_of(Path(store.home)), league_of(Path(store.home))) == (WITH_MONTHS, "simulated")


def test_nothing_is_compacted_during_the_installation_of_rebuilt_tables(store: LocalWarehouse, table: Table) -> None:
    journal = Path(store.home, "rebuild", "install.json")
    journal.parent.mkdir()
    journal.write_text('{"tables": [], "new": {"tables": [], "quarantine": []}}')
    assert store.compact([table], TODAY) == ""
    swap.finish(Path(store.home))
    assert store.compact([table], TODAY)


def test_a_month_that_is_being_written_is_left_for_the_next_run(
    store: LocalWarehouse, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS.__dict__, "warehouse", SETTINGS.warehouse.model_copy(update={"lock_wait_seconds": 0.05}))
    with store.locked(table, [SECOND], "me"):
        assert store.compact([table], TODAY).endswith("; skipped 1 month with an active writer until the next run")
    assert store.compact([table], TODAY).startswith("compacted 1 month,")


def compact_twice(store: LocalWarehouse, table: Table) -> None:
    """Write the month file, then delete the copies."""
    for _ in range(2):
        store.compact([table], TODAY)
    assert not day_file(store, FIRST).exists()


class Killed(BaseException):
    """The process is killed: nothing of it changes a file any more."""


@contextmanager
def killed_before_change(number: int) -> Iterator[list[str]]:
    """Kill the block before its n-th change of a file. Yields the changes so far."""
    changes = list[str]()

    def limited(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if ".lock" not in str(args[0]):  # the operating system releases locks
                if len(changes) >= number:
                    raise Killed
                changes.append(change.__name__)
            return change(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "unlink", "rmdir"):
            patch.setattr(os, name, limited(getattr(os, name)))
        patch.setattr(pl.DataFrame, "write_parquet", limited(pl.DataFrame.write_parquet))
        with suppress(Killed):
            yield changes


def test_rows_are_equal_wherever_a_compaction_is_killed(store: LocalWarehouse, table: Table, no_wait: None) -> None:
    """Both steps, and a second compaction over a replaced date, killed before each change in turn."""
    expected = stored_rows(store, table)
    reached = 0
    for points in (1, 2):
        store.replace(table, [FIRST], rows(3, FIRST, points=points), "me")
        expected = stored_rows(store, table)
        for number in range(100):
            with killed_before_change(number % 4) as changes:
                store.compact([table], TODAY)
            reached = max(reached, len(changes))
            for reader in (store, LocalWarehouse(home=store.home)):
                assert_frame_equal(stored_rows(reader, table), expected)
                assert reader.dates(table) == {FIRST, SECOND, EMPTY, NEXT_MONTH}
            if files(store) == ["game_date=2024-03-01/part.parquet", "month=2024-02/part.parquet"]:
                break
        else:
            pytest.fail("the compaction never ends")
    assert reached == 3


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.unattended) for seed in range(3, 8))])
def test_any_sequence_of_writes_compactions_and_kills_reads_as_date_files_alone(
    seed: int, store: LocalWarehouse, no_wait: None
) -> None:
    """Compares with a warehouse of the same writes that is never compacted."""
    chance = random.Random(seed)
    plain = LocalWarehouse(home=str(Path(store.home, "plain")))
    with forgotten_tables():
        table = a_table("toy_lines", may_shrink=True)
        for _ in range(25):
            day, action = chance.choice(MONTH[:4]), chance.choice(["replace", "compact", "kill", "restart"])
            if action == "replace":
                frame = rows(chance.randrange(4), day, points=chance.randrange(100))
                for warehouse in (store, plain):
                    warehouse.replace(table, [day], frame, "me")
            elif action == "restart":
                store = LocalWarehouse(home=store.home, lock_wait_seconds=IMPATIENT)
            else:
                with killed_before_change(chance.randrange(6) if action == "kill" else 1000):
                    store.compact([table], TODAY)
            dates = chance.sample(MONTH[:5], 3)
            assert_frame_equal(store.scan(table, dates).collect(), plain.scan(table, dates).collect())
            assert store.dates(table) == plain.dates(table)


def test_a_home_of_the_previous_version_is_compacted(store: LocalWarehouse, table: Table) -> None:
    """Files without a checksum, and without a column that the table gained later."""
    file = day_file(store, FIRST)
    pl.read_parquet(file, hive_partitioning=False).drop("price").write_parquet(file)
    write_format(Path(store.home), FORMAT)
    before = stored_rows(store, table)
    assert store.compact([table], TODAY)
    assert_frame_equal(stored_rows(store, table), before)
    assert before.filter(game_date=FIRST)["price"].null_count() == 3
