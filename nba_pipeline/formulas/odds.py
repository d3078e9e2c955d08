"""Probabilities implied by a pair of American prices."""

import polars as pl

EVEN_PRICE = 100
LARGEST_PRICE = 2000
"""Limit of the absolute value of a price. Main lines reach 385 in four seasons; a price beyond it would shift means over books."""


def implied_probability(price: pl.Expr) -> pl.Expr:
    """Probability at which an American price is fair, including the book's margin.

    -price / (100 - price) for a favorite (-140), 100 / (100 + price) for an underdog (+110); a fraction 0-1; null
    without a price, with a price that is not American (-100 < price < 100), or with one beyond -2000..2000.

    >>> pl.select(implied_probability(pl.lit(-140)).round(4)).item()
    0.5833
    """
    favorite, underdog = -price / (EVEN_PRICE - price), EVEN_PRICE / (EVEN_PRICE + price)
    return (
        pl.when(price.is_between(-LARGEST_PRICE, -EVEN_PRICE))
        .then(favorite)
        .when(price.is_between(EVEN_PRICE, LARGEST_PRICE))
        .then(underdog)
    )


def payout(price: pl.Expr) -> pl.Expr:
    """Profit of a won bet per unit staked, from an American price.

    price / 100 for an underdog (+110), 100 / -price for a favorite (-140); units of the stake; null where
    `implied_probability` is null.

    >>> pl.select(payout(pl.lit(110)), favorite=payout(pl.lit(-140)).round(4)).row(0)
    (1.1, 0.7143)
    """
    return 1 / implied_probability(price) - 1


def no_vig_over_probability(prefix: str = "") -> pl.Expr:
    """Probability of the over without the book's margin, from `over_price` and `under_price`.

    over / (over + under) of the implied probabilities, a fraction 0-1; null unless both sides have a price. The names of the
    columns start with `prefix`.

    >>> pl.select(over_price=-140, under_price=110).select(no_vig_over_probability().round(4)).item()
    0.5506
    """
    over, under = (implied_probability(pl.col(f"{prefix}{side}_price")) for side in ("over", "under"))
    return (over / (over + under)).alias("no_vig_over_probability")


def price_skew() -> pl.Expr:
    """Direction of a line's prices, from `over_price` and `under_price`: positive if the over is likelier.

    No-vig probability of the over minus that of the under, a number -1..1; null unless both sides have a price.

    >>> pl.select(over_price=-140, under_price=110).select(price_skew().round(4)).item()
    0.1011
    """
    return (2 * no_vig_over_probability() - 1).alias("price_skew")


def is_main_line(rungs_of: list[str]) -> pl.Expr:
    """Whether a line is its book's main line. Lines with equal values in the columns `rungs_of` are the rungs of one ladder.

    The main line is the rung with the most balanced prices, on a tie the lower one. A single rung is the main line even with
    one price. Of several rungs, only one with both prices can be the main line. Never null.
    """
    imbalance = (no_vig_over_probability() - 0.5).abs().round(9)  # mirrored prices are equally balanced
    most_balanced = pl.when(imbalance == imbalance.min().over(rungs_of)).then("line").min().over(rungs_of)
    return ((pl.len().over(rungs_of) == 1) | (pl.col("line") == most_balanced)).fill_null(False)
