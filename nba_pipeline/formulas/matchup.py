"""Effects of a game on a player beyond the player's own form: the opponent's defense, the pace and absent teammates."""

import polars as pl

ZONES = ("paint", "mid_range", "three_point")
FULL_SHARE = 0.5
"""Share of the attempts at which a player's primary zone has its full weight."""

VALUES = dict(zip(ZONES, (2, 2, 3), strict=True))
"""Zone -> points of a made shot."""
HALF_OF_THE_DIFFERENCE = 0.5
LARGEST_ZONE_POINTS, LARGEST_FREE_THROW_POINTS = 2, 1

STRONG_SCORE, STRONG_FACTOR, LARGEST_MISMATCH = 5, 1.2, 10
ONE_STAR_FACTOR, MORE_STARS_FACTOR = 1.15, 1.30
USAGE_SHARE_OF_FIVE = 5 * 0.20
SPIKE_FACTOR, LARGEST_SPIKE = 30, 3


def shot_zone_mismatch_score() -> pl.Expr:
    """Weakness of the opponent's defense in the zones where the player shoots. Positive favors the player.

    d x min(share / 0.5, 1) in the player's primary zone, where d is the opponent's field-goal percentage allowed there minus
    the league's, in percentage points. For a balanced player: the mean of d over the zones, weighted by attempts. A score
    beyond -5..5 is multiplied by 1.2, then clamped to -10..10. Null if the zones of the player or the opponent are unknown.
    """
    weak = {zone: pl.col(f"{zone}_field_goal_pct_points_above_league") for zone in ZONES}
    share = {zone: pl.col(f"{zone}_attempt_pct_last_10_games") for zone in ZONES}
    by_zone = [
        pl.when(pl.col("primary_zone") == zone).then(weak[zone] * (share[zone] / FULL_SHARE).clip(upper_bound=1))
        for zone in ZONES
    ]
    # a plus between expressions, because a horizontal sum treats null as 0
    balanced = (
        weak["paint"] * share["paint"] + weak["mid_range"] * share["mid_range"] + weak["three_point"] * share["three_point"]
    )
    score = pl.coalesce(*by_zone, pl.when(pl.col("primary_zone") == "balanced").then(balanced))
    strong = pl.when(score.abs() > STRONG_SCORE).then(score * STRONG_FACTOR).otherwise(score)
    return strong.clip(-LARGEST_MISMATCH, LARGEST_MISMATCH).alias("shot_zone_mismatch_score")


def shot_zone_points_effect() -> pl.Expr:
    """Points that a player gains from the opponent's defense in the zones where he shoots.

    Half of the difference to the league: sum over the zones of attempts x share x value x 0.5 x (percentage allowed -
    league's), each clamped to -2..2; points; null unless the zones of the player and the opponent are known. Attempts and
    shares are those of the last 10 games.
    """
    attempts = pl.col("field_goal_attempts_per_game_last_10_games")
    effects = [
        (
            attempts
            * pl.col(f"{zone}_attempt_pct_last_10_games")
            * VALUES[zone]
            * HALF_OF_THE_DIFFERENCE
            * pl.col(f"{zone}_field_goal_pct_points_above_league")
            / 100
        ).clip(-LARGEST_ZONE_POINTS, LARGEST_ZONE_POINTS)
        for zone in ZONES
    ]
    return (effects[0] + effects[1] + effects[2]).alias("shot_zone_points_effect")


def free_throw_points_effect() -> pl.Expr:
    """Points that a player gains from an opponent that allows many free throws.

    Half of the difference to the league: free throws made per game x 0.5 x (opponent's rate allowed / league's - 1), clamped
    to -1..1; points; null unless all are known. Free throws made per game: their share of the points x mean points, last 10
    games.
    """
    free_throws_made = pl.col("free_throw_point_pct_last_10_games") * pl.col("points_mean_last_10_games")
    relative = pl.col("opponent_free_throw_rate_last_15_games") / pl.col("league_free_throw_rate") - 1
    effect = (free_throws_made * HALF_OF_THE_DIFFERENCE * relative).clip(-LARGEST_FREE_THROW_POINTS, LARGEST_FREE_THROW_POINTS)
    return pl.when(pl.col("league_free_throw_rate") > 0).then(effect).alias("free_throw_points_effect")


def usage_spike_score() -> pl.Expr:
    """Usage that a player gains from absent stars of the team.

    clamp((projected - season) x 30, -3..3) with projected = season x (1 + sum of the stars' usage / (5 x 0.20)), x 1.15
    with one star out, x 1.30 with two or more, usage as a fraction. 0 without an absent star; null if the status of the
    teammates or the season's usage is unknown.
    """
    stars, season = pl.col("star_teammates_out"), pl.col("usage_pct_season")
    factor = pl.when(stars == 0).then(1.0).when(stars == 1).then(ONE_STAR_FACTOR).otherwise(MORE_STARS_FACTOR)
    gained = season * (1 + pl.col("star_teammates_usage_pct_sum") / USAGE_SHARE_OF_FIVE) * factor - season
    spike = (gained * SPIKE_FACTOR).clip(-LARGEST_SPIKE, LARGEST_SPIKE)
    return pl.when(stars.is_not_null()).then(spike).alias("usage_spike_score")
