"""Shared parts of the systems on cross-season features: the features that they read, and the rows that they learn from.

These systems forecast from the first game of a season on. `moving_average` and `catboost` need five games of the season.
"""

from typing import Any, ClassVar

import polars as pl

from nba_pipeline.formulas.career_form import CAREER_FORM, form_of
from nba_pipeline.formulas.expected_absences import ABSENCE_FEATURES
from nba_pipeline.formulas.markets import POINTS
from nba_pipeline.formulas.recommendation import FEW_CAREER_GAMES
from nba_pipeline.formulas.team_outlook import TEAM_OUTLOOK
from nba_pipeline.settings import SETTINGS, Forecasts
from nba_pipeline.systems.interface import PLAYER_GAME, System, TrainedSystem

READS = (*CAREER_FORM, *ABSENCE_FEATURES, *TEAM_OUTLOOK, "home_court_level", "rest_days")
"""Read for every market. Other markets than that of points add the columns of their own statistic."""
CAREER_GAMES = "career_games_last_1095_days"


class CrossSeasonFeatures(System):
    """The features of a cross-season system, by market."""

    least_season_games: ClassVar[int] = 0

    @property
    def required(self) -> tuple[str, ...]:
        """See System.required. The features are only null for a player without a game in the 1,095 days before."""
        return f"{self.market.statistic}_half_life_8_games", "minutes_half_life_5_games"

    @property
    def required_for_betting(self) -> tuple[str, ...]:
        """See System.required_for_betting."""
        return *self.required, "home_court_level"

    @property
    def reads(self) -> tuple[str, ...]:
        """See System.reads."""
        return READS if self.market == POINTS else (*READS, *form_of(self.market))


class CrossSeasonSystem(CrossSeasonFeatures, TrainedSystem):
    """A trained system that reads cross-season features. It has no early stopping: the model learns from every row."""

    stops_early: ClassVar[bool] = False
    forecasts: Forecasts = SETTINGS.forecasts

    @property
    def season_mean(self) -> str:
        """See TrainedSystem.season_mean."""
        return f"{self.market.statistic}_mean_season_to_date"

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
