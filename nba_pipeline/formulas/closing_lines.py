"""Closing lines: the last snapshot of each book before tip-off, and the value of an earlier price against it."""

from collections.abc import Callable

import polars as pl

from nba_pipeline.formulas.adjusted_line import adjusted_line, over_probability
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.odds import is_main_line, payout

BOOK = ("game_id", "player_id", "book")
CAPTURED, MISSED = "captured", "missed"


def closing_lines(
    prop_lines: pl.DataFrame,
    bets: pl.DataFrame | None = None,
    *,
    market: str,
    placeholder: float | None,
    closing_minutes: float,
    historical_minutes: float,
) -> pl.DataFrame:
    """Returns one row per player, game and book with a line known to be from before tip-off.

    A closing line is captured if the lines of its game were captured at most `closing_minutes` before tip-off. Otherwise it
    is missed: `closing_status` is missed, and line and prices are null. It is also missed if the tip-off is unknown. A
    capture in which no book of the game changed its lines stores no row, so it does not count.

    Args:
        prop_lines: Rows of the table.
        bets: Players, games and books to return; by default all. The captures of the other books count.
        market: The Odds API's key.
        placeholder: The value of `line` that means that there is no line; None for a market without one.
        closing_minutes: Maximum time between the last capture of the game and tip-off.
        historical_minutes: A request after the game asks for the lines of this many minutes before tip-off. It counts as a
            capture at that instant. A row without `captured_at` was captured at its snapshot.

    Returns:
        game_id, player_id, book, closing_status (captured or missed), closing_at (the last snapshot, also of a missed
        capture), closing_line, closing_over_price, closing_under_price, first_at, first_line, first_over_price and
        first_under_price (the main line of the book's first snapshot).
    """
    shown = prop_lines.filter(
        (pl.col("market") == market)
        & pl.col("is_before_tipoff").fill_null(False)
        & pl.col("snapshot_at").is_not_null()
        & pl.col("line").ne_missing(placeholder)
    )
    main = _main_lines(shown.with_columns(_captured_at(historical_minutes).max().over("game_id").alias("captured_at")), bets)
    ends = main.group_by(BOOK, maintain_order=True).agg(
        pl.col("tipoff_at", "captured_at").last(), *_columns("closing", pl.Expr.last), *_columns("first", pl.Expr.first)
    )
    is_captured = pl.col("tipoff_at") - pl.col("captured_at") <= _minutes(closing_minutes)
    status = pl.when(is_captured.fill_null(False)).then(pl.lit(CAPTURED)).otherwise(pl.lit(MISSED)).alias("closing_status")
    closing = ("closing_line", "closing_over_price", "closing_under_price")
    known = [pl.when(pl.col("closing_status") == CAPTURED).then(pl.col(name)).alias(name) for name in closing]
    return ends.with_columns(status).with_columns(known).drop("tipoff_at", "captured_at").sort(BOOK)


def _main_lines(captured: pl.DataFrame, bets: pl.DataFrame | None) -> pl.DataFrame:
    """Returns the main line of each book and snapshot, in order."""
    rungs = [*BOOK, "snapshot_at"]
    rows = captured if bets is None else captured.join(bets, on=BOOK, how="semi")
    is_alone = pl.len().over(rungs) == 1  # most ladders have one rung, whose balance need not be computed
    alone, ladders = rows.filter(is_alone), rows.filter(~is_alone)
    return (
        pl.concat([alone, ladders.filter(is_main_line(rungs))])
        .sort(*rungs, "line", "source")
        .unique(rungs, keep="first", maintain_order=True)
    )


def _captured_at(historical_minutes: float) -> pl.Expr:
    """The instant before tip-off whose lines a row shows."""
    asked_for = pl.col("tipoff_at") - _minutes(historical_minutes)
    late = pl.max_horizontal(asked_for, "snapshot_at")
    return pl.when(pl.col("captured_at") > pl.col("tipoff_at")).then(late).otherwise(pl.coalesce("captured_at", "snapshot_at"))


def _minutes(number: float) -> pl.Expr:
    return pl.duration(seconds=60 * number)


def _columns(prefix: str, of: Callable[[pl.Expr], pl.Expr]) -> list[pl.Expr]:
    names = {"at": "snapshot_at", "line": "line", "over_price": "over_price", "under_price": "under_price"}
    return [of(pl.col(column)).alias(f"{prefix}_{name}") for name, column in names.items()]


def closing_line_value(is_over: pl.Expr, market: Market = POINTS) -> pl.Expr:
    """Expected profit per unit staked at the first snapshot's price, if the closing no-vig probability is right.

    probability of the side x (1 + payout) - 1, a fraction; positive beats the market. The probability is that of the closing
    prices, moved from the closing line to the line of the bet: by 0.4 / `deviation(line)` per point, about 2.8 % per half
    point at a points line of 20. Null if a closing price or the price of the bet is missing, or if the first snapshot is the
    closing one.

    >>> row = dict(first_line=20.5, first_over_price=100, first_under_price=-120, first_at=1, closing_at=2)
    >>> row |= dict(closing_line=20.5, closing_over_price=-140, closing_under_price=110)
    >>> pl.select(**row).select(closing_line_value(pl.lit(True)).round(4)).item()
    0.1011
    """
    over = over_probability(adjusted_line("closing_", market), pl.col("first_line"), market)
    probability = pl.when(is_over).then(over).otherwise(1 - over)
    price = pl.when(is_over).then("first_over_price").otherwise("first_under_price")
    is_earlier = pl.col("first_at") < pl.col("closing_at")
    return pl.when(is_earlier).then(probability * (1 + payout(price)) - 1).alias("closing_line_value")
