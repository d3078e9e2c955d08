"""The price-adjusted line: the market's median, from the line and the prices of both sides.

A book moves its prices before its line. A line of 20.5 implies more points if the over is at 55 % than at 50 %.
"""

import polars as pl

from nba_pipeline.formulas.latest_offers import BOOK, PLAYER, is_fresh
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.odds import is_main_line, no_vig_over_probability

DENSITY_AT_MEDIAN = 0.4
"""Density of a standard normal at its median, which turns a probability into standard deviations."""


def deviation(points: pl.Expr, market: Market = POINTS) -> pl.Expr:
    """Standard deviation of points scored around a line or forecast: 1.6 + 1.224 sqrt(points). Unit: points. Null for null.

    Another market has its own two numbers.

    >>> pl.select(deviation(pl.lit(25.0)).round(3)).item()
    7.72
    """
    return market.deviation_at_zero + market.deviation_per_root * points.sqrt()


def over_probability(adjusted: pl.Expr, line: pl.Expr, market: Market = POINTS) -> pl.Expr:
    """Probability of the over at a line, from the price-adjusted line: the inverse of `adjusted_line`.

    0.5 + 0.4 (adjusted - line) / sd, clamped to 0..1; a fraction; null for null.

    >>> pl.select(over_probability(pl.lit(21.403), pl.lit(20.5)).round(4)).item()
    0.5506
    """
    return (0.5 + DENSITY_AT_MEDIAN * (adjusted - line) / deviation(line, market)).clip(0, 1)


def adjusted_line(prefix: str = "", market: Market = POINTS) -> pl.Expr:
    """Points at which the over would have a probability of 50 %, from `line`, `over_price` and `under_price`.

    line + (p - 0.5) sd / 0.4, with the no-vig probability p of the over and sd = `deviation(line)`. Null unless both
    sides have a price. The names of the columns start with `prefix`.

    >>> pl.select(line=20.5, over_price=-140, under_price=110).select(adjusted_line().round(3)).item()
    21.403
    """
    line = pl.col(f"{prefix}line")
    shift = (no_vig_over_probability(prefix) - 0.5) * deviation(line, market) / DENSITY_AT_MEDIAN
    return (line + shift).alias("adjusted_line")


def feed_lines(offers: pl.DataFrame, feed_minutes: float, market: Market = POINTS) -> pl.DataFrame:
    """Returns one row per player, game and distinct feed, with `feed` and `adjusted_line`, from rows of `latest_offers`.

    Each distinct feed contributes its main line, if its snapshot is at most `feed_minutes` older than the player's newest one.
    Lines with one price, or with a price out of range, are excluded.
    """
    feeds = (
        offers.filter(is_main_line(BOOK))
        .with_columns(adjusted_line(market=market))
        .unique([*PLAYER, "feed"], keep="first", maintain_order=True)
    )
    usable = feeds.filter(pl.col("adjusted_line").is_not_null()).filter(is_fresh(feed_minutes))
    return usable.sort("feed").select(*PLAYER, "feed", "adjusted_line")


def adjusted_lines(feeds: pl.DataFrame) -> pl.DataFrame:
    """Returns game_id, player_id, adjusted_line and adjusted_line_feeds: the mean over the feeds of `feed_lines`."""
    return (
        feeds.group_by(PLAYER, maintain_order=True)
        .agg(pl.col("adjusted_line").mean(), pl.len().cast(pl.Int64).alias("adjusted_line_feeds"))
        .sort(PLAYER)
    )
