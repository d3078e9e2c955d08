"""Confidence interval of a hit rate."""

from math import sqrt

Z_95 = 1.96


def wilson_interval(wins: int, n: int) -> tuple[float, float] | None:
    """95 % Wilson score interval of a share, both ends as fractions 0-1; None without a trial.

    center (p + z^2/2n) / (1 + z^2/n), half-width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).

    >>> tuple(round(end, 3) for end in wilson_interval(1171, 2193))
    (0.513, 0.555)
    """
    if n == 0:
        return None
    share, z_squared = wins / n, Z_95**2
    scale = 1 + z_squared / n
    center = (share + z_squared / (2 * n)) / scale
    half_width = Z_95 * sqrt(share * (1 - share) / n + z_squared / (4 * n**2)) / scale
    return center - half_width, center + half_width
