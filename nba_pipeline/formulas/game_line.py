"""The market's total and spread of a game before tip-off, and the team total that they imply."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

HALF_POINTS = 2
"""Half points per point. Lines are whole numbers of half points, so their medians are exact."""
VIEW = {"home": "home", "away": "home", "over": "over", "under": "over"}
"""Outcome -> the outcome to which its line is converted, because two outcomes of a market share one line."""
MARKET = ["game_id", "view"]
LINES = ("game_total", "game_spread", "absolute_game_spread", "implied_team_total")


def game_lines_of(
    rows: pl.DataFrame,
    game_lines: pl.DataFrame,
    *,
    book_precedence: Sequence[str],
    books_of_one_feed: Mapping[str, str],
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """Adds the market's lines of the game to rows with `game_id` and `is_home`. The same rows in and out.

    Lines count if they are known to be from before tip-off and, with `as_of`, were shown by then. Lines of an unknown instant
    do not count. Each book contributes its latest snapshot of a market. The line is that of the first book in
    `book_precedence`, else the median over the remaining distinct feeds. The columns, in points, null without a line:

    game_total; game_spread, from the perspective of the row's team, negative for the favorite; absolute_game_spread;
    implied_team_total = game_total / 2 - game_spread / 2.
    """
    usable = game_lines.filter(pl.col("is_before_tipoff").fill_null(False))
    if as_of is not None:
        usable = usable.filter(pl.col("snapshot_at") <= as_of)
    ranks = {book: rank for rank, book in enumerate(book_precedence)}
    books = _of_each_book(usable).with_columns(
        pl.col("book").replace(books_of_one_feed).alias("feed"),
        pl.col("book").replace_strict(ranks, default=None, return_dtype=pl.Int64).alias("precedence"),
    )
    # the book that owns the feed comes before its copies
    by_feed = books.sort(pl.col("feed") != pl.col("book"), "book")
    feeds = by_feed.unique([*MARKET, "feed"], keep="first", maintain_order=True)
    medians = feeds.group_by(MARKET).agg(pl.col("half_points").median().alias("median"))
    ranked = books.filter(pl.col("precedence").is_not_null()).sort("precedence")
    first_book = ranked.unique(MARKET, keep="first", maintain_order=True)
    market = medians.join(first_book, on=MARKET, how="left").with_columns(line=pl.coalesce("half_points", "median") / HALF_POINTS)
    total = market.filter(view="over").select("game_id", game_total="line")
    spread = market.filter(view="home").select("game_id", home_spread="line")
    own_spread = pl.when("is_home").then("home_spread").when(~pl.col("is_home")).then(0 - pl.col("home_spread"))
    return (
        rows.join(total, on="game_id", how="left", maintain_order="left")
        .join(spread, on="game_id", how="left", maintain_order="left")
        .with_columns(own_spread.alias("game_spread"), pl.col("home_spread").abs().alias("absolute_game_spread"))
        .with_columns(((pl.col("game_total") - pl.col("game_spread")) / 2).alias("implied_team_total"))
        .drop("home_spread")
    )


def _of_each_book(usable: pl.DataFrame) -> pl.DataFrame:
    """Returns each book's latest line per game and market, from the perspective of the home team or of the over.

    Both outcomes of a market have the same line, a spread with the opposite sign, so one outcome is enough.
    """
    latest = pl.col("snapshot_at") == pl.col("snapshot_at").max().over("game_id", "market", "book")
    sign = pl.when(pl.col("outcome") == "away").then(-1).otherwise(1)
    return (
        usable.filter(latest)
        .with_columns(pl.col("outcome").replace(VIEW).alias("view"), (sign * pl.col("line_half_points")).alias("half_points"))
        .sort(pl.col("outcome") != pl.col("view"), "half_points")
        .unique([*MARKET, "book"], keep="first", maintain_order=True)
        .select(*MARKET, "book", "half_points")
    )
