"""moving_average: the baseline. Recent means, with small corrections for rest, matchup, pace, usage and venue.

    base   = 0.5 last 5 + 0.3 last 10 + 0.2 season
    rest   = -2.5 if fatigue_score < 50, else -1.5 on a back-to-back, else -1.0 if fatigue_score < 70, else 0
    points = base + rest + 0.3 shot_zone_mismatch_score + 0.3 pace_score + 0.4 usage_spike_score
             + home_court_level - 0.5

A term with a null input contributes nothing and is listed in `reasons`. A high `fatigue_score` means fresh.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import polars as pl

from nba_pipeline.systems.interface import BASE_WINDOWS, System, TrainedModel, bounded

BASE_WEIGHTS = dict(zip(BASE_WINDOWS, (0.5, 0.3, 0.2), strict=True))
TERM_WEIGHTS = {"shot_zone_mismatch_score": 0.3, "pace_score": 0.3, "usage_spike_score": 0.4}

EXHAUSTED, TIRED = 50, 70
EXHAUSTED_POINTS, TIRED_POINTS, BACK_TO_BACK_POINTS = -2.5, -1.0, -1.5
NEUTRAL_COURT_LEVEL = 0.5
TERMS = ("fatigue_score", "is_back_to_back", *TERM_WEIGHTS, "home_court_level")


def rest_points() -> pl.Expr:
    """Points lost to fatigue, -2.5 to 0; null without fatigue_score.

    A back-to-back counts once: a score below 50 already includes it.
    """
    fatigue, is_back_to_back = pl.col("fatigue_score"), pl.col("is_back_to_back").fill_null(0) == 1
    return (
        pl.when(fatigue < EXHAUSTED)
        .then(EXHAUSTED_POINTS)
        .when(fatigue.is_not_null() & is_back_to_back)
        .then(BACK_TO_BACK_POINTS)
        .when(fatigue < TIRED)
        .then(TIRED_POINTS)
        .when(fatigue.is_not_null())
        .then(0.0)
    )


@dataclass(frozen=True)
class MovingAverage(System):
    """Implements the formula above. The shot zone and usage terms are not required for a bet."""

    system_id: ClassVar[str] = "moving_average"
    version: ClassVar[str] = "1"
    required: ClassVar[tuple[str, ...]] = BASE_WINDOWS
    required_for_betting: ClassVar[tuple[str, ...]] = (
        *BASE_WINDOWS,
        "fatigue_score",
        "is_back_to_back",
        "pace_score",
        "home_court_level",
    )
    reads: ClassVar[tuple[str, ...]] = (*BASE_WINDOWS, *TERMS)

    def predict(self, features: pl.DataFrame, model: TrainedModel | None = None) -> pl.DataFrame:
        """See System.predict. There is no model."""
        terms = (
            *(weight * pl.col(name) for name, weight in (BASE_WEIGHTS | TERM_WEIGHTS).items()),
            rest_points(),
            pl.col("home_court_level") - NEUTRAL_COURT_LEVEL,
        )
        # added one by one, because the order of a horizontal sum depends on the number of threads
        points = reduce(add, (term.fill_null(0) for term in terms))
        return bounded(self.predictable(features), points, TERMS)


MOVING_AVERAGE = MovingAverage()
