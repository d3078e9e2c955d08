"""The market of each player and game: baselines, prices, price-adjusted line and closing line. No outcome is read.

Two populations are never mixed. `known` has the lines that are known to be from before tip-off. `all` adds, for players
without such a line, the lines of unknown instant that the archive marks as the latest before tip-off, pick'em sites included.
"""

from datetime import UTC, datetime

import polars as pl

from nba_pipeline.formulas.adjusted_line import adjusted_lines, feed_lines
from nba_pipeline.formulas.closing_lines import closing_lines
from nba_pipeline.formulas.latest_offers import latest_offers
from nba_pipeline.formulas.market_line import MEDIAN, market_lines
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.odds import is_main_line
from nba_pipeline.formulas.prices import line_prices
from nba_pipeline.settings import SETTINGS

PLAYER = ["game_id", "player_id"]
POPULATIONS = ("known", "all")
SPORTSBOOK, ARCHIVE = "sportsbook", "archive"
UNKNOWN_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
"""Placeholder for the unknown instant of lines from the archive, so that each book has one snapshot. It is not returned."""
CLOSING = (
    "closing_status",
    "closing_at",
    "closing_line",
    "closing_over_price",
    "closing_under_price",
    "first_at",
    "first_line",
    "first_over_price",
    "first_under_price",
)


def market_of(prop_lines: pl.DataFrame, population: str, market: Market = POINTS) -> pl.DataFrame:
    """Returns one row per player and game with a line of the market, sorted by date and key.

    Args:
        prop_lines: Rows of the table.
        population: `known` or `all`, see the docstring of the module.
        market: The market of the lines.

    Returns:
        game_date, game_id, player_id, kind (sportsbook, or archive for lines of unknown instant), consensus (median of the
        distinct feeds), line (the line used: the first book of the precedence, else the median rounded down to a half
        point), book, adjusted_line (the consensus for an archive line, whose prices are constants or unknown), the prices of
        the line, and the closing line of the book.
    """
    lines = SETTINGS.lines
    known = _rows_of(prop_lines.filter(pl.col("is_before_tipoff").fill_null(False)), lines.pickem_books, SPORTSBOOK, market)
    parts = [_with_closing(_with_prices(*known, market), prop_lines, market)]
    if population == "all":
        marked = prop_lines.filter(pl.col("is_before_tipoff").is_null(), pl.col("is_latest_pregame").fill_null(False))
        rest = marked.join(known[0], on=PLAYER, how="anti").with_columns(
            pl.lit(True).alias("is_before_tipoff"), pl.lit(UNKNOWN_INSTANT).cast(pl.Datetime("us", "UTC")).alias("snapshot_at")
        )
        archived, _ = _rows_of(rest, (), ARCHIVE, market)
        parts.append(archived.with_columns(pl.col("consensus").alias("adjusted_line")))
    dates = prop_lines.select("game_id", "game_date").unique("game_id", keep="first", maintain_order=True)
    rows = pl.concat(parts, how="diagonal").join(dates, on="game_id", how="left")
    return rows.sort("game_date", *PLAYER)


def _rows_of(
    offered: pl.DataFrame, pickem_books: tuple[str, ...], kind: str, market: Market
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the line used and the consensus per player and game, and the latest offers that determine both."""
    settings = SETTINGS.lines
    used = market_lines(offered, **settings.cascade_of(market.name) | {"pickem_books": pickem_books})
    offers = latest_offers(offered, **settings.adjusting_of(market.name) | {"pickem_books": pickem_books})
    main = offers.filter(is_main_line([*PLAYER, "book"])).unique([*PLAYER, "feed"], keep="first", maintain_order=True)
    consensus = main.group_by(PLAYER, maintain_order=True).agg(pl.col("line").median().alias("consensus"))
    rows = used.select(*PLAYER, "line", "book").join(consensus, on=PLAYER, how="inner", maintain_order="left")
    return rows.with_columns(pl.lit(kind).alias("kind")), offers


def _with_prices(rows: pl.DataFrame, offers: pl.DataFrame, market: Market) -> pl.DataFrame:
    minutes = SETTINGS.forecasts.feed_minutes
    feeds = feed_lines(offers, minutes, market)
    prices = line_prices(rows, offers, feeds, minutes, market)
    return rows.join(adjusted_lines(feeds), on=PLAYER, how="left", maintain_order="left").join(
        prices, on=PLAYER, how="left", maintain_order="left"
    )


def _with_closing(rows: pl.DataFrame, prop_lines: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Adds the closing line of the row's book; null for a median of books."""
    closing = closing_lines(prop_lines, **SETTINGS.lines.closing_of(market.name))
    of_books = rows.filter(pl.col("book") != MEDIAN).select(*PLAYER, "book")
    closing = closing.join(of_books, on=[*PLAYER, "book"], how="semi").select(*PLAYER, *CLOSING)
    return rows.join(closing, on=PLAYER, how="left", maintain_order="left")
