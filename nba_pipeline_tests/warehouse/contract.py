"""The tests that every warehouse must pass. A test module subclasses `Contract` and defines `store`.

The subclass's module, or its conftest, provides three fixtures: `store`, `tables` (creates tables that are unregistered after
the test) and `failure` (one entry per step of a write at which the warehouse can fail).
"""

import json
import os
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.environments import warehouse_of
from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse, files
from nba_pipeline.warehouse.backup import back_up
from nba_pipeline.warehouse.ledgers import hashed, record_existing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.manifests import Manifest
from nba_pipeline.warehouse.restore import restore
from nba_pipeline.warehouse.row_hashes import row_hashes
from nba_pipeline.warehouse.verification import MANIFEST_MISSING, ROW_ALTERED, ROW_MISSING, ROW_UNRECORDED, verify

DAY = date(2024, 3, 12)
NEXT = date(2024, 3, 13)
NOON = datetime(2024, 3, 12, 16, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
IMPATIENT, PATIENT = 0.3, 60.0
"""Seconds that a writer waits for another one."""

Tables = Callable[..., Table]
Failure = Callable[[], AbstractContextManager[None]]


class LineRows(Row):
    """Lines of a game, with a column of each type; the second key column is nullable."""

    game_id = dy.String(description="game")
    book = dy.String(nullable=True, description="book")
    points = dy.Int64(nullable=True, description="points")
    price = dy.Float64(nullable=True, description="price")
    is_open = dy.Bool(nullable=True, description="whether it can be bought")
    words = dy.List(dy.String(), description="remarks")
    seen_at = dy.Datetime(nullable=True, time_zone="UTC", description="when")


class Store(ABC):
    """The storage of a warehouse. Warehouses opened from it share nothing else."""

    replacements: int = 15
    """How often a writer replaces a date during concurrent reads."""

    @abstractmethod
    def open(self, lock_wait_seconds: float = IMPATIENT) -> Warehouse:
        """The warehouse of a new run."""

    @abstractmethod
    def open_reader(self) -> Warehouse:
        """The warehouse of a user, outside of runs."""

    @property
    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """The environment variables of another process."""

    @abstractmethod
    def delay_write(
        self, table: Table, day: date, started: threading.Event, resume: threading.Event
    ) -> AbstractContextManager[None]:
        """Within the block, the first write of the date sets `started` and pauses before its rows are visible."""


def a_table(name: str, **fields: Any) -> Table:
    return Table(name, grain="line", key=("game_id", "book"), schema=LineRows, **fields)


@contextmanager
def forgotten_tables() -> Iterator[None]:
    """Unregister tables created within the block."""
    before = set(TABLES)
    yield
    for name in TABLES.keys() - before:
        del TABLES[name]


def rows(
    count: int,
    day: date = DAY,
    points: int | None = 1,
    book: str | None = "fanduel",
    first: int = 0,
    seen_at: datetime | None = NOON,
    price: float | None = 1.5,
) -> pl.DataFrame:
    """Rows of one date in key order."""
    schema = {name: column.dtype for name, column in LineRows.columns().items()}
    data = [
        {
            "game_date": day,
            "game_id": f"{n:03d}",
            "book": book,
            "points": points,
            "price": price,
            "is_open": n % 2 == 0,
            "words": ["late", "line"][: n % 3],
            "seen_at": seen_at,
        }
        for n in range(first, first + count)
    ]
    return pl.DataFrame(data, schema=schema).with_columns(
        source=pl.lit("box"), as_of=pl.lit(NOON).cast(pl.Datetime("us", "UTC")), code_version=pl.lit("1")
    )


def stored_rows(warehouse: Warehouse, table: Table, *dates: date) -> pl.DataFrame:
    return warehouse.scan(table, dates or None).sort("game_date", *table.key).collect()


def on(day: date, table: str = "toy_lines", what: str = "*") -> str:
    """A query of one date that every warehouse accepts."""
    return f"SELECT {what} FROM {table} WHERE game_date = DATE '{day}'"


def quarantined_row(
    day: date | None, problem: str = "key_is_unique", row: str = "{}", table: str = "toy_lines"
) -> dict[str, Any]:
    return {"table": table, "game_date": day, "problem": problem, "row": row, "source": "box", "as_of": NOON}


def quarantine(warehouse: Warehouse, table: Table, dates: list[date], *rejected: dict[str, Any]) -> None:
    schema = warehouse.scan_quarantine(table).collect_schema()
    warehouse.quarantine(table, dates, pl.DataFrame(list(rejected), schema=schema))


def in_a_process(function: str, store: Store, **options: Any) -> subprocess.Popen[str]:
    """Call a function of this module in its own process."""
    script = f"from {__name__} import {function}; {function}()"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, env={**kept, **store.variables}, text=True, **options
    )


def replace_again_and_again() -> None:
    """Run in its own process: replace DAY with versions of different lengths, `NBA_REPLACEMENTS` times."""
    warehouse, table = warehouse_of(os.environ["NBA_PIPELINE_ENV"]), a_table("toy_lines")
    for n in range(int(os.environ["NBA_REPLACEMENTS"])):
        warehouse.replace(table, [DAY], VERSIONS[n % 3], "another process")


VERSIONS = [rows(n, points=n) for n in (20, 19, 18)]
"""Each version has another number of rows and that number in all of them, so a mixture is detectable."""


def during(work: Callable[[], object], open_reader: Callable[[], None]) -> int:
    """Call `look` repeatedly while `work` runs in another thread, and return the number of calls."""
    looks = 0
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(work)
        while not going.done():
            open_reader()
            looks += 1
        going.result()
    return looks


@contextmanager
def a_write_that_takes_its_time(store: Store, table: Table) -> Iterator[threading.Event]:
    """Another run writes DAY until the event is set."""
    started, resume = threading.Event(), threading.Event()
    with store.delay_write(table, DAY, started, resume), ThreadPoolExecutor(1) as pool:
        writing = pool.submit(store.open().replace, table, [DAY], rows(3), "run one")
        try:
            assert started.wait(60), writing.exception(timeout=1)
            yield resume
        finally:
            resume.set()
        writing.result()


OTHER_FRAMES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    r"toy_lines: missing columns: book, points(?=; nothing)": lambda frame: frame.drop("points", "book"),
    r"toy_lines: unknown columns: a, b(?=; nothing)": lambda frame: frame.with_columns(b=1, a=2),
    r"missing columns: points; unknown columns: point(?=; nothing)": lambda frame: frame.rename({"points": "point"}),
    r"toy_lines\.points is Float64 and should be Int64": lambda frame: frame.cast({"points": pl.Float64}),
    r"toy_lines\.points is Null and should be Int64": lambda frame: frame.with_columns(points=None),
    r"toy_lines\.seen_at is Datetime\(.*'us', time_zone=None\) and should": lambda frame: frame.cast(
        {"seen_at": pl.Datetime("us")}
    ),
    r"toy_lines\.seen_at is Datetime\(.*'ns'": lambda frame: frame.cast({"seen_at": pl.Datetime("ns", "UTC")}),
    r"toy_lines\.game_date is Datetime": lambda frame: frame.cast({"game_date": pl.Datetime("us")}),
    r"2 rows share a key; first: game_id 000, book fanduel": lambda frame: pl.concat([frame, frame.head(1)]),
}
"""Expected message -> a frame that violates the table's schema in that way."""

NO_QUESTIONS = [
    "CREATE TABLE mine AS SELECT 1 AS a",
    "CREATE OR REPLACE VIEW toy_lines AS SELECT 1 AS a",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE toy_lines",
    "DROP TABLE toy_lines",
    "TRUNCATE TABLE toy_lines",
    f"DELETE FROM toy_lines WHERE game_date = DATE '{DAY}'",
    f"UPDATE toy_lines SET points = 0 WHERE game_date = DATE '{DAY}'",
    f"INSERT INTO toy_lines {on(DAY)}",
    "",
    "nonsense",
    on(DAY, what="nothing"),
    "SELECT CAST('x' AS INTEGER) AS a",
    "SELECT * FROM toy_linez",
]


class Contract:
    """The tests that hold for all warehouses."""

    @pytest.fixture
    def lines(self, tables: Tables) -> Table:
        return tables("toy_lines")

    @pytest.fixture
    def warehouse(self, store: Store) -> Warehouse:
        return store.open()

    # replace

    def test_replaced_rows_are_read_back(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(3), "me")
        for reader in (warehouse, store.open(), store.open_reader()):
            assert_frame_equal(stored_rows(reader, lines, DAY), rows(3))

    def test_replacing_twice_is_replacing_once(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        for writer in (warehouse, warehouse, store.open()):
            writer.replace(lines, [DAY], rows(3), "me")
        assert_frame_equal(stored_rows(warehouse, lines), rows(3))
        assert_frame_equal(store.open_reader().sql(on(DAY)).sort("game_id"), rows(3))

    def test_going_back_and_forth_ends_where_it_ends(self, warehouse: Warehouse, lines: Table) -> None:
        for points in (1, 2, 1, 2, 1):
            warehouse.replace(lines, [DAY], rows(2, points=points), "me")
            assert_frame_equal(stored_rows(warehouse, lines), rows(2, points=points))

    def test_dates_outside_the_write_are_unchanged(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
        warehouse.replace(lines, [NEXT], rows(2, NEXT, points=9), "me")
        assert_frame_equal(stored_rows(warehouse, lines), pl.concat([rows(3), rows(2, NEXT, points=9)]))

    def test_an_empty_day_is_an_empty_partition(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        warehouse.replace(lines, [DAY], lines.empty(), "me")
        assert warehouse.dates(lines) == store.open().dates(lines) == {DAY}
        assert_frame_equal(stored_rows(warehouse, lines, DAY), lines.empty())

    def test_a_range_writes_every_date_of_it(self, warehouse: Warehouse, lines: Table) -> None:
        dates = days(DAY, DAY + timedelta(days=5))
        warehouse.replace(lines, dates, pl.concat([rows(2, day) for day in dates[::3]]), "me")
        assert warehouse.dates(lines) == set(dates)
        assert_frame_equal(stored_rows(warehouse, lines, *dates[:4]), pl.concat([rows(2, dates[0]), rows(2, dates[3])]))

    def test_a_long_range_replaces_only_its_dates(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        """The range is so long that BigQuery uses one statement. Some dates have rows already, one becomes empty."""
        dates = days(DAY, DAY + timedelta(days=SETTINGS.bigquery.dates_by_load + 2))
        before, beside = dates[0] - timedelta(days=1), dates[5]
        warehouse.replace(
            lines, [before, dates[0], beside], pl.concat([rows(2, before), rows(2, dates[0]), rows(2, beside)]), "me"
        )
        written = [day for day in dates if day != beside]
        new = pl.concat([rows(2, day, points=9) for day in written[:-1]])
        for writer in (warehouse, store.open()):
            writer.replace(lines, written, new, "me")
            reader = store.open()
            assert reader.dates(lines) == {before, *dates}
            expected = pl.concat([rows(2, before), new, rows(2, beside)]).sort("game_date", "game_id")
            assert_frame_equal(stored_rows(reader, lines), expected)

    def test_a_date_never_written_has_no_rows(self, warehouse: Warehouse, lines: Table) -> None:
        assert warehouse.dates(lines) == set()
        assert_frame_equal(stored_rows(warehouse, lines, DAY), lines.empty())
        assert_frame_equal(warehouse.scan(lines, []).collect(), lines.empty())

    def test_a_duplicate_date_is_written_once(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY, DAY], rows(2), "me")
        assert warehouse.add(lines, [NEXT, NEXT], rows(1, NEXT), "me") == 1
        assert_frame_equal(stored_rows(warehouse, lines), pl.concat([rows(2), rows(1, NEXT)]))

    # scan

    def test_a_scan_selects_columns_dates_and_rows(self, warehouse: Warehouse, lines: Table) -> None:
        dates = days(DAY, DAY + timedelta(days=2))
        warehouse.replace(lines, dates, pl.concat([rows(2, day, points=n) for n, day in enumerate(dates)]), "me")
        chosen = warehouse.scan(lines, [dates[2], dates[0]]).filter(pl.col("points") > 0).select("points", "game_id")
        assert chosen.sort("game_id").collect().rows() == [(2, "000"), (2, "001")]
        assert warehouse.scan(lines).select(pl.len()).collect().item() == 6
        assert warehouse.scan(lines, [DAY]).head(1).collect().height == 1

    # Columns and values

    def test_columns_are_read_by_name(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(2).select(reversed(rows(2).columns)), "me")
        warehouse.replace(lines, [NEXT], rows(2, NEXT), "me")
        warehouse.add(lines, [DAY], rows(1, first=2).select(reversed(rows(1).columns)), "me")
        assert_frame_equal(stored_rows(warehouse, lines), pl.concat([rows(3), rows(2, NEXT)]))

    def test_a_frame_of_another_schema_is_refused_and_nothing_is_written(self, warehouse: Warehouse, lines: Table) -> None:
        for told, change in OTHER_FRAMES.items():
            for write in (warehouse.replace, warehouse.add):
                with pytest.raises(PipelineError, match=f"{told}.*; nothing was written"):
                    write(lines, [DAY], change(rows(3)), "me")
        assert warehouse.dates(lines) == set()

    def test_a_duplicate_key_with_a_null_is_refused(self, warehouse: Warehouse, lines: Table) -> None:
        twice = pl.concat([rows(1, book=None), rows(1, book=None, points=2)])
        with pytest.raises(PipelineError, match="2 rows share a key; first: game_id 000, book None"):
            warehouse.replace(lines, [DAY], twice, "me")
        assert warehouse.dates(lines) == set()

    def test_every_value_comes_back_as_it_was(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        """NaN, null, infinity, the smallest float, the largest integer, empty text, text of all Unicode planes."""
        frame = pl.concat(
            [
                rows(1, first=0, price=float("nan"), points=None),
                rows(1, first=1, price=None, points=2**63 - 1),
                rows(1, first=2, price=float("-inf"), points=-(2**63)),
                rows(1, first=3, price=5e-324, book=""),
                rows(1, first=4, price=0.1 + 0.2, book="Dončić 'Luka' \"77\" 東京 🏀\n\t\\"),
                rows(1, first=5, book=None, seen_at=None),
                rows(1, first=6, book="e\u0301 is not \u00e9"),
            ]
        )
        warehouse.replace(lines, [DAY], frame, "me")
        warehouse.replace(lines, [DAY], frame, "me")
        assert_frame_equal(stored_rows(warehouse, lines), frame, check_exact=True)
        assert warehouse.add(lines, [DAY], frame, "me") == 0
        assert_frame_equal(stored_rows(store.open(), lines), frame, check_exact=True)

    def test_instants_at_both_clock_changes_are_unchanged(self, warehouse: Warehouse, lines: Table) -> None:
        """In New York, the night of 10 March 2024 has no 2:30, and the night of 3 November has 1:30 twice."""
        instants = {
            date(2024, 3, 10): [datetime(2024, 3, 10, 6, 59, 59, 999999, UTC), datetime(2024, 3, 10, 7, 0, 0, 1, UTC)],
            date(2024, 11, 3): [datetime(2024, 11, 3, 5, 30, tzinfo=UTC), datetime(2024, 11, 3, 6, 30, tzinfo=UTC)],
        }
        frame = pl.concat(
            [rows(1, day, first=n, seen_at=instant) for day, both in instants.items() for n, instant in enumerate(both)]
        )
        warehouse.replace(lines, list(instants), frame, "me")
        assert_frame_equal(stored_rows(warehouse, lines), frame)
        hours = frame["seen_at"].dt.convert_time_zone("America/New_York").dt.strftime("%H:%M %z").to_list()
        assert hours == ["01:59 -0500", "03:00 -0400", "01:30 -0400", "01:30 -0500"]
        assert warehouse.sql(on(date(2024, 11, 3), what="seen_at"))["seen_at"].sort().to_list() == instants[date(2024, 11, 3)]

    def test_rows_outside_the_dates_are_refused_and_nothing_is_written(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(1), "me")
        for write in (warehouse.replace, warehouse.add):
            with pytest.raises(PipelineError, match="toy_lines: rows of 2024-03-13 are outside the dates of the write"):
                write(lines, [DAY], pl.concat([rows(3), rows(1, NEXT)]), "me")
        assert_frame_equal(stored_rows(warehouse, lines), rows(1))

    # Refusing to shrink

    def test_fewer_than_eighty_per_cent_of_the_rows_are_refused(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(10), "me")
        for less in (rows(7), lines.empty()):
            with pytest.raises(
                PipelineError,
                match=f"toy_lines 2024-03-12: {less.height} rows would replace 10, fewer than the required 80%; nothing was written",
            ):
                warehouse.replace(lines, [DAY], less, "me")
        assert_frame_equal(stored_rows(warehouse, lines), rows(10))
        warehouse.replace(lines, [DAY], rows(8), "me")
        assert_frame_equal(stored_rows(warehouse, lines), rows(8))

    def test_one_shrinking_date_refuses_the_entire_write(self, warehouse: Warehouse, lines: Table) -> None:
        before = pl.concat([rows(10), rows(10, NEXT)])
        warehouse.replace(lines, [DAY, NEXT], before, "me")
        with pytest.raises(PipelineError, match="2024-03-13: 1 row would replace"):
            warehouse.replace(lines, [DAY, NEXT], pl.concat([rows(10, points=9), rows(1, NEXT)]), "me")
        assert_frame_equal(stored_rows(warehouse, lines), before)

    def test_an_excused_date_may_shrink(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY, NEXT], pl.concat([rows(10), rows(10, NEXT)]), "me")
        warehouse.replace(lines, [DAY], rows(1), "me", excused={DAY: 9})
        with pytest.raises(PipelineError, match="2024-03-13"):
            warehouse.replace(lines, [NEXT], rows(1, NEXT), "me", excused={DAY: 9})
        assert stored_rows(warehouse, lines).height == 11

    def test_a_table_that_may_shrink_does(self, warehouse: Warehouse, tables: Tables) -> None:
        table = tables("toy_schedule", may_shrink=True)
        warehouse.replace(table, [DAY], rows(10), "me")
        warehouse.replace(table, [DAY], rows(1), "me")
        assert stored_rows(warehouse, table).height == 1

    def test_the_shrink_check_includes_rows_that_another_run_wrote(self, store: Store, lines: Table) -> None:
        first, second = store.open(), store.open()
        first.replace(lines, [DAY], rows(1), "run one")
        assert second.dates(lines) == {DAY}
        first.replace(lines, [DAY], rows(10), "run one")
        with pytest.raises(PipelineError, match="2 rows would replace 10"):
            second.replace(lines, [DAY], rows(2, points=9), "run two")
        assert_frame_equal(stored_rows(first, lines), rows(10))

    # add

    def test_only_missing_keys_are_added(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        assert warehouse.add(lines, [DAY], rows(2), "me") == 2
        assert warehouse.add(lines, [DAY], rows(3, points=9), "me") == 1
        assert_frame_equal(stored_rows(store.open(), lines), pl.concat([rows(2), rows(1, points=9, first=2)]))

    def test_repeated_add_adds_nothing(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        both = pl.concat([rows(2), rows(1, NEXT)])
        assert [writer.add(lines, [DAY, NEXT], both, "me") for writer in (warehouse, warehouse, store.open())] == [3, 0, 0]
        assert_frame_equal(stored_rows(warehouse, lines), both)

    def test_nulls_in_a_key_are_equal(self, warehouse: Warehouse, lines: Table) -> None:
        assert warehouse.add(lines, [DAY], rows(1, book=None), "me") == 1
        assert warehouse.add(lines, [DAY], pl.concat([rows(1, book=None, points=9), rows(1)]), "me") == 1
        assert stored_rows(warehouse, lines)["points"].to_list() == [1, 1]

    def test_adding_nothing_makes_an_empty_partition(self, warehouse: Warehouse, lines: Table) -> None:
        assert warehouse.add(lines, [DAY], lines.empty(), "me") == 0
        assert warehouse.dates(lines) == {DAY}
        warehouse.add(lines, [DAY], rows(1), "me")
        assert warehouse.add(lines, [DAY], lines.empty(), "me") == 0
        assert stored_rows(warehouse, lines).height == 1

    def test_rows_that_another_run_added_are_not_added_twice(self, store: Store, lines: Table) -> None:
        first, second = store.open(), store.open()
        assert first.add(lines, [DAY], rows(2), "run one") == 2
        assert stored_rows(second, lines).height == 2
        assert first.add(lines, [DAY], rows(3), "run one") == 1
        assert second.add(lines, [DAY], rows(4, points=9), "run two") == 1
        assert stored_rows(store.open(), lines)["points"].to_list() == [1, 1, 1, 9]

    # The quarantine

    def test_the_quarantine_has_the_rejected_rows_of_the_last_run(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        quarantine(warehouse, lines, [DAY, NEXT], quarantined_row(DAY), quarantined_row(DAY, "team"), quarantined_row(NEXT))
        quarantine(warehouse, lines, [DAY], quarantined_row(DAY, "points", row=json.dumps({"name": "Dončić"})))
        found = store.open().scan_quarantine(lines).sort("game_date").collect()
        assert found.select("game_date", "problem").rows() == [(DAY, "points"), (NEXT, "key_is_unique")]
        quarantine(warehouse, lines, [DAY])
        assert warehouse.scan_quarantine(lines, [DAY]).collect().is_empty()
        assert warehouse.dates(lines) == set()

    def test_a_rejected_row_without_a_date_gets_the_first_date_of_its_run(self, warehouse: Warehouse, lines: Table) -> None:
        quarantine(warehouse, lines, [DAY, NEXT], quarantined_row(None, "game_date|nullability"))
        assert warehouse.scan_quarantine(lines, [DAY]).collect()["problem"].to_list() == ["game_date|nullability"]

    def test_equal_rejected_rows_are_all_stored(self, warehouse: Warehouse, lines: Table) -> None:
        for _ in range(2):
            quarantine(warehouse, lines, [DAY], quarantined_row(DAY), quarantined_row(DAY))
        assert warehouse.scan_quarantine(lines).collect().height == 2

    def test_a_rejected_row_of_another_date_is_not_lost_in_silence(self, warehouse: Warehouse, lines: Table) -> None:
        with pytest.raises(PipelineError, match="toy_lines: rows of 2024-03-13 are outside"):
            quarantine(warehouse, lines, [DAY], quarantined_row(NEXT))

    def test_writing_nothing_for_no_dates_does_nothing(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [], lines.empty(), "me")
        assert warehouse.add(lines, [], lines.empty(), "me") == 0
        assert warehouse.dates(lines) == set()

    def test_parking_nothing_for_no_dates_does_nothing(self, warehouse: Warehouse, lines: Table) -> None:
        quarantine(warehouse, lines, [])
        assert warehouse.scan_quarantine(lines).collect().is_empty()

    # drop

    def test_drop_deletes_a_table_and_its_quarantine(self, warehouse: Warehouse, store: Store, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(10), "me")
        quarantine(warehouse, lines, [DAY], quarantined_row(DAY))
        warehouse.drop(lines)
        assert warehouse.dates(lines) == set()
        assert warehouse.scan_quarantine(lines).collect().is_empty()
        assert warehouse.sql(on(DAY)).is_empty()
        warehouse.drop(lines)
        for shorter in (rows(1), rows(10)):
            store.open().replace(lines, [DAY], shorter, "me")
        assert stored_rows(store.open(), lines).height == 10

    def test_a_record_of_decisions_is_never_dropped(self, warehouse: Warehouse, tables: Tables) -> None:
        ledger = tables("toy_picks", write="add", is_ledger=True)
        warehouse.add(ledger, [DAY], rows(1), "me")
        with pytest.raises(PipelineError, match="toy_picks is a ledger and is never deleted"):
            warehouse.drop(ledger)
        assert stored_rows(warehouse, ledger).height == 1

    # Ledgers

    @pytest.fixture
    def ledger(self, tables: Tables) -> Table:
        return tables("toy_picks", write="add", is_ledger=True)

    def test_every_row_of_a_ledger_is_recorded_and_verified(self, store: Store, ledger: Table) -> None:
        """Values that a store could change: null and empty lists, extreme floats, a null key column."""
        frame = pl.concat(
            [rows(3), rows(1, first=3, price=5e-324, book=None), rows(1, first=4, price=float("nan"), points=None, seen_at=None)]
        )
        for count in (2, 5):
            store.open().add(ledger, [DAY, NEXT], pl.concat([frame.head(count), rows(2, NEXT)]), "me")
        assert [(v.game_date, v.rows, v.findings) for v in verify(store.open_reader(), ledger)] == [(DAY, 5, ()), (NEXT, 2, ())]
        manifest = store.open().manifests.read(ledger, DAY)
        assert manifest and set(manifest.rows["sha256"]) == set(row_hashes(frame, ledger.dtypes))

    def test_rows_without_a_manifest_are_reported_until_they_are_recorded(self, store: Store, ledger: Table) -> None:
        warehouse = store.open()
        warehouse.add(ledger, [DAY], rows(2), "me")
        files.delete(warehouse.manifests.path(ledger, DAY))
        [verified] = verify(store.open(), ledger)
        assert [finding.problem for finding in verified.findings] == [MANIFEST_MISSING]
        assert [record_existing(warehouse.manifests, ledger, DAY, rows(2)) for _ in range(2)] == [True, False]
        assert [verified.findings for verified in verify(store.open_reader(), ledger)] == [()]

    def test_a_difference_between_ledger_and_manifest_is_reported(self, store: Store, ledger: Table) -> None:
        warehouse = store.open()
        warehouse.add(ledger, [DAY], rows(2), "me")
        of_others = hashed(ledger, rows(2, first=1, points=9))
        warehouse.manifests.prepare(Manifest(ledger, DAY, of_others.drop("game_date")))
        warehouse.manifests.commit(ledger, DAY)
        [verified] = verify(store.open(), ledger)
        assert {(finding.problem, finding.key) for finding in verified.findings} == {
            (ROW_ALTERED, "game_id 001, book fanduel"),
            (ROW_MISSING, "game_id 002, book fanduel"),
            (ROW_UNRECORDED, "game_id 000, book fanduel"),
        }

    def test_adding_to_a_ledger_that_fails_is_settled(self, store: Store, ledger: Table, failure: Failure) -> None:
        store.open().add(ledger, [DAY], rows(1), "me")
        with failure(), pytest.raises((PipelineError, OSError)):
            store.open().add(ledger, [DAY], rows(3, points=9), "the run that failed")
        assert [verified.findings for verified in verify(store.open(), ledger)] == [()]
        store.open().add(ledger, [DAY], rows(4, points=9), "the same again")
        assert [(verified.rows, verified.findings) for verified in verify(store.open(), ledger)] == [(4, ())]
        assert store.open().manifests.dates(ledger) == {DAY: False}

    def test_a_ledger_is_backed_up_and_restored(self, store: Store, ledger: Table, tmp_path: Path) -> None:
        """From this warehouse to a backup folder, and back to the warehouse after rows were deleted."""
        warehouse, other = store.open(), LocalWarehouse(home=str(tmp_path / "other"))
        warehouse.add(ledger, [DAY, NEXT], pl.concat([rows(2), rows(1, NEXT, book=None)]), "me")
        options = {"environment": "local", "report": str}
        back_up(warehouse, tmp_path / "none", tmp_path / "first", home=tmp_path / "home", made_at=NOON, **options)  # type: ignore[arg-type]
        assert restore(other, tmp_path / "none", tmp_path / "first", **options).differences == []  # type: ignore[arg-type]
        assert_frame_equal(stored_rows(other, ledger), stored_rows(warehouse, ledger))
        other.add(ledger, [DAY], rows(4), "me")
        back_up(other, tmp_path / "none", tmp_path / "second", home=tmp_path / "home", made_at=NOON, **options)  # type: ignore[arg-type]
        restored = restore(store.open(), tmp_path / "none", tmp_path / "second", **options)  # type: ignore[arg-type]
        assert (restored.rows[ledger.name], restored.differences) == (2, [])
        assert_frame_equal(stored_rows(store.open(), ledger), stored_rows(other, ledger))
        assert [(verified.rows, verified.findings) for verified in verify(store.open_reader(), ledger)] == [(4, ()), (1, ())]

    # Failures during a write

    def test_a_write_that_fails_leaves_old_or_new_and_its_repetition_ends_in_new(
        self, store: Store, lines: Table, failure: Failure
    ) -> None:
        old, new = ([rows(n, day, points=n) for day in (DAY, NEXT)] for n in (3, 4))
        store.open().replace(lines, [DAY, NEXT], pl.concat(old), "me")
        failing = store.open()
        with failure(), pytest.raises((PipelineError, OSError)):
            failing.replace(lines, [DAY, NEXT], pl.concat(new), "the run that failed")
        for day, before, after in zip((DAY, NEXT), old, new, strict=True):
            for found in (stored_rows(store.open(), lines, day), store.open_reader().sql(on(day)).sort("game_id")):
                assert found.equals(before) or found.equals(after), found
        store.open().replace(lines, [DAY, NEXT], pl.concat(new), "the same again")
        assert_frame_equal(stored_rows(store.open(), lines), pl.concat(new))

    def test_adding_that_fails_can_be_repeated(self, store: Store, lines: Table, failure: Failure) -> None:
        store.open().add(lines, [DAY], rows(1), "me")
        failing = store.open()
        with failure(), pytest.raises((PipelineError, OSError)):
            failing.add(lines, [DAY], rows(3, points=9), "the run that failed")
        assert stored_rows(store.open(), lines).height in (1, 3)
        store.open().add(lines, [DAY], rows(3, points=9), "the same again")
        assert stored_rows(store.open(), lines)["points"].to_list() == [1, 9, 9]
        assert store.open().add(lines, [DAY], rows(3), "and again") == 0

    def test_rows_added_before_a_failure_are_visible(self, store: Store, lines: Table, failure: Failure) -> None:
        """A writer without new rows must not mark the date as empty."""
        with failure(), pytest.raises((PipelineError, OSError)):
            store.open().add(lines, [DAY], rows(2), "the run that failed")
        store.open().add(lines, [DAY], lines.empty(), "nothing this time")
        assert_frame_equal(stored_rows(store.open(), lines), store.open_reader().sql(on(DAY)).sort("game_id"))

    # Concurrent readers and writers

    @pytest.mark.parametrize("how", ["scan", "sql"])
    def test_a_reader_sees_only_complete_dates(self, store: Store, lines: Table, how: str) -> None:
        writer, reader = store.open(), store.open_reader()
        writer.replace(lines, [DAY], VERSIONS[0], "me")
        seen: set[int] = set()

        def write() -> None:
            for n in range(store.replacements):
                writer.replace(lines, [DAY], VERSIONS[n % 3], "me")

        def open_reader() -> None:
            found = stored_rows(reader, lines, DAY) if how == "scan" else reader.sql(on(DAY))
            assert found["points"].unique().to_list() == [found.height]
            seen.add(found.height)

        assert during(write, open_reader) > 5
        assert len(seen) > 1, "the reader met only one version"

    @pytest.mark.unattended
    def test_a_reader_in_another_process_sees_only_complete_dates(self, store: Store, lines: Table) -> None:
        reader = store.open_reader()
        store.open().replace(lines, [DAY], VERSIONS[0], "me")
        with in_a_process("replace_again_and_again", store) as process:
            while process.poll() is None:
                found = stored_rows(reader, lines, DAY)
                assert found["points"].unique().to_list() == [found.height]
        assert process.returncode == 0
        assert_frame_equal(stored_rows(store.open(), lines), VERSIONS[(store.replacements - 1) % 3])

    def test_writers_of_different_dates_do_not_block_each_other(self, store: Store, lines: Table) -> None:
        dates = days(DAY, DAY + timedelta(days=7))

        def write(day: date) -> None:
            store.open().replace(lines, [day], rows(2, day, points=day.day), f"run of {day}")

        with ThreadPoolExecutor(len(dates)) as pool:
            list(pool.map(write, dates))
        reader = store.open()
        assert reader.dates(lines) == set(dates)
        assert_frame_equal(stored_rows(reader, lines), pl.concat([rows(2, day, points=day.day) for day in dates]))

    def test_the_second_writer_of_a_date_gives_up_naming_the_first(self, store: Store, lines: Table) -> None:
        with a_write_that_takes_its_time(store, lines):
            second, began = store.open(IMPATIENT), time.monotonic()
            with pytest.raises(Busy, match=r"toy_lines 2024-03-12 is being written by run one .process \d+ on .*; gave up after"):
                second.add(lines, [DAY], rows(5), "run two")
            assert time.monotonic() - began >= IMPATIENT
            assert store.open().dates(lines) == set(), "nothing of the first can be seen before it is done"
        assert_frame_equal(stored_rows(store.open(), lines), rows(3))

    def test_the_second_writer_of_a_date_waits_for_the_first(self, store: Store, lines: Table) -> None:
        with a_write_that_takes_its_time(store, lines) as resume:
            threading.Timer(IMPATIENT, resume.set).start()
            assert store.open(PATIENT).add(lines, [DAY], rows(5, points=9), "run two") == 2
        assert stored_rows(store.open(), lines)["points"].to_list() == [1, 1, 1, 9, 9]

    def test_writers_of_distinct_dates_or_tables_do_not_wait(self, store: Store, lines: Table, tables: Tables) -> None:
        other = tables("toy_other_lines")
        with a_write_that_takes_its_time(store, lines):
            second = store.open(IMPATIENT)
            second.replace(lines, [NEXT], rows(1, NEXT), "run two")
            second.replace(other, [DAY], rows(1), "run two")
            assert stored_rows(second, lines).height == stored_rows(second, other).height == 1

    # sql

    def test_one_query_joins_several_tables(self, warehouse: Warehouse, lines: Table, tables: Tables) -> None:
        games = tables("toy_games")
        warehouse.replace(lines, [DAY], rows(3), "me")
        warehouse.replace(games, [DAY], rows(2, points=5), "me")
        answer = warehouse.sql(
            f"SELECT game_id, a.points AS mine, b.points AS theirs FROM ({on(DAY)}) a JOIN ({on(DAY, 'toy_games')}) b "
            "USING (game_id) ORDER BY game_id"
        )
        assert_frame_equal(answer, pl.DataFrame({"game_id": ["000", "001"], "mine": [1, 1], "theirs": [5, 5]}))

    def test_a_table_never_written_is_empty_with_its_columns(self, warehouse: Warehouse, lines: Table) -> None:
        assert_frame_equal(warehouse.sql(on(DAY)), lines.empty())

    def test_integers_sum_to_an_integer(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(3), "me")
        answer = warehouse.sql(on(DAY, what="sum(points) AS total, count(*) AS n, avg(points) AS mean, 1.5 AS half"))
        assert_frame_equal(answer, pl.DataFrame({"total": [3], "n": [3], "mean": [1.0], "half": [1.5]}))

    def test_statements_that_write_are_refused_with_a_reason(self, warehouse: Warehouse, lines: Table) -> None:
        warehouse.replace(lines, [DAY], rows(3), "me")
        for query in NO_QUESTIONS:
            with pytest.raises(BadInput):
                warehouse.sql(query)
        assert_frame_equal(warehouse.sql(on(DAY)).sort("game_id"), rows(3))
