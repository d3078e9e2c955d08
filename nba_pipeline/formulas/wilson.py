"""Confidence interval of a hit rate."""

from typing import TypeVar

import polars as pl

Z_95 = 1.96
Number = TypeVar("Number", float, pl.Expr)


def wilson_interval(wins: int, n: int) -> tuple[float, float] | None:
    """95 % Wilson score interval of a share, both ends as fractions 0-1; None without a trial.

    >>> tuple(round(end, 3) for end in wilson_interval(1171, 2193))
    (0.513, 0.555)
    """
    return wilson_ends(float(wins), float(n)) if n else None


def wilson_ends(wins: Number, n: Number) -> tuple[Number, Number]:
    """Both ends of the interval, of numbers or expressions; `n` is not 0.

    center (p + z^2/2n) / (1 + z^2/n), half-width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).
    """
    share, z_squared = wins / n, Z_95**2
    scale = 1 + z_squared / n
    center = (share + z_squared / (2 * n)) / scale
    half_width = Z_95 * (share * (1 - share) / n + z_squared / (4 * n**2)) ** 0.5 / scale
    return center - half_width, center + half_width
