"""The prediction systems, one module each, behind one interface. This module lists them in order."""

from collections.abc import Mapping

from nba_pipeline.formulas.markets import MARKETS, POINTS, Market
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems.catboost import CATBOOST
from nba_pipeline.systems.combination import Combination
from nba_pipeline.systems.ensemble import ENSEMBLE, Ensemble
from nba_pipeline.systems.interface import System, TrainedModel, TrainedSystem
from nba_pipeline.systems.linear_median import LINEAR_MEDIAN, LinearMedian
from nba_pipeline.systems.market_blend import MARKET_BLEND, MarketBlend
from nba_pipeline.systems.moving_average import MOVING_AVERAGE
from nba_pipeline.systems.similarity import SIMILARITY
from nba_pipeline.systems.xgboost import XGBOOST, XGBoost
from nba_pipeline.systems.zone_matchup import ZONE_MATCHUP

SYSTEMS: tuple[System, ...] = (MOVING_AVERAGE, ZONE_MATCHUP, SIMILARITY, CATBOOST, LINEAR_MEDIAN, XGBOOST, ENSEMBLE, MARKET_BLEND)
"""The systems of `player_points`. A combination comes after its members."""

PROMOTABLE = tuple(system.system_id for system in SYSTEMS if system is not MARKET_BLEND)
"""The systems with a role. The displayed forecast `market_blend` contains the line and is never a pick."""


def _of_another_market(market: Market) -> tuple[System, ...]:
    return LinearMedian(market=market), XGBoost(market=market), Ensemble(market=market), MarketBlend(market=market)


MARKET_SYSTEMS: Mapping[str, tuple[System, ...]] = {
    name: SYSTEMS if market == POINTS else _of_another_market(market) for name, market in MARKETS.items()
}
"""Market -> its systems."""
TRAINED_SYSTEMS = tuple(
    system for name in SETTINGS.lines.markets for system in MARKET_SYSTEMS[name] if isinstance(system, TrainedSystem)
)
"""The trained systems of the markets in use."""

__all__ = [
    "CATBOOST",
    "ENSEMBLE",
    "LINEAR_MEDIAN",
    "MARKET_BLEND",
    "MARKET_SYSTEMS",
    "MOVING_AVERAGE",
    "PROMOTABLE",
    "SIMILARITY",
    "SYSTEMS",
    "TRAINED_SYSTEMS",
    "XGBOOST",
    "ZONE_MATCHUP",
    "Combination",
    "System",
    "TrainedModel",
    "TrainedSystem",
]
