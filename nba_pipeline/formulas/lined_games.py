"""A player's results against closing lines: windows over lined games, the played games that have a closing line.

The windows use box scores and lines, never the platform's grades, because a grade depends on the prediction. They are limited
to the season, like every window of a player's form.
"""

import polars as pl

from nba_pipeline.formulas.rolling import GAME, in_order, strictly_before, window_mean

PLAYER_SEASON = ["player_id", "season"]
HALF_POINTS = 2
"""Half points per point. Lines are whole numbers of half points, so their sums are exact."""
MIN_GAMES_OF_A_SHARE = 5
MIN_GAMES_OF_A_MEAN = 3
"""Fewer than for a share, because lined games may be rare and a margin holds more information than a side."""

LINED = (
    "over_streak_lined_games",
    "under_streak_lined_games",
    "over_pct_last_10_lined_games",
    "points_minus_closing_line_mean_last_5_lined_games",
    "previous_closing_line",
)
"""Features that are windows over the player's lined games of the season."""


def with_lined_games(rows: pl.DataFrame, player_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the windows over the player's lined games of the season strictly before the date. The same rows in and out.

    `player_games` needs player_id, season, game_id, game_date, did_play, points and closing_line. Null without a lined
    game. See `lined_games` for the fewest games that each window needs.
    """
    played = player_games.filter("did_play", pl.col("closing_line").is_not_null())
    return strictly_before(rows, lined_games(played), PLAYER_SEASON, {name: name for name in LINED})


def lined_games(played: pl.DataFrame) -> pl.DataFrame:
    """Adds the windows of the season that end with the game. One row per lined game in and out.

    over_streak_lined_games, under_streak_lined_games: latest games in a row that ended over (under) the closing line; a push
    ends both. over_pct_last_10_lined_games: share over the line, a fraction 0-1; a push counts as not over; null under 5
    games. points_minus_closing_line_mean_last_5_lined_games: in points; null under 3 games. previous_closing_line: the
    closing line of this game, in points, which is the previous one for the next game.
    """
    margin = 2 * pl.col("points").cast(pl.Int64) - (HALF_POINTS * pl.col("closing_line")).round().cast(pl.Int64)
    games = in_order(played, PLAYER_SEASON, {"margin": margin, "over": margin > 0}).with_columns(
        margin.sign().alias("side"), pl.int_range(pl.len()).alias("row")
    )
    return games.with_columns(
        _streak(1).alias("over_streak_lined_games"),
        _streak(-1).alias("under_streak_lined_games"),
        window_mean("over", 10, MIN_GAMES_OF_A_SHARE).alias("over_pct_last_10_lined_games"),
        (window_mean("margin", 5, MIN_GAMES_OF_A_MEAN) / HALF_POINTS).alias("points_minus_closing_line_mean_last_5_lined_games"),
        pl.col("closing_line").alias("previous_closing_line"),
    )


def _streak(side: int) -> pl.Expr:
    """Latest games in a row on one side, up to and including this game."""
    latest_opposite = pl.when(pl.col("side") != side).then("row").forward_fill()
    before_the_group = pl.col("row") - pl.col(GAME)
    return pl.col("row") - pl.max_horizontal(latest_opposite, before_the_group)
