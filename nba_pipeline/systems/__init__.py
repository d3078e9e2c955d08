"""The prediction systems, one module each, behind one interface. This module lists them in order."""

from nba_pipeline.systems.catboost import CATBOOST
from nba_pipeline.systems.interface import System, TrainedModel, TrainedSystem
from nba_pipeline.systems.moving_average import MOVING_AVERAGE

SYSTEMS: tuple[System, ...] = (MOVING_AVERAGE, CATBOOST)
TRAINED_SYSTEMS: tuple[TrainedSystem, ...] = (CATBOOST,)

__all__ = ["CATBOOST", "MOVING_AVERAGE", "SYSTEMS", "TRAINED_SYSTEMS", "System", "TrainedModel", "TrainedSystem"]
