"""Shared parts of the systems on cross-season features: the features that they read, and the rows that they learn from.

These systems forecast from the first game of a season on. `moving_average` and `catboost` need five games of the season.
"""

from typing import Any, ClassVar

import polars as pl

from nba_pipeline.formulas.career_form import CAREER_FORM
from nba_pipeline.formulas.expected_absences import ABSENCE_FEATURES
from nba_pipeline.formulas.recommendation import FEW_CAREER_GAMES
from nba_pipeline.formulas.team_outlook import TEAM_OUTLOOK
from nba_pipeline.settings import SETTINGS, Forecasts
from nba_pipeline.systems.interface import PLAYER_GAME, TrainedSystem

REQUIRED = ("points_half_life_8_games", "minutes_half_life_5_games")
"""Null only for a player without a game in the 1,095 days before."""
READS = (*CAREER_FORM, *ABSENCE_FEATURES, *TEAM_OUTLOOK, "home_court_level", "rest_days")
CAREER_GAMES = "career_games_last_1095_days"


class CrossSeasonSystem(TrainedSystem):
    """A trained system that reads cross-season features. It has no early stopping: the model learns from every row."""

    required: ClassVar[tuple[str, ...]] = REQUIRED
    required_for_betting: ClassVar[tuple[str, ...]] = (*REQUIRED, "home_court_level")
    reads: ClassVar[tuple[str, ...]] = READS
    least_season_games: ClassVar[int] = 0
    season_mean: ClassVar[str] = "points_mean_season_to_date"
    stops_early: ClassVar[bool] = False
    forecasts: Forecasts = SETTINGS.forecasts

    def learnable(self, features: pl.DataFrame) -> pl.DataFrame:
        """See TrainedSystem.learnable. Players with few minutes per game are excluded."""
        return self.predictable(features).filter(pl.col("minutes_half_life_5_games") >= self.forecasts.least_training_minutes)

    def forecast_rows(self, model: Any, rows: pl.DataFrame) -> pl.DataFrame:
        """See TrainedSystem.forecast_rows. `reasons` flags players with few career games."""
        forecasts = super().forecast_rows(model, rows)
        has_few = pl.col(CAREER_GAMES) < self.forecasts.few_career_games
        flags = rows.select(*PLAYER_GAME, pl.when(has_few).then(pl.lit(FEW_CAREER_GAMES)).alias("flag"))
        return forecasts.join(flags, on=PLAYER_GAME, how="left", maintain_order="left").select(
            *PLAYER_GAME, "predicted_value", pl.concat_list("reasons", "flag").list.drop_nulls().alias("reasons")
        )
