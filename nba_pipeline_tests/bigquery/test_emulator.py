"""The BigQuery behavior that the warehouse relies on, with the real client against the emulator."""

import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime
from pathlib import Path

import grpc
import polars as pl
import pyarrow as pa
import pytest
from filelock import FileLock
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, bigquery_storage
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from polars.testing import assert_frame_equal

from nba_pipeline_tests.bigquery.emulator import (
    ENVIRONMENT,
    HANG_SECONDS,
    REQUIREMENTS,
    Emulator,
    NotStarted,
    find_python,
    is_ready,
    setup,
)
from nba_pipeline_tests.bigquery.fixtures import PROJECT

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
SCHEMA = [
    bigquery.SchemaField("game_date", "DATE", "REQUIRED", description="the league's day"),
    bigquery.SchemaField("game_id", "STRING", "REQUIRED"),
    bigquery.SchemaField("points", "FLOAT"),
    bigquery.SchemaField("tipoff_at", "TIMESTAMP"),
    bigquery.SchemaField("reasons", "STRING", "REPEATED"),
]
DATES = bigquery.ArrayQueryParameter("dates", "DATE", [FIRST, SECOND])


def frame(day: date, *game_ids: str) -> pl.DataFrame:
    rows = [(day, game_id, 1.5, datetime(2026, 1, 1, 0, 30, 1, 123456, UTC), ["late", "line"]) for game_id in game_ids]
    schema = {
        "game_date": pl.Date,
        "game_id": pl.String,
        "points": pl.Float64,
        "tipoff_at": pl.Datetime("us", "UTC"),
        "reasons": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema, orient="row")


class Peer:
    """A client of the emulator with one table, `grades`."""

    def __init__(self, emulator: Emulator, dataset: str) -> None:
        self.client = bigquery.Client(PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": emulator.url})
        channel = grpc.insecure_channel(emulator.grpc_host)
        self.reads = bigquery_storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
        self.dataset, self.table = dataset, f"{PROJECT}.{dataset}.grades"

    def create(self) -> "Peer":
        table = bigquery.Table(self.table, schema=SCHEMA)
        table.time_partitioning = bigquery.TimePartitioning(type_="DAY", field="game_date")
        table.clustering_fields = ["game_id"]
        table.require_partition_filter = True
        table.description, table.labels = "grades of predictions", {"stage": "grades"}
        self.client.create_dataset(self.dataset)
        self.client.create_table(table)
        return self

    def load(self, rows: pl.DataFrame, partition: date, job_id: str | None = None) -> bigquery.LoadJob:
        config = bigquery.LoadJobConfig(
            source_format="PARQUET", schema=SCHEMA, write_disposition="WRITE_TRUNCATE", create_disposition="CREATE_NEVER"
        )
        config.labels = {"run": "abc"}
        config.parquet_options = bigquery.ParquetOptions()
        config.parquet_options.enable_list_inference = True
        file = io.BytesIO()
        rows.write_parquet(file)
        file.seek(0)
        job = self.client.load_table_from_file(file, f"{self.table}${partition:%Y%m%d}", job_config=config, job_id=job_id)
        return job.result()

    def query(self, sql: str, *parameters: bigquery.ArrayQueryParameter) -> bigquery.QueryJob:
        job = self.client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=parameters), job_retry=None)
        job.result(job_retry=None)
        return job

    def games(self) -> list[tuple[date, str]]:
        sql = f"SELECT game_date, game_id FROM `{self.table}` WHERE game_date IN UNNEST(@dates) ORDER BY game_date, game_id"
        return [tuple(row) for row in self.query(sql, DATES).result()]

    def scan(self, restriction: str, *columns: str) -> pl.DataFrame:
        options = bigquery_storage.ReadSession.TableReadOptions(row_restriction=restriction, selected_fields=columns)
        session_request = bigquery_storage.ReadSession(
            table=f"projects/{PROJECT}/datasets/{self.dataset}/tables/grades",
            data_format=bigquery_storage.DataFormat.ARROW,
            read_options=options,
        )
        session = self.reads.create_read_session(parent=f"projects/{PROJECT}", read_session=session_request, max_stream_count=1)
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        pages = [page.arrow_record_batch for stream in session.streams for page in self.reads.read_rows(stream.name)]
        batches = [pa.ipc.read_record_batch(pa.py_buffer(page.serialized_record_batch), schema) for page in pages]
        return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches, schema)))

    def close(self) -> None:
        self.reads.transport.close()
        self.client.close()


@pytest.fixture
def peer(emulator: Emulator, dataset_name: str) -> Iterator[Peer]:
    peer = Peer(emulator, dataset_name).create()
    yield peer
    peer.close()


# Tables and partitions


def test_a_table_keeps_the_properties_of_its_creation(peer: Peer) -> None:
    table = peer.client.get_table(peer.table)
    assert table.schema == SCHEMA
    assert (table.time_partitioning.field, table.clustering_fields, table.require_partition_filter) == (
        "game_date",
        ["game_id"],
        True,
    )
    assert (table.description, table.labels) == ("grades of predictions", {"stage": "grades"})


def test_a_load_replaces_one_partition_and_leaves_the_others(peer: Peer) -> None:
    peer.load(frame(FIRST, "a", "b"), FIRST)
    peer.load(frame(SECOND, "c"), SECOND)
    peer.load(frame(FIRST, "d"), FIRST)
    assert peer.games() == [(FIRST, "d"), (SECOND, "c")]
    assert [table.table_id for table in peer.client.list_tables(peer.dataset)] == ["grades"]


def test_a_load_of_no_rows_empties_its_partition(peer: Peer) -> None:
    peer.load(frame(FIRST, "a"), FIRST)
    peer.load(frame(SECOND, "b"), SECOND)
    assert peer.load(frame(FIRST), FIRST).output_rows == 0
    assert peer.games() == [(SECOND, "b")]


def test_rows_of_another_day_are_refused_and_nothing_changes(peer: Peer) -> None:
    peer.load(frame(FIRST, "a"), FIRST)
    with pytest.raises(BadRequest, match="Some rows belong to different partitions"):
        peer.load(pl.concat([frame(FIRST, "b"), frame(SECOND, "c")]), FIRST)
    assert peer.games() == [(FIRST, "a")]


def test_deleting_a_partition_leaves_the_others(peer: Peer) -> None:
    peer.load(frame(FIRST, "a"), FIRST)
    peer.load(frame(SECOND, "b"), SECOND)
    peer.client.delete_table(f"{peer.table}$20260101")
    assert peer.games() == [(SECOND, "b")]


@pytest.mark.parametrize("decorator", ["20269999", "202601", "yesterday"])
def test_an_impossible_partition_is_named(peer: Peer, decorator: str) -> None:
    with pytest.raises(BadRequest, match=f"Invalid time partitioning id: {decorator}"):
        job = bigquery.QueryJobConfig(destination=f"{peer.table}${decorator}", write_disposition="WRITE_TRUNCATE")
        peer.client.query("SELECT DATE '2026-01-01' AS game_date", job_config=job).result()


def test_a_query_and_a_copy_write_and_read_one_partition(peer: Peer) -> None:
    peer.load(frame(FIRST, "a"), FIRST)
    peer.load(frame(SECOND, "b"), SECOND)
    into = bigquery.QueryJobConfig(destination=f"{peer.table}$20260102", write_disposition="WRITE_TRUNCATE")
    peer.client.query("SELECT DATE '2026-01-02' AS game_date, 'c' AS game_id", job_config=into).result()
    assert peer.games() == [(FIRST, "a"), (SECOND, "c")]
    copy = f"{PROJECT}.{peer.dataset}.copied"
    peer.client.copy_table(f"{peer.table}$20260101", copy).result()
    assert [row.game_id for row in peer.client.query_and_wait(f"SELECT game_id FROM `{copy}`")] == ["a"]


# Jobs


def test_a_job_id_is_used_once(peer: Peer) -> None:
    peer.load(frame(FIRST, "a"), FIRST, job_id=f"{peer.dataset}_load")
    with pytest.raises(Conflict, match="Already Exists: Job"):
        peer.load(frame(FIRST, "b"), FIRST, job_id=f"{peer.dataset}_load")
    job = peer.client.get_job(f"{peer.dataset}_load")
    assert (job.state, job.output_rows, job.labels) == ("DONE", 1, {"run": "abc"})
    assert peer.games() == [(FIRST, "a")]


def test_one_of_two_concurrent_jobs_with_the_same_id_succeeds(peer: Peer) -> None:
    def attempt(game_id: str) -> str:
        try:
            peer.load(frame(FIRST, game_id), FIRST, job_id=f"{peer.dataset}_race")
        except Conflict:
            return "conflict"
        return game_id

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, "abcd"))
    assert outcomes.count("conflict") == 3
    assert peer.games() == [(FIRST, game_id) for game_id in outcomes if game_id != "conflict"]


def test_a_job_ends_at_its_timeout(peer: Peer) -> None:
    endless = "SELECT SUM(a * b) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) a, UNNEST(GENERATE_ARRAY(1, 1000000)) b"
    config = bigquery.QueryJobConfig(job_timeout_ms=300)
    with pytest.raises(GoogleAPICallError) as caught:
        peer.client.query(endless, job_config=config, job_retry=None).result(timeout=HANG_SECONDS, job_retry=None)
    assert caught.value.errors[0]["reason"] == "stopped"


# Reading and merging


def test_the_storage_api_reads_selected_days_and_columns(peer: Peer) -> None:
    peer.load(frame(FIRST, "a"), FIRST)
    peer.load(frame(SECOND, "b"), SECOND)
    assert_frame_equal(peer.scan("game_date = DATE '2026-01-02'"), frame(SECOND, "b"))
    columns = ["game_id", "points"]
    assert_frame_equal(peer.scan("game_date = DATE '2026-01-01'", *columns), frame(FIRST, "a").select(columns))


def test_a_query_without_partition_filter_is_refused(peer: Peer) -> None:
    with pytest.raises(BadRequest, match="without a filter over column"):
        peer.query(f"SELECT * FROM `{peer.table}`")


MERGE = "MERGE `{table}` t USING `{stage}` s ON {on} {orphans} WHEN NOT MATCHED BY TARGET THEN INSERT ROW"


@pytest.fixture
def stage(peer: Peer) -> str:
    name = f"{PROJECT}.{peer.dataset}.stage"
    peer.load(frame(FIRST, "a", "b"), FIRST)
    peer.load(frame(SECOND, "c"), SECOND)
    sql = f"CREATE TABLE `{name}` AS SELECT * REPLACE (IF(game_id = 'a', 'a', 'z') AS game_id) FROM `{peer.table}`"
    peer.query(sql + " WHERE game_date = DATE '2026-01-01'")
    return name


def test_merge_on_false_replaces_the_named_days(peer: Peer, stage: str) -> None:
    orphans = "WHEN NOT MATCHED BY SOURCE AND t.game_date IN UNNEST(@dates) THEN DELETE"
    job = peer.query(MERGE.format(table=peer.table, stage=stage, on="FALSE", orphans=orphans), DATES)
    assert (job.num_dml_affected_rows, job.dml_stats.deleted_row_count, job.dml_stats.inserted_row_count) == (5, 3, 2)
    assert peer.games() == [(FIRST, "a"), (FIRST, "z")]


def test_merge_on_the_key_adds_missing_rows(peer: Peer, stage: str) -> None:
    on = "t.game_id = s.game_id AND t.game_date = s.game_date AND t.game_date IN UNNEST(@dates)"
    job = peer.query(MERGE.format(table=peer.table, stage=stage, on=on, orphans=""), DATES)
    assert job.num_dml_affected_rows == 1
    assert peer.games() == [(FIRST, "a"), (FIRST, "b"), (FIRST, "z"), (SECOND, "c")]


def test_merge_needs_the_partition_column_in_a_condition(peer: Peer, stage: str) -> None:
    with pytest.raises(BadRequest, match="without a filter over column"):
        peer.query(MERGE.format(table=peer.table, stage=stage, on="t.game_id = s.game_id", orphans=""))


# The process


def test_a_second_emulator_starts_from_a_copy_beside_the_first(peer: Peer, emulator: Emulator, tmp_path: Path) -> None:
    peer.load(frame(FIRST, "a"), FIRST)
    emulator.copy_to(tmp_path)
    peer.load(frame(FIRST, "b"), FIRST)
    with Emulator(tmp_path) as second:
        copied = Peer(second, peer.dataset)
        assert copied.games() == [(FIRST, "a")]
        copied.load(frame(SECOND, "c"), SECOND)
        second.stop()
        second.__enter__()
        second_peer = Peer(second, peer.dataset)
        assert second_peer.games() == [(FIRST, "a"), (SECOND, "c")], "what was loaded outlives a kill"
        copied.close()
        second_peer.close()
    assert peer.games() == [(FIRST, "b")]


def test_a_child_process_needs_only_the_variables(peer: Peer, emulator: Emulator) -> None:
    script = (
        "from google.cloud import bigquery; import os; "
        "print([row.n for row in bigquery.Client(os.environ['BIGQUERY_PROJECT']).query_and_wait('SELECT 7 AS n')])"
    )
    variables = {"PATH": os.environ["PATH"]} | emulator.variables(PROJECT, peer.dataset)
    completed = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert completed.stdout.strip() == "[7]", completed.stderr
    account = json.loads(Path(variables["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    assert account["token_uri"] == f"{emulator.url}/token"


def test_the_emulator_ends_with_its_parent_process(emulator: Emulator, tmp_path: Path) -> None:
    script = (
        "import os; from pathlib import Path; from nba_pipeline_tests.bigquery.emulator import Emulator; "
        f"running = Emulator(Path({str(tmp_path)!r}), Path({str(ENVIRONMENT)!r})); running.__enter__(); "
        "print(running.pid, flush=True); os._exit(9)"
    )
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    pid = int(completed.stdout)
    deadline = time.monotonic() + HANG_SECONDS
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """A finished process stays listed until its parent waits for it."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_an_emulator_that_fails_to_start_is_reported_with_the_reason(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(NotStarted, match=r"ended with code 1; its log ends:\n(.|\n)*FileExistsError"), Emulator(tmp_path):
        pass


def test_a_slow_emulator_is_killed(emulator: Emulator, tmp_path: Path) -> None:
    slow = Emulator(tmp_path, start_seconds=0.01)
    with pytest.raises(NotStarted, match=r"did not listen within 0\.01 s"), slow:
        pass
    with pytest.raises(AssertionError, match="not running"):
        _ = slow.pid


# The environment


def test_python_is_found_by_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim, right = tmp_path / "python3.13", tmp_path / "versions" / "3.13.9" / "bin" / "python"
    right.parent.mkdir(parents=True)
    shim.write_text("#!/bin/sh\nexit 127\n")
    right.write_text("#!/bin/sh\necho '(3, 13)'\n")
    for command in (shim, right):
        command.chmod(0o755)
    monkeypatch.setenv("PYTHON313", str(tmp_path / "absent"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    assert find_python() == str(right)
    right.unlink()
    assert find_python() is None


def test_setup_without_python_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHON313", "PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(NotStarted, match=r"needs Python 3\.13"):
        setup(tmp_path / "emulator")
    assert not is_ready(tmp_path / "emulator")


def test_an_environment_is_rebuilt_when_its_requirements_change(tmp_path: Path) -> None:
    """Created by hand, because a real one takes minutes and the network."""
    requirements, folder = tmp_path / "requirements.txt", tmp_path / "emulator"
    requirements.write_text("a==1\n")
    (folder / "venv").mkdir(parents=True)
    (folder / "done").write_text(hashlib.sha256(b"a==1\n").hexdigest())
    setup(folder, requirements)
    assert (folder / "venv").exists()
    requirements.write_text("a==2\n")
    assert not is_ready(folder, requirements)


def test_a_setup_waits_for_a_setup_in_progress(tmp_path: Path) -> None:
    (tmp_path / "done").write_text(hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest())
    with ThreadPoolExecutor(1) as pool:
        with FileLock(tmp_path / "lock"):
            waiting = pool.submit(setup, tmp_path)
            assert not wait([waiting], timeout=0.3).done
        waiting.result(timeout=HANG_SECONDS)


def test_an_interrupted_setup_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements, folder = tmp_path / "requirements.txt", tmp_path / "emulator"
    requirements.write_text("")
    (folder / "venv" / "left_over").mkdir(parents=True)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && echo "(3, 13)" || exit 3\n')
    python.chmod(0o755)
    monkeypatch.setenv("PYTHON313", str(python))
    with pytest.raises(subprocess.CalledProcessError):
        setup(folder, requirements)
    assert not (folder / "venv" / "left_over").exists()
    assert not is_ready(folder, requirements)
