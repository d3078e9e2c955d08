"""Expected players in the first games of a season: those whose last game of the previous season was for the team.

Without a roster, no current source links a player to a team on opening night. A transfer in the summer is unknown until the
player's first game.
"""

import polars as pl

from nba_pipeline.formulas.rolling import GAME, in_order, strictly_before

SEASON_STARTS_IN_MONTH = 7
"""A season is 1 July to 30 June."""


def carried_over(sides: pl.DataFrame, boxscores: pl.DataFrame, *, days: int, team_games: int) -> pl.DataFrame:
    """Returns one row per side and player carried over: the columns of `sides`, player_id, spelling, shown_on and evidence.

    A player is carried over if his latest box score before the date is from an earlier season, is with the team, and is at
    most `days` days old. Only the first `team_games` games of a team's season have carried-over players.

    Args:
        sides: One row per team and game, with `team`, `season` and `game_date`.
        boxscores: Rows of `boxscores` from at least the `days` days before the first date.
        days: Largest age of the box score, in days.
        team_games: Number of games at the start of a season that have carried-over players.
    """
    starts = pl.date(pl.col("season").str.head(4).cast(pl.Int32), SEASON_STARTS_IN_MONTH, 1)
    played = in_order(boxscores.select("team", "game_date", "game_id").unique(), ["team"])
    numbered = sides.with_columns(starts.alias("season_starts"))
    numbered = strictly_before(numbered, played, ["team"], {GAME: "games"})
    numbered = strictly_before(numbered, played, ["team"], {GAME: "games_before"}, date="season_starts")
    is_early = pl.col("games").fill_null(0) - pl.col("games_before").fill_null(0) < team_games
    early = numbered.filter(is_early).drop("games", "games_before")
    shown_on, next_shown_on = pl.col("shown_on"), pl.col("next_shown_on")
    age = pl.col("game_date") - shown_on
    return (
        early.join(_last_of_a_season(boxscores), on="team")
        .filter(shown_on < pl.col("season_starts"), age <= pl.duration(days=days))
        .filter(next_shown_on.is_null() | (next_shown_on >= pl.col("game_date")))
        .with_columns(pl.lit("last_season").alias("evidence"))
        .drop("season_starts", "next_shown_on")
    )


def _last_of_a_season(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns the last box score of each player and season, with the date of the player's next box score in any season."""
    rows = in_order(boxscores.select("player_id", "player_name", "team", "season", "game_date", "game_id"), ["player_id"])
    is_same = pl.col("player_id") == pl.col("player_id").shift(-1)
    ends = ~is_same | (pl.col("season") != pl.col("season").shift(-1))
    after = pl.when(is_same).then(pl.col("game_date").shift(-1)).alias("next_shown_on")
    return (
        rows.with_columns(after)
        .filter(ends.fill_null(True))
        .select("player_id", "team", "next_shown_on", spelling="player_name", shown_on="game_date")
    )
