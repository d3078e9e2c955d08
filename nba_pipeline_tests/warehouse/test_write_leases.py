"""Write leases in a bucket exclude writers on different hosts, which share nothing but the bucket."""

import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster_gcp import BigQueryResource

from nba_pipeline.errors import Busy
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import files, write_leases
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.write_leases import leased
from nba_pipeline_tests.warehouse.gcs_server import Bucket, a_bucket

DAY, NEXT = date(2024, 3, 12), date(2024, 3, 13)
OBJECT = f"locks/toy/{DAY}.lease"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(write_leases, "PAUSE_SECONDS", 0.01)
    with a_bucket() as bucket:
        yield bucket


def writing(writer: str, *dates: date, wait_seconds: float = 0) -> Any:
    return leased(files.place("gs://bucket/locks/toy"), "toy", dates or [DAY], writer, wait_seconds)  # type: ignore[arg-type]


def expire_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = SETTINGS.warehouse.model_copy(update={"lease_seconds": seconds})
    monkeypatch.setitem(SETTINGS.__dict__, "warehouse", changed)


def test_one_writer_at_a_time_holds_a_date(bucket: Bucket) -> None:
    holders, most = list[int](), list[int]()

    def write(number: int) -> None:
        for _ in range(3):
            with writing(f"writer {number}", DAY, NEXT, wait_seconds=30):
                holders.append(number)
                most.append(len(holders))
                time.sleep(0.002)
                holders.remove(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 9
    assert not bucket.objects


def test_a_busy_date_is_named_with_its_writer_and_nothing_stays_locked(bucket: Bucket) -> None:
    with writing("the first", NEXT):
        with (
            pytest.raises(Busy, match=rf"toy {NEXT} is being written by the first \(process \d+ on .+\); gave up after"),
            writing("me", DAY, NEXT),
        ):
            pass
        assert list(bucket.objects) == [f"locks/toy/{NEXT}.lease"]
    assert not bucket.objects


@pytest.mark.parametrize("skew_hours", [-1, 1])
def test_a_lease_expires_by_the_clock_of_the_bucket(bucket: Bucket, skew_hours: int) -> None:
    """The clock of this host is an hour fast or slow."""
    bucket.skew = timedelta(hours=skew_hours)
    bucket.write(OBJECT, b'{"writer": "a dead writer", "process": 1, "host": "elsewhere"}')
    with pytest.raises(Busy, match="a dead writer"), writing("me"):
        pass
    bucket.touch(OBJECT, bucket.objects[OBJECT][0], ago=timedelta(seconds=SETTINGS.warehouse.lease_seconds + 2))
    with writing("me"):
        assert b"me" in bucket.objects[OBJECT][0]


def test_a_long_write_renews_its_lease(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header `Date` has whole seconds, so the lease is renewed for longer than that."""
    expire_after(0.4, monkeypatch)
    with writing("a long write"):
        time.sleep(1.5)
        with pytest.raises(Busy), writing("another"):
            pass
        assert len([method for method, _, _ in bucket.requests if method == "PATCH"]) >= 3


def test_a_writer_that_lost_its_lease_fails_and_leaves_that_of_the_other(bucket: Bucket) -> None:
    lost = rf"toy {DAY}: the write lease expired during the write, and another writer may have replaced the rows"
    with pytest.raises(Busy, match=lost), writing("a suspended writer"):
        other = bucket.write(OBJECT, b"{}")
    assert bucket.metadata(OBJECT) == other


def test_an_error_of_the_write_is_raised_and_the_lease_released(bucket: Bucket) -> None:
    with pytest.raises(ZeroDivisionError), writing("me"):
        raise ZeroDivisionError
    assert not bucket.objects


def test_a_creation_whose_response_is_lost_holds_the_lease(bucket: Bucket) -> None:
    """The request is repeated, and the bucket says that the object exists."""
    bucket.lost_uploads = 1
    with writing("me"):
        assert bucket.uploaded == [OBJECT]
    assert not bucket.objects


def test_a_lock_file_of_an_earlier_version_does_not_block_a_lease(bucket: Bucket, tmp_path: Path) -> None:
    """The earlier version locked a file below the home, also with a bucket. A writer that was killed has left it."""
    file = tmp_path / "locks" / "project.nba" / "boxscores" / f"{DAY}.lock"
    file.parent.mkdir(parents=True)
    file.write_text('{"writer": "run one", "process": 1, "host": "here"}')
    warehouse = BigQueryWarehouse(
        bigquery=BigQueryResource(project="project"),
        dataset="nba",
        home=str(tmp_path),
        store="gs://bucket/nba",
        has_several_hosts=True,
        lock_wait_seconds=0,
    )
    with warehouse.locked(TABLES["boxscores"], [DAY], "me"):
        assert list(bucket.objects) == [f"nba/locks/project.nba/boxscores/{DAY}.lease"]
    assert not bucket.objects and file.exists()
