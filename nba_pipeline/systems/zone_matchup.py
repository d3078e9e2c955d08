"""zone_matchup: season and recent means, adjusted for the opponent's defense in the player's own shot zones.

    points = 0.7 season + 0.3 last 10 + clamp(shot_zone_points_effect + free_throw_points_effect, -4..4)
             + 0.4 pace_score + 0.8 (home_court_level - 0.5) + rest

`rest` is that of `moving_average`. A term with a null input contributes nothing and is listed in `reasons`. The system needs
five games of the season. It is not a member of the ensemble: see `benchmarks/forecasts.py`. `shot_zone_points_effect` was
never measured on real games: the archive has no play-by-play, so the feature is null there, and only the other terms count.
"""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from nba_pipeline.systems.interface import System, TrainedModel, bounded
from nba_pipeline.systems.moving_average import NEUTRAL_COURT_LEVEL, rest_points

MEANS = ("points_mean_last_10_games", "points_mean_season")
RECENT_WEIGHT, SEASON_WEIGHT, PACE_WEIGHT, HOME_POINTS = 0.3, 0.7, 0.4, 0.8
EFFECTS = ("shot_zone_points_effect", "free_throw_points_effect")
LARGEST_EFFECT = 4
REST_AND_PLACE = ("fatigue_score", "is_back_to_back", "pace_score", "home_court_level")


@dataclass(frozen=True)
class ZoneMatchup(System):
    """Implements the formula above. The effects are not required for a bet."""

    system_id: ClassVar[str] = "zone_matchup"
    version: ClassVar[str] = "1"
    required: ClassVar[tuple[str, ...]] = MEANS
    required_for_betting: ClassVar[tuple[str, ...]] = (*MEANS, *REST_AND_PLACE)
    reads: ClassVar[tuple[str, ...]] = (*MEANS, *REST_AND_PLACE, *EFFECTS)

    def predict(self, features: pl.DataFrame, model: TrainedModel | None = None) -> pl.DataFrame:
        """See System.predict. There is no model."""
        effect = pl.col(EFFECTS[0]).fill_null(0) + pl.col(EFFECTS[1]).fill_null(0)
        points = (
            RECENT_WEIGHT * pl.col(MEANS[0])
            + SEASON_WEIGHT * pl.col(MEANS[1])
            + effect.clip(-LARGEST_EFFECT, LARGEST_EFFECT)
            + PACE_WEIGHT * pl.col("pace_score").fill_null(0)
            + (HOME_POINTS * (pl.col("home_court_level") - NEUTRAL_COURT_LEVEL)).fill_null(0)
            + rest_points().fill_null(0)
        )
        return bounded(self.predictable(features), points, (*REST_AND_PLACE, *EFFECTS))


ZONE_MATCHUP = ZoneMatchup()
