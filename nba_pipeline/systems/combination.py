"""Systems that combine other systems' forecasts with each other or with the line. They have no model of their own."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.systems.interface import PLAYER_GAME, System, TrainedModel

Forecasts = Mapping[str, pl.DataFrame]
"""system_id -> game_id, player_id, predicted_value and reasons of a system."""


class Combination(System):
    """A system whose forecast follows from those of its members."""

    members: ClassVar[tuple[str, ...]]
    """Systems that it combines. They come before it in SYSTEMS."""

    @abstractmethod
    def combine(self, forecasts: Forecasts, lines: pl.DataFrame) -> pl.DataFrame:
        """Returns game_id, player_id, predicted_value and reasons. `lines` holds game_id, player_id and adjusted_line."""

    @abstractmethod
    def why_not_combined(self, features: pl.DataFrame, made: pl.DataFrame, forecasts: Forecasts) -> pl.DataFrame:
        """Returns game_id, player_id and reason, for each row of `features` without a row in `made`, the result of `combine`."""

    def predict(self, features: pl.DataFrame, model: TrainedModel | None = None) -> pl.DataFrame:
        """Raises Permanent: the forecasts of the members are needed. See combine."""
        raise Permanent(f"{self.system_id} combines {', '.join(self.members)}; it does not predict from features alone")


def absent(features: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Returns game_id and player_id of the rows of `features` without a forecast."""
    return features.select(PLAYER_GAME).join(made, on=PLAYER_GAME, how="anti", maintain_order="left")
