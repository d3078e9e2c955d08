"""Rest, load and age of a player before a game, as one score."""

import polars as pl

RESTED_DAYS = 3
LONGEST_REST_DAYS = 30
"""A longer break is the off-season or an absence, not rest."""
MANY_GAMES = 4
MANY_MINUTES = 150
"""Minutes in 7 days. The predecessor's limit of 240 is never reached: the maximum in four seasons is 180."""
MANY_MINUTES_PER_GAME = 35
MANY_BACK_TO_BACKS = 2
OLD_YEARS, VETERAN_YEARS = 35, 30
DAYS_PER_YEAR = 365.25


def fatigue_score() -> pl.Expr:
    """Returns the freshness of a player before a game, 0-100; 100 is fresh.

    The sum of 100 and these terms, clamped to 0-100:

        -15  on a back-to-back
         +5  with rest_days >= 3
        -10  with games_last_7_days >= 4
        -10  with minutes_sum_last_7_days > 150
         -8  with more than 35 minutes per game in the 7 days
        -12  with back_to_backs_last_14_days >= 2; -5 with exactly 1
        -10  with age_years >= 35; -5 with 30 <= age_years < 35

    Without an age, its term is omitted. Null if rest_days is null.
    """
    games, minutes = pl.col("games_last_7_days"), pl.col("minutes_sum_last_7_days")
    back_to_backs = pl.col("back_to_backs_last_14_days")
    score = (
        100
        - _points(15, pl.col("rest_days") == 1)
        + _points(5, pl.col("rest_days") >= RESTED_DAYS)
        - _points(10, games >= MANY_GAMES)
        - _points(10, minutes > MANY_MINUTES)
        - _points(8, minutes > MANY_MINUTES_PER_GAME * games)
        - _points(12, back_to_backs >= MANY_BACK_TO_BACKS)
        - _points(5, back_to_backs == 1)
        - _points(10, pl.col("age_years") >= OLD_YEARS)
        - _points(5, pl.col("age_years").is_between(VETERAN_YEARS, OLD_YEARS, closed="left"))
    )
    return pl.when(pl.col("rest_days").is_not_null()).then(score.clip(0, 100)).alias("fatigue_score")


def age_years() -> pl.Expr:
    """Age on the game date in fractional years; null without a birth_date."""
    return ((pl.col("game_date") - pl.col("birth_date")).dt.total_days() / DAYS_PER_YEAR).alias("age_years")


def _points(points: int, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(points).otherwise(0)
