"""The landing: unchanged payloads, one journal per run, replays that see what the original run saw."""

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.errors import BadInput, NotLanded, Permanent
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.warehouse.gcs_server import KINDS, Bucket, a_bucket, a_home

NOON = datetime(2024, 3, 12, 12, tzinfo=UTC)
BOX = Slot("nba_cdn", "boxscore", "0022300945", date(2024, 3, 12))


def a_landing(home: str) -> Landing:
    return Landing(home=home, clock=Clock(fixed_at=NOON.isoformat()))


@pytest.fixture(params=KINDS)
def landing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Landing]:
    with a_home(request.param, tmp_path) as home:
        yield a_landing(home)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_bucket() as bucket:
        yield bucket


def everything(landing: Landing) -> list[str]:
    return sorted(str(file.path) for file in files.listing(landing.root, *("*/" * depth + "*" for depth in range(6))))


def keep(landing: Landing, body: bytes = b"{}", slot: Slot = BOX, minutes: int = 0) -> Payload:
    return landing.keep(slot, body, fetched_at=NOON + timedelta(minutes=minutes), statuses=[200])


def test_a_payload_is_stored_byte_for_byte_under_instant_and_hash(landing: Landing) -> None:
    payload = keep(landing, b'{"a":  1}')
    assert payload.ref == "nba_cdn/boxscore/2024-03-12/0022300945/20240312T120000.000000Z_ff6a89e39006.json"
    assert gzip.decompress((landing.root / f"{payload.ref}.gz").read_bytes()) == b'{"a":  1}'


def test_the_same_response_twice_is_one_file(landing: Landing) -> None:
    first = files.read(keep(landing).path)
    assert files.read(keep(landing).path) == first
    assert [p.name for p in keep(landing).path.parent.iterdir()] == [keep(landing).path.name]


def test_a_payload_landed_again_is_the_newest_of_its_instant(landing: Landing) -> None:
    for body in (b"A", b"B", b"A"):
        keep(landing, body)
    assert [payload.body for payload in landing.versions(BOX)] == [b"B", b"A"]


def test_the_newest_payload_answers_and_versions_are_oldest_first(landing: Landing) -> None:
    keep(landing, b"2", minutes=5)
    keep(landing, b"1")
    keep(landing, b"3", minutes=5)  # the same instant of a stopped clock
    assert [payload.body for payload in landing.versions(BOX)] == [b"1", b"2", b"3"]
    newest = landing.newest(BOX)
    assert newest and newest.body == b"3" and newest.fetched_at == NOON + timedelta(minutes=5)


def test_payloads_of_a_date_cover_every_entity(landing: Landing) -> None:
    other = Slot("nba_cdn", "boxscore", "0022300946", date(2024, 3, 12))
    next_day = Slot("nba_cdn", "boxscore", "0022300947", date(2024, 3, 13))
    for slot, minutes in ((BOX, 2), (other, 1), (next_day, 0)):
        keep(landing, slot=slot, minutes=minutes)
    assert [p.slot for p in landing.payloads("nba_cdn", "boxscore", date(2024, 3, 12))] == [other, BOX]


def test_a_rejected_payload_stays_on_disk_and_no_look_up_returns_it(landing: Landing) -> None:
    good, bad = keep(landing, b"{}"), keep(landing, b"<html>", minutes=1)
    landing.reject(bad, "not JSON")
    assert [p.ref for p in landing.versions(BOX)] == [good.ref]
    assert [p.name for p in bad.path.parent.glob("*.rejected.json.gz")]
    assert [line["problem"] for line in landing.incidents()] == ["not JSON"]


def test_a_body_that_is_not_json_is_named(landing: Landing) -> None:
    with pytest.raises(Permanent, match="nba_cdn boxscore 0022300945: the response is not JSON"):
        keep(landing, b"<html>").json()


def test_a_ref_leads_back_to_its_payload(landing: Landing) -> None:
    payload = keep(landing, slot=Slot("archive", "games_2023-24", "a/b.c", extension="parquet"))
    assert landing.read(payload.ref) == payload
    with pytest.raises(NotLanded, match="has no payload nba_cdn/nothing"):
        landing.read("nba_cdn/nothing")


@pytest.mark.parametrize(
    "fields", [{"provider": "NBA"}, {"entity": ""}, {"game_date": date(2024, 1, 1), "season": "2023-24"}], ids=str
)
def test_a_slot_that_cannot_be_a_path_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Slot(**{"provider": "nba_cdn", "endpoint": "boxscore", "entity": "1"} | fields)  # type: ignore[arg-type]


class Holder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A second resource that requires the landing, for which Dagster instantiates another Landing."""

    landing: dg.ResourceDependency[Landing]


def run(landing: Landing, bodies: list[bytes], tags: dict[str, str] | None = None) -> tuple[str, list[bytes]]:
    """Land bodies in a run of one asset, and return the run id and the payloads that it sees."""
    seen: list[bytes] = []

    @dg.asset
    def box(landing: Landing, holder: Holder) -> None:
        for number, body in enumerate(bodies):
            keep(holder.landing if number % 2 else landing, body, minutes=len(seen) + number)
        seen.extend(payload.body for payload in landing.versions(BOX))

    resources = {"landing": landing, "holder": Holder(landing=landing), "clock": landing.clock}
    return dg.materialize([box], resources=resources, tags=tags).run_id, seen


def test_a_replay_sees_the_payloads_of_the_original_and_writes_nothing(landing: Landing) -> None:
    run(landing, [b"1"])
    original, _ = run(landing, [b"2", b"3"])
    run(landing, [b"4"])
    before = everything(landing)
    _, seen = run(landing, [], tags={REPLAY_TAG: original})
    assert sorted(seen) == [b"1", b"2", b"3"]
    assert everything(landing) == before


def test_a_replay_may_not_land(landing: Landing) -> None:
    original, _ = run(landing, [b"1"])
    with pytest.raises(BadInput, match="writes nothing"):
        run(landing, [b"2"], tags={REPLAY_TAG: original})


def test_a_replay_of_an_unknown_run_is_named(landing: Landing) -> None:
    with pytest.raises(NotLanded, match="no journal of run nowhere"):
        run(landing, [], tags={REPLAY_TAG: "nowhere"})


def test_periods_are_folder_names_of_every_provider_and_not_of_the_journal(landing: Landing) -> None:
    assert landing.periods() == {}
    keep(landing)
    landing.keep(Slot("archive", "players", "file", extension="parquet"), b"2", fetched_at=NOON)
    assert landing.periods() == {("nba_cdn", "boxscore"): {"2024-03-12"}, ("archive", "players"): {"all"}}
    assert [payload.body for payload in landing.newest_of("archive")] == [b"2"] and landing.newest_of("nba_cdn") == []


def test_the_last_landing_of_a_date_is_real_time_and_ignores_rejected_payloads(landing: Landing) -> None:
    day, before = date(2024, 3, 12), datetime.now(UTC) - timedelta(seconds=5)
    endpoints = [("nba_cdn", "boxscore")]
    assert landing.last_landed_at(endpoints, day) is None
    payload = keep(landing)
    at = landing.last_landed_at(endpoints, day)
    assert at and before <= at <= datetime.now(UTC) + timedelta(seconds=5)
    landing.reject(payload, "not a box score")
    assert landing.last_landed_at(endpoints, day) is None


@pytest.mark.slow
def test_a_run_that_is_killed_can_be_replayed(bucket: Bucket) -> None:
    original, _ = run(a_landing("gs://bucket"), [b"1", b"2"])
    (name,) = (name for name in bucket.objects if "/journal/" in name)
    body, at = bucket.objects.pop(name)
    for number, line in enumerate(body.splitlines(keepends=True), 1):
        bucket.objects[f"{name.removesuffix('.jsonl')}.parts/{number:08d}.jsonl"] = line, at
    run(a_landing("gs://bucket"), [b"3"])
    assert run(a_landing("gs://bucket"), [], tags={REPLAY_TAG: original})[1] == [b"1", b"2"]
    assert len(list(a_landing("gs://bucket").runs())) == 2


def test_existing_objects_are_not_written_again(bucket: Bucket) -> None:
    """No appends: an object store would refuse them, or rewrite the object for every line."""
    landing = a_landing("gs://bucket")
    run(landing, [b"1", b"2", b"3"])
    uploads = [name for method, kind, name in bucket.requests if (method, kind) == ("POST", "upload")]
    assert len(uploads) == 3 + (1 + 3) + 1  # payloads, the header and three lines, the merged journal
    assert len(bucket.uploaded) == len(set(bucket.uploaded)) == len(uploads)


def test_a_look_up_is_one_listing_and_reads_each_payload_once(bucket: Bucket) -> None:
    landing = a_landing("gs://bucket")
    for number in range(3):
        keep(landing, str(number).encode(), minutes=number)
    del bucket.requests[:]
    payloads = landing.versions(BOX)
    assert [payload.body for payload in payloads] == [b"0", b"1", b"2"]
    assert [kind for _, kind, _ in bucket.requests] == ["list", "object", "object", "object"]


def test_a_payload_just_landed_is_not_downloaded(bucket: Bucket) -> None:
    payload = keep(a_landing("gs://bucket"))
    assert payload.json() == {} and not [x for x in bucket.requests if x[:2] == ("GET", "object")]


def test_a_missing_bucket_ends_a_run_before_any_request(bucket: Bucket) -> None:
    with pytest.raises(BadInput, match=r"gs://elsewhere/.* the bucket does not exist"):
        keep(a_landing("gs://elsewhere"))
    before = RUN_OBJECTS.keys()
    with pytest.raises(dg.DagsterResourceFunctionError) as error:
        run(a_landing("gs://elsewhere"), [b"1"])
    assert isinstance(error.value.__cause__, BadInput)
    assert RUN_OBJECTS.keys() == before, "no lease is renewed for the failed run"
