"""Tests whether the distribution of a forecast reads outcomes of its own date or of later dates."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from nba_pipeline.audit.derivations import Audit, Derivation
from nba_pipeline.formulas.forecast_distribution import DISTRIBUTION, FORECAST, Rules, with_distribution
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.systems.interface import PLAYER_GAME

RULES = Rules(blend_weight=0.2, residual_rows=100_000, least_residuals=1, graded_rows=1, few_games_spread=1.1)
"""Every earlier row counts and one is enough, so that a single outcome can change a value."""

MORE_POINTS = 20


def changed_distributions(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> pl.DataFrame:
    """Returns per forecast of the dates whether its distribution changes when outcomes of its date and later ones do.

    The forecasts are those of `moving_average` for the players who played, against a line near the forecast. The columns are
    game_date, the player and game, and is_changed.
    """
    graded = _graded(audit, derivation)
    altered = pl.when(pl.col("actual_value") > MORE_POINTS).then(0).otherwise(pl.col("actual_value") + MORE_POINTS)
    parts = [pl.DataFrame(schema={**graded.select("game_date", *PLAYER_GAME).schema, "is_changed": pl.Boolean})]
    for day in dates:
        today = graded.filter(pl.col("game_date") == day).drop("actual_value")
        later = pl.when(pl.col("game_date") >= day).then(altered).otherwise(pl.col("actual_value")).alias("actual_value")
        nobody = graded.select(*PLAYER_GAME, "market", "actual_value").clear()
        real, changed = (
            with_distribution(today, known, nobody, RULES, derivation.graded) for known in (graded, graded.with_columns(later))
        )
        both = real.join(changed.select(*PLAYER_GAME, *DISTRIBUTION), on=PLAYER_GAME, suffix="_changed")
        differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_changed")) for name in DISTRIBUTION)
        parts.append(both.select("game_date", *PLAYER_GAME, differs.alias("is_changed")))
    return pl.concat(parts)


def _graded(audit: Audit, derivation: Derivation) -> pl.DataFrame:
    """Returns the forecasts of all dates of the audit with their outcomes, in the columns of the ledger."""
    features = audit.baseline(derivation)["features"]
    outcomes = audit.world["boxscores"].filter("did_play").select(*PLAYER_GAME, pl.col("points").alias("actual_value"))
    line = pl.col("predicted_value").round() + 0.5
    return (
        MOVING_AVERAGE.predict(features)
        .join(features.select("game_date", *PLAYER_GAME), on=PLAYER_GAME)
        .join(outcomes.drop_nulls(), on=PLAYER_GAME)
        .with_columns(
            pl.lit(MOVING_AVERAGE.system_id).alias("system_id"),
            pl.lit(SETTINGS.lines.market).alias("market"),
            pl.lit("backtest").alias("run_kind"),
            line.alias("line"),
            line.alias("adjusted_line"),
            pl.lit(0.5).alias("market_over_probability"),
            pl.lit(0.6).alias("blended_over_probability"),
            pl.lit(0.0).alias("blended_push_probability"),
        )
        .select(*FORECAST, "actual_value")
        .sort("game_date", *PLAYER_GAME)
    )
