"""Null shares of features per date, for the check that no feature loses its source."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl


def absent_counts(rows: pl.LazyFrame, is_present: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Returns one row per date: game_date, rows, and per name the number of rows where its expression is false."""
    absent = [(~present).sum().alias(name) for name, present in is_present.items()]
    return rows.group_by("game_date").agg(pl.len().alias("rows"), *absent).collect()


def null_shares_with_earlier(counts: pl.DataFrame, names: Sequence[str], dates: Sequence[date], window: int) -> pl.DataFrame:
    """Returns one row per date with rows and name: its null share, and that of the earlier dates of a window.

    Columns: game_date, rows, feature, share (0-1), usual (share over the `window` days before, null without rows) and
    earlier_dates, the number of dates in that window.

    Args:
        counts: A frame of `absent_counts`.
        names: The counted names.
        dates: The dates to return.
        window: The number of days before each date.
    """
    spans = pl.DataFrame({"day": sorted(dates)}, schema={"day": pl.Date})
    in_window = pl.col("game_date") < pl.col("day"), pl.col("game_date") >= pl.col("day").dt.offset_by(f"-{window}d")
    totals = (
        spans.join_where(counts, *in_window).group_by("day").agg(pl.col("rows", *names).sum(), pl.len().alias("earlier_dates"))
    )
    shares = [(pl.col(name) / pl.col("rows")).alias(name) for name in names]
    usual = totals.select("earlier_dates", pl.col("day").alias("game_date"), *shares)
    usual = usual.unpivot(names, index=["game_date", "earlier_dates"], variable_name="feature", value_name="usual")
    current = counts.filter(pl.col("game_date").is_in(list(dates)), pl.col("rows") > 0).select("game_date", "rows", *shares)
    current = current.unpivot(names, index=["game_date", "rows"], variable_name="feature", value_name="share")
    return current.join(usual, on=["game_date", "feature"], how="left", maintain_order="left")
