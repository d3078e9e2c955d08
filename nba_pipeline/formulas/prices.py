"""The prices of a line: the market's probability, the best price of each side, and the price edge and value of a bet.

Prices are American, probabilities are fractions, and values are in units of the stake.
"""

import polars as pl

from nba_pipeline.formulas.adjusted_line import over_probability
from nba_pipeline.formulas.latest_offers import PLAYER, is_fresh
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.odds import implied_probability, no_vig_over_probability, payout

LINE = [*PLAYER, "line_half_points"]
SIDES = ("over", "under")
OF_A_SIDE = ("price", "best_price", "best_price_book", "best_price_source", "price_edge")
PRICES = ("market_over_probability", "prices_snapshot_at", *(f"{side}_{name}" for side in SIDES for name in OF_A_SIDE))
"""Columns of `line_prices` beside the player and game."""


def line_prices(
    lines: pl.DataFrame, offers: pl.DataFrame, feeds: pl.DataFrame, feed_minutes: float, market: Market = POINTS
) -> pl.DataFrame:
    """Returns one row per row of `lines`: the prices at exactly this line.

    Args:
        lines: One row per player and game, with `line` and `book`.
        offers: Rows of `latest_offers`.
        feeds: Rows of `feed_lines`.
        feed_minutes: Maximum age of an offer relative to the player's newest one.
        market: The market of the lines.

    Returns:
        game_id, player_id, market_over_probability (mean no-vig probability of the over, over the distinct feeds with both
        prices), prices_snapshot_at (instant of the newest offer), and per side, as `over_price`: price (of the line's own
        book; null for a median of books), best_price with its book and source (over distinct feeds), and price_edge (the
        probability of the side according to the other feeds, minus that implied by the best price; null without other feeds).
    """
    keys = lines.select(*PLAYER, "line", "book", (2 * pl.col("line")).round().cast(pl.Int64).alias("line_half_points"))
    quotes = offers.select(*LINE, "book", "feed", "snapshot_at", "source", "over_price", "under_price")
    own = quotes.select(*LINE, "book", *(_valid(side).alias(f"{side}_price") for side in SIDES))
    fresh = quotes.filter(is_fresh(feed_minutes)).join(keys.select(LINE), on=LINE, how="semi", maintain_order="left")
    fresh = fresh.unique([*PLAYER, "feed"], keep="first", maintain_order=True)
    probabilities = fresh.group_by(PLAYER, maintain_order=True).agg(
        no_vig_over_probability().mean().alias("market_over_probability"),
        pl.col("snapshot_at").max().alias("prices_snapshot_at"),
    )
    rows = keys.join(own.unique([*LINE, "book"], keep="first"), on=[*LINE, "book"], how="left", maintain_order="left")
    for beside in (probabilities, *(_best(side, fresh, keys, feeds, market) for side in SIDES)):
        rows = rows.join(beside, on=PLAYER, how="left", maintain_order="left")
    return rows.select(*PLAYER, *PRICES)


def _valid(side: str) -> pl.Expr:
    """Returns the American price of a side; null for a number that is not a valid price."""
    price = pl.col(f"{side}_price")
    return pl.when(implied_probability(price).is_not_null()).then(price)


def _best(side: str, fresh: pl.DataFrame, keys: pl.DataFrame, feeds: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Returns per player and game the best price of a side, with its book, source and price edge."""
    priced = fresh.with_columns(_valid(side).alias("best_price")).filter(pl.col("best_price").is_not_null())
    order = priced.sort(payout(pl.col("best_price")), "feed", descending=[True, False], maintain_order=True)
    best = order.unique(PLAYER, keep="first", maintain_order=True).join(keys.select(*PLAYER, "line"), on=PLAYER)
    other_feeds = best.select(*PLAYER, best_feed="feed").join(feeds, on=PLAYER).filter(pl.col("feed") != pl.col("best_feed"))
    consensus = other_feeds.group_by(PLAYER, maintain_order=True).agg(pl.col("adjusted_line").mean().alias("others"))
    over = over_probability(pl.col("others"), pl.col("line"), market)
    edge = (over if side == "over" else 1 - over) - implied_probability(pl.col("best_price"))
    return best.join(consensus, on=PLAYER, how="left", maintain_order="left").select(
        *PLAYER,
        pl.col("best_price").alias(f"{side}_best_price"),
        pl.col("book").alias(f"{side}_best_price_book"),
        pl.col("source").alias(f"{side}_best_price_source"),
        edge.alias(f"{side}_price_edge"),
    )


def with_prices(predictions: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Adds the prices of the line to predictions.

    They are null without a line, and unless the newest price is known to be from before tip-off.
    """
    is_usable = pl.col("line").is_not_null() & (pl.col("prices_snapshot_at") < pl.col("tipoff_at"))
    return predictions.join(lines.select(*PLAYER, *PRICES), on=PLAYER, how="left", maintain_order="left").with_columns(
        pl.when(is_usable).then(pl.col(name)).alias(name) for name in PRICES
    )


def with_side_prices(predictions: pl.DataFrame) -> pl.DataFrame:
    """Replaces the columns of both sides with those of the recommended side: null for PASS and NO_LINE."""
    is_over, is_under = (pl.col("recommendation") == side.upper() for side in SIDES)
    chosen = [
        pl.when(is_over).then(pl.col(f"over_{name}")).when(is_under).then(pl.col(f"under_{name}")).alias(name)
        for name in OF_A_SIDE
    ]
    return predictions.with_columns(chosen).drop(f"{side}_{name}" for side in SIDES for name in OF_A_SIDE)


def with_expected_values(predictions: pl.DataFrame) -> pl.DataFrame:
    """Adds the prices of the recommended side, and the expected value at each price; null without a published probability."""
    is_over, over, under = pl.col("recommendation") == "OVER", pl.col("over_probability"), pl.col("blended_under_probability")
    published = pl.when(over.is_not_null()).then(under)
    wins, loses = pl.when(is_over).then(over).otherwise(published), pl.when(is_over).then(published).otherwise(over)
    return with_side_prices(predictions).with_columns(
        expected_value(pl.col("price"), wins, loses).alias("expected_value"),
        expected_value(pl.col("best_price"), wins, loses).alias("best_expected_value"),
    )


def expected_value(price: pl.Expr, wins: pl.Expr, loses: pl.Expr) -> pl.Expr:
    """Expected profit of a bet per unit staked: P(win) payout - P(loss). A push returns the stake. Null for null.

    >>> pl.select(expected_value(pl.lit(-110), pl.lit(0.55), pl.lit(0.45)).round(4)).item()
    0.05
    """
    return wins * payout(price) - loses
