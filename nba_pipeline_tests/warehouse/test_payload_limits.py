"""The limits on a payload: too large or too deep content is refused without being read into memory."""

import gzip
import json
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.instance.clock import Clock
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payload_limits import MIB, TooLarge, gunzip, is_deeper, most_bytes, read_json
from nba_pipeline.warehouse.payloads import Slot

NOON = datetime(2024, 3, 12, 12, tzinfo=UTC)
BOX = Slot("nba_cdn", "boxscore", "1", date(2024, 3, 12))


def test_each_kind_of_payload_has_its_limit() -> None:
    kinds = ("nba_cdn boxscore json", "nba_cdn schedule json", "injury_report report pdf", "archive player_props parquet")
    assert [most_bytes(*kind.split()) / MIB for kind in kinds] == [8, 24, 4, 512]


@pytest.mark.slow
def test_a_file_that_decompresses_beyond_the_limit_is_not_loaded() -> None:
    bomb = gzip.compress(bytes(256 * MIB), compresslevel=1)
    tracemalloc.start()
    with pytest.raises(TooLarge, match=rf"more than 8 MiB \({len(bomb)} bytes compressed\)"):
        gunzip(bomb, 8 * MIB)
    assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    tracemalloc.stop()
    assert gunzip(gzip.compress(b"x" * 100), 100) == b"x" * 100


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("levels", [51, 500, 100_000])
def test_a_document_of_too_many_levels_is_refused(levels: int) -> None:
    """The last one exceeds the interpreter's parsing limit, the second one its display limit."""
    with pytest.raises(Permanent, match=rf"^nba_cdn boxscore 1: the JSON .* deeper than 50 levels \({2 * levels} bytes\)$"):
        read_json(nested(levels), BOX.name)


def test_fifty_levels_are_read() -> None:
    assert is_deeper(read_json(nested(50), "x"), 49)
    assert read_json(b'{"a": [null, 1e400]}', "x") == {"a": [None, float("inf")]}
    assert (read_json(b"null", "x"), is_deeper(5, 0)) == (None, False)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe\xfd", b'{"points": ' + b"1" * 5000 + b"}"], ids=["empty", "page", "bytes", "digits"]
)
def test_invalid_json_is_refused(body: bytes) -> None:
    with pytest.raises(Permanent, match=r"^x: the response is not JSON \("):
        read_json(body, "x")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("x" * (9 * MIB), r"nba_cdn boxscore 1: the content has more than 8 MiB \(\d+ bytes compressed\): nba_cdn/boxscore/"),
        (
            json.loads(nested(60)),
            "nba_cdn boxscore 1: the JSON of the response is nested deeper than 50 levels .*: nba_cdn/boxscore/",
        ),
    ],
    ids=["size", "depth"],
)
def test_the_limits_apply_to_payloads_landed_before_the_limits(document: Any, problem: str, tmp_path: Path) -> None:
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at=NOON.isoformat()))
    ref = landing.keep(BOX, json.dumps(document).encode(), fetched_at=NOON).ref
    later = Landing(home=str(tmp_path), clock=Clock(fixed_at=NOON.isoformat()))
    payload = next(iter(later.payloads("nba_cdn", "boxscore", date(2024, 3, 12))), None)
    if payload is None:  # too large counts as damaged: set aside and fetched again
        [notice] = later.notices()
        assert ref in notice.subject and "has more than 8 MiB" in notice.problem
        return
    with pytest.raises(Permanent, match=problem):
        payload.json()


def test_the_limit_on_a_landed_file_names_it(tmp_path: Path) -> None:
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at=NOON.isoformat()))
    payload = landing.keep(BOX, b" " * (8 * MIB + 1), fetched_at=NOON)
    del vars(payload)["body"]
    with pytest.raises(TooLarge, match=f"nba_cdn boxscore 1: the content has more than 8 MiB .*: {payload.ref}"):
        _ = payload.body
    assert SETTINGS.payloads.most_mib == 8
