"""The contract of a warehouse, and what is the local one's alone: files, locks, processes that die.

The fixture `warehouse` has one entry per kind of warehouse; everything that takes it holds for all of them.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.calendar import Clock, days
from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.table import TABLES, Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing, Slot
from nba_pipeline.warehouse.local import LocalWarehouse

DAY = date(2024, 3, 12)
NEXT = date(2024, 3, 13)
NOON = datetime(2024, 3, 12, 16, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


class LineRows(Row):
    """A game's lines; the second half of the key may be unknown."""

    game_id = dy.String(description="game")
    book = dy.String(nullable=True, description="book")
    points = dy.Int64(nullable=True, description="points")
    seen_at = dy.Datetime(nullable=True, time_zone="UTC", description="when")


def a_table(name: str, **fields: Any) -> Table:
    return Table(name, grain="line", key=("game_id", "book"), schema=LineRows, **fields)


@pytest.fixture
def tables() -> Iterator[Callable[..., Table]]:
    """Make tables that are forgotten after the test."""
    before = set(TABLES)
    yield a_table
    for name in TABLES.keys() - before:
        del TABLES[name]


@pytest.fixture
def lines(tables: Callable[..., Table]) -> Table:
    return tables("toy_lines")


KINDS: dict[str, Callable[[Path], Warehouse]] = {
    "local": lambda folder: LocalWarehouse(home=str(folder), lock_wait_seconds=0.3),
}


@pytest.fixture(params=KINDS)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return KINDS[request.param](tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path), lock_wait_seconds=0.3)


def rows(count: int, day: date = DAY, points: int | None = 1, book: str | None = "fanduel", first: int = 0) -> pl.DataFrame:
    """Rows of one date in key order."""
    schema = {name: column.dtype for name, column in LineRows.columns().items()}
    data = [
        {"game_date": day, "game_id": f"{n:03d}", "book": book, "points": points, "seen_at": NOON}
        for n in range(first, first + count)
    ]
    return pl.DataFrame(data, schema=schema).with_columns(
        source=pl.lit("box"), as_of=pl.lit(NOON).cast(pl.Datetime("us", "UTC")), code_version=pl.lit("1")
    )


def held(warehouse: Warehouse, table: Table, *dates: date) -> pl.DataFrame:
    return warehouse.scan(table, dates or None).sort("game_date", *table.key).collect()


# replace


def test_what_was_replaced_is_read_back(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(3), "me")
    assert_frame_equal(held(warehouse, lines, DAY), rows(3))


def test_replacing_twice_is_replacing_once(warehouse: Warehouse, lines: Table) -> None:
    for _ in range(2):
        warehouse.replace(lines, [DAY], rows(3), "me")
    assert_frame_equal(held(warehouse, lines), rows(3))


def test_other_dates_are_untouched(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    warehouse.replace(lines, [NEXT], rows(2, NEXT, points=9), "me")
    assert_frame_equal(held(warehouse, lines), pl.concat([rows(3), rows(2, NEXT, points=9)]))


def test_an_empty_day_is_an_empty_partition(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], lines.empty(), "me")
    assert warehouse.dates(lines) == {DAY}
    assert_frame_equal(held(warehouse, lines, DAY), lines.empty())


def test_a_range_writes_every_date_of_it(warehouse: Warehouse, lines: Table) -> None:
    dates = days(DAY, DAY + timedelta(days=9))
    warehouse.replace(lines, dates, pl.concat([rows(2, day) for day in dates[::3]]), "me")
    assert warehouse.dates(lines) == set(dates)
    assert_frame_equal(held(warehouse, lines, *dates[:4]), pl.concat([rows(2, dates[0]), rows(2, dates[3])]))


def test_a_date_never_written_has_no_rows(warehouse: Warehouse, lines: Table) -> None:
    assert warehouse.dates(lines) == set()
    assert_frame_equal(held(warehouse, lines, DAY), lines.empty())
    assert_frame_equal(warehouse.scan(lines, []).collect(), lines.empty())


def test_columns_are_read_by_name(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(2).select(reversed(rows(2).columns)), "me")
    warehouse.replace(lines, [NEXT], rows(2, NEXT), "me")
    warehouse.add(lines, [DAY], rows(1, first=2).select(reversed(rows(1).columns)), "me")
    assert_frame_equal(held(warehouse, lines), pl.concat([rows(3), rows(2, NEXT)]))


def test_rows_outside_the_dates_are_refused_and_nothing_is_written(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(1), "me")
    for write in (warehouse.replace, warehouse.add):
        with pytest.raises(PipelineError, match="toy_lines: rows of 2024-03-13 lie outside the dates of the write"):
            write(lines, [DAY], pl.concat([rows(3), rows(1, NEXT)]), "me")
    assert_frame_equal(held(warehouse, lines), rows(1))


# The guard against shrinking


def test_fewer_than_eighty_per_cent_of_the_rows_are_refused(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(10), "me")
    with pytest.raises(PipelineError, match="toy_lines 2024-03-12: 7 rows would replace 10, fewer than 80%; refused"):
        warehouse.replace(lines, [DAY], rows(7), "me")
    assert_frame_equal(held(warehouse, lines), rows(10))
    warehouse.replace(lines, [DAY], rows(8), "me")
    assert_frame_equal(held(warehouse, lines), rows(8))


def test_an_empty_answer_does_not_empty_a_date(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(1), "me")
    with pytest.raises(PipelineError, match="0 rows would replace 1"):
        warehouse.replace(lines, [DAY], lines.empty(), "me")


def test_one_date_that_would_shrink_refuses_the_whole_write(warehouse: Warehouse, lines: Table) -> None:
    before = pl.concat([rows(10), rows(10, NEXT)])
    warehouse.replace(lines, [DAY, NEXT], before, "me")
    with pytest.raises(PipelineError, match="2024-03-13: 1 rows"):
        warehouse.replace(lines, [DAY, NEXT], pl.concat([rows(10, points=9), rows(1, NEXT)]), "me")
    assert_frame_equal(held(warehouse, lines), before)


def test_an_excused_date_may_shrink(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY, NEXT], pl.concat([rows(10), rows(10, NEXT)]), "me")
    warehouse.replace(lines, [DAY], rows(1), "me", excused={DAY: 9})
    with pytest.raises(PipelineError, match="2024-03-13"):
        warehouse.replace(lines, [NEXT], rows(1, NEXT), "me", excused={DAY: 9})
    assert held(warehouse, lines).height == 11


def test_a_table_that_may_shrink_does(warehouse: Warehouse, tables: Callable[..., Table]) -> None:
    table = tables("toy_schedule", may_shrink=True)
    warehouse.replace(table, [DAY], rows(10), "me")
    warehouse.replace(table, [DAY], rows(1), "me")
    assert held(warehouse, table).height == 1


# add


def test_only_missing_keys_are_added(warehouse: Warehouse, lines: Table) -> None:
    assert warehouse.add(lines, [DAY], rows(2), "me") == 2
    assert warehouse.add(lines, [DAY], rows(3, points=9), "me") == 1
    assert_frame_equal(held(warehouse, lines), pl.concat([rows(2), rows(1, points=9, first=2)]))


def test_adding_again_adds_nothing(warehouse: Warehouse, lines: Table) -> None:
    assert [warehouse.add(lines, [DAY, NEXT], pl.concat([rows(2), rows(1, NEXT)]), "me") for _ in range(2)] == [3, 0]
    assert_frame_equal(held(warehouse, lines), pl.concat([rows(2), rows(1, NEXT)]))


def test_an_unknown_half_of_a_key_is_one_value(warehouse: Warehouse, lines: Table) -> None:
    assert warehouse.add(lines, [DAY], rows(1, book=None), "me") == 1
    assert warehouse.add(lines, [DAY], pl.concat([rows(1, book=None, points=9), rows(1)]), "me") == 1
    assert held(warehouse, lines)["points"].to_list() == [1, 1]


def test_adding_nothing_makes_an_empty_partition(warehouse: Warehouse, lines: Table) -> None:
    assert warehouse.add(lines, [DAY], lines.empty(), "me") == 0
    assert warehouse.dates(lines) == {DAY}
    warehouse.add(lines, [DAY], rows(1), "me")
    assert warehouse.add(lines, [DAY], lines.empty(), "me") == 0
    assert held(warehouse, lines).height == 1


# The quarantine


def parked(day: date | None, problem: str = "key_is_unique", row: str = "{}", table: str = "toy_lines") -> dict[str, Any]:
    return {"table": table, "game_date": day, "problem": problem, "row": row, "source": "box", "as_of": NOON}


def park(warehouse: Warehouse, table: Table, dates: list[date], *rejected: dict[str, Any]) -> None:
    schema = warehouse.scan_quarantine(table).collect_schema()
    warehouse.park(table, dates, pl.DataFrame(list(rejected), schema=schema))


def test_the_quarantine_holds_what_the_last_run_of_a_date_rejected(warehouse: Warehouse, lines: Table) -> None:
    park(warehouse, lines, [DAY, NEXT], parked(DAY), parked(DAY, "team"), parked(NEXT))
    park(warehouse, lines, [DAY], parked(DAY, "points"))
    found = warehouse.scan_quarantine(lines).sort("game_date").collect()
    assert found.select("game_date", "problem").rows() == [(DAY, "points"), (NEXT, "key_is_unique")]
    park(warehouse, lines, [DAY])
    assert warehouse.scan_quarantine(lines, [DAY]).collect().is_empty()


def test_a_rejected_row_without_a_date_is_kept_with_the_first_date_of_its_run(warehouse: Warehouse, lines: Table) -> None:
    park(warehouse, lines, [DAY, NEXT], parked(None, "game_date|nullability"))
    assert warehouse.scan_quarantine(lines, [DAY]).collect()["problem"].to_list() == ["game_date|nullability"]


def test_a_rejected_row_of_another_date_is_not_lost_in_silence(warehouse: Warehouse, lines: Table) -> None:
    with pytest.raises(PipelineError, match="toy_lines: rows of 2024-03-13 lie outside"):
        park(warehouse, lines, [DAY], parked(NEXT))


def test_parking_nothing_for_no_dates_does_nothing(warehouse: Warehouse, lines: Table) -> None:
    park(warehouse, lines, [])
    assert warehouse.scan_quarantine(lines).collect().is_empty()


# drop


def test_a_dropped_table_and_its_quarantine_are_gone(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(1), "me")
    park(warehouse, lines, [DAY], parked(DAY))
    warehouse.drop(lines)
    assert warehouse.dates(lines) == set()
    assert warehouse.scan_quarantine(lines).collect().is_empty()
    warehouse.drop(lines)


def test_a_record_of_decisions_is_never_dropped(warehouse: Warehouse, tables: Callable[..., Table]) -> None:
    ledger = tables("toy_picks", write="add", is_a_record_of_decisions=True)
    warehouse.add(ledger, [DAY], rows(1), "me")
    with pytest.raises(PipelineError, match="toy_picks is a record of decisions and is never deleted"):
        warehouse.drop(ledger)
    assert held(warehouse, ledger).height == 1


# Readers and writers at the same time


def during(work: Callable[[], None], look: Callable[[], None]) -> int:
    """Look again and again while work goes on in another thread; how often."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    thread, looks = threading.Thread(target=guarded), 0
    thread.start()
    while thread.is_alive():
        look()
        looks += 1
    thread.join()
    assert not failures, failures
    return looks


@pytest.mark.parametrize("how", ["scan", "sql"])
def test_a_reader_sees_whole_days_only(warehouse: Warehouse, lines: Table, how: str) -> None:
    """Each version has another number of rows, all with that number: a mixture would show."""
    versions = [rows(n, points=n) for n in (200, 190, 180)]
    warehouse.replace(lines, [DAY], versions[0], "me")

    def write() -> None:
        for n in range(80):
            warehouse.replace(lines, [DAY], versions[n % 3], "me")

    def look() -> None:
        found = held(warehouse, lines, DAY) if how == "scan" else warehouse.sql("SELECT * FROM toy_lines")
        assert found["points"].unique().to_list() == [found.height]

    assert during(write, look) > 5


@contextmanager
def a_write_that_takes_its_time(
    local: LocalWarehouse, table: Table, monkeypatch: pytest.MonkeyPatch
) -> Iterator[threading.Event]:
    """A thread that holds DAY between its temporary file and its replacement, until the event is set."""
    started, go_on, replace = threading.Event(), threading.Event(), os.replace

    def slow(source: Any, target: Any) -> None:
        if f"game_date={DAY}" in str(target) and not started.is_set():
            started.set()
            assert go_on.wait(10)
        replace(source, target)

    monkeypatch.setattr(os, "replace", slow)
    thread = threading.Thread(target=local.replace, args=(table, [DAY], rows(3), "run one"))
    thread.start()
    assert started.wait(10)
    yield go_on
    go_on.set()
    thread.join()


def test_the_second_writer_of_a_date_gives_up_naming_the_first(
    local: LocalWarehouse, lines: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_write_that_takes_its_time(local, lines, monkeypatch):
        began = time.monotonic()
        with pytest.raises(Busy, match=r"toy_lines 2024-03-12 is being written by .*run one.*; gave up after"):
            local.add(lines, [DAY], rows(5), "run two")
        assert time.monotonic() - began >= 0.3
    assert_frame_equal(held(local, lines), rows(3))


def test_the_second_writer_of_a_date_waits_for_the_first(
    tmp_path: Path, local: LocalWarehouse, lines: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = LocalWarehouse(home=str(tmp_path), lock_wait_seconds=10)
    with a_write_that_takes_its_time(local, lines, monkeypatch) as go_on:
        threading.Timer(0.2, go_on.set).start()
        assert patient.add(lines, [DAY], rows(5, points=9), "run two") == 2
    assert held(local, lines)["points"].to_list() == [1, 1, 1, 9, 9]


def test_writers_of_distinct_dates_or_tables_do_not_wait(
    local: LocalWarehouse, lines: Table, tables: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tables("toy_other_lines")
    with a_write_that_takes_its_time(local, lines, monkeypatch):
        local.replace(lines, [NEXT], rows(1, NEXT), "run two")
        local.replace(other, [DAY], rows(1), "run two")
        assert held(local, lines).height == held(local, other).height == 1


def test_a_date_that_is_named_twice_is_written_once(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY, DAY], rows(2), "me")
    assert_frame_equal(held(local, lines), rows(2))


def test_a_question_is_answered_from_the_files_of_its_beginning(tmp_path: Path, lines: Table) -> None:
    """DuckDB opens a file twice; what replaces it in between must not be met halfway."""

    class Overtaken(LocalWarehouse):
        def _create_views(self, *args: Any) -> None:
            super()._create_views(*args)
            self.replace(lines, [DAY], rows(4, points=9), "another")

    warehouse = Overtaken(home=str(tmp_path))
    warehouse.replace(lines, [DAY], rows(3), "me")
    assert_frame_equal(warehouse.sql("SELECT * FROM toy_lines ORDER BY game_id"), rows(3))
    assert held(warehouse, lines)["points"].to_list() == [9, 9, 9, 9]
    assert not list(tmp_path.glob(".sql-*"))


# Failures in the middle


def write_and_hang(home: str) -> None:
    """In a process of its own: write the temporary file of DAY, say so, and never come to the replacement."""

    def hang(source: Any, target: Any) -> None:
        sys.stdout.write(f"{Path(source).stat().st_size > 0}\n")
        sys.stdout.flush()
        time.sleep(60)

    os.replace = hang  # type: ignore[assignment]
    LocalWarehouse(home=home).replace(a_table("toy_lines"), [DAY], rows(4, points=9), "the process that died")


def test_a_writer_that_is_killed_leaves_the_old_rows_and_no_lock(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY], rows(3), "me")
    script = f"from {__name__} import write_and_hang; write_and_hang({local.home!r})"
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout and process.stdout.readline() == "True\n"
            with pytest.raises(Busy, match="the process that died"):
                local.replace(lines, [DAY], rows(4), "me")
        finally:
            process.send_signal(signal.SIGKILL)
    assert_frame_equal(held(local, lines), rows(3))
    assert local.sql("SELECT count(*) AS n FROM toy_lines")["n"].to_list() == [3]
    local.replace(lines, [DAY], rows(4), "me")
    assert_frame_equal(held(local, lines), rows(4))


def test_a_write_that_fails_leaves_the_old_rows_and_no_lock(
    local: LocalWarehouse, lines: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.replace(lines, [DAY], rows(3), "me")
    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", _disk_is_full)
        for write in (local.replace, local.add):
            with pytest.raises(OSError, match="disk is full"):
                write(lines, [DAY], rows(4), "me")
    assert_frame_equal(held(local, lines), rows(3))
    local.replace(lines, [DAY], rows(4), "me")


def _disk_is_full(frame: pl.DataFrame, file: Path) -> None:
    file.write_bytes(b"PAR1 and half of it")
    raise OSError("the disk is full")


def test_a_folder_that_cannot_be_made_is_an_error(local: LocalWarehouse, lines: Table) -> None:
    Path(local.home, "tables").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="tables"):
        local.replace(lines, [DAY], rows(1), "me")
    assert local.dates(lines) == set()


def test_files_lie_where_the_readme_says(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY], rows(2), "me")
    park(local, lines, [DAY], parked(DAY))
    files = {str(path.relative_to(local.home)) for path in Path(local.home).rglob("*.*") if path.is_file()}
    part = "toy_lines/game_date=2024-03-12/part.parquet"
    assert {f"tables/{part}", f"quarantine/{part}"} == {file for file in files if not file.startswith("locks")}


def test_a_column_that_a_table_gained_later_is_null_in_older_files(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY, NEXT], pl.concat([rows(1), rows(1, NEXT)]), "me")
    file = next(Path(local.home, "tables").rglob(f"*{DAY}/part.parquet"))
    pl.read_parquet(file).drop("points").write_parquet(file)
    assert held(local, lines)["points"].to_list() == [None, 1]
    assert local.sql("SELECT points FROM toy_lines ORDER BY game_date")["points"].to_list() == [None, 1]


# sql


def test_one_question_may_join_several_tables(warehouse: Warehouse, lines: Table, tables: Callable[..., Table]) -> None:
    games = tables("toy_games")
    warehouse.replace(lines, [DAY], rows(3), "me")
    warehouse.replace(games, [DAY], rows(2, points=5), "me")
    answer = warehouse.sql(
        "SELECT game_id, a.points AS mine, b.points AS theirs FROM toy_lines a JOIN toy_games b USING (game_id) ORDER BY 1"
    )
    assert_frame_equal(answer, pl.DataFrame({"game_id": ["000", "001"], "mine": [1, 1], "theirs": [5, 5]}))


def test_a_table_never_written_is_empty_with_its_columns(warehouse: Warehouse, lines: Table) -> None:
    assert_frame_equal(warehouse.sql("SELECT * FROM toy_lines"), lines.empty())


def test_whole_numbers_sum_to_whole_numbers(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(3), "me")
    answer = warehouse.sql("SELECT sum(points) AS total, count(*) AS n, avg(points) AS mean, 1.5 AS half FROM toy_lines")
    assert_frame_equal(answer, pl.DataFrame({"total": [3], "n": [3], "mean": [1.0], "half": [1.5]}))


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in another time zone."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_away")
def test_instants_are_utc_on_every_machine(warehouse: Warehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(1), "me")
    answer = warehouse.sql(
        "SELECT seen_at, hour(seen_at) AS hour, CAST(seen_at AS DATE) AS day, CAST(seen_at AS VARCHAR) AS text FROM toy_lines"
    )
    assert answer.schema["seen_at"] == pl.Datetime("us", "UTC")
    assert answer.row(0) == (NOON, 16, DAY, "2024-03-12 16:00:00+00")


@pytest.mark.parametrize(
    "query",
    [
        "COPY toy_lines TO '{home}/stolen.csv'",
        "CREATE TABLE mine AS SELECT 1",
        "ATTACH '{home}/other.db'",
        "SELECT 1; SELECT 2",
        "DROP TABLE toy_lines",
        "DELETE FROM toy_lines",
        "INSERT INTO toy_lines SELECT * FROM toy_lines",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "EXPLAIN ANALYZE COPY toy_lines TO '{home}/stolen.csv'",
        "explain /* */ analyze COPY (SELECT 1) TO '{home}/tables/toy_lines/game_date=2024-03-12/part.parquet'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "",
        "nonsense",
        "SELECT nothing FROM toy_lines",
        "SELECT CAST('x' AS INTEGER)",
        "SELECT INTERVAL 1 DAY AS a",
    ],
)
def test_what_does_not_only_read_the_tables_is_refused_in_a_sentence(
    warehouse: Warehouse, lines: Table, tmp_path: Path, query: str
) -> None:
    warehouse.replace(lines, [DAY], rows(3), "me")
    with pytest.raises(BadInput):
        warehouse.sql(query.replace("{home}", str(tmp_path)))
    assert_frame_equal(held(warehouse, lines), rows(3))
    assert not list(tmp_path.rglob("stolen.csv"))


@pytest.mark.parametrize(
    "query", ["WITH a AS (SELECT 1 AS n) SELECT n FROM a", "FROM toy_lines", "DESCRIBE toy_lines", "EXPLAIN SELECT 1"]
)
def test_every_statement_that_reads_is_answered(warehouse: Warehouse, lines: Table, query: str) -> None:
    warehouse.replace(lines, [DAY], rows(1), "me")
    assert warehouse.sql(query).height


def test_variables_of_the_program_are_no_tables(warehouse: Warehouse) -> None:
    secret = pl.DataFrame({"a": [1]})
    with pytest.raises(BadInput, match="secret does not exist"):
        warehouse.sql("SELECT * FROM secret")
    assert secret.height


@pytest.mark.usefixtures("lines")
def test_an_unknown_table_is_answered_with_those_there_are(warehouse: Warehouse) -> None:
    with pytest.raises(BadInput, match=r"toy_linez does not exist.* Tables: .*availability.*quarantine.*requests.*toy_lines"):
        warehouse.sql("SELECT * FROM toy_linez")


def test_two_columns_of_one_name_are_a_sentence(warehouse: Warehouse) -> None:
    with pytest.raises(BadInput, match=r'column appears more than once.*\["a"\].*AS'):
        warehouse.sql("SELECT 1 AS a, 2 AS a")


@pytest.mark.parametrize("name", ["quarantine", "landing", "requests", "availability", "runs"])
def test_what_happened_can_be_asked_before_anything_happened(warehouse: Warehouse, name: str) -> None:
    answer = warehouse.sql(f"SELECT * FROM {name}")
    assert (answer.height, answer.width > 2) == (0, True)


def test_the_quarantine_of_all_tables_is_one_table(warehouse: Warehouse, lines: Table, tables: Callable[..., Table]) -> None:
    games = tables("toy_games")
    park(warehouse, lines, [DAY], parked(DAY, row=json.dumps({"points": 3})))
    park(warehouse, games, [NEXT], parked(NEXT, table="toy_games"))
    answer = warehouse.sql("SELECT \"table\", game_date, row->>'points' AS points FROM quarantine ORDER BY game_date")
    assert answer.rows() == [("toy_lines", DAY, "3"), ("toy_games", NEXT, None)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """One landed box score of a final game, after a 503, and a game that was not there yet."""
    landing = Landing(home=str(tmp_path), clock=Clock(stands_at=NOON.isoformat()))
    box = Slot("nba_cdn", "boxscore", "0022300945", DAY)
    landing.keep(box, b"{}", fetched_at=NOON, statuses=[503, 200], final_game_ids=["0022300945"])
    landing.note(Slot("nba_cdn", "boxscore", "0022300946", DAY), "not_yet", statuses=[403], problem="not published")
    landing.note(Slot("nba_cdn", "schedule", "season", season="2023-24"), "reused")
    return next((landing.root / "journal").iterdir())


@pytest.mark.usefixtures("journal")
def test_requests_payloads_and_availability_are_read_from_the_journal(warehouse: Warehouse) -> None:
    asked = warehouse.sql("SELECT game_date, entity, outcome, attempts FROM requests ORDER BY entity")
    assert asked.rows() == [(DAY, "0022300945", "landed", 2), (DAY, "0022300946", "not_yet", 1), (None, "season", "reused", 0)]
    assert warehouse.sql("SELECT game_date, entity, fetched_at, bytes FROM landing").rows() == [(DAY, "0022300945", NOON, 2)]
    assert warehouse.sql("SELECT * FROM availability").rows() == [("0022300945", "nba_cdn", NOON)]
    assert warehouse.sql("SELECT as_of FROM runs").rows() == [(NOON,)]


def test_a_line_that_is_just_being_written_hides_nothing(warehouse: Warehouse, journal: Path) -> None:
    journal.write_text(journal.read_text() + '{"kind": "request", "enti')
    assert warehouse.sql("SELECT count(*) AS n FROM requests")["n"].to_list() == [3]
