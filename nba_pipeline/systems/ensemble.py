"""ensemble: the equal mean of `linear_median` and `xgboost`. The champion: it governs picks and publication.

The mean reduces errors that the two models do not share. If one of the two has no model for the week, the forecast is that of
the other, and `reasons` names the missing one.
"""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.systems.combination import Combination, Forecasts, absent
from nba_pipeline.systems.cross_season import CrossSeasonFeatures
from nba_pipeline.systems.interface import PLAYER_GAME


@dataclass(frozen=True)
class Ensemble(CrossSeasonFeatures, Combination):
    """The mean of its members."""

    market: Market = POINTS

    system_id: ClassVar[str] = "ensemble"
    version: ClassVar[str] = "1"
    members: ClassVar[tuple[str, ...]] = ("linear_median", "xgboost")

    def combine(self, forecasts: Forecasts, lines: pl.DataFrame) -> pl.DataFrame:
        """See Combination.combine. `reasons` names a member without a forecast."""
        rows = pl.concat([forecasts[name].select(PLAYER_GAME) for name in self.members]).unique(maintain_order=True)
        for name in self.members:
            made = forecasts[name].select(
                *PLAYER_GAME, pl.col("predicted_value").alias(name), pl.col("reasons").alias(f"{name}_reasons")
            )
            rows = rows.join(made, on=PLAYER_GAME, how="left", maintain_order="left")
        missing = [pl.when(pl.col(name).is_null()).then(pl.lit(f"without {name}")) for name in self.members]
        reasons = [pl.col(f"{name}_reasons").fill_null([]) for name in self.members]
        return rows.select(
            *PLAYER_GAME,
            pl.mean_horizontal(self.members).alias("predicted_value"),
            pl.concat_list(*reasons, pl.concat_list(missing)).list.drop_nulls().list.unique(maintain_order=True).alias("reasons"),
        )

    def why_not_combined(self, features: pl.DataFrame, made: pl.DataFrame, forecasts: Forecasts) -> pl.DataFrame:
        """See Combination.why_not_combined."""
        reason = pl.lit(f"no forecast of {' or '.join(self.members)}").alias("reason")
        return absent(features, made).with_columns(reason)


ENSEMBLE = Ensemble()
