"""The latest offers of the sportsbooks before tip-off, and which of them are recent enough to compare."""

from collections.abc import Mapping, Sequence

import polars as pl

PLAYER = ["game_id", "player_id"]
BOOK = [*PLAYER, "book"]


def latest_offers(
    prop_lines: pl.DataFrame,
    *,
    market: str,
    books_of_one_feed: Mapping[str, str],
    pickem_books: Sequence[str],
    placeholder: float | None,
    lowest: float,
) -> pl.DataFrame:
    """Returns the rows of `prop_lines` of each book's latest snapshot, with `feed`. The owner of a feed comes before its copies.

    Only lines of `market` that are known to be from before tip-off count. Pick'em books are excluded, because their prices are
    constants; placeholders and lines below `lowest` are excluded, too.
    """
    offered = prop_lines.filter(
        (pl.col("market") == market)
        & pl.col("is_before_tipoff").fill_null(False)
        & pl.col("line").ne_missing(placeholder)
        & (pl.col("line") >= lowest)
        & ~pl.col("book").is_in(list(pickem_books))
    )
    return (
        offered.filter(pl.col("snapshot_at") == pl.col("snapshot_at").max().over(BOOK))
        .with_columns(pl.col("book").replace(books_of_one_feed).alias("feed"))
        .sort(pl.col("feed") != pl.col("book"), "book", "source", maintain_order=True)
    )


def is_fresh(feed_minutes: float) -> pl.Expr:
    """Whether a snapshot is at most `feed_minutes` older than the newest of the same player and game."""
    return pl.col("snapshot_at").max().over(PLAYER) - pl.col("snapshot_at") <= pl.duration(seconds=60 * feed_minutes)
