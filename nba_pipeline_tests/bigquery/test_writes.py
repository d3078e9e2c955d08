"""Writes to BigQuery: one load per date or one statement, executed once despite lost responses, with the real client."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import BadInput, Busy, Permanent, PipelineError, Transient
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery.shapes import shape_of
from nba_pipeline_tests.bigquery.emulator import HANG_SECONDS
from nba_pipeline_tests.bigquery.faults import Call, DropAfter, DropBefore, FaultProxy, Kill, Respond, Rewrite
from nba_pipeline_tests.bigquery.store import BigQueryStore, acknowledges, loads, of_kind, statement, text_of
from nba_pipeline_tests.warehouse.contract import DAY, NEXT, PATIENT, VERSIONS, in_a_process, rows, stored_rows
from nba_pipeline_tests.warehouse.gcs_server import a_bucket

Dies = Callable[..., AbstractContextManager[None]]


def a_long_range() -> list[date]:
    return days(DAY, DAY + timedelta(days=SETTINGS.bigquery.dates_by_load))


def calls_of(proxy: FaultProxy, when: Callable[[Call], bool]) -> list[Call]:
    return [call for call in proxy.calls if when(call)]


def record(store: BigQueryStore) -> list[tuple[date, str, str | None, int]]:
    return [(row["game_date"], row["job_id"], row["replaces_job_id"], row["row_count"]) for row in store.record()]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, in seconds."""
    waited: list[float] = []
    sleep = time.sleep

    def slept(seconds: float) -> None:
        waited.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", slept)
    return waited


# Writers on several hosts


def test_writers_on_two_hosts_exclude_each_other_by_a_lease_in_the_bucket(
    store: BigQueryStore, lines: Table, tmp_path: Path
) -> None:
    started, resume = threading.Event(), threading.Event()
    with a_bucket() as bucket, store.delay_write(lines, DAY, started, resume), ThreadPoolExecutor(1) as pool:
        a, b = (store.open(home=str(tmp_path / name), store="gs://bucket/nba") for name in ("a", "b"))
        writing = pool.submit(a.replace, lines, [DAY], rows(3), "run on a")
        try:
            assert started.wait(HANG_SECONDS), writing.exception(HANG_SECONDS)
            with pytest.raises(Busy, match=rf"toy_lines {DAY} is being written by run on a \(process"):
                b.replace(lines, [DAY], rows(4), "run on b")
        finally:
            resume.set()
        writing.result()
        b.replace(lines, [DAY], rows(4), "run on b")
        assert not bucket.objects and not list(tmp_path.rglob("*.lock"))
    assert stored_rows(store.open_reader(), lines).height == 4


# Requests


def only_asks_what_is_allowed(proxy: FaultProxy) -> None:
    """No row-by-row inserts, no appending loads, no deletion before a load."""
    for call in proxy.calls:
        assert "insertAll" not in call.path
        assert "WRITE_APPEND" not in str(call.body)
        assert not text_of(call).strip().upper().startswith(("DELETE", "TRUNCATE"))


def test_a_date_is_one_load_that_replaces_its_partition(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    run = store.open(run_id="Run-1")
    run.replace(lines, [DAY, NEXT], rows(2), "me")
    job_calls = calls_of(proxy, of_kind("load"))
    assert sorted(call.table or "" for call in job_calls) == ["toy_lines$20240312", "toy_lines$20240313"]
    for call in job_calls:
        configuration = call.body["configuration"]
        load = configuration["load"]
        assert (load["writeDisposition"], load["createDisposition"]) == ("WRITE_TRUNCATE", "CREATE_NEVER")
        assert (load["sourceFormat"], load["parquetOptions"]) == ("PARQUET", {"enableListInference": True})
        assert "autodetect" not in load or not load["autodetect"]
        columns = {field["name"]: (field["type"], field["mode"]) for field in load["schema"]["fields"]}
        assert columns == {field.name: (field.field_type, field.mode) for field in shape_of(lines).fields}
        assert columns["game_date"] == ("DATE", "REQUIRED") and columns["words"] == ("STRING", "REPEATED")
        assert configuration["jobTimeoutMs"] == str(SETTINGS.bigquery.job_seconds * 1000)
        assert configuration["labels"] == {"made_by": "nba_pipeline", "dagster_run_id": "run-1", "asset": "toy_lines"}
    only_asks_what_is_allowed(proxy)
    job_id = job_calls[0].job_id
    assert {row["run_id"] for row in store.record()} == {"Run-1"}
    assert job_id in {row["job_id"] for row in store.record()}


def test_a_long_range_is_one_staged_load_and_one_statement(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    dates = a_long_range()
    run = store.open()
    run.replace(lines, dates, pl.concat([rows(1, day) for day in dates]), "me")
    [load] = calls_of(proxy, of_kind("load"))
    assert (load.table or "").startswith("staging_toy_lines_")
    assert load.body["configuration"]["load"]["writeDisposition"] == "WRITE_TRUNCATE"
    [merge] = calls_of(proxy, statement("MERGE"))
    query = merge.body["configuration"]["query"]
    kinds = {given["name"]: given["parameterType"]["type"] for given in query["queryParameters"]}
    assert kinds == {"first": "DATE", "last": "DATE", "dates": "ARRAY"}
    assert int(query["maximumBytesBilled"]) == SETTINGS.bigquery.most_bytes_billed
    only_asks_what_is_allowed(proxy)
    assert store.run_query("SELECT table_name FROM INFORMATION_SCHEMA.TABLES WHERE table_name LIKE 'staging%'") == []
    assert {job_id for _, job_id, _, _ in record(store)} == {merge.job_id}
    assert len(record(store)) == len(dates)


def test_every_job_of_a_run_is_labeled(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    run = store.open(run_id="ABC")
    run.replace(lines, [DAY], rows(1), "me")
    run.add(lines, [DAY], rows(2), "me")
    run.scan(lines).collect()
    run.sql("SELECT 1 AS a")
    job_calls = [
        call for call in calls_of(proxy, of_kind("query", "load")) if not call.body.get("configuration", {}).get("dryRun")
    ]
    labels = [call.body.get("labels") or call.body["configuration"]["labels"] for call in job_calls]
    assert {label["dagster_run_id"] for label in labels} == {"abc"}
    assert {label["asset"] for label in labels} == {"toy_lines", "loads", "information_schema", "none"}


def test_a_write_records_its_job_statistics(store: BigQueryStore, lines: Table) -> None:
    run = store.open()
    run.replace(lines, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    metadata = run.last_write(lines)
    assert (metadata["bigquery/jobs"], metadata["bigquery/rows_loaded"]) == (2, 5)
    assert metadata["bigquery/job_id"] in store.effective()


# Retries


@pytest.mark.parametrize("when", [of_kind("load"), acknowledges, statement("MERGE")], ids=["load", "acknowledgement", "merge"])
def test_a_server_error_is_retried_after_a_pause(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, pauses: list[float], when: Callable[[Call], bool]
) -> None:
    run = store.open()
    run.add(lines, [NEXT], rows(1, NEXT), "me")
    troubles = [
        (503, "backendError"),
        (500, "internalError"),
        (502, "badGateway"),
        (429, "rateLimitExceeded"),
        (403, "rateLimitExceeded"),
    ]
    for status, reason in troubles:
        proxy.rule(when, Respond(status, reason, "later"))
    pauses.clear()
    run.add(lines, [DAY], rows(2), "me")
    assert_frame_equal(stored_rows(store.open(), lines, DAY), rows(2))
    statuses = [call.status for call in calls_of(proxy, when)]
    assert statuses.count(200) >= 1 and [status for status in statuses if status != 200] == [status for status, _ in troubles]
    assert len([seconds for seconds in pauses if seconds <= SETTINGS.bigquery.longest_pause_seconds]) >= len(troubles)
    assert len([row for row in record(store) if row[0] == DAY]) == 1


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (403, "quotaExceeded", Permanent),
        (400, "invalid", Permanent),
        (403, "accessDenied", BadInput),
        (404, "notFound", BadInput),
        (401, "authError", BadInput),
    ],
)
def test_a_permanent_error_is_not_retried(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, status: int, reason: str, error: type[PipelineError]
) -> None:
    proxy.rule(of_kind("load"), Respond(status, reason, "the reason that Google gives"), times=None)
    with pytest.raises(error, match=f"BigQuery nba-test.{store.dataset}: .*the reason that Google gives"):
        store.open().replace(lines, [DAY], rows(2), "me")
    # the client library itself repeats a 401 with a new token
    job_calls = calls_of(proxy, of_kind("load"))
    assert {call.job_id for call in job_calls} == {job_calls[0].job_id}
    assert len(job_calls) == 1 or status == 401
    assert store.record() == [] and store.effective() == []


def test_a_lasting_error_ends_the_retries(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, settings: Callable[..., None]
) -> None:
    run = store.open()
    run.dates(lines)
    settings(first_pause_seconds=0.01, longest_pause_seconds=0.05, retry_seconds=3)
    proxy.rule(of_kind("load"), Respond(503, "backendError", "later"), times=None)
    with pytest.raises(Transient, match=r"loading toy_lines 2024-03-12 failed with a network or server error.*later"):
        run.replace(lines, [DAY], rows(2), "me")
    assert len(calls_of(proxy, of_kind("load"))) > 1
    assert store.record() == []


def test_a_failed_date_does_not_affect_other_dates(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    proxy.rule(loads("toy_lines", NEXT), Respond(400, "invalid", "no"))
    with pytest.raises(Permanent, match="loading toy_lines 2024-03-13: no"):
        store.open().replace(lines, [DAY, NEXT], pl.concat([rows(2), rows(2, NEXT)]), "me")
    assert store.open().dates(lines) == {DAY}
    assert_frame_equal(stored_rows(store.open(), lines), rows(2))


# Lost responses


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter()], ids=["before", "after"])
def test_a_load_whose_connection_is_lost_is_done_once(store: BigQueryStore, proxy: FaultProxy, lines: Table, fault: Any) -> None:
    proxy.rule(loads("toy_lines", DAY), fault)
    store.open().replace(lines, [DAY], rows(2), "me")
    job_calls = calls_of(proxy, of_kind("load"))
    assert [call.status for call in job_calls] == [None, 200 if fault == DropBefore() else 409]
    assert store.effective() == [job_calls[0].job_id] == [job_calls[1].job_id]
    assert [job_id for _, job_id, _, _ in record(store)] == [job_calls[0].job_id]
    assert_frame_equal(stored_rows(store.open(), lines), rows(2))


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter()], ids=["before", "after"])
def test_a_statement_whose_connection_is_lost_is_done_once(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, fault: Any
) -> None:
    run, dates = store.open(), a_long_range()
    for when in (of_kind("load"), statement("MERGE"), acknowledges):
        proxy.rule(when, fault)
        proxy.rule(when, fault)
    new = pl.concat([rows(1, day) for day in dates])
    run.replace(lines, dates, new, "me")
    [merge] = {call.job_id for call in calls_of(proxy, statement("MERGE"))}
    assert [job for job in store.effective() if job.startswith("merge")] == [merge]
    assert len(record(store)) == len(dates), "acknowledged once"
    assert_frame_equal(stored_rows(store.open(), lines), new)
    store.forget()
    proxy.rule(statement("MERGE"), fault)
    proxy.rule(acknowledges, fault)
    assert run.add(lines, [DAY], rows(3), "me") == 2
    assert len([job for job in store.effective() if job.startswith("add")]) == 1
    assert len(record(store)) == len(dates) + 1
    assert stored_rows(store.open(), lines, DAY).height == 3


# Killed processes

STEPS: dict[str, tuple[Callable[[Call], bool], Any, bool]] = {
    "before the load": (of_kind("load"), "before", False),
    "after the load": (of_kind("load"), "after", True),
    "before the acknowledgement": (acknowledges, "before", True),
    "after the acknowledgement": (acknowledges, "after", True),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_write_leaves_old_or_new_rows_and_its_repetition_loads_nothing_twice(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, step: str
) -> None:
    when, moment, is_new = STEPS[step]
    old, new = VERSIONS[1], VERSIONS[0]
    store.replacements = 1
    store.open().replace(lines, [DAY], old, "me")
    store.forget()
    killed: list[int] = []
    proxy.rule(when, Kill(lambda: killed[0], moment))
    with in_a_process("replace_again_and_again", store) as process:
        killed.append(process.pid)
    assert process.returncode == -9
    assert_frame_equal(
        store.open_reader().sql(f"SELECT * FROM toy_lines WHERE game_date = DATE '{DAY}'").sort("game_id"), new if is_new else old
    )
    assert_frame_equal(stored_rows(store.open(), lines), new if is_new else old)
    store.open(PATIENT).replace(lines, [DAY], new, "the same again")
    assert_frame_equal(stored_rows(store.open(), lines), new)
    done = store.effective()
    assert len(done) == len(set(done)) == 2, "one load of the old rows and one of the new"
    assert [(job_id, replaced) for _, job_id, replaced, _ in record(store)] == [(done[0], None), (done[1], done[0])]


# Reused identities


def fails_with(reason: str) -> Rewrite:
    """The response of a failed job."""
    error = {"reason": reason, "message": f"ended with {reason}"}
    return Rewrite(lambda document: document | {"status": {"state": "DONE", "errorResult": error, "errors": [error]}})


@pytest.mark.parametrize("reason", ["backendError", "internalError", "rateLimitExceeded"])
def test_a_job_with_a_server_error_is_repeated_under_a_new_number(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, reason: str
) -> None:
    proxy.rule(of_kind("load"), fails_with(reason))
    store.open().replace(lines, [DAY], rows(2), "me")
    first, second = calls_of(proxy, of_kind("load"))
    assert second.job_id == f"{first.job_id}_1"
    assert [job_id for _, job_id, _, _ in record(store)] == [second.job_id]
    assert_frame_equal(stored_rows(store.open(), lines), rows(2))


def test_a_job_with_invalid_rows_is_not_repeated(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    proxy.rule(of_kind("load"), fails_with("invalid"), times=None)
    with pytest.raises(Permanent, match="ended with invalid"):
        store.open().replace(lines, [DAY], rows(2), "me")
    assert len(calls_of(proxy, of_kind("load"))) == 1
    assert store.record() == []


def test_a_job_that_always_fails_ends_the_retries(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    proxy.rule(of_kind("load"), fails_with("backendError"), times=None)
    with pytest.raises(Transient, match="ended with backendError"):
        store.open().replace(lines, [DAY], rows(2), "me")
    assert len(calls_of(proxy, of_kind("load"))) == SETTINGS.bigquery.attempts
    assert store.record() == []


def test_an_earlier_job_of_the_same_rows_is_not_taken_for_the_write(store: BigQueryStore, lines: Table, dead_from: Dies) -> None:
    """A, then B, neither recorded; then A again, while the record still shows nothing written."""
    for points, writer in ((1, "A"), (2, "B")):
        with dead_from(acknowledges, DropBefore(), DropBefore()), pytest.raises(Transient):
            store.open().replace(lines, [DAY], rows(2, points=points), writer)
    store.open().replace(lines, [DAY], rows(2, points=1), "A again")
    assert stored_rows(store.open(), lines)["points"].to_list() == [1, 1]
    first, _, third = store.effective()
    assert third == f"{first}_1"


def test_recorded_rows_are_verified(store: BigQueryStore, lines: Table, dead_from: Dies) -> None:
    """A; then B, not recorded; then A again, which the record lists as written."""
    store.open().replace(lines, [DAY], rows(2, points=1), "A")
    with dead_from(acknowledges, DropBefore(), DropBefore()), pytest.raises(Transient):
        store.open().replace(lines, [DAY], rows(2, points=2), "B")
    assert stored_rows(store.open(), lines)["points"].to_list() == [2, 2]
    store.open().replace(lines, [DAY], rows(2, points=1), "A again")
    assert stored_rows(store.open(), lines)["points"].to_list() == [1, 1]
    for _ in range(2):
        store.open().replace(lines, [DAY], rows(2, points=2), "B again")
        assert stored_rows(store.open(), lines)["points"].to_list() == [2, 2]
    assert len(store.effective()) == 4, "A, B, A again, B again"


def test_an_unacknowledged_merge_is_recognized(store: BigQueryStore, lines: Table, dead_from: Dies) -> None:
    dates = a_long_range()
    new = pl.concat([rows(1, day) for day in dates])
    with dead_from(acknowledges, DropBefore(), DropBefore()), pytest.raises(Transient):
        store.open().replace(lines, dates, new, "killed")
    store.open().replace(lines, dates, new, "again")
    assert_frame_equal(stored_rows(store.open(), lines), new)
    assert len([job for job in store.effective() if job.startswith("merge")]) == 1
    assert len(record(store)) == len(dates)


def test_a_table_can_be_dropped_and_rewritten_repeatedly(store: BigQueryStore, lines: Table) -> None:
    """Each first write of the same rows has the identity of earlier ones, whose rows are deleted."""
    for _ in range(SETTINGS.bigquery.attempts + 1):
        run = store.open()
        run.replace(lines, [DAY], rows(2), "me")
        assert stored_rows(run, lines).height == 2
        run.drop(lines)


def test_the_same_rows_in_another_dataset_have_separate_jobs(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    """Job ids are unique per project. Two datasets of a project must not reuse each other's jobs."""
    other = BigQueryStore(store.emulator, proxy, store.admin, f"{store.dataset}_other", store.home / "other")
    other.make(shape_of(lines))
    for place in (store, other):
        place.open().replace(lines, [DAY], rows(2), "me")
        assert_frame_equal(stored_rows(place.open(), lines), rows(2))
    job_calls = calls_of(proxy, of_kind("load"))
    assert len({call.job_id for call in job_calls}) == 2
    assert [call.status for call in job_calls] == [200, 200]
    store.admin.delete_dataset(other.dataset, delete_contents=True)


# Timeouts


def still_running(document: Any) -> Any:
    return document | {"status": {"state": "RUNNING"}}


@pytest.fixture
def impatient(settings: Callable[..., None]) -> Iterator[None]:
    settings(first_pause_seconds=0.01, longest_pause_seconds=0.05, job_seconds=1, attempts=1)
    yield


@pytest.mark.usefixtures("impatient")
def test_a_load_over_its_time_limit_is_canceled_and_reported(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    proxy.rule(of_kind("load"), Rewrite(still_running), times=None)
    proxy.rule(of_kind("get_job"), Rewrite(still_running), times=None)
    run = store.open()
    with pytest.raises(
        Transient, match=r"loading toy_lines 2024-03-12 took longer than 1 s and was canceled \(job load_toy_lines_"
    ):
        run.replace(lines, [DAY], rows(2), "me")
    [load], [cancelled] = calls_of(proxy, of_kind("load")), calls_of(proxy, of_kind("cancel"))
    assert cancelled.job_id == load.job_id
    assert store.record() == []
