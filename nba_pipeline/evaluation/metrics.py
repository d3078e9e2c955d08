"""Metrics of forecasts beside the market: errors, hit rates and returns, each with its number of rows and interval.

Pure functions. Null is unknown and excluded; the number of rows says how many remain. Intervals are at 95 %. Scores of
probabilities are in `formulas/calibration.py`.
"""

from dataclasses import dataclass

import polars as pl

from nba_pipeline.formulas.odds import payout
from nba_pipeline.formulas.wilson import Z_95, wilson_interval

DECIMALS = 5
"""Values are rounded, so that the order of a sum does not change a report."""
WIN, LOSS, PUSH = 1.0, 0.0, 0.5


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` rows with its interval. The ends are None below two rows, the value is None without rows."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def mean_of(values: pl.Series) -> Estimate:
    """The mean with a normal interval: mean -+ 1.96 sd / sqrt(n), sd with n - 1.

    >>> mean_of(pl.Series([1.0, 2.0, 3.0, None]))
    Estimate(n=3, value=2.0, low=0.86839, high=3.13161)
    """
    known = values.cast(pl.Float64).drop_nulls()
    mean, spread = known.mean(), known.std()
    if not isinstance(mean, float):
        return Estimate(0)
    if not isinstance(spread, float):
        return Estimate(1, rounded(mean))
    half = Z_95 * spread / len(known) ** 0.5
    return Estimate(len(known), rounded(mean), rounded(mean - half), rounded(mean + half))


def share_of(results: pl.Series) -> Estimate:
    """The share of wins among wins and losses, with the Wilson interval. Pushes and nulls are excluded.

    >>> share_of(pl.Series([WIN, LOSS, PUSH, None]))
    Estimate(n=2, value=0.5, low=0.09453, high=0.90547)
    """
    decided = results.filter(results != PUSH)
    interval = wilson_interval(int(decided.sum()), len(decided))
    return Estimate(len(decided), *map(rounded, (int(decided.sum()) / len(decided), *interval))) if interval else Estimate(0)


def gap(forecast: str, baseline: str) -> pl.Expr:
    """Absolute error of a forecast minus that of a baseline, per row with both; the column `actual_value` is the result.

    >>> pl.select(actual_value=22.0, model=20.0, line=21.0).select(gap("model", "line")).item()
    1.0
    """
    return (pl.col("actual_value") - pl.col(forecast)).abs() - (pl.col("actual_value") - pl.col(baseline)).abs()


def result(forecast: str, line: str) -> pl.Expr:
    """The bet on the side of the forecast: 1 for a win, 0 for a loss, 0.5 for a push; null without a line or an edge.

    >>> rows = pl.DataFrame({"actual_value": [30, 10, 20, 30], "line": [20.0] * 4, "model": [25.0, 25.0, 25.0, 20.0]})
    >>> rows.select(result("model", "line")).to_series().to_list()
    [1.0, 0.0, 0.5, None]
    """
    edge, margin = pl.col(forecast) - pl.col(line), pl.col("actual_value") - pl.col(line)
    is_won = pl.when(margin.sign() == edge.sign()).then(WIN).otherwise(LOSS)
    return pl.when(edge != 0).then(pl.when(margin == 0).then(PUSH).otherwise(is_won))


def profit(result: pl.Expr, price: pl.Expr) -> pl.Expr:
    """Units won per unit staked at an American price: the payout, -1 or 0 for a push; null without a bet or a price.

    >>> pl.select(profit(pl.lit(WIN), pl.lit(-110)).round(4), lost=profit(pl.lit(LOSS), pl.lit(-110))).row(0)
    (0.9091, -1.0)
    """
    pays = payout(price)
    return pl.when(pays.is_not_null() & result.is_not_null()).then(
        pl.when(result == WIN).then(pays).when(result == LOSS).then(-1.0).otherwise(0.0)
    )


def rounded(value: float) -> float:
    """A value with five decimals; never a negative zero."""
    return round(value, DECIMALS) + 0.0
