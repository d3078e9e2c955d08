"""Null shares of features per date, for the check that no feature loses its source."""

from collections.abc import Mapping, Sequence

import polars as pl


def absent_counts(rows: pl.LazyFrame, is_present: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Returns one row per date: game_date, rows, and per name the number of rows where its expression is false."""
    absent = [(~present).sum().alias(name) for name, present in is_present.items()]
    return rows.group_by("game_date").agg(pl.len().alias("rows"), *absent).collect()


def null_shares(counts: pl.DataFrame, names: Sequence[str]) -> dict[str, float]:
    """Returns name -> share of absent values over all dates of `absent_counts`, 0-1. Empty without rows."""
    total = counts.select(pl.col("rows", *names).sum()).row(0, named=True)
    return {name: total[name] / total["rows"] for name in names} if total["rows"] else {}
