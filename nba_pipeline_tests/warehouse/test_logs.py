"""Logs in a folder, a store in memory and a bucket behind real gcsfs."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nba_pipeline.errors import PipelineError
from nba_pipeline.warehouse import files, logs
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.logs import LogFile, PartedLog
from nba_pipeline_tests.warehouse.gcs_server import KINDS, Bucket, a_bucket, a_home


@pytest.fixture(params=KINDS)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with a_home(request.param, tmp_path) as home:
        yield files.place(home)


@pytest.fixture(params=["memory", "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with a_home(request.param, tmp_path) as home:
        yield files.place(home)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_bucket() as bucket:
        yield bucket


def lines(folder: Place) -> list[str]:
    return [line.rstrip("\n") for _, _, line in logs.numbered_lines(logs.list_logs(folder))]


def a_killed_log(folder: Place, *texts: str, owner: str = "run") -> PartedLog:
    log = logs.resumed_log(folder, owner, [])
    assert isinstance(log, PartedLog)
    for text in texts:
        log.write(text)
    return log


def test_a_log_has_its_lines_in_order_before_and_after_it_is_closed(root: Place) -> None:
    log = logs.resumed_log(root, "run", [])
    for number in range(12):
        log.write(str(number))
    assert lines(root) == [str(number) for number in range(12)]
    log.close()
    assert lines(root) == [str(number) for number in range(12)]
    assert [(log.owner, len(log.pieces)) for log in logs.list_logs(root)] == [("run", 1)]


def test_lines_of_many_threads_are_stored_once(root: Place) -> None:
    log = logs.resumed_log(root, "run", [])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log.write, map(str, range(30))))
    assert sorted(map(int, lines(root))) == list(range(30))
    in_parts = lines(root)
    log.close()
    assert lines(root) == in_parts


def test_logs_are_read_in_the_order_of_their_start(root: Place) -> None:
    first, second = logs.resumed_log(root, "z", []), logs.resumed_log(root, "a", [])
    second.write("2")
    first.write("1")
    second.close()
    assert lines(root) == ["1", "2"]


def test_a_line_may_contain_any_character(root: Place) -> None:
    logs.resumed_log(root, "run", []).write("Jokić\u2028\x85Dončić")
    assert lines(root) == ["Jokić\u2028\x85Dončić"]


def test_a_log_of_a_killed_process_is_its_parts(store: Place) -> None:
    a_killed_log(store, "1", "2")
    (log,) = logs.list_logs(store)
    assert [piece.path.name for piece in log.pieces] == ["00000001.jsonl", "00000002.jsonl"] and lines(store) == ["1", "2"]


def test_a_log_killed_during_the_merge_has_no_line_twice(store: Place) -> None:
    a_killed_log(store, "1", "2")
    (log,) = logs.list_logs(store)
    files.write_immutable(log.path, lambda: b"1\n2\n")  # the merged file is written, the parts are not deleted
    assert len(files.listing(store, "*.parts/*")) == 2 and lines(store) == ["1", "2"]


def test_parts_that_are_merged_after_the_listing_are_read_merged(store: Place) -> None:
    other, log = a_killed_log(store, "0", owner="other"), a_killed_log(store, "1", "2")
    listed = logs.list_logs(store)
    log.close()
    assert [line for _, _, line in logs.numbered_lines(listed)] == ["0", "1", "2"]
    other.close()


def test_logs_with_more_parts_than_one_batch_are_complete(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "READ_AT_ONCE", 3)
    for number in range(3):
        a_killed_log(store, *(f"{number}{text}" for text in "abcd"), owner=str(number))
    assert lines(store) == [f"{number}{text}" for number in range(3) for text in "abcd"]


def test_a_closed_log_takes_no_line(store: Place) -> None:
    log = a_killed_log(store, "1")
    log.close()
    with pytest.raises(PipelineError, match="is closed and accepts no further lines"):
        log.write("2")
    log.close()
    assert lines(store) == ["1"]


def test_a_log_has_the_utc_date_of_its_start() -> None:
    assert str(LogFile(Path("01710201599999999999_a.jsonl"), ()).day) == "2024-03-11"
    assert str(LogFile(Path("01710201600000000000_a.jsonl"), ()).day) == "2024-03-12"


def test_a_writer_does_not_wait_for_other_requests(bucket: Bucket) -> None:
    log = a_killed_log(files.place("gs://bucket"))
    with bucket.lock:  # blocks every response
        threads = [threading.Thread(target=log.write, args=(text,), daemon=True) for text in "ab"]
        for thread in threads:
            thread.start()
        for _ in range(200):
            if len(log._lines) == 2:
                break
            threads[1].join(0.01)
        assert len(log._lines) == 2
    for thread in threads:
        thread.join()
    assert sorted(lines(files.place("gs://bucket"))) == ["a", "b"]
