"""Files in a bucket: their order and headers, and the lock between exports."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.publishing import store
from nba_pipeline.publishing.store import LOCK, write_store
from nba_pipeline.warehouse.files import exists, place, read, write
from nba_pipeline_tests.warehouse.gcs_server import Bucket, a_bucket

FILES = {
    "v1/latest.json": b'{"game_date": "2026-01-15"}',
    "2026-01-15.html": b"page",
    "index.html": b"page",
    "v1/record.csv": b"a\n",
}


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_bucket() as one:
        yield one


@pytest.fixture
def public(bucket: Bucket) -> Any:
    return place("gs://bucket/a/prefix")


def names(bucket: Bucket) -> list[str]:
    return [name.removeprefix("a/prefix/") for name in bucket.objects]


def a_lock(public: Any, minutes: float, owner: str = "one", name: str = LOCK) -> None:
    since = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    write(public / name, json.dumps({"id": owner, "host": "far", "since": since}).encode())


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
            Busy, match=r"another export writes gs://bucket/a/prefix: .* since .*; try again when it has ended"
        ) as one:
            write_store(public, {"index.html": b"second"})
        refused.append(str(one.value))
        put(path, body)

    monkeypatch.setattr(store, "_put", put_and_export_again)
    write_store(public, FILES)
    assert len(refused) == len(FILES) + 1 and read(public / "index.html") == b"page"


def test_the_lock_of_a_dead_export_is_taken_over_by_one(bucket: Bucket, public: Any) -> None:
    a_lock(public, minutes=16)
    write_store(public, FILES)
    assert sorted(names(bucket)) == sorted([*FILES, "manifest.json"])
    a_lock(public, minutes=16, owner="two")
    a_lock(public, minutes=1, owner="three", name=f"{LOCK}.two")  # another process has claimed it
    with pytest.raises(Busy, match="another export writes"):
        write_store(public, {"index.html": b"late"})
    assert read(public / "index.html") == b"page"


def test_an_export_whose_lock_was_taken_over_does_not_release_the_lock_of_the_other(
    bucket: Bucket, public: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = store._put

    def put_after_a_takeover(path: Any, body: bytes) -> None:
        a_lock(public, minutes=0, owner="other")
        put(path, body)

    monkeypatch.setattr(store, "_put", put_after_a_takeover)
    write_store(public, FILES)
    assert exists(public / LOCK) and store._holder(public / LOCK)["id"] == "other"


def test_a_lock_that_could_not_be_taken_over_is_taken_over_by_the_next_export(
    bucket: Bucket, public: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_lock(public, minutes=16)
    with monkeypatch.context() as patch:
        responses = [store._holder(public / LOCK)]
        patch.setattr(store, "_holder", lambda lock: responses.pop())  # the second read fails
        with pytest.raises(IndexError):
            write_store(public, FILES)
    write_store(public, FILES)
    assert sorted(names(bucket)) == sorted([*FILES, "manifest.json"])


@pytest.mark.parametrize("deaths", [1, 2])
def test_the_lock_of_an_export_that_died_while_it_took_over_is_taken_over(
    bucket: Bucket, public: Any, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """The process is killed between its claim and the replacement of the lock."""
    a_lock(public, minutes=16)
    for _ in range(deaths):
        with monkeypatch.context() as patch:
            patch.setattr(store.files, "delete", killed)
            with pytest.raises(KeyboardInterrupt):
                write_store(public, FILES)
        with pytest.raises(Busy, match=r"another export writes .* since .*; try again when it has ended"):
            write_store(public, FILES)
        age_claims(bucket, public)
    write_store(public, FILES)
    assert sorted(names(bucket)) == sorted([*FILES, "manifest.json"]), "no lock and no claim remains"


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def age_claims(bucket: Bucket, public: Any) -> None:
    """Lets the time pass after which a claim is stale."""
    for name in [name for name in names(bucket) if name.startswith(f"{LOCK}.")]:
        a_lock(public, minutes=16, owner=json.loads(read(public / name))["id"], name=name)


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


@pytest.mark.parametrize("body", [b"no json", b"{}"])
def test_an_unreadable_claim_is_named(bucket: Bucket, public: Any, body: bytes) -> None:
    """An earlier version wrote claims without an owner."""
    a_lock(public, minutes=16)
    write(public / f"{LOCK}.one", body)
    with pytest.raises(Busy, match=r"export.lock.one is unreadable; delete it if no export is running"):
        write_store(public, FILES)


def test_an_unreadable_lock_is_named(bucket: Bucket, public: Any) -> None:
    write(public / LOCK, b"no json")
    with pytest.raises(Busy, match=r"export.lock is unreadable; delete it if no export is running"):
        write_store(public, FILES)


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
