"""Unreadable payloads and journal lines, in a folder, a store in memory and a bucket behind real gcsfs."""

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.errors import NotLanded
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.warehouse.damages import DAMAGES
from nba_pipeline_tests.warehouse.gcs_server import KINDS, a_home
from nba_pipeline_tests.warehouse.test_landing import BOX, a_landing, keep, run

OF_ANOTHER_BODY = "another body"
WAYS = {**DAMAGES, OF_ANOTHER_BODY: lambda _: gzip.compress(b'{"points": 99}', mtime=0)}


@pytest.fixture(params=KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with a_home(request.param, tmp_path) as home:
        yield home


@pytest.fixture
def landing(home: str) -> Landing:
    return a_landing(home)


def write(path: Place, body: bytes) -> None:
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    else:
        files.put(path, body)


def damage(payload: Payload, how: str) -> bytes:
    body = WAYS[how](files.read(payload.path))
    write(payload.path, body)
    return body


def moved(landing: Landing) -> list[bytes]:
    root = files.place(landing.home)
    return [files.read(root / notice.moved_to) for notice in landing.notices() if notice.moved_to]


@pytest.mark.parametrize("how", WAYS)
def test_an_unreadable_payload_is_moved_and_an_older_one_is_returned(landing: Landing, how: str) -> None:
    older, newer = keep(landing, b'{"points": 1}'), keep(landing, b'{"points": 2}', minutes=1)
    body = damage(newer, how)
    newest = landing.newest(BOX)
    assert newest == older and newest.json() == {"points": 1}
    assert moved(landing) == [body] and not files.exists(newer.path)
    [notice] = landing.notices()
    assert notice.subject == f"landing/{newer.ref}.gz"
    assert notice.next_command == "nba-pipeline backfill --from 2024-03-12 --to 2024-03-12"


LOOKUPS = {
    "newest": lambda landing, _: [result for result in [landing.newest(BOX)] if result],
    "versions": lambda landing, _: landing.versions(BOX),
    "payloads": lambda landing, _: landing.payloads("nba_cdn", "boxscore", date(2024, 3, 12)),
}


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_no_look_up_returns_an_unreadable_payload(landing: Landing, lookup: str) -> None:
    payload = keep(landing)
    damage(payload, "empty")
    assert LOOKUPS[lookup](landing, payload) == []
    assert len(moved(landing)) == 1


def test_a_source_whose_payload_is_unreadable_is_not_landed(landing: Landing) -> None:
    payload = keep(landing)
    damage(payload, "cut off")
    with pytest.raises(NotLanded, match=payload.ref):
        landing.read(payload.ref)
    assert len(moved(landing)) == 1


def test_another_entity_of_the_date_is_not_touched(landing: Landing) -> None:
    other = keep(landing, slot=Slot("nba_cdn", "boxscore", "0022300946", date(2024, 3, 12)))
    damage(keep(landing), "empty")
    assert landing.payloads("nba_cdn", "boxscore", date(2024, 3, 12)) == [other]


def test_an_unreadable_payload_is_readable_after_a_second_fetch(landing: Landing) -> None:
    damage(keep(landing), "empty")
    assert landing.versions(BOX) == []
    keep(landing)
    assert [payload.body for payload in landing.versions(BOX)] == [b"{}"]


def test_the_same_answer_of_the_same_instant_replaces_an_unreadable_copy(tmp_path: Path) -> None:
    landing = a_landing(str(tmp_path))
    body = damage(keep(landing), "empty")
    assert gzip.decompress(files.read(keep(landing).path)) == b"{}"
    assert moved(landing) == [body]


def test_a_replay_names_the_unreadable_payload_and_uses_no_older_one(landing: Landing) -> None:
    original, _ = run(landing, [b'{"points": 1}', b'{"points": 2}'])
    newest = landing.newest(BOX)
    assert newest
    damage(newest, "cut off")
    replay = a_landing(landing.home)
    replay._replay_of = original
    assert replay.versions(BOX) == []
    with pytest.raises(NotLanded, match=f"nba_cdn boxscore 0022300945: the payload {newest.ref} is missing or unreadable"):
        replay.newest(BOX)
    assert REPLAY_TAG == "nba/replay_of" and len(moved(landing)) == 1


def test_a_replay_of_the_run_that_fetched_a_payload_again_uses_the_new_one(landing: Landing) -> None:
    original, _ = run(landing, [b'{"points": 1}', b'{"points": 2}'])
    oldest, newest = landing.versions(BOX)
    damage(oldest, "cut off")
    replay = a_landing(landing.home)
    replay._replay_of = original
    assert replay.versions(BOX) == [newest] and replay.newest(BOX) == newest


HEADER = b'{"kind":"run","run_id":"direct","as_of":"2024-03-12T12:00:00+00:00","job":"","assets":null,"tags":{}}\n'
BAD_LINES = {
    "not JSON": b'{"kind":"request",\n',
    "zeros": b"\0" * 20 + b"\n",
    "not UTF-8": b'{"kind":"run","run_id":"\xff"}\n',
    "a field missing": HEADER.replace(b'"job":"",', b""),
    "no object": b"[]\n",
    "another kind": b'{"kind":"riddle"}\n',
    "no instant": HEADER.replace(b"2024-03-12T12", b"yesterday"),
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_a_damaged_line_is_skipped_by_every_reader_and_reported_once(
    landing: Landing, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    keep(landing)
    name = "01710237601000000000_a run.jsonl"
    write(landing.root / "journal" / name, HEADER + line + HEADER)
    for _ in range(2):
        assert len(list(landing.requests())) == 1 and len(list(landing.runs())) == 3
    assert landing.incidents() == [] and len(landing.recent_requests(landing.clock.now() - landing.clock.now())) == 0
    assert [notice.subject for notice in landing.notices()] == [f"landing/journal/{name}:2"]
    assert caplog.text.count(f"{name}:2 is unreadable") == 1
    assert [(result.run_id, result.number, result.is_header) for result in landing.damaged_lines()] == [("a run", 2, False)]


def test_a_damaged_first_line_is_the_header_of_its_run(landing: Landing) -> None:
    write(landing.root / "journal" / "01710237601000000000_a run.jsonl", b"garbage\n" + HEADER)
    [result] = landing.damaged_lines()
    assert result.is_header and result.run_id == "a run" and result.place.endswith("_a run.jsonl:1")


def test_a_payload_that_a_later_run_rejected_is_not_missing_in_a_replay(landing: Landing) -> None:
    original, _ = run(landing, [b'{"points": 1}', b'{"points": 2}'])
    newest = landing.newest(BOX)
    assert newest
    landing.reject(newest, "it does not parse")
    replay = a_landing(landing.home)
    replay._replay_of = original
    assert [payload.json() for payload in replay.versions(BOX)] == [{"points": 1}]
