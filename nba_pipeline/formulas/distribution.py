"""The distribution of a forecast: standard deviation, and probabilities against a line, from earlier standardized residuals.

A standardized residual is (actual - forecast) / deviation(forecast). The empirical distribution is used, because points are
right-skewed. Residuals must come from forecasts made without the outcome, on dates before the date of the forecast.
"""

import polars as pl

from nba_pipeline.formulas.adjusted_line import deviation
from nba_pipeline.formulas.markets import POINTS, Market

HALF_POINT = 0.5


def standardized_residuals(rows: pl.DataFrame, forecast: str, market: Market = POINTS) -> pl.Series:
    """Returns the sorted standardized residuals of the rows with `actual_value` and the forecast in the named column.

    Unit: standard deviations of `deviation`, for points 1.6 + 1.224 sqrt(forecast).

    >>> rows = pl.DataFrame({"actual_value": [20, 30, None], "mean": [25.0, 25.0, 25.0]})
    >>> standardized_residuals(rows, "mean").round(3).to_list()
    [-0.648, 0.648]
    """
    distance = pl.col("actual_value") - pl.col(forecast)
    return rows.select(residual=distance / deviation(pl.col(forecast), market))["residual"].drop_nulls().sort()


def probabilities(forecasts: pl.Series, spreads: pl.Series, lines: pl.Series, residuals: pl.Series) -> pl.DataFrame:
    """Returns over, push and under: the probabilities of more than the line, exactly the line, and less. They sum to 1.

    P(over) = P(Z > (line - forecast) / spread) with Z distributed as the residuals. The push of a whole-number line is the mass
    within half a point; other lines have no push. No probability of an over or under is 0 or 1.

    Args:
        forecasts: Points per row; a null gives nulls.
        spreads: Points per row that correspond to one unit of a residual.
        lines: Lines per row, in half points; a null gives nulls.
        residuals: Sorted standardized residuals, at least one.

    >>> z = pl.Series([-1.5, -0.5, 0.5, 1.5])
    >>> probabilities(pl.Series([20.0, 20.0]), pl.Series([5.0, 5.0]), pl.Series([20.5, 20.0]), z).rows()
    [(0.5, 0.0, 0.5), (0.5, 0.0, 0.5)]
    """
    half = pl.select((lines % 1 == 0).cast(pl.Float64) * HALF_POINT).to_series()
    above, below = ((lines + side * half - forecasts) / spreads for side in (1, -1))
    frame = pl.DataFrame({"above": _share_at_most(above, residuals), "below": _share_at_most(below, residuals)})
    return frame.select(over=1 - pl.col("above"), push=pl.col("above") - pl.col("below"), under=pl.col("below"))


def _share_at_most(values: pl.Series, residuals: pl.Series) -> pl.Series:
    """Returns (number of residuals <= value + 0.5) / (number of residuals + 1) per value; null for a null."""
    counts = residuals.search_sorted(values.fill_null(0.0), side="right").cast(pl.Float64)
    shares = (counts + HALF_POINT) / (residuals.len() + 1)
    return pl.select(pl.when(values.is_not_null()).then(shares)).to_series()
