"""A violated column definition is named with its values, and a summary describes every column."""

import dataframely as dy
import polars as pl
import pytest

from nba_pipeline.tables.value_checks import summary, value_problem

COLUMNS = {"shots": dy.Int64(min=0, max=60), "pct": dy.Float64(nullable=True, min=0, max=1)}
SCHEMA = {"shots": pl.Int64, "pct": pl.Float64}


def rows(shots: list[int | None], pct: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({"shots": shots, "pct": pct}, schema=SCHEMA)


def test_valid_rows_and_no_rows_have_no_problem() -> None:
    assert value_problem(rows([7, 0], [0.5, None]), COLUMNS) == value_problem(rows([], []), COLUMNS) == ""


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (rows([7, None], [0.5, 0.5]), "column shots is null in 1 of 2 rows: null (row 1)"),
        (rows([61, -1], [0.5, 0.5]), "column shots is below 0 in 1 of 2 rows: -1 (row 1)"),
        (rows([61, 1], [0.5, 0.5]), "column shots is above 60 in 1 of 2 rows: 61 (row 0)"),
        (rows([1, 1], [float("nan"), 0.5]), "column pct is not finite in 1 of 2 rows: nan (row 0)"),
        (rows([1] * 4, [2.0] * 4), "column pct is above 1 in 4 of 4 rows: 2.0 (row 0), 2.0 (row 1), 2.0 (row 2)"),
        (rows([1], [0.5]).cast({"pct": pl.Float32}), "column pct is Float32, not Float64"),
    ],
)
def test_a_violation_is_named(frame: pl.DataFrame, problem: str) -> None:
    assert value_problem(frame, COLUMNS) == problem


def test_a_summary_has_each_column() -> None:
    facts = summary(rows([3, 8], [0.5, None]))
    assert (facts["rows"].value, facts["columns"].value, facts["null_pct"].value) == (2, 2, 0.25)
    assert [dict(record.data) for record in facts["summary"].value.records] == [
        {"column": "shots", "dtype": "Int64", "null_pct": 0.0, "min": 3.0, "mean": 5.5, "max": 8.0},
        {"column": "pct", "dtype": "Float64", "null_pct": 0.5, "min": 0.5, "mean": 0.5, "max": 0.5},
    ]


def test_a_summary_of_no_rows_has_no_share() -> None:
    assert "null_pct" not in summary(rows([], []))
