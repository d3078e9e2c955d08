"""Plausibility of a game's totals. A game is implausible as a whole, because no part of it can be trusted."""

from collections.abc import Mapping, Sequence

import polars as pl

SIDE = ["game_id", "team"]


def team_totals(player_games: pl.DataFrame, statistics: Sequence[str]) -> pl.DataFrame:
    """Returns the sums over each team's players who played: one row per game_id and team.

    A sum is null if the count of one player is unknown.
    """
    sums = [pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name) for name in statistics]
    return player_games.filter("did_play").group_by(SIDE).agg(sums)


def implausible_games(totals: pl.DataFrame, ranges: Mapping[str, tuple[int, int]], never_zero: Sequence[str]) -> pl.DataFrame:
    """Returns the implausible games, one row each: game_id and `implausible`, which names team and total.

    Args:
        totals: One row per game_id and team, with a column per statistic. Unknown totals are not checked.
        ranges: Statistic -> lowest and highest total of a team in a game.
        never_zero: Statistics whose sum over both teams is never 0.
    """
    long = totals.unpivot(on=list(ranges), index=SIDE, variable_name="statistic", value_name="total")
    bounds = pl.DataFrame(
        [(name, low, high) for name, (low, high) in ranges.items()], schema=["statistic", "low", "high"], orient="row"
    )
    beyond = long.join(bounds, on="statistic").filter(~pl.col("total").is_between("low", "high"))
    of_teams = beyond.select(
        "game_id", pl.format("{} has {} {}, not {} to {}", "team", "total", "statistic", "low", "high").alias("implausible")
    )
    sums = (
        long.filter(pl.col("statistic").is_in(list(never_zero)))
        .group_by("game_id", "statistic")
        .agg(pl.col("total").sum(), pl.col("total").is_not_null().all().alias("is_known"), pl.len().alias("teams"))
    )
    of_both = sums.filter((pl.col("total") == 0) & pl.col("is_known") & (pl.col("teams") > 1)).select(
        "game_id", pl.format("both teams have 0 {}", "statistic").alias("implausible")
    )
    implausible = pl.concat([of_teams, of_both]).group_by("game_id")
    return implausible.agg(pl.col("implausible").sort().str.join("; ")).sort("game_id")
