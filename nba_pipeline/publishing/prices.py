"""Rules for publishing lines and prices. Without prices, no line can be derived from a published value."""

from typing import Literal

from nba_pipeline.settings import SETTINGS

Prices = Literal["none", "consensus", "all"]

DISPLAYED = ("market_blend", "ensemble")
"""The systems that may be displayed, best first. `market_blend` contains the line, so it is published with prices only."""

AVERAGE_DECIMALS = 2


def displayed(prices: Prices) -> tuple[str, ...]:
    """Returns the systems that the page shows, best first."""
    return DISPLAYED if prices == "all" else DISPLAYED[1:]


def is_published(system: str, prices: Prices) -> bool:
    """Whether the forecasts of a system are published."""
    return prices == "all" or system != DISPLAYED[0]


def has_enough_lines(rows: int, prices: Prices) -> bool:
    """Whether an average over this number of rows with a line is published. An average over few rows reveals their lines."""
    return prices == "all" or rows >= SETTINGS.publishing.least_lined_rows


def rounded(value: float | None, prices: Prices) -> float | None:
    """Returns an average as it is published. Without prices it is rounded, so that two successive averages reveal no line."""
    return value if value is None or prices == "all" else round(value, AVERAGE_DECIMALS)
