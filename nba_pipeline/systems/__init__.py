"""The prediction systems, one module each, behind one interface. This module lists them in order."""

from nba_pipeline.systems.catboost import CATBOOST
from nba_pipeline.systems.combination import Combination
from nba_pipeline.systems.ensemble import ENSEMBLE
from nba_pipeline.systems.interface import System, TrainedModel, TrainedSystem
from nba_pipeline.systems.linear_median import LINEAR_MEDIAN
from nba_pipeline.systems.market_blend import MARKET_BLEND
from nba_pipeline.systems.moving_average import MOVING_AVERAGE
from nba_pipeline.systems.similarity import SIMILARITY
from nba_pipeline.systems.xgboost import XGBOOST
from nba_pipeline.systems.zone_matchup import ZONE_MATCHUP

SYSTEMS: tuple[System, ...] = (MOVING_AVERAGE, ZONE_MATCHUP, SIMILARITY, CATBOOST, LINEAR_MEDIAN, XGBOOST, ENSEMBLE, MARKET_BLEND)
"""A combination comes after its members."""
TRAINED_SYSTEMS = tuple(system for system in SYSTEMS if isinstance(system, TrainedSystem))

__all__ = [
    "CATBOOST",
    "ENSEMBLE",
    "LINEAR_MEDIAN",
    "MARKET_BLEND",
    "MOVING_AVERAGE",
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
