"""The unit of the published numbers: that of the main market, and a note for those of other markets."""

from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.settings import SETTINGS


def unit() -> str:
    """Returns the unit of numbers without a note, such as points."""
    return STATISTICS[SETTINGS.lines.market]


def unit_note(market: str) -> str:
    """Returns a note with the unit of a market other than the main one; empty for the main one."""
    return "" if market == SETTINGS.lines.market else f" ({STATISTICS.get(market, market)})"
