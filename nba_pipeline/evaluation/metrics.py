"""Means and shares with their number of rows and interval.

Pure functions. Null is unknown and excluded; the number of rows says how many remain. Intervals are at 95 %. The metrics of a
single row are in `formulas/bets.py`, scores of probabilities in `formulas/calibration.py`.
"""

from dataclasses import dataclass

import polars as pl

from nba_pipeline.formulas.bets import PUSH
from nba_pipeline.formulas.wilson import Z_95, wilson_interval

DECIMALS = 5
"""Values are rounded, so that the order of a sum does not change a report."""


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

    >>> share_of(pl.Series([1.0, 0.0, PUSH, None]))
    Estimate(n=2, value=0.5, low=0.09453, high=0.90547)
    """
    decided = results.filter(results != PUSH)
    interval = wilson_interval(int(decided.sum()), len(decided))
    return Estimate(len(decided), *map(rounded, (int(decided.sum()) / len(decided), *interval))) if interval else Estimate(0)


def rounded(value: float) -> float:
    """A value with five decimals; never a negative zero."""
    return round(value, DECIMALS) + 0.0
