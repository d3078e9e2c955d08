"""similarity: what the player scored in his own games that resemble the next one, see `formulas/similar_games.py`.

    points = points_mean_similar_games + clamp(0.015 (fatigue_score - 70), -1.5..1.5) + 0.4 shot_zone_mismatch_score
             + 0.4 pace_score + 0.8 usage_spike_score + venue (1 - same_venue_pct_similar_games)

`venue` is +0.8 at home and -0.5 away, and counts for the similar games at the other venue only. A term with a null input
contributes nothing and is listed in `reasons`. The system needs five games of the season and five similar games. It is not
a member of the ensemble: see `benchmarks/forecasts.py`.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import polars as pl

from nba_pipeline.systems.interface import System, TrainedModel, bounded

MEAN, SAME_VENUE = "points_mean_similar_games", "same_venue_pct_similar_games"
FRESH, POINTS_PER_FRESHNESS, LARGEST_FRESHNESS = 70, 0.015, 1.5
TERM_WEIGHTS = {"shot_zone_mismatch_score": 0.4, "pace_score": 0.4, "usage_spike_score": 0.8}
HOME_POINTS, AWAY_POINTS = 0.8, -0.5
REQUIRED_FOR_BETTING = ("fatigue_score", "pace_score", "home_court_level")


def venue_points() -> pl.Expr:
    """Points of the venue x share of similar games at the other venue, -0.5 to 0.8; 0 on a neutral court; null for null."""
    home = pl.col("home_court_level")
    level = pl.when(home == 1).then(HOME_POINTS).when(home == 0).then(AWAY_POINTS).when(home.is_not_null()).then(0.0)
    return level * (1 - pl.col(SAME_VENUE))


@dataclass(frozen=True)
class Similarity(System):
    """Implements the formula above. The shot zone and usage terms are not required for a bet."""

    system_id: ClassVar[str] = "similarity"
    version: ClassVar[str] = "1"
    required: ClassVar[tuple[str, ...]] = (MEAN,)
    required_for_betting: ClassVar[tuple[str, ...]] = (MEAN, *REQUIRED_FOR_BETTING)
    reads: ClassVar[tuple[str, ...]] = (MEAN, SAME_VENUE, "fatigue_score", *TERM_WEIGHTS, "home_court_level")

    def predict(self, features: pl.DataFrame, model: TrainedModel | None = None) -> pl.DataFrame:
        """See System.predict. There is no model."""
        freshness = POINTS_PER_FRESHNESS * (pl.col("fatigue_score") - FRESH)
        terms = (
            freshness.clip(-LARGEST_FRESHNESS, LARGEST_FRESHNESS),
            *(weight * pl.col(name) for name, weight in TERM_WEIGHTS.items()),
            venue_points(),
        )
        # added one by one, because the order of a horizontal sum depends on the number of threads
        points = reduce(add, (term.fill_null(0) for term in terms), pl.col(MEAN))
        return bounded(self.predictable(features), points, self.reads[1:])


SIMILARITY = Similarity()
