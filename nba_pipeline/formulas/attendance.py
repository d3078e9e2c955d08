"""The share of a team's games that a player missed."""

import polars as pl

from nba_pipeline.formulas.rolling import GAME, difference, in_order, strictly_before
from nba_pipeline.formulas.team_form import TEAM_SEASON, team_games, team_record

RECENT_TEAM_GAMES = 10
STINT_GAP_DAYS = 365
"""A longer gap without a row starts a new stint with the team."""


def with_missed_games(rows: pl.DataFrame, player_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the share of the team's last 10 games that each expected player missed. One row per expected player in and out.

    Counts games of the season before the date and since the player joined the team. Null without such a game.
    """
    record = team_record(team_games(player_games))
    own, with_team = ["player_id", "season", "team"], games_with_team(player_games.filter("did_play"))
    rows = strictly_before(rows, record, TEAM_SEASON, {"team_games": "team_games"})
    rows = strictly_before(rows, stints(player_games), ["player_id", "team"], {"with_team_since": "since"})
    rows = strictly_before(
        rows.with_columns(pl.col("since").fill_null(pl.col("game_date"))),
        record,
        TEAM_SEASON,
        {"team_games": "games_before_stint"},
        date="since",
    )
    window = pl.min_horizontal(difference("team_games", "games_before_stint"), RECENT_TEAM_GAMES)
    rows = rows.with_columns(window.alias("window"), (pl.col("team_games") - window + 1).alias("first_of_window"))
    firsts = record.select(*TEAM_SEASON, first_of_window="team_games", start="game_date")
    rows = rows.join(firsts, on=[*TEAM_SEASON, "first_of_window"], how="left").with_columns(
        pl.col("start").fill_null(pl.col("game_date"))
    )
    rows = strictly_before(rows, with_team, own, {"games_with_team": "with_team"})
    rows = strictly_before(rows, with_team, own, {"games_with_team": "with_team_before"}, date="start")
    missed = 1 - difference("with_team", "with_team_before") / pl.col("window")
    return rows.with_columns(pl.when(pl.col("window") > 0).then(missed).alias("missed_game_pct_last_10_team_games"))


def stints(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns each row, played or not, with `with_team_since`: the start date of the player's stint with the team.

    A stint starts after a row with another team, or after more than a year without a row.
    """
    ordered = in_order(rows, ["player_id"])
    begins = (
        (pl.col(GAME) == 1)
        | (pl.col("team") != pl.col("team").shift())
        | (pl.col("game_date").diff() > pl.duration(days=STINT_GAP_DAYS))
    )
    since = pl.when(begins).then("game_date").forward_fill().alias("with_team_since")
    return ordered.select("player_id", "team", "game_date", since)


def games_with_team(played: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per played game: the player's games for the team in the season, up to and including that game."""
    group = ["player_id", "team", "season"]
    return in_order(played, group).select(*group, "game_date", pl.col(GAME).alias("games_with_team"))
