"""Files in a bucket: their order and headers, and the write lease between exports."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.publishing import store
from nba_pipeline.publishing.store import LOCK, write_store
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.files import exists, place, read, write
from nba_pipeline_tests.warehouse.gcs_server import Bucket, a_bucket

FILES = {
    "v1/latest.json": b'{"game_date": "2026-01-15"}',
    "2026-01-15.html": b"page",
    "index.html": b"page",
    "v1/record.csv": b"a\n",
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0)
    with a_bucket() as one:
        yield one


@pytest.fixture
def public(bucket: Bucket) -> Any:
    return place("gs://bucket/a/prefix")


def names(bucket: Bucket) -> list[str]:
    return [name.removeprefix("a/prefix/") for name in bucket.objects]


def a_dead_export(bucket: Bucket, minutes: float, content: bytes = b"no json") -> None:
    """A lease that was renewed some minutes ago by the clock of the bucket."""
    name = f"a/prefix/{LOCK}"
    bucket.write(name, content)
    bucket.touch(name, content, ago=timedelta(minutes=minutes))


def test_data_is_written_first_and_the_manifest_last(bucket: Bucket, public: Any) -> None:
    write_store(public, FILES)
    uploaded = [name.removeprefix("a/prefix/") for name in bucket.uploaded]
    assert uploaded == [LOCK, "v1/latest.json", "v1/record.csv", "2026-01-15.html", "index.html", "manifest.json"]
    assert sorted(names(bucket)) == sorted([*FILES, "manifest.json"]), "the lock is released"


def test_a_browser_can_show_the_files(bucket: Bucket, public: Any) -> None:
    write_store(public, FILES)
    headers = bucket.headers["a/prefix/index.html"]
    assert (headers["contentType"], headers["cacheControl"]) == ("text/html; charset=utf-8", "public, max-age=60")


def test_the_manifest_has_the_files_of_both_exports(bucket: Bucket, public: Any) -> None:
    write_store(public, {"2026-01-14.html": b"old"})
    write_store(public, FILES)
    assert set(json.loads(read(public / "manifest.json"))["sha256"]) == {"2026-01-14.html", *FILES}
    write_store(public, FILES | {"v1/latest.json": b'{"game_date": "2026-01-14"}', "index.html": b"older"})
    assert read(public / "index.html") == b"page"


def test_a_second_export_at_once_is_refused_and_changes_nothing(
    bucket: Bucket, public: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, refused = store._put, list[str]()

    def put_and_export_again(path: Any, body: bytes) -> None:
        with pytest.raises(
            Busy, match=r"^gs://bucket/a/prefix is being written by another export \(process \d+ on .+\); gave up after 0 s$"
        ) as one:
            write_store(public, {"index.html": b"second"})
        refused.append(str(one.value))
        put(path, body)

    monkeypatch.setattr(store, "_put", put_and_export_again)
    write_store(public, FILES)
    assert len(refused) == len(FILES) + 1 and read(public / "index.html") == b"page"


@pytest.mark.parametrize("skew_hours", [-1, 1])
@pytest.mark.parametrize("host_since_hours", [0, 2])
def test_the_lease_of_a_dead_export_expires_by_the_clock_of_the_bucket(
    bucket: Bucket, public: Any, skew_hours: int, host_since_hours: int
) -> None:
    """The lock of the previous version has an instant of its host, whose clock was wrong."""
    bucket.skew = timedelta(hours=skew_hours)
    since = datetime.now(UTC) - timedelta(hours=host_since_hours)
    content = json.dumps({"id": "one", "host": "far", "process": 1, "since": since.isoformat()}).encode()
    a_dead_export(bucket, SETTINGS.publishing.lock_minutes - 0.1, content)
    with pytest.raises(Busy, match="is being written by"):
        write_store(public, FILES)
    assert names(bucket) == [LOCK]
    a_dead_export(bucket, SETTINGS.publishing.lock_minutes + 0.1, content)
    write_store(public, FILES)
    assert sorted(names(bucket)) == sorted([*FILES, "manifest.json"])


def test_an_unreadable_lease_expires_too(bucket: Bucket, public: Any) -> None:
    a_dead_export(bucket, minutes=0)
    with pytest.raises(Busy, match="is being written by an unnamed writer"):
        write_store(public, FILES)
    a_dead_export(bucket, SETTINGS.publishing.lock_minutes + 0.1)
    write_store(public, FILES)


def test_an_export_that_lost_its_lease_fails_and_leaves_that_of_the_other(
    bucket: Bucket, public: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = store._put

    def put_after_a_takeover(path: Any, body: bytes) -> None:
        bucket.write(f"a/prefix/{LOCK}", b"another")
        put(path, body)

    monkeypatch.setattr(store, "_put", put_after_a_takeover)
    with pytest.raises(Busy, match=r"^gs://bucket/a/prefix: the write lease expired .* may have replaced the files$"):
        write_store(public, FILES)
    assert read(public / LOCK) == b"another"


@pytest.mark.parametrize("stopped_at", range(len(FILES) + 1))
def test_an_export_killed_at_a_file_leaves_whole_files_and_the_next_one_completes_them(
    bucket: Bucket, public: Any, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    """A bucket cannot replace several objects at once. The index and the manifest are the last ones, so the page is old or new."""
    old = {name: b"old " + content for name, content in FILES.items()}
    write_store(public, old)
    put, calls = store._put, iter(range(len(FILES) + 1))

    def dying(path: Any, body: bytes) -> None:
        if next(calls) == stopped_at:
            raise KeyboardInterrupt
        put(path, body)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_put", dying)
        with pytest.raises(KeyboardInterrupt):
            write_store(public, FILES)
    assert all(read(public / name) in (old[name], FILES[name]) for name in FILES)
    assert (read(public / "index.html") == FILES["index.html"]) is (stopped_at == len(FILES))
    write_store(public, FILES)
    assert problems_of_hashes(public) == []


def problems_of_hashes(public: Any) -> list[str]:
    recorded = json.loads(read(public / "manifest.json"))["sha256"]
    return [name for name in FILES if recorded[name] != sha256(read(public / name)).hexdigest()]


def test_a_failed_export_releases_its_lock_and_keeps_the_index(bucket: Bucket, public: Any) -> None:
    write_store(public, FILES)
    write(public / "manifest.json", b"no json")
    with pytest.raises(PipelineError, match="is not a manifest; move it away"):
        write_store(public, {"index.html": b"new"})
    assert read(public / "index.html") == b"page" and not exists(public / LOCK)


def test_a_bucket_without_permission_is_named_and_not_changed(bucket: Bucket, public: Any) -> None:
    bucket.refusals += [403] * 20
    with pytest.raises(BadInput, match=r"export.lock is not accessible with this account: .* Storage Object User"):
        write_store(public, FILES)
    assert bucket.objects == {}
