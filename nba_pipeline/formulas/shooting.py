"""Shooting rates, from a player's or a team's counts of a game."""

import polars as pl

FREE_THROW_POSSESSION_SHARE = 0.44
"""Possessions that end with a free-throw attempt, per attempt. The same constant is used everywhere."""


def points_match_the_shots() -> pl.Expr:
    """Whether points = 2 x two-pointers + 3 x three-pointers + free throws; null with an unknown count.

    >>> pl.DataFrame({"points": [29, 28], "fgm": 8, "fg3m": 2, "ftm": 11}).select(points_match_the_shots()).to_series().to_list()
    [True, False]
    """
    twos, threes = pl.col("fgm") - pl.col("fg3m"), pl.col("fg3m")
    return pl.col("points") == 2 * twos + 3 * threes + pl.col("ftm")


def makes_do_not_exceed_attempts() -> pl.Expr:
    """Whether fgm <= fga, fg3m <= fg3a <= fga and ftm <= fta; null if unknown counts leave it undecided.

    >>> shots = pl.DataFrame({"fgm": 8, "fga": [8, 7], "fg3m": 2, "fg3a": 3, "ftm": 1, "fta": 1})
    >>> shots.select(makes_do_not_exceed_attempts()).to_series().to_list()
    [True, False]
    """
    pairs = (("fgm", "fga"), ("fg3m", "fg3a"), ("fg3a", "fga"), ("ftm", "fta"))
    return pl.all_horizontal(pl.col(fewer) <= pl.col(more) for fewer, more in pairs)


def effective_field_goal_pct() -> pl.Expr:
    """Field-goal percentage with a three-pointer counted one and a half times.

    (fgm + 0.5 fg3m) / fga, a fraction 0-1.5; null without an attempt or with an unknown count.
    https://www.nba.com/stats/help/glossary#efgpct

    >>> pl.select(fgm=8, fg3m=2, fga=27).select(effective_field_goal_pct().round(3)).item()
    0.333
    """
    made = pl.col("fgm") + 0.5 * pl.col("fg3m")
    return pl.when(pl.col("fga") > 0).then(made / pl.col("fga")).alias("effective_field_goal_pct")


def true_shooting_pct() -> pl.Expr:
    """Shooting efficiency including free throws: points per two tries at the basket.

    points / (2 (fga + 0.44 fta)), a fraction 0-1.5; null without an attempt of either kind or with an unknown count.
    https://www.nba.com/stats/help/glossary#tspct

    >>> pl.select(points=29, fga=27, fta=12).select(true_shooting_pct().round(3)).item()
    0.449
    """
    chances = 2 * (pl.col("fga") + FREE_THROW_POSSESSION_SHARE * pl.col("fta"))
    return pl.when(chances > 0).then(pl.col("points") / chances).alias("true_shooting_pct")
