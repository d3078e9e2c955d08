"""The player markets: the statistic that settles a line, and the numbers of its distribution.

A market is one entry of `MARKETS`. Its features, models, predictions and grades follow from the entry. The setting
`lines.markets` names the markets in use. Thresholds such as the lowest line are settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    """A market. Values, lines and forecasts are in its unit, as points or rebounds."""

    name: str
    """The Odds API's key."""
    statistic: str
    """The column of `player_game_summary` that settles a line."""
    record: int
    """The largest value of an NBA game."""
    deviation_at_zero: float
    deviation_per_root: float
    """Standard deviation of the values around a line: deviation_at_zero + deviation_per_root sqrt(line)."""
    prior_rate: float
    prior_rate_per_minute: float
    """Prior value per minute: that at 0 mean minutes, and the increase per mean minute."""


POINTS = Market(
    "player_points",
    statistic="points",
    record=100,  # Wilt Chamberlain, 2 March 1962
    deviation_at_zero=1.6,
    deviation_per_root=1.224,
    prior_rate=0.30,
    prior_rate_per_minute=0.0055,
)
REBOUNDS = Market(
    "player_rebounds",
    statistic="rebounds",
    record=55,  # Wilt Chamberlain, 24 November 1960
    deviation_at_zero=0.12,  # this and the next number: 21,086 lined player-games of 2022-02 to 2025-01
    deviation_per_root=1.11,
    prior_rate=0.19,  # this and the next number: 700 players with more than 20 games in 2021-22 to 2024-25
    prior_rate_per_minute=-0.0005,
)
MARKETS: Mapping[str, Market] = {market.name: market for market in (POINTS, REBOUNDS)}
"""The Odds API's key -> the market."""
STATISTICS: Mapping[str, str] = {market.name: market.statistic for market in MARKETS.values()}
"""The Odds API's key -> the column of `player_game_summary` that settles a line."""
