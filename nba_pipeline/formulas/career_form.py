"""A player's form across seasons: weighted averages, spreads, an empirical-Bayes scoring rate, and residuals from it.

These columns have values for a season's first game. The windows of `player_form` begin with the season.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.recent_games import GAMES, Kind, Recent, with_recent_games
from nba_pipeline.formulas.rolling import (
    GAME,
    SECONDS_PER_MINUTE,
    difference,
    in_order,
    strictly_before,
    window_mean,
    window_sum,
)
from nba_pipeline.formulas.shooting import FREE_THROW_POSSESSION_SHARE

CAREER_DAYS = 1095
"""Length of the window: days before the date in which games count."""
RATE_DAYS, RESIDUAL_DAYS = 365, 730
"""Days of games that determine the rate of a past game, and days of past games with a residual. Their sum is CAREER_DAYS."""

PRIOR_MINUTES = 120
OPPONENT_GAMES, HOME_GAMES = 8, 60
"""Games with a residual of 0 that are added to shrink the mean residual: against an opponent, and at home or away."""
THOUSANDTHS = 1000

WEIGHTED = {
    "points": (3, 8, 20, 50),
    "minutes": (2, 5, 12, 30),
    "fga": (3, 10, 30),
    "fta": (5, 20),
    "fg3a": (5, 20),
    "plays": (8, 30),
    "plus_minus": (15,),
    "fouls": (15,),
    "assists": (15,),
    "rebounds": (15,),
    "turnovers": (15,),
}
"""Column -> half-lives in games."""

MEANS = {"points": (3, 5, 10, 20), "minutes": (3, 5, 10)}
PER_UNIT = {"minutes": SECONDS_PER_MINUTE, "plays": 100, "tries": 100}
"""Column -> whole parts per unit, see `Recent`. Other columns are counts."""


def recent(column: str, kind: Kind, size: int) -> Recent:
    """Returns a statistic of a column of `played_games`."""
    return Recent(column, kind, size, PER_UNIT.get(column, 1))


OTHER_STATISTICS = {
    "points_median_last_10_career_games": recent("points", "median", 10),
    "points_standard_deviation_last_10_career_games": recent("points", "standard_deviation", 10),
    "points_standard_deviation_last_30_career_games": recent("points", "standard_deviation", 30),
    "points_maximum_last_20_career_games": recent("points", "maximum", 20),
    "minutes_last_career_game": recent("minutes", "mean", 1),
    "minutes_standard_deviation_last_10_career_games": recent("minutes", "standard_deviation", 10),
    "minutes_maximum_last_10_career_games": recent("minutes", "maximum", 10),
    "minutes_minimum_last_5_career_games": recent("minutes", "minimum", 5),
}

STATISTICS: dict[str, Recent] = {
    **{f"{name}_half_life_{n}_games": recent(name, "weighted_mean", n) for name, sizes in WEIGHTED.items() for n in sizes},
    **{f"{name}_mean_last_{n}_career_games": recent(name, "mean", n) for name, sizes in MEANS.items() for n in sizes},
    **OTHER_STATISTICS,
}
MINUTES_EXPECTED = "minutes_half_life_5_games"
RATE = {
    "rate_minutes": recent("minutes", "weighted_sum", 25),
    "rate_minutes_mean": recent("minutes", "weighted_mean", 25),
    MINUTES_EXPECTED: recent("minutes", "weighted_mean", 5),
}
SHOOTING = {"shooting_points": recent("points", "weighted_mean", 50), "shooting_tries": recent("tries", "weighted_mean", 60)}
POSITION = "position_index"

CAREER_FORM = (
    *STATISTICS,
    "career_games_last_1095_days",
    "points_mean_season_to_date",
    "points_per_minute_shrunk",
    "points_expected_from_minutes",
    "true_shooting_half_life_50_games",
    "points_residual_versus_opponent",
    "points_residual_home_or_away",
)
"""The columns that `with_career_form` adds."""


def form_of(market: Market) -> tuple[str, ...]:
    """Returns the columns of a market's statistic: those of CAREER_FORM about points, named after the statistic."""
    return tuple(_renamed(name, market) for name in CAREER_FORM if name.startswith(f"{POINTS.statistic}_"))


def statistics_of(market: Market) -> dict[str, Recent]:
    """Returns the columns of a market's statistic that are windows over its games: those of STATISTICS about points."""
    of_points = {name: one for name, one in STATISTICS.items() if one.column == POINTS.statistic}
    return {_renamed(name, market): replace(one, column=market.statistic) for name, one in of_points.items()}


def _renamed(name: str, market: Market) -> str:
    return name.replace(POINTS.statistic, market.statistic, 1)


def rate_of(market: Market) -> dict[str, Recent]:
    """Returns the statistics that `per_minute_shrunk` reads."""
    return {f"rate_{market.statistic}": recent(market.statistic, "weighted_sum", 25), **RATE}


def with_career_form(rows: pl.DataFrame, player_games: pl.DataFrame, others: Sequence[Market] = ()) -> pl.DataFrame:
    """Adds the columns of CAREER_FORM, and those of `form_of` for other markets. One row per player and game in and out.

    Args:
        rows: One row per player and game, with `player_id`, `season`, `opponent`, `is_home` and `game_date`.
        player_games: Rows of `player_game_summary` of the 1,095 days before.
        others: The markets beside that of points.
    """
    markets = (POINTS, *others)
    played = played_games(player_games).join(rows, on="player_id", how="semi")
    statistics = {**STATISTICS, **SHOOTING}
    for market in markets:
        statistics |= {**statistics_of(market), **rate_of(market)}
    rows = with_recent_games(rows, played, ["player_id"], CAREER_DAYS, statistics).rename({GAMES: "career_games_last_1095_days"})
    rows = rows.with_columns(_true_shooting().alias("true_shooting_half_life_50_games"))
    for market in markets:
        rows = _with_season_mean(_with_rate(rows, market), played, market)
        rows = with_residuals(rows, residuals(played, rows, market), market).drop(f"rate_{market.statistic}")
    return rows.drop("rate_minutes", "rate_minutes_mean", *SHOOTING)


def _with_rate(rows: pl.DataFrame, market: Market) -> pl.DataFrame:
    expected = expected_value(market).alias(f"{market.statistic}_expected_from_minutes")
    return rows.with_columns(per_minute_shrunk(market)).with_columns(expected)


def _with_season_mean(rows: pl.DataFrame, played: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Adds the mean of the season's games before the date."""
    group, statistic = ["player_id", "season"], market.statistic
    games = played.join(rows, on=group, how="semi").select(*group, "game_date", "game_id", statistic)
    season = in_order(games, group, {statistic: pl.col(statistic)}).with_columns(
        window_mean(statistic, min_games=1).alias("mean_season")
    )
    return strictly_before(rows, season, group, {"mean_season": f"{statistic}_mean_season_to_date"})


def played_games(player_games: pl.DataFrame) -> pl.DataFrame:
    """Returns the played games, with `plays` (tries and turnovers), `tries` at the basket (fga + 0.44 fta) and `position_index`.

    The position index is rebounds + 2 blocks - assists - fg3a: high for centers, low for guards.
    """
    tries = pl.col("fga") + FREE_THROW_POSSESSION_SHARE * pl.col("fta")
    return player_games.filter("did_play").with_columns(
        (tries + pl.col("turnovers")).alias("plays"),
        tries.alias("tries"),
        (pl.col("rebounds") + 2 * pl.col("blocks") - pl.col("assists") - pl.col("fg3a")).alias(POSITION),
    )


def per_minute_shrunk(market: Market = POINTS) -> pl.Expr:
    """The statistic per minute, shrunk towards a prior rate for players with similar minutes.

    (sum w points + 120 prior) / (sum w minutes + 120), for points with prior = 0.30 + 0.0055 mean minutes; w halves every 25
    games. Null without a game.
    """
    prior = market.prior_rate + market.prior_rate_per_minute * pl.col("rate_minutes_mean")
    rate = (pl.col(f"rate_{market.statistic}") + PRIOR_MINUTES * prior) / (pl.col("rate_minutes") + PRIOR_MINUTES)
    return rate.alias(f"{market.statistic}_per_minute_shrunk")


def expected_value(market: Market = POINTS) -> pl.Expr:
    """Expected value of the statistic: the shrunk rate times the recent mean minutes."""
    return pl.col(f"{market.statistic}_per_minute_shrunk") * pl.col(MINUTES_EXPECTED)


def residuals(played: pl.DataFrame, rows: pl.DataFrame, market: Market = POINTS) -> pl.DataFrame:
    """Returns one row per played game with `residual`: the points beyond those expected from its minutes, in whole thousandths.

    points - rate * minutes of the game, with the rate of the 365 days before; another market has its statistic in place of
    points. Excludes games whose player had no game in those 365 days. A row only reads the games of the
    730 days before that have its opponent or its venue (home or away), so other games are excluded, too.
    """
    columns = ["player_id", "game_date", "game_id", "opponent", "is_home", market.statistic, "minutes"]
    first = rows.select(pl.col("game_date").min() - pl.duration(days=RESIDUAL_DAYS)).to_series()
    recent_games = played.select(columns).filter(pl.col("game_date") >= first)
    met, at_place = (rows.select("player_id", name).unique() for name in ("opponent", "is_home"))
    is_met, is_at_place = pl.lit(True).alias("is_met"), pl.lit(True).alias("is_at_place")
    games = (
        recent_games.join(met.with_columns(is_met), on=["player_id", "opponent"], how="left", maintain_order="left")
        .join(at_place.with_columns(is_at_place), on=["player_id", "is_home"], how="left", maintain_order="left")
        .filter(pl.any_horizontal(pl.col("is_met", "is_at_place").is_not_null()))
        .select(columns)
    )
    read = {name: one for name, one in rate_of(market).items() if name != MINUTES_EXPECTED}
    rates, rate = with_recent_games(games, played, ["player_id"], RATE_DAYS, read), per_minute_shrunk(market)
    rated = rates.with_columns(rate.alias("rate")).filter(pl.col("rate").is_not_null())
    residual = pl.col(market.statistic) - pl.col("rate") * pl.col("minutes")
    return rated.with_columns((residual * THOUSANDTHS).round().alias("residual"))


def with_residuals(rows: pl.DataFrame, past: pl.DataFrame, market: Market = POINTS) -> pl.DataFrame:
    """Adds the shrunk mean residual over the 730 days before: against the opponent, and at home or away."""
    for group, games, name in (
        (["player_id", "opponent"], OPPONENT_GAMES, f"{market.statistic}_residual_versus_opponent"),
        (["player_id", "is_home"], HOME_GAMES, f"{market.statistic}_residual_home_or_away"),
    ):
        ordered = in_order(past, group, {"residual": pl.col("residual")}).with_columns(window_sum("residual").alias("total"))
        rows = strictly_before(rows, ordered, group, {GAME: "n", "total": "total"})
        rows = strictly_before(rows, ordered, group, {GAME: "n_old", "total": "total_old"}, days=RESIDUAL_DAYS)
        mean = difference("total", "total_old") / (THOUSANDTHS * (difference("n", "n_old") + games))
        rows = rows.with_columns(mean.alias(name)).drop("n", "n_old", "total", "total_old")
    return rows


def _true_shooting() -> pl.Expr:
    """Points per two tries at the basket, over past games. Null without a try."""
    return pl.when(pl.col("shooting_tries") > 0).then(pl.col("shooting_points") / (2 * pl.col("shooting_tries")))
