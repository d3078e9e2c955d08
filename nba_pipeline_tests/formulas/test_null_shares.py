"""Null shares of features per date."""

import polars as pl

from nba_pipeline.formulas.null_shares import absent_counts, null_shares_with_earlier
from nba_pipeline_tests.builders import DAY, before


def beside(rows: pl.LazyFrame) -> list[tuple[object, ...]]:
    counts = absent_counts(rows, {"line": pl.col("line").is_not_null()})
    return null_shares_with_earlier(counts, ["line"], [DAY, before(1)], window=2).sort("game_date").rows()


def test_the_share_is_beside_that_of_all_rows_of_the_window_before() -> None:
    dates = [DAY, DAY, before(1), before(2), before(2), before(2), before(3)]
    rows = pl.LazyFrame({"game_date": dates, "line": [1.0, None, None, 1.0, 1.0, 1.0, None]})
    assert beside(rows) == [
        (before(1), 1, "line", 1.0, 2, 1 / 4),
        (DAY, 2, "line", 0.5, 2, 1 / 4),
    ]


def test_without_earlier_rows_the_usual_share_is_unknown() -> None:
    assert beside(pl.LazyFrame({"game_date": [DAY], "line": [1.0]})) == [(DAY, 1, "line", 0.0, None, None)]


def test_without_rows_there_are_no_shares() -> None:
    assert beside(pl.LazyFrame(schema={"game_date": pl.Date, "line": pl.Float64})) == []
