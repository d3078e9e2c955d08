"""The canonical text of a row and its hash are a file format: these literals never change."""

import hashlib
import json
import math
import random
import struct
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import PipelineError
from nba_pipeline.warehouse.row_hashes import partition_hash, row_hashes

SCHEMA = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "player_id": pl.Int64(),
    "forecast": pl.Float64(),
    "is_open": pl.Boolean(),
    "reasons": pl.List(pl.String()),
    "seen_at": pl.Datetime("us", "UTC"),
}
AT = datetime(2026, 1, 15, 17, 0, 0, 120, UTC)
ROW = {
    "game_date": date(2026, 1, 15),
    "game_id": "0022500001",
    "player_id": 203999,
    "forecast": 27.5,
    "is_open": True,
    "reasons": ["no line", 'Dončić "77"\n'],
    "seen_at": AT,
}
TEXT = (
    "forecast=27.5\ngame_date=2026-01-15\ngame_id=0022500001\nis_open=true\nplayer_id=203999\n"
    'reasons=["no line","Dončić \\"77\\"\\n"]\nseen_at=2026-01-15T17:00:00.000120Z\n'
)


def hash_of(schema: dict[str, pl.DataType] = SCHEMA, **values: Any) -> str:
    return str(row_hashes(pl.DataFrame([{**ROW, **values}], schema=schema), schema)[0])


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_of_a_row_is_this_one() -> None:
    assert hash_of() == text_hash(TEXT) == "b1827f8c716c908aae9c71182cb550cc79a9bf7ab39f1406d5ef1b1d3a57b797"


def test_the_hash_of_a_partition_is_this_one() -> None:
    hashes = ["b" * 64, "a" * 64]
    expected = "e228ce77bc80cae75982262127d5790094a8334c0efe3d8bfcf9d189c0ce005a"
    assert partition_hash("predictions", date(2026, 1, 15), hashes) == expected
    assert partition_hash("predictions", date(2026, 1, 15), hashes[::-1]) == expected
    assert partition_hash("grades", date(2026, 1, 15), hashes) != expected


@pytest.mark.parametrize("empty", [None, []])
def test_a_column_without_a_value_changes_no_hash(empty: Any) -> None:
    later = SCHEMA | {"market": pl.String(), "notes": pl.List(pl.String())}
    assert hash_of(later, market=None, notes=empty) == hash_of()
    assert hash_of(reasons=empty) == text_hash(TEXT.replace(TEXT.splitlines(keepends=True)[5], ""))


def test_column_order_and_extra_columns_change_no_hash() -> None:
    turned = dict(reversed(SCHEMA.items()))
    assert hash_of(turned) == hash_of()
    assert row_hashes(pl.DataFrame([ROW], schema=SCHEMA).with_columns(other=1), SCHEMA)[0] == hash_of()


@pytest.mark.parametrize(
    "change",
    [
        {"forecast": 55.0},
        {"player_id": 203998},
        {"is_open": False},
        {"reasons": ["no line"]},
        {"game_date": date(2026, 1, 16)},
        {"seen_at": datetime(2026, 1, 15, 17, 0, 0, 121, UTC)},
        {"game_id": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_value_is_another_hash(change: dict[str, Any]) -> None:
    assert hash_of(**change) != hash_of()


def test_a_text_cannot_pose_as_two_columns() -> None:
    schema = {"a": pl.String(), "b": pl.String()}
    rows = pl.DataFrame({"a": ["1\nb=2", "1", "1\\nb=2"], "b": [None, "2", None]}, schema=schema)
    assert row_hashes(rows, schema).n_unique() == 3
    assert row_hashes(rows, schema)[0] == text_hash("a=1\\nb=2\n")
    assert row_hashes(rows, schema)[2] == text_hash("a=1\\\\nb=2\n")


def test_a_null_in_one_row_changes_no_other_hash() -> None:
    rows = pl.DataFrame([ROW, ROW | {"forecast": None}], schema=SCHEMA)
    assert row_hashes(rows, SCHEMA).to_list() == [hash_of(), hash_of(forecast=None)]


def test_floats_are_written_as_python_prints_them() -> None:
    """Random bit patterns of every magnitude, and the limits of the format without an exponent."""
    bits = random.Random(7)
    floats = [struct.unpack("<d", bits.randbytes(8))[0] for _ in range(2000)] + [bits.uniform(-60, 60) for _ in range(2000)]
    floats += [0.0, -0.0, 1e-4, 9.999e-5, 1e16, 9999999999999998.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf")]
    floats = [number for number in floats if not math.isnan(number)]
    schema = {"x": pl.Float64()}
    hashes = row_hashes(pl.DataFrame({"x": [*floats, float("nan")]}), schema).to_list()
    assert hashes == [*(text_hash(f"x={number + 0.0!r}\n") for number in floats), text_hash("x=nan\n")]


def test_lists_are_written_as_json() -> None:
    texts = ["", "\\", '"', "\n\r\t\b\f", "\x00\x1f", "\x7f", "é 🏀 東京", "/"]
    schema = {"x": pl.List(pl.String())}
    assert row_hashes(pl.DataFrame({"x": [texts, ["a", None]]}, schema=schema), schema).to_list() == [
        text_hash(f"x={json.dumps(texts, ensure_ascii=False, separators=(',', ':'))}\n"),
        text_hash('x=["a",null]\n'),
    ]
    numbers = {"x": pl.List(pl.Int64())}
    assert row_hashes(pl.DataFrame({"x": [[1, -2]]}, schema=numbers), numbers)[0] == text_hash("x=[1,-2]\n")


def test_an_unsupported_type_is_named() -> None:
    for kind in (pl.Time(), pl.List(pl.Float64()), pl.Datetime("ms", "UTC")):
        with pytest.raises(PipelineError, match=r"column x of a ledger is .* no canonical text"):
            row_hashes(pl.DataFrame(schema={"x": kind}), {"x": kind})


def test_no_rows_have_no_hashes() -> None:
    assert row_hashes(pl.DataFrame(schema=SCHEMA), SCHEMA).to_list() == []
