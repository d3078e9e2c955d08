"""Conversion to pandas is lossless, and a frame that violates its type is refused with a message."""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import dataframely as dy
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.definitions import defs
from nba_pipeline.errors import Permanent
from nba_pipeline.tables.pandas_types import checked, frame_type, summary, to_pandas, typed_frame
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.builders import a_boxscore, at, frame_of

assert defs, "the tables are known once the assets are loaded"
BEYOND_FLOATS = 2**60 + 1
"""Not representable as a float."""


class ShotRows(dy.Schema):
    game_date = dy.Date(min=date(2021, 10, 1))
    game_id = dy.String()
    player_id = dy.Int64()
    shots = dy.Int64(nullable=True, min=0, max=60)
    pct = dy.Float64(nullable=True, min=0, max=1)
    is_home = dy.Bool(nullable=True)
    made_at = dy.Datetime(nullable=True, time_zone="UTC")
    reasons = dy.List(dy.String(), nullable=True)


SCHEMA = {name: column.dtype for name, column in ShotRows.columns().items()}
KEY = ("game_id", "player_id")


def shots(**columns: list[Any]) -> pl.DataFrame:
    """Two valid rows, with some columns replaced."""
    columns_of_rows: dict[str, list[Any]] = {
        "game_date": [date(2024, 3, 12)] * 2,
        "game_id": ["0022300001"] * 2,
        "player_id": [1, 2],
        "shots": [7, None],
        "pct": [0.5, None],
        "is_home": [True, None],
        "made_at": [at(23), None],
        "reasons": [["late"], []],
    }
    return pl.DataFrame(columns_of_rows | columns, schema=SCHEMA)


@pytest.fixture(scope="module")
def kind() -> dg.DagsterType:
    return frame_type("shots", ShotRows.columns(), KEY, "One row per shooter.")


# Conversion


def test_each_dtype_is_chosen_and_none_loses_a_null(kind: dg.DagsterType) -> None:
    frame, _ = checked(shots(), kind)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "game_date": "datetime64[us]",
        "game_id": "string",
        "player_id": "Int64",
        "shots": "Int64",
        "pct": "Float64",
        "is_home": "boolean",
        "made_at": "datetime64[us, UTC]",
        "reasons": "large_list<item: large_string>[pyarrow]",
    }
    assert frame.isna().sum().to_dict() == dict.fromkeys(SCHEMA, 0) | dict.fromkeys(("shots", "pct", "is_home", "made_at"), 1)


def test_a_round_trip_changes_no_value(kind: dg.DagsterType) -> None:
    rows = shots(player_id=[BEYOND_FLOATS, 2], made_at=[None, datetime(2300, 1, 1, tzinfo=UTC)], reasons=[None, ["a", "b"]])
    frame, _ = checked(rows, kind)
    back = pl.from_pandas(frame).with_columns(pl.col("game_date").cast(pl.Date))
    assert_frame_equal(back, rows)
    assert frame["player_id"][0] == BEYOND_FLOATS
    assert list(frame["reasons"][1]) == ["a", "b"]


def test_a_polars_type_without_a_chosen_dtype_is_refused_by_name() -> None:
    with pytest.raises(Permanent, match="no pandas dtype is defined for book Categorical"):
        to_pandas(pl.DataFrame({"book": ["draftkings"]}, schema={"book": pl.Categorical}))


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_has_a_type_that_takes_no_rows(name: str) -> None:
    frame, description = checked(TABLES[name].empty(), typed_frame(TABLES[name]))
    assert list(frame.columns) == list(TABLES[name].dtypes)
    assert description["rows"].value == 0


def test_the_type_of_a_table_is_built_once_and_described_for_the_ui() -> None:
    kind = typed_frame(BOXSCORES)
    assert typed_frame(BOXSCORES) is kind
    assert kind.display_name == "boxscores_frame"
    for part in ("One row per player per game", "**points**", "`Int64` points scored", "+ is below 0"):
        assert part in str(kind.description)


# Refusals


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"shots": [61, 62]}, "column shots is above 60 in 2 of 2 rows: 61 (game_id 0022300001, player_id 1), 62 (game"),
        ({"shots": [-1, 62]}, "column shots is below 0 in 1 of 2 rows: -1 (game_id 0022300001, player_id 1)"),
        ({"pct": [1.5, 0.5]}, "column pct is above 1 in 1 of 2 rows: 1.5 (game_id 0022300001, player_id 1)"),
        ({"pct": [0.5, math.nan]}, "column pct is not finite in 1 of 2 rows: nan (game_id 0022300001, player_id 2)"),
        ({"pct": [-math.inf, None]}, "column pct is not finite in 1 of 2 rows: -inf (game_id 0022300001, player_id 1)"),
        ({"player_id": [1, None]}, "column player_id is null in 1 of 2 rows: <NA> (game_id 0022300001, player_id <NA>)"),
        (
            {"player_id": [2, 2]},
            "columns game_id, player_id are not unique: 1 row repeats an earlier key: game_id 0022300001, player_id 2",
        ),
        (
            {"game_date": [date(2021, 9, 30), date(2021, 10, 1)]},
            "column game_date is below 2021-10-01 00:00:00 in 1 of 2 rows: 20",
        ),
    ],
    ids=["above", "below", "above, float", "NaN", "infinite", "null", "key", "date"],
)
def test_a_broken_promise_names_table_column_and_value(kind: dg.DagsterType, columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(Permanent, match=f"^shots: {re.escape(message)}"):
        checked(shots(**columns), kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop("pct"), "missing columns: pct"),
        (lambda rows: rows.with_columns(luck=1.0), "unknown columns: luck"),
        (lambda rows: rows.rename({"pct": "percent"}), "missing columns: pct; unknown columns: percent"),
        (
            lambda rows: rows.select("game_id", "game_date", *rows.columns[2:]),
            "columns in another order: position 0 is game_id, not",
        ),
        (lambda rows: rows.with_columns(pl.col("shots").cast(pl.Float64)), "column shots is Float64, not Int64"),
        (lambda rows: rows.with_columns(pl.col("game_id").cast(pl.Int64)), "column game_id is Int64, not string"),
        (lambda rows: rows.with_columns(pl.col("made_at").dt.replace_time_zone(None)), "column made_at is datetime64[us], not"),
    ],
    ids=["missing", "unknown", "renamed", "order", "float for integer", "number for text", "without a zone"],
)
def test_wrong_columns_or_dtypes_are_refused(kind: dg.DagsterType, change: Callable[..., Any], message: str) -> None:
    with pytest.raises(Permanent, match=f"^shots: {re.escape(message)}"):
        checked(change(shots()), kind)


def test_a_duplicate_column_is_refused(kind: dg.DagsterType) -> None:
    frame = to_pandas(shots())
    twice = pd.concat([frame, frame[["pct"]]], axis=1)
    verdict = dg.check_dagster_type(kind, twice)
    assert (verdict.success, verdict.description) == (False, "shots: column pct is Float64 and Float64, not Float64")


def test_an_integer_column_that_became_floats_in_pandas_is_refused(kind: dg.DagsterType) -> None:
    verdict = dg.check_dagster_type(kind, to_pandas(shots()).astype({"shots": "float64"}))
    assert (verdict.success, verdict.description) == (False, "shots: column shots is float64, not Int64")


def test_rows_of_a_table_are_converted_with_their_lineage() -> None:
    rows = frame_of(BOXSCORES, a_boxscore(points=30) | {"as_of": at(23), "code_version": "1"})
    frame, description = checked(rows, typed_frame(BOXSCORES))
    assert (frame["points"][0], description["rows"].value, list(frame.columns)) == (30, 1, list(BOXSCORES.dtypes))


# The summary


def test_the_summary_tells_rows_nulls_and_the_range_of_numbers() -> None:
    description = summary(to_pandas(shots(shots=[3, 8]).select("game_id", "shots", "pct", "is_home")))
    assert (description["rows"], description["columns"], description["null_pct"]) == (2, 4, 0.25)
    assert [dict(record.data) for record in description["summary"].records] == [
        {"column": "game_id", "dtype": "string", "null_pct": 0.0, "min": None, "mean": None, "max": None},
        {"column": "shots", "dtype": "Int64", "null_pct": 0.0, "min": 3.0, "mean": 5.5, "max": 8.0},
        {"column": "pct", "dtype": "Float64", "null_pct": 0.5, "min": 0.5, "mean": 0.5, "max": 0.5},
        {"column": "is_home", "dtype": "boolean", "null_pct": 0.5, "min": None, "mean": None, "max": None},
    ]
