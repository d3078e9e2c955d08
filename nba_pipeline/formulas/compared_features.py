"""Features of the game itself, and features that compare other features."""

import polars as pl

PLAYOFF_SEASON_TYPES = ("playoffs", "play_in")
LARGEST_REST_ADVANTAGE_DAYS = 2


def game_context() -> list[pl.Expr]:
    """Returns home_court_level (1 home, 0 away, 0.5 neutral) and is_playoff_game (1 in playoffs and play-in)."""
    is_neutral, is_home = pl.col("is_neutral").fill_null(False), pl.col("is_home").cast(pl.Float64)
    return [
        pl.when(is_neutral).then(0.5).otherwise(is_home).alias("home_court_level"),
        pl.col("season_type").is_in(PLAYOFF_SEASON_TYPES).cast(pl.Float64).alias("is_playoff_game"),
    ]


def compared_features() -> list[pl.Expr]:
    """Returns the features computed from other features. Their inputs are null where they were out of range."""
    limit = LARGEST_REST_ADVANTAGE_DAYS
    return [
        (pl.col("rest_days") - pl.col("opponent_rest_days")).clip(-limit, limit).alias("rest_advantage_days"),
        (pl.col("line") - pl.col("opening_line")).alias("line_movement"),
        pl.col("line").is_not_null().cast(pl.Float64).alias("has_line"),
        (pl.col("line") - pl.col("points_mean_season")).alias("line_minus_points_mean_season"),
        (pl.col("line") - pl.col("previous_closing_line")).alias("line_minus_previous_closing_line"),
        (pl.col("team_pace_last_10_games") - pl.col("opponent_pace_last_15_games")).alias("team_pace_minus_opponent_pace"),
    ]
