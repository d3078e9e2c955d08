"""The market line of a player: one line that represents all books before tip-off."""

from collections.abc import Mapping, Sequence

import polars as pl

from nba_pipeline.formulas.odds import is_main_line, price_skew

PLAYER = ["game_id", "player_id"]
MEDIAN = "median"
HALF_POINTS = 2
"""Half points per point. Lines are whole numbers of half points, so their means and medians are exact."""
SECONDS_PER_HOUR = 3600
OF_ONE_BOOK = {"price_skew": pl.Float64(), "line_movement_direction": pl.Int64(), "late_line_movements": pl.Int64()}
"""Columns that are null for a median over books."""


def market_lines(
    prop_lines: pl.DataFrame,
    *,
    market: str,
    book_precedence: Sequence[str],
    books_of_one_feed: Mapping[str, str],
    pickem_books: Sequence[str],
    placeholder: float | None,
    lowest: float,
    late_hours: float,
) -> pl.DataFrame:
    """Returns one row per player and game that has a market line, from rows of `prop_lines`.

    Only lines known to be from before tip-off count, not in-play lines or lines of an unknown instant. Each book contributes
    the main line of its latest snapshot (see `is_main_line`); a book whose main line is below `lowest` is skipped. The line
    is that of the first book in `book_precedence`, else the median over the remaining distinct feeds, with quarter points
    rounded DOWN to a half point. `opening_line` is computed in the same way from the first snapshots of the same books.

    Returns:
        game_id, player_id, line, book ("median" for a median), is_fallback (not the first book of the precedence),
        snapshot_at and line_source (for a median: those of its latest line), opening_line, line_movement (line minus
        opening_line), line_standard_deviation_across_books (sample standard deviation over distinct feeds, including those
        of the precedence; null under 2). Null for a median, which has no prices and no history:
        price_skew, line_movement_direction (moves up minus moves down of the book's main line between snapshots) and
        late_line_movements (moves first shown in the last `late_hours` hours before tip-off).
    """
    is_offered = (
        pl.col("is_before_tipoff").fill_null(False) & (pl.col("market") == market) & pl.col("line").ne_missing(placeholder)
    )
    offered = prop_lines.filter(is_offered, ~pl.col("book").is_in(list(pickem_books)))
    ranks = {book: rank for rank, book in enumerate(book_precedence)}
    books = _main_lines(offered, lowest, late_hours).with_columns(
        pl.col("book").replace(books_of_one_feed).alias("feed"),
        pl.col("book").replace_strict(ranks, default=None, return_dtype=pl.Int64).alias("precedence"),
    )
    # the book that owns the feed comes before its copies
    by_feed = books.sort(pl.col("feed") != pl.col("book"), "book", maintain_order=True)
    feeds = by_feed.unique([*PLAYER, "feed"], keep="first", maintain_order=True)
    ranked = books.filter(pl.col("precedence").is_not_null()).sort("precedence", maintain_order=True)
    first_book = ranked.unique(PLAYER, keep="first", maintain_order=True)
    medians = _medians(feeds.join(first_book, on=PLAYER, how="anti"))
    columns = _columns(next(iter(book_precedence), MEDIAN))
    chosen = pl.concat([first_book.select(columns), medians.select(columns)])
    return chosen.join(_spread(feeds), on=PLAYER, how="left").sort(PLAYER)


def _medians(feeds: pl.DataFrame) -> pl.DataFrame:
    """Returns per player and game the median line over the feeds."""
    ordered = feeds.sort("snapshot_at", "book", maintain_order=True)
    return ordered.group_by(PLAYER, maintain_order=True).agg(
        pl.col("half_points", "opening_half_points").median().floor(),
        pl.lit(MEDIAN).alias("book"),
        pl.col("snapshot_at", "source").last(),
        *[pl.lit(None, kind).alias(name) for name, kind in OF_ONE_BOOK.items()],
    )


def _columns(first_book: str) -> list[str | pl.Expr]:
    """Returns the columns of `market_lines`, in points, from lines in half points."""
    return [
        *PLAYER,
        (pl.col("half_points") / HALF_POINTS).alias("line"),
        "book",
        (pl.col("book") != first_book).alias("is_fallback"),
        "snapshot_at",
        pl.col("source").alias("line_source"),
        (pl.col("opening_half_points") / HALF_POINTS).alias("opening_line"),
        ((pl.col("half_points") - pl.col("opening_half_points")) / HALF_POINTS).alias("line_movement"),
        *OF_ONE_BOOK,
    ]


def _main_lines(offered: pl.DataFrame, lowest: float, late_hours: float) -> pl.DataFrame:
    """Returns per player, game and book the main line of the latest and of the first snapshot, and the moves between."""
    book = [*PLAYER, "book"]
    main = (
        offered.with_columns(
            (pl.col("line") * HALF_POINTS).round().cast(pl.Int64).alias("half_points"),
            pl.col("snapshot_at").max().over(book).alias("latest_at"),
        )
        .filter(is_main_line([*book, "snapshot_at"]))
        .sort("snapshot_at", "half_points", "source")
        .unique([*book, "snapshot_at"], keep="last", maintain_order=True)
        .with_columns(pl.col("half_points").diff().over(book).sign().alias("move"))
    )
    is_late = pl.col("snapshot_at") >= pl.col("tipoff_at").last() - pl.duration(seconds=SECONDS_PER_HOUR * late_hours)
    path = main.group_by(book).agg(
        pl.col("half_points").first().alias("opening_half_points"),
        pl.col("move").sum().alias("line_movement_direction"),
        pl.when(pl.col("tipoff_at").last().is_not_null())
        .then(((pl.col("move") != 0) & is_late).sum().cast(pl.Int64))
        .alias("late_line_movements"),
    )
    latest = main.filter((pl.col("snapshot_at") == pl.col("latest_at")) & (pl.col("line") >= lowest))
    return latest.with_columns(price_skew()).join(path, on=book)


def _spread(feeds: pl.DataFrame) -> pl.DataFrame:
    """Standard deviation of the line across feeds, in points."""
    n, x = pl.len().cast(pl.Int64), pl.col("half_points")
    variance = (n * (x * x).sum() - x.sum() ** 2) / (n * (n - 1))
    spread = pl.when(n > 1).then(variance.sqrt() / HALF_POINTS)
    return feeds.group_by(PLAYER).agg(spread.alias("line_standard_deviation_across_books"))
