"""market_blend: the displayed forecast, mostly the market's.

    points = 0.2 ensemble + 0.8 price-adjusted line

A player without a line has no row; `ensemble` is displayed instead. The blend is never a pick: a bet against a line needs a
forecast that does not contain the line.
"""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.recommendation import CONTAINS_THE_LINE
from nba_pipeline.settings import SETTINGS
from nba_pipeline.settings import Forecasts as Settings
from nba_pipeline.systems.combination import Combination, Forecasts, absent
from nba_pipeline.systems.cross_season import CrossSeasonFeatures
from nba_pipeline.systems.ensemble import ENSEMBLE
from nba_pipeline.systems.interface import PLAYER_GAME


@dataclass(frozen=True)
class MarketBlend(CrossSeasonFeatures, Combination):
    """The weighted mean of the ensemble and the price-adjusted line."""

    settings: Settings = SETTINGS.forecasts
    market: Market = POINTS

    system_id: ClassVar[str] = "market_blend"
    version: ClassVar[str] = "1"
    members: ClassVar[tuple[str, ...]] = ("ensemble",)

    def combine(self, forecasts: Forecasts, lines: pl.DataFrame) -> pl.DataFrame:
        """See Combination.combine."""
        weight = self.settings.blend_weight
        blend = weight * pl.col("predicted_value") + (1 - weight) * pl.col("adjusted_line")
        rows = forecasts[ENSEMBLE.system_id].join(
            lines.select(*PLAYER_GAME, "adjusted_line"), on=PLAYER_GAME, how="inner", maintain_order="left"
        )
        return rows.filter(pl.col("adjusted_line").is_not_null()).select(
            *PLAYER_GAME, blend.alias("predicted_value"), pl.concat_list("reasons", pl.lit(CONTAINS_THE_LINE)).alias("reasons")
        )

    def why_not_combined(self, features: pl.DataFrame, made: pl.DataFrame, forecasts: Forecasts) -> pl.DataFrame:
        """See Combination.why_not_combined."""
        has_ensemble = forecasts[ENSEMBLE.system_id].select(*PLAYER_GAME, pl.lit("no line with prices").alias("reason"))
        rows = absent(features, made).join(has_ensemble, on=PLAYER_GAME, how="left", maintain_order="left")
        return rows.with_columns(pl.col("reason").fill_null("no forecast of ensemble"))


MARKET_BLEND = MarketBlend()
