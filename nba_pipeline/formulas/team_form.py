"""What a team has done: its games, made from its players', and windows over them.

Every row describes the state WITH its own game; `rolling.strictly_before` brings it to a later date.
"""

import polars as pl

from nba_pipeline.formulas.possessions import offensive_rating, pace, possessions
from nba_pipeline.formulas.rest import LONGEST_REST_DAYS
from nba_pipeline.formulas.rolling import (
    BILLIONTHS,
    GAME,
    difference,
    in_order,
    strictly_before,
    whole,
    window_mean,
    window_sum,
)

TEAM_SEASON = ["team", "season"]
COUNTS = ("fga", "fta", "turnovers", "oreb")
LEAST_GAMES_OF_A_RECORD = 3
LEAGUE_DAYS = 30
LEAST_LEAGUE_TEAM_GAMES = 10


def with_team_form(rows: pl.DataFrame, player_games: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Expected players in, the same rows out with both teams' form, the league's pace and the opponent's rest.

    The team's form and record are of the season; the league's pace is of the 30 days before; the opponent's last game
    is taken from the schedule, which also knows games without a box score.
    """
    games = team_games(player_games)
    form, league = team_form(games), league_totals(games)
    own = {c: c for c in ("team_pace_last_10_games", "team_offensive_rating_last_10_games")}
    others = {c: c for c in ("opponent_pace_last_15_games", "opponent_defensive_rating_last_15_games")}
    rows = strictly_before(rows, form, TEAM_SEASON, own)
    rows = strictly_before(rows, team_record(games), TEAM_SEASON, {"team_win_pct_season": "team_win_pct_season"})
    rows = strictly_before(rows, form.rename({"team": "opponent"}), ["opponent", "season"], others)
    rows = strictly_before(rows, league, [], {"league_games": "league_games", "league_pace_sum": "league_pace_sum"})
    before = {"league_games": "league_games_old", "league_pace_sum": "league_pace_sum_old"}
    rows = strictly_before(rows, league, [], before, days=LEAGUE_DAYS)
    rows = strictly_before(rows, _team_dates(schedule), ["opponent"], {"game_date": "opponent_game_date"})
    opponent_rest_days = (pl.col("game_date") - pl.col("opponent_game_date")).dt.total_days()
    return rows.with_columns(
        league_pace(difference("league_games", "league_games_old"), difference("league_pace_sum", "league_pace_sum_old")).alias(
            "league_pace"
        ),
        pl.when(opponent_rest_days <= LONGEST_REST_DAYS).then(opponent_rest_days).alias("opponent_rest_days"),
    )


def _team_dates(schedule: pl.DataFrame) -> pl.DataFrame:
    """When each team, as `opponent`, played: two rows per final game."""
    final = schedule.filter(pl.col("status") == "final")
    return pl.concat(
        final.select(pl.col(side).alias("opponent"), "game_date", "game_id") for side in ("home_team", "away_team")
    ).sort("opponent", "game_date", "game_id")


def team_games(player_games: pl.DataFrame) -> pl.DataFrame:
    """Rows of `player_game_summary` in; one row per team and game out, with pace and both ratings.

    The rates are null when a count of anybody who played for either team is unknown.
    """
    is_known = pl.all_horizontal(pl.col(count).is_not_null() for count in COUNTS).all()
    teams = player_games.filter("did_play").group_by("game_id", "team").agg(
        pl.col("game_date", "season", "opponent", "did_win", "overtimes").first(),
        pl.col("team_points").first().alias("points"),
        *[pl.when(is_known).then(pl.col(count).sum()).alias(count) for count in COUNTS],
    ).with_columns(possessions()).with_columns(offensive_rating().alias("offensive_rating"))  # fmt: skip
    opponents = teams.select(
        "game_id",
        pl.col("team").alias("opponent"),
        pl.col("possessions").alias("opponent_possessions"),
        pl.col("offensive_rating").alias("defensive_rating"),
    )
    return teams.join(opponents, on=["game_id", "opponent"], how="left").with_columns(pace().alias("pace"))


def team_record(games: pl.DataFrame) -> pl.DataFrame:
    """One row per team and game: how many games of the season, and the share won (null under 3), with it."""
    won = window_mean("won", least=LEAST_GAMES_OF_A_RECORD)
    return in_order(games, TEAM_SEASON, {"won": pl.col("did_win")}).select(
        *TEAM_SEASON, "game_date", team_games=GAME, team_win_pct_season=won
    )


def team_form(games: pl.DataFrame) -> pl.DataFrame:
    """One row per team and game with known rates: means of the rates over the last games of the season, with it."""
    rates = {rate: whole(rate, BILLIONTHS) for rate in ("pace", "offensive_rating", "defensive_rating")}
    known = in_order(games.filter(pl.col("pace").is_not_null()), TEAM_SEASON, rates)
    return known.select(
        *TEAM_SEASON,
        "game_date",
        _mean_of_rate("pace", 10).alias("team_pace_last_10_games"),
        _mean_of_rate("offensive_rating", 10).alias("team_offensive_rating_last_10_games"),
        _mean_of_rate("pace", 15).alias("opponent_pace_last_15_games"),
        _mean_of_rate("defensive_rating", 15).alias("opponent_defensive_rating_last_15_games"),
    )


def league_totals(games: pl.DataFrame) -> pl.DataFrame:
    """One row per team and game, over all seasons: team-games of the league and the sum of their pace, with it."""
    # `team` orders the two rows of a game; both bear the same pace
    known = games.filter(pl.col("pace").is_not_null()).sort("team")
    return in_order(known, [], {"pace": whole("pace", BILLIONTHS)}).select(
        "game_date", league_games=GAME, league_pace_sum=window_sum("pace")
    )


def league_pace(games: pl.Expr, pace_sum: pl.Expr) -> pl.Expr:
    """Mean pace of a number of team-games, from the sum in billionths. Null under 10 team-games."""
    return pl.when(games >= LEAST_LEAGUE_TEAM_GAMES).then(pace_sum / games / BILLIONTHS)


def pace_score() -> pl.Expr:
    """How much faster than the league the game promises to be: positive is faster.

    ((team_pace_last_10_games + opponent_pace_last_15_games) / 2 - league_pace) / 2, clamped to -3..3; null when any is.
    """
    expected = (pl.col("team_pace_last_10_games") + pl.col("opponent_pace_last_15_games")) / 2
    return ((expected - pl.col("league_pace")) / 2).clip(-3, 3).alias("pace_score")


def _mean_of_rate(rate: str, games: int) -> pl.Expr:
    return window_mean(rate, games) / BILLIONTHS
