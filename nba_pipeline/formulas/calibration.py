"""Scores of probabilities of the over against outcomes. A push has no outcome: `decided` excludes its rows."""

from collections.abc import Sequence

import polars as pl

GROUPS = 10


def decided(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with an actual value other than the line, with `is_over`: whether it is above the line."""
    without_pushes = rows.filter((pl.col("actual_value") != pl.col("line")).fill_null(False))
    return without_pushes.with_columns((pl.col("actual_value") > pl.col("line")).alias("is_over"))


def without_push(side: pl.Expr, push: pl.Expr) -> pl.Expr:
    """Probability of a side given that there is no push: side / (1 - push), a fraction; null for null or a certain push.

    >>> pl.select(without_push(pl.lit(0.45), pl.lit(0.1))).item()
    0.5
    """
    return pl.when(push < 1).then(side / (1 - push))


def log_loss(probability: pl.Expr, is_over: pl.Expr) -> pl.Expr:
    """Logarithmic loss of the probability of the over: -ln P(outcome), >= 0; null for a number outside 0-1.

    >>> pl.select(log_loss(pl.lit(0.5), pl.lit(True)).round(4)).item()
    0.6931
    """
    return pl.when(probability.is_between(0, 1)).then(-pl.when(is_over).then(probability).otherwise(1 - probability).log())


def brier_score(probability: pl.Expr, is_over: pl.Expr) -> pl.Expr:
    """Squared difference between the probability of the over and the outcome: 1 for an over, 0 for an under.

    Range 0-1; null for a probability outside 0-1.

    >>> pl.select(brier_score(pl.lit(0.5), pl.lit(True))).item()
    0.25
    """
    return pl.when(probability.is_between(0, 1)).then((probability - is_over.cast(pl.Float64)) ** 2)


def reliability(rows: pl.DataFrame, probability: str, by: Sequence[str] = ()) -> pl.DataFrame:
    """Returns ten groups of equal size, ordered by probability: group, rows, mean_probability and over_share, both fractions.

    Rows with the same probability count with their common share of overs, so that the order of the rows has no effect.

    Args:
        rows: Rows of `decided`. Rows without a probability are excluded; fewer than ten rows give no groups.
        probability: Column with the probability of the over.
        by: Columns that come first in the result. Each combination of their values has its own ten groups.
    """
    keys = [pl.col(name) for name in by] or [pl.lit(0)]
    with_probability = rows.filter(pl.col(probability).is_not_null()).sort(*by, probability, maintain_order=True)
    size = pl.len().over(keys)
    group = (pl.int_range(pl.len()).over(keys) * GROUPS // size + 1).alias("group")
    share_of_ties = pl.col("is_over").mean().over(*keys, probability)
    return (
        with_probability.with_columns(group, size.alias("size"), share_of_ties.alias("is_over"))
        .filter(pl.col("size") >= GROUPS)
        .group_by(*by, "group", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col(probability).mean().alias("mean_probability"),
            pl.col("is_over").mean().alias("over_share"),
        )
    )


def expected_calibration_error(groups: pl.DataFrame) -> float | None:
    """Returns the mean of |mean_probability - over_share| over the groups of `reliability`, weighted by rows; None without any."""
    error: float | None = groups.select(calibration_error()).item()
    return error if groups.height else None


def calibration_error() -> pl.Expr:
    """The mean distance of probability and outcome over groups of `reliability`, weighted by their rows."""
    distance = (pl.col("mean_probability") - pl.col("over_share")).abs()
    return (distance * pl.col("rows")).sum() / pl.col("rows").sum()
