"""Null shares of features per date."""

import polars as pl

from nba_pipeline.formulas.null_shares import absent_counts, null_shares
from nba_pipeline_tests.builders import DAY, before


def test_the_share_counts_the_rows_of_all_dates() -> None:
    rows = pl.LazyFrame({"game_date": [DAY, DAY, before(1), before(1)], "line": [1.0, None, None, None]})
    counts = absent_counts(rows, {"line": pl.col("line").is_not_null()})
    assert null_shares(counts, ["line"]) == {"line": 0.75}
    assert null_shares(counts.filter(game_date=DAY), ["line"]) == {"line": 0.5}


def test_without_rows_there_are_no_shares() -> None:
    rows = pl.LazyFrame(schema={"game_date": pl.Date, "line": pl.Float64})
    assert null_shares(absent_counts(rows, {"line": pl.col("line").is_not_null()}), ["line"]) == {}
