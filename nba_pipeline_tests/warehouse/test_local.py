"""The local warehouse passes the contract. Also tests its own parts: files, locks and the limits of DuckDB."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import BadInput, Busy
from nba_pipeline.instance.clock import Clock
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import local_sql, views
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.warehouse.contract import (
    DAY,
    IMPATIENT,
    NEXT,
    NOON,
    ROOT,
    Contract,
    Failure,
    Store,
    Tables,
    a_table,
    quarantine,
    quarantined_row,
    rows,
    stored_rows,
)

pytestmark = pytest.mark.slow


class LocalStore(Store):
    """A folder."""

    replacements = 80

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, lock_wait_seconds: float = IMPATIENT) -> LocalWarehouse:
        return LocalWarehouse(home=str(self.folder), lock_wait_seconds=lock_wait_seconds)

    def open_reader(self) -> LocalWarehouse:
        return self.open()

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            "NBA_PIPELINE_ENV": "local",
            "NBA_PIPELINE_HOME": str(self.folder),
            "NBA_REPLACEMENTS": str(self.replacements),
        }

    @contextmanager
    def delay_write(self, table: Table, day: date, started: threading.Event, resume: threading.Event) -> Iterator[None]:
        def slow(source: Any, target: Any) -> None:
            if f"{table.name}/game_date={day}" in str(target) and not started.is_set():
                started.set()
                assert resume.wait(60)
            replace(source, target)

        replace = os.replace
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", slow)
            yield


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def local(store: LocalStore) -> LocalWarehouse:
    return store.open()


@pytest.fixture
def lines(tables: Tables) -> Table:
    return tables("toy_lines")


def disk_is_full(frame: pl.DataFrame, file: Path) -> None:
    file.write_bytes(b"PAR1 and half of it")
    raise OSError("the disk is full")


def cannot_be_replaced(source: Any, target: Any) -> None:
    raise OSError("the file cannot be replaced")


def is_interrupted_afterwards(source: Any, target: Any, replace: Callable[..., None] = os.replace) -> None:
    replace(source, target)
    raise OSError("interrupted after the first file")


STEPS: dict[str, tuple[Any, str, Callable[..., None]]] = {
    "while the rows are written": (pl.DataFrame, "write_parquet", disk_is_full),
    "before the file is replaced": (os, "replace", cannot_be_replaced),
    "after the first file is replaced": (os, "replace", is_interrupted_afterwards),
}


@pytest.fixture(params=STEPS)
def failure(request: pytest.FixtureRequest) -> Failure:
    @contextmanager
    def fails() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(*STEPS[request.param])
            yield

    return fails


class TestContract(Contract):
    """The contract for the local warehouse."""


# Concurrent readers and writers


def test_a_query_reads_the_files_of_its_beginning(
    local: LocalWarehouse, lines: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is scanned after its registration, and again by a self-join. A replacement in between must be invisible."""

    def register_and_replace(*args: Any) -> local_sql.Links:
        links = register(*args)
        local.replace(lines, [DAY], rows(4, points=9), "another")
        return links

    register = local_sql.register
    monkeypatch.setattr(local_sql, "register", register_and_replace)
    local.replace(lines, [DAY], rows(3), "me")
    assert_frame_equal(local.sql("SELECT * FROM toy_lines ORDER BY game_id"), rows(3))
    assert stored_rows(local, lines)["points"].to_list() == [9, 9, 9, 9]
    assert not list(tmp_path.glob(".sql-*"))


def test_show_tables_lists_every_table_and_view(local: LocalWarehouse) -> None:
    journal = Path(local.home, "landing", "journal", "one.jsonl")
    journal.parent.mkdir(parents=True)
    journal.write_text("{}")
    assert set(local.sql("SHOW TABLES")["name"]) == {*TABLES, *views.descriptions()}


# Failures during a write


def write_and_hang(home: str) -> None:
    """Run in its own process: write the temporary file of DAY, report it, and never rename it."""

    def hang(source: Any, target: Any) -> None:
        sys.stdout.write(f"{Path(source).stat().st_size > 0}\n")
        sys.stdout.flush()
        time.sleep(60)

    os.replace = hang  # type: ignore[assignment]
    LocalWarehouse(home=home).replace(a_table("toy_lines"), [DAY], rows(4, points=9), "the process that died")


@pytest.mark.unattended
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
    assert_frame_equal(stored_rows(local, lines), rows(3))
    assert local.sql("SELECT count(*) AS n FROM toy_lines")["n"].to_list() == [3]
    local.replace(lines, [DAY], rows(4), "me")
    assert_frame_equal(stored_rows(local, lines), rows(4))


def test_a_folder_that_cannot_be_created_is_an_error(local: LocalWarehouse, lines: Table) -> None:
    Path(local.home, "tables").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="tables"):
        local.replace(lines, [DAY], rows(1), "me")
    assert local.dates(lines) == set()


def test_files_are_where_the_readme_says(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY], rows(2), "me")
    quarantine(local, lines, [DAY], quarantined_row(DAY))
    files = {str(path.relative_to(local.home)) for path in Path(local.home).rglob("*.*") if path.is_file()}
    part = "toy_lines/game_date=2024-03-12/part.parquet"
    assert files == {f"tables/{part}", f"quarantine/{part}", "format.json"}


def test_a_column_that_a_table_gained_later_is_null_in_older_files(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY, NEXT], pl.concat([rows(1), rows(1, NEXT)]), "me")
    file = next(Path(local.home, "tables").rglob(f"*{DAY}/part.parquet"))
    pl.read_parquet(file).drop("points").write_parquet(file)
    assert stored_rows(local, lines)["points"].to_list() == [None, 1]
    assert local.sql("SELECT points FROM toy_lines ORDER BY game_date")["points"].to_list() == [None, 1]


# sql


def test_a_table_never_written_is_empty_with_its_columns(local: LocalWarehouse, lines: Table) -> None:
    assert_frame_equal(local.sql("SELECT * FROM toy_lines"), lines.empty())


@pytest.fixture
def distant_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in another time zone."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("distant_time_zone")
def test_instants_are_utc_on_every_machine(local: LocalWarehouse, lines: Table) -> None:
    local.replace(lines, [DAY], rows(1), "me")
    answer = local.sql(
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
def test_statements_that_write_are_refused_with_a_reason(local: LocalWarehouse, lines: Table, tmp_path: Path, query: str) -> None:
    local.replace(lines, [DAY], rows(3), "me")
    with pytest.raises(BadInput):
        local.sql(query.replace("{home}", str(tmp_path)))
    assert_frame_equal(stored_rows(local, lines), rows(3))
    assert not list(tmp_path.rglob("stolen.csv"))


@pytest.mark.parametrize(
    "query", ["WITH a AS (SELECT 1 AS n) SELECT n FROM a", "FROM toy_lines", "DESCRIBE toy_lines", "EXPLAIN SELECT 1"]
)
def test_every_statement_that_reads_is_answered(local: LocalWarehouse, lines: Table, query: str) -> None:
    local.replace(lines, [DAY], rows(1), "me")
    assert local.sql(query).height


def test_variables_of_the_program_are_no_tables(local: LocalWarehouse) -> None:
    secret = pl.DataFrame({"a": [1]})
    with pytest.raises(BadInput, match="secret does not exist"):
        local.sql("SELECT * FROM secret")
    assert secret.height


@pytest.mark.usefixtures("lines")
def test_the_message_of_an_unknown_table_lists_the_tables(local: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match=r"toy_linez does not exist.* Tables: .*availability.*quarantine.*requests.*toy_lines"):
        local.sql("SELECT * FROM toy_linez")


def test_two_columns_of_one_name_are_refused_with_a_reason(local: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match=r'column appears more than once.*\["a"\].*AS'):
        local.sql("SELECT 1 AS a, 2 AS a")


@pytest.mark.parametrize("name", ["quarantine", "landing", "requests", "availability", "runs"])
def test_the_journal_views_of_an_empty_home_are_empty(local: LocalWarehouse, name: str) -> None:
    answer = local.sql(f"SELECT * FROM {name}")
    assert (answer.height, answer.width > 2) == (0, True)


def test_the_quarantine_of_all_tables_is_one_table(local: LocalWarehouse, lines: Table, tables: Tables) -> None:
    games = tables("toy_games")
    quarantine(local, lines, [DAY], quarantined_row(DAY, row=json.dumps({"points": 3})))
    quarantine(local, games, [NEXT], quarantined_row(NEXT, table="toy_games"))
    answer = local.sql("SELECT \"table\", game_date, row->>'points' AS points FROM quarantine ORDER BY game_date")
    assert answer.rows() == [("toy_lines", DAY, "3"), ("toy_games", NEXT, None)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """One landed box score of a final game, after a 503, and a game that was not available yet."""
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at=NOON.isoformat()))
    box = Slot("nba_cdn", "boxscore", "0022300945", DAY)
    landing.keep(box, b"{}", fetched_at=NOON, statuses=[503, 200], final_game_ids=["0022300945"])
    landing.note(Slot("nba_cdn", "boxscore", "0022300946", DAY), "not_yet", statuses=[403], problem="not published")
    landing.note(Slot("nba_cdn", "schedule", "season", season="2023-24"), "reused")
    return next((landing.root / "journal").iterdir())


@pytest.mark.usefixtures("journal")
def test_requests_payloads_and_availability_are_read_from_the_journal(local: LocalWarehouse) -> None:
    requests = local.sql("SELECT game_date, entity, outcome, attempts FROM requests ORDER BY entity")
    assert requests.rows() == [(DAY, "0022300945", "landed", 2), (DAY, "0022300946", "not_yet", 1), (None, "season", "reused", 0)]
    assert local.sql("SELECT game_date, entity, fetched_at, bytes FROM landing").rows() == [(DAY, "0022300945", NOON, 2)]
    assert local.sql("SELECT * FROM availability").rows() == [("0022300945", "nba_cdn", NOON)]
    assert local.sql("SELECT as_of FROM runs").rows() == [(NOON,)]


def test_an_incomplete_line_hides_no_other_line(local: LocalWarehouse, journal: Path) -> None:
    journal.write_text(journal.read_text() + '{"kind": "request", "enti')
    assert local.sql("SELECT count(*) AS n FROM requests")["n"].to_list() == [3]


def test_a_home_that_cannot_be_written_fails_its_preflight(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("a file")
    with pytest.raises(BadInput, match=r"the tables below .* cannot be written: "):
        LocalWarehouse(home=str(tmp_path)).preflight()


def test_a_disk_that_is_nearly_full_fails_its_preflight(tmp_path: Path) -> None:
    LocalWarehouse(home=str(tmp_path)).preflight()
    with pytest.raises(BadInput, match="MiB free; writing requires"):
        LocalWarehouse(home=str(tmp_path), least_free_mib=10**12).preflight()
