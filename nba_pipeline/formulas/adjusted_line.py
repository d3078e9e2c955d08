"""The price-adjusted line: where the market's median lies, from the line and the prices of both sides.

A book moves its prices before its line. A line of 20.5 implies more points if the over is at 55 % than at 50 %.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from nba_pipeline.formulas.odds import is_main_line, no_vig_over_probability

PLAYER = ["game_id", "player_id"]
DEVIATION_OF_ZERO, DEVIATION_PER_ROOT = 1.6, 1.224
"""Points: standard deviation of points scored around a line, 1.6 + 1.224 sqrt(line)."""
DENSITY_AT_MEDIAN = 0.4
"""Density of a standard normal at its median, which turns a probability into standard deviations."""


def adjusted_line() -> pl.Expr:
    """Points at which the over would have a probability of 50 %, from `line`, `over_price` and `under_price`.

    line + (p - 0.5) sd / 0.4, with the no-vig probability p of the over and sd = 1.6 + 1.224 sqrt(line). Null unless both
    sides have a price.

    >>> pl.select(line=20.5, over_price=-140, under_price=110).select(adjusted_line().round(3)).item()
    21.403
    """
    deviation = DEVIATION_OF_ZERO + DEVIATION_PER_ROOT * pl.col("line").sqrt()
    shift = (no_vig_over_probability() - 0.5) * deviation / DENSITY_AT_MEDIAN
    return (pl.col("line") + shift).alias("adjusted_line")


def adjusted_lines(
    prop_lines: pl.DataFrame,
    *,
    market: str,
    books_of_one_feed: Mapping[str, str],
    pickem_books: Sequence[str],
    placeholder: float,
    lowest: float,
    feed_minutes: float,
) -> pl.DataFrame:
    """Returns game_id, player_id, adjusted_line and adjusted_line_feeds, from rows of `prop_lines`.

    Only lines known to be from before tip-off count. Each distinct feed contributes the main line of its latest snapshot, if
    that snapshot is at most `feed_minutes` older than the player's newest one. Pick'em books are excluded, because their
    prices are constants. Lines with one price are excluded, too. The result is the mean over the feeds.
    """
    offered = prop_lines.filter(
        (pl.col("market") == market)
        & pl.col("is_before_tipoff").fill_null(False)
        & (pl.col("line") != placeholder)
        & (pl.col("line") >= lowest)
        & ~pl.col("book").is_in(list(pickem_books))
    )
    book = [*PLAYER, "book"]
    latest = offered.filter(pl.col("snapshot_at") == pl.col("snapshot_at").max().over(book)).filter(is_main_line(book))
    feeds = (
        latest.with_columns(pl.col("book").replace(books_of_one_feed).alias("feed"), adjusted_line())
        .sort(pl.col("feed") != pl.col("book"), "book", "source", maintain_order=True)
        .unique([*PLAYER, "feed"], keep="first", maintain_order=True)
        .filter(pl.col("adjusted_line").is_not_null())
        .filter(pl.col("snapshot_at").max().over(PLAYER) - pl.col("snapshot_at") <= pl.duration(seconds=60 * feed_minutes))
    )
    return (
        feeds.sort("feed")
        .group_by(PLAYER, maintain_order=True)
        .agg(pl.col("adjusted_line").mean(), pl.len().cast(pl.Int64).alias("adjusted_line_feeds"))
        .sort(PLAYER)
    )
