"""The outcome of a prediction against the box score, as a sportsbook settles a bet."""

from collections.abc import Mapping

import polars as pl

INJURY_PATTERN = "INJURY|ILLNESS"
IS_BET = pl.col("recommendation").is_in(["OVER", "UNDER"])


def with_outcomes(settled: pl.DataFrame, player_game_summary: pl.DataFrame, statistics: Mapping[str, str]) -> pl.DataFrame:
    """Adds the outcome of each prediction. A player without a row in a complete game's summary did not play.

    Args:
        settled: Predictions of games that can be graded, with `is_off` and `is_postponed`.
        player_game_summary: The rows of these games.
        statistics: Market -> the column that settles it.
    """
    facts = player_game_summary.select("game_id", "player_id", "did_play", "minutes", "reason", *statistics.values())
    truth = pl.concat(
        facts.with_columns(pl.lit(market).alias("market"), pl.col(statistic).alias("actual_value"))
        for market, statistic in statistics.items()
    ).drop(statistics.values())
    is_off, played = pl.col("is_off"), pl.col("did_play").fill_null(False)
    return (
        settled.join(truth, on=["game_id", "player_id", "market"], how="left")
        .with_columns(pl.when(~is_off).then(played).alias("did_play"))
        .with_columns(pl.when(played).then(pl.col(name)).alias(name) for name in ("actual_value", "minutes"))
        .with_columns(
            (pl.col("predicted_value") - pl.col("actual_value")).alias("error"),
            (pl.col("actual_value") - pl.col("line")).alias("margin"),
        )
        .with_columns(
            pl.col("error").abs().alias("absolute_error"),
            outcome(played).alias("outcome"),
            _void_reason(played).alias("void_reason"),
        )
        .with_columns(pl.when(pl.col("outcome").is_in(["WIN", "LOSS"])).then(pl.col("outcome") == "WIN").alias("is_correct"))
    )


def outcome(played: pl.Expr) -> pl.Expr:
    """The outcome of a bet on `recommendation`, from `margin` (actual value minus line) and whether the player played."""
    margin, recommended = pl.col("margin"), pl.col("recommendation")
    return (
        pl.when(~IS_BET)
        .then(pl.lit("NO_BET"))
        .when(~played)
        .then(pl.lit("VOID"))
        .when(margin == 0)
        .then(pl.lit("PUSH"))
        .when((margin > 0) == (recommended == "OVER"))
        .then(pl.lit("WIN"))
        .otherwise(pl.lit("LOSS"))
    )


def _void_reason(played: pl.Expr) -> pl.Expr:
    is_off, is_injured = pl.col("is_off"), pl.col("reason").str.to_uppercase().str.contains(INJURY_PATTERN)
    return (
        pl.when(IS_BET & is_off & pl.col("is_postponed"))
        .then(pl.lit("game_postponed"))
        .when(IS_BET & is_off)
        .then(pl.lit("game_not_played"))
        .when(IS_BET & ~played & is_injured)
        .then(pl.lit("dnp_injury_confirmed"))
        .when(IS_BET & ~played)
        .then(pl.lit("dnp_unknown"))
    )
