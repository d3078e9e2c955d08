"""The journal of a run, shared by its resources: requests, outcomes, incidents and recent failures."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.warehouse.gcs_server import KINDS, Bucket, a_bucket, a_home
from nba_pipeline_tests.warehouse.test_landing import BOX, NOON, a_landing, everything, keep, run

pytestmark = pytest.mark.slow


@pytest.fixture(params=KINDS)
def landing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Landing]:
    with a_home(request.param, tmp_path) as home:
        yield a_landing(home)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_bucket() as bucket:
        yield bucket


def test_the_journal_has_requests_and_outcomes(landing: Landing) -> None:
    landing.keep(BOX, b"{}", fetched_at=NOON, statuses=[429, 200], url="http://x/y", quota={"used": 3})
    landing.note(BOX, "not_yet", statuses=[403], problem="not published")
    lines = list(landing.requests())
    assert [(x["outcome"], x["attempts"], x["statuses"], x["problem"]) for x in lines] == [
        ("landed", 2, [429, 200], None),
        ("not_yet", 1, [403], "not published"),
    ]
    assert lines[0]["quota"] == {"used": 3} and lines[0]["bytes"] == 2 and len(lines[0]["sha256"]) == 64
    assert [x["run_id"] for x in landing.runs()] == ["direct"]


def test_incidents_are_retries_failures_and_rejections_of_the_requested_dates(landing: Landing) -> None:
    landing.keep(BOX, b"{}", fetched_at=NOON, statuses=[503, 200])
    keep(landing)
    landing.note(Slot("nba_cdn", "schedule", "season", season="2023-24"), "failed", statuses=[500])
    assert [x["endpoint"] for x in landing.incidents()] == ["boxscore", "schedule"]
    assert [x["endpoint"] for x in landing.incidents([date(2024, 3, 12)])] == ["boxscore"]


def test_an_incomplete_last_line_is_skipped(tmp_path: Path) -> None:
    landing = a_landing(str(tmp_path))
    keep(landing)
    assert isinstance(landing.root, Path)
    journal = next((landing.root / "journal").iterdir())
    journal.write_text(journal.read_text() + '{"kind": "requ')
    assert len(list(landing.requests())) == 1


def test_all_resources_of_a_run_share_one_journal(landing: Landing) -> None:
    run_id, _ = run(landing, [b"1", b"2"], tags={"dagster/partition": "2024-03-12", "other": "x"})
    headers = list(landing.runs())
    assert [(h["run_id"], h["as_of"], h["tags"]) for h in headers] == [
        (run_id, "2024-03-12T12:00:00+00:00", {"dagster/partition": "2024-03-12"})
    ]
    assert [line["run_id"] for line in landing.requests()] == [run_id, run_id]


def test_the_dates_of_the_journal_are_listed_without_reading(landing: Landing) -> None:
    run_id, _ = run(landing, [b"1"])
    today = datetime.now(UTC).date()
    days = landing.journal_days()
    assert list(days) == [today] and [log.owner for log in days[today].logs] == [run_id]
    assert [line["kind"] for line in landing.journal_lines(days[today])] == ["run", "request"]
    assert landing.journal_days()[today].signature == days[today].signature
    run(landing, [b"2"])
    assert landing.journal_days()[today].signature != days[today].signature


def test_incidents_of_a_run_are_its_own(landing: Landing) -> None:
    landing.note(BOX, "failed", problem="down")
    run_id, _ = run(landing, [b"1"])
    assert [x["problem"] for x in landing.incidents(run_id="direct")] == ["down"] and not landing.incidents(run_id=run_id)


def test_recent_requests_begin_with_the_first_failure_and_exclude_reused_payloads(landing: Landing) -> None:
    assert landing.recent_requests(timedelta(hours=1)) == []
    keep(landing, b"1", minutes=-1)
    assert landing.recent_requests(timedelta(hours=1)) == []
    landing.note(BOX, "failed", statuses=[500])
    landing.note(BOX, "reused", payload=keep(landing, b"2"))
    keep(landing, b"later", minutes=1)
    assert [line["outcome"] for line in landing.recent_requests(timedelta(hours=1))] == ["failed", "landed"]


@pytest.mark.parametrize("kind", ["memory", "gcs"])
def test_the_journal_of_an_ended_run_is_one_object(kind: str, tmp_path: Path) -> None:
    with a_home(kind, tmp_path) as home:
        landing = a_landing(home)
        run_id, _ = run(landing, [b"1", b"2", b"3"])
        assert [name.rpartition("/")[2].partition("_")[2] for name in everything(landing) if "/journal/" in name] == [
            f"{run_id}.jsonl"
        ]
        assert [line["run_id"] for line in landing.requests()] == [run_id] * 3


def test_the_last_resource_to_leave_closes_the_journal(bucket: Bucket) -> None:
    first, second = a_landing("gs://bucket"), a_landing("gs://bucket")
    first._run_id = second._run_id = "run"
    for landing in (first, second):
        keep(landing)
    first.teardown_after_execution(dg.build_init_resource_context())
    keep(second, b"later")
    second.teardown_after_execution(dg.build_init_resource_context())
    assert len([name for name in bucket.objects if "/journal/" in name]) == 1 and len(list(first.requests())) == 3


def test_a_journal_that_cannot_be_merged_keeps_its_parts_and_the_run_succeeds(bucket: Bucket) -> None:
    landing = a_landing("gs://bucket")

    @dg.asset
    def box(landing: Landing) -> None:
        keep(landing)
        bucket.refusals.append(403)  # the next call uploads the merged journal

    assert dg.materialize([box], resources={"landing": landing}).success
    assert len([name for name in bucket.objects if ".parts/" in name]) == 2 and len(list(landing.requests())) == 1
