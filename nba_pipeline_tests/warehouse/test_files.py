"""Files and logs, in a folder, a store in memory and a bucket behind real gcsfs."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest
from google.oauth2.service_account import Credentials

from nba_pipeline.errors import BadInput, PipelineError, Transient
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import LogFile, PartedLog, Place
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
    return [line.rstrip("\n") for _, _, line in files.numbered_lines(files.logs(folder))]


def a_killed_log(folder: Place, *texts: str, owner: str = "run") -> PartedLog:
    log = files.resumed_log(folder, owner, [])
    assert isinstance(log, PartedLog)
    for text in texts:
        log.write(text)
    return log


@pytest.mark.parametrize("home", ["s3://bucket/prefix", "gs://", "http://x/y"])
def test_an_address_that_is_no_home_is_named(home: str) -> None:
    with pytest.raises(BadInput, match=rf"{home} is neither a folder nor an address like gs://bucket/prefix"):
        files.place(home)


def test_a_listing_tells_what_matches_and_how_large_it_is(root: Place) -> None:
    for name in ("a/1.gz", "a/22.gz", "a/b/3.gz", "a/4.txt", "ab/5.gz"):
        files.write_immutable(root / name, lambda name=name: name.encode())  # type: ignore[misc]
    assert sorted((file.path.name, file.size) for file in files.listing(root / "a", "*.gz")) == [("1.gz", 6), ("22.gz", 7)]
    assert [file.path.name for file in files.listing(root / "a", "*/*.gz")] == ["3.gz"]
    assert files.listing(root / "nowhere", "*") == []


def test_a_listing_of_several_pages_is_whole(root: Place) -> None:
    for number in range(8):
        files.write_immutable(root / f"{number}.gz", bytes)
    assert len(files.listing(root, "*.gz")) == 8


def test_what_is_kept_again_is_the_last_written(root: Place) -> None:
    for name in ("1", "2", "1"):
        files.write_immutable(root / name, name.encode)
    assert [file.path.name for file in sorted(files.listing(root, "*"), key=lambda file: file.changed)] == ["2", "1"]


def test_what_is_there_is_not_sent_again(bucket: Bucket) -> None:
    path = files.place("gs://bucket") / "payload"
    files.write_immutable(path, lambda: b"first")
    files.write_immutable(path, lambda: b"never")
    assert files.read(path) == b"first" and bucket.uploaded == ["payload"]


def test_a_renamed_file_is_there_once(root: Place) -> None:
    files.write_immutable(root / "good", lambda: b"x")
    files.rename(root / "good", "bad")
    assert files.read(root / "bad") == b"x" and not files.exists(root / "good") and files.exists(root / "bad")
    for act in (lambda: files.rename(root / "good", "bad"), lambda: files.read(root / "good")):
        with pytest.raises(FileNotFoundError):
            act()


def test_a_log_has_its_lines_in_order_before_and_after_it_is_closed(root: Place) -> None:
    log = files.resumed_log(root, "run", [])
    for number in range(12):
        log.write(str(number))
    assert lines(root) == [str(number) for number in range(12)]
    log.close()
    assert lines(root) == [str(number) for number in range(12)]
    assert [(found.owner, len(found.pieces)) for found in files.logs(root)] == [("run", 1)]


def test_lines_of_many_threads_are_all_kept_once(root: Place) -> None:
    log = files.resumed_log(root, "run", [])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log.write, map(str, range(30))))
    assert sorted(map(int, lines(root))) == list(range(30))
    in_parts = lines(root)
    log.close()
    assert lines(root) == in_parts


def test_logs_are_read_in_the_order_in_which_they_were_begun(root: Place) -> None:
    first, second = files.resumed_log(root, "z", []), files.resumed_log(root, "a", [])
    second.write("2")
    first.write("1")
    second.close()
    assert lines(root) == ["1", "2"]


def test_a_line_may_hold_any_character(root: Place) -> None:
    files.resumed_log(root, "run", []).write("Jokić\u2028\x85Dončić")
    assert lines(root) == ["Jokić\u2028\x85Dončić"]


def test_a_log_of_a_killed_process_is_its_parts(store: Place) -> None:
    a_killed_log(store, "1", "2")
    (log,) = files.logs(store)
    assert [piece.path.name for piece in log.pieces] == ["00000001.jsonl", "00000002.jsonl"] and lines(store) == ["1", "2"]


def test_a_log_that_was_killed_while_it_was_made_one_counts_no_line_twice(store: Place) -> None:
    a_killed_log(store, "1", "2")
    (log,) = files.logs(store)
    files.write_immutable(log.path, lambda: b"1\n2\n")  # the merged file is written, the parts are not deleted
    assert len(files.listing(store, "*.parts/*")) == 2 and lines(store) == ["1", "2"]


def test_parts_that_are_made_one_after_the_listing_are_read_as_one(store: Place) -> None:
    other, log = a_killed_log(store, "0", owner="other"), a_killed_log(store, "1", "2")
    listed = files.logs(store)
    log.close()
    assert [line for _, _, line in files.numbered_lines(listed)] == ["0", "1", "2"]
    other.close()


def test_logs_of_more_parts_than_are_read_at_once_are_whole(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "READ_AT_ONCE", 3)
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


def test_a_log_knows_the_utc_day_on_which_it_was_begun() -> None:
    assert str(LogFile(Path("01710201599999999999_a.jsonl"), ()).day) == "2024-03-11"
    assert str(LogFile(Path("01710201600000000000_a.jsonl"), ()).day) == "2024-03-12"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "gs://bucket/x is not accessible with this account: log in with .* role Storage Object User on the bucket"),
        (401, "gs://bucket/x is not accessible with this account"),
        (418, "gs://bucket/x cannot be used: the store refuses the request"),
    ],
)
def test_a_refusal_is_one_sentence_with_its_cause(bucket: Bucket, status: int, sentence: str) -> None:
    bucket.refusals.append(status)
    with pytest.raises(BadInput, match=sentence) as error:
        files.put(files.place("gs://bucket/x"), b"")  # type: ignore[arg-type]
    assert error.value.__cause__ and "\n" not in str(error.value)


def test_a_passing_trouble_is_tried_again_by_gcsfs(bucket: Bucket) -> None:
    bucket.refusals.append(503)
    files.write_immutable(files.place("gs://bucket/x"), lambda: b"1")
    assert bucket.uploaded == ["x"]


def test_a_missing_bucket_is_named(bucket: Bucket) -> None:
    elsewhere = files.place("gs://elsewhere/prefix")
    for act in (lambda: files.listing(elsewhere, "*"), lambda: files.write_immutable(elsewhere / "x", bytes)):
        with pytest.raises(BadInput, match=r"gs://elsewhere/prefix.* the bucket does not exist"):
            act()


def test_a_store_that_cannot_be_reached_may_be_asked_again(bucket: Bucket) -> None:
    async def ask_a_closed_port() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get("http://127.0.0.1:1")

    with (
        pytest.raises(Transient, match="gs://bucket/x cannot be reached: check the network"),
        files.reached(files.place("gs://bucket/x")),
    ):
        asyncio.run(ask_a_closed_port())


def test_unusable_credentials_are_named(bucket: Bucket) -> None:
    with (
        pytest.raises(BadInput, match="gs://bucket/x needs Google credentials: run `gcloud auth application-default login`"),
        files.reached(files.place("gs://bucket/x")),
    ):
        Credentials.from_service_account_info({})


def test_a_programming_error_is_not_explained_away(store: Place) -> None:
    with pytest.raises(TypeError), files.reached(store):
        raise TypeError


def test_a_writer_does_not_wait_for_the_requests_of_others(bucket: Bucket) -> None:
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


def test_a_file_is_written_in_the_place_of_another(root: Place) -> None:
    for body in (b"one", b"2"):
        files.write(root / "a" / "x.json", body)
        assert files.read(root / "a" / "x.json") == body
    for _ in range(2):
        files.delete(root / "a" / "x.json")
    assert not files.exists(root / "a" / "x.json")


def test_a_tree_has_every_file_in_the_order_of_writing(root: Place) -> None:
    for name in ("b", "a/b/c", "a/1"):
        files.write_immutable(root / name, name.encode)
    assert [file.path.as_posix().removeprefix(root.as_posix() + "/") for file in files.tree(root)] == ["b", "a/b/c", "a/1"]
    assert files.tree(root / "nowhere") == []


def test_a_temporary_file_is_no_part_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / ".x.tmp").touch()
    assert files.tree(tmp_path) == []


def test_a_moved_file_takes_an_unused_name(root: Place) -> None:
    for body in (b"1", b"2", b"3"):
        files.write(root / "x", body)
        files.move(root / "x", files.unused(root / "damaged" / "x"))
    assert {file.path.name: files.read(file.path) for file in files.tree(root)} == {"x": b"1", "x.2": b"2", "x.3": b"3"}
