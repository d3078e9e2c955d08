"""Where a player shoots from, and how well: windows over the games with known shot zones.

Shares and percentages are quotients of summed whole counts. The windows of a row of `shot_diet` include
the row's own game; `rolling.strictly_before` joins the row to a later date.
"""

import polars as pl

from nba_pipeline.formulas.rolling import MIN_GAMES, in_order, of_at_least, strictly_before, window_games, window_sum
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS, ZONES

PLAYER_SEASON = ["player_id", "season"]
MIN_GAMES_OF = {10: MIN_GAMES, 20: 10}
"""Window -> minimum number of games with zones. With fewer, its columns are null."""
MIN_ATTEMPTS = 20
MIN_GAMES_OF_A_PRIMARY_ZONE = 10

PRIMARY_ZONES = {"paint": (2, 5), "three_point": (2, 5), "mid_range": (7, 20)}
"""Zone -> minimum share of the attempts, as (numerator, denominator). The first zone with that share is primary."""
BALANCED = "balanced"


def columns_of(games: int) -> tuple[str, ...]:
    """Returns the column names of the window of the last `games` games."""
    return (
        f"games_with_zones_last_{games}",
        *(f"{zone}_attempt_pct_last_{games}_games" for zone in ZONES),
        *(f"{zone}_field_goal_pct_last_{games}_games" for zone in ZONES),
        f"field_goal_attempts_per_game_last_{games}_games",
        f"assisted_pct_last_{games}_games",
    )


DIET = (*columns_of(10), *columns_of(20), "primary_zone")
"""Every column that `with_shot_diet` adds."""


def with_shot_diet(rows: pl.DataFrame, player_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the player's shot diet of the season, from games before the date. One row per player and date in and out."""
    games = games_with_zones(player_games)
    rows = strictly_before(rows, shot_diet(games), PLAYER_SEASON, {name: name for name in DIET})
    return rows.with_columns(pl.col(columns_of(n)[0]).fill_null(0) for n in MIN_GAMES_OF)


def games_with_zones(player_games: pl.DataFrame) -> pl.DataFrame:
    """Returns the played games with complete shot zones, sorted per player and season, with running totals."""
    counts = (*TEAM_ZONE_COLUMNS, "assisted_fgm", "unassisted_fgm")
    attempts = pl.sum_horizontal(f"{zone}_fga" for zone in ZONES)
    totals = {count: pl.col(count) for count in counts} | {"attempts": attempts}
    return in_order(player_games.filter(pl.col("did_play") & pl.col("has_complete_zones")), PLAYER_SEASON, totals)


def shot_diet(games: pl.DataFrame) -> pl.DataFrame:
    """Returns the windows that end with the game. One row per game of `games_with_zones` in and out."""
    windows = [expression for n in MIN_GAMES_OF for expression in _window(n)]
    return games.select(*PLAYER_SEASON, "game_date", *windows, primary_zone())


def primary_zone() -> pl.Expr:
    """Returns the primary zone of a player's shots of the last 10 games.

    Paint from 0.40 of the attempts, else three-point from 0.40, else mid-range from 0.35, else balanced. Null under 10
    games with zones or 20 attempts.
    """
    attempts, zone = window_sum("attempts", 10), pl.lit(BALANCED)
    for name, (numerator, denominator) in reversed(PRIMARY_ZONES.items()):
        zone = pl.when(denominator * window_sum(f"{name}_fga", 10) >= numerator * attempts).then(pl.lit(name)).otherwise(zone)
    return of_at_least(MIN_GAMES_OF_A_PRIMARY_ZONE, pl.when(attempts >= MIN_ATTEMPTS).then(zone)).alias("primary_zone")


def _window(games: int) -> list[pl.Expr]:
    """Returns the expressions for `columns_of`.

    Shares of attempts need 20 attempts, percentages one attempt in the zone, the assisted share one make.
    """
    attempts, makes = window_sum("attempts", games), _sum(games, "assisted_fgm", "unassisted_fgm")
    values = [
        *(pl.when(attempts >= MIN_ATTEMPTS).then(window_sum(f"{zone}_fga", games) / attempts) for zone in ZONES),
        *(_share(window_sum(f"{zone}_fgm", games), window_sum(f"{zone}_fga", games)) for zone in ZONES),
        attempts / window_games(games),
        _share(window_sum("assisted_fgm", games), makes),
    ]
    windows = [window_games(games), *(of_at_least(MIN_GAMES_OF[games], value) for value in values)]
    return [value.alias(name) for name, value in zip(columns_of(games), windows, strict=True)]


def _sum(games: int, *counts: str) -> pl.Expr:
    return pl.sum_horizontal(window_sum(count, games) for count in counts)


def _share(part: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return pl.when(denominator > 0).then(part / denominator)
