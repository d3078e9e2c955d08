"""A team's form: windows over its games, and its rest.

The windows of a row include the row's own game. `rolling.strictly_before` joins the row to a later date.
"""

import polars as pl

from nba_pipeline.formulas.rest import LONGEST_REST_DAYS
from nba_pipeline.formulas.rolling import (
    BILLIONTHS,
    GAME,
    difference,
    in_order,
    strictly_before,
    whole_parts,
    window_mean,
    window_sum,
)

TEAM_SEASON = ["team", "season"]
MIN_GAMES_OF_A_RECORD = 3
LEAGUE_DAYS = 30
MIN_LEAGUE_TEAM_GAMES = 10
BLOWOUT_POINTS = 15


def with_team_form(rows: pl.DataFrame, team_games: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Adds the team's form, the league's pace and the opponent's rest. One row per expected player in and out.

    `team_games` are rows of `team_game_summary`. The team's form and record cover the season. The league's pace covers
    the 30 days before. The opponent's last game comes from the schedule, which includes games without a box score.
    """
    form, league = team_form(team_games), league_totals(team_games)
    own = {c: c for c in ("team_pace_last_10_games", "team_offensive_rating_last_10_games")}
    record = {c: c for c in ("team_win_pct_season", "blowout_pct_last_10_team_games")}
    rows = strictly_before(rows, form, TEAM_SEASON, own)
    rows = strictly_before(rows, team_record(team_games), TEAM_SEASON, record)
    totals = {c: c for c in ("league_games", "league_pace_sum")}
    rows = strictly_before(rows, league, [], totals)
    rows = strictly_before(rows, league, [], {c: f"{c}_old" for c in totals}, days=LEAGUE_DAYS)
    of_the_days = league_pace(*[difference(c, f"{c}_old") for c in totals]).alias("league_pace")
    rows = rows.with_columns(of_the_days).drop(*totals, *[f"{c}_old" for c in totals])
    return with_rest(rows, schedule, "opponent", "opponent_rest_days")


def with_rest(rows: pl.DataFrame, schedule: pl.DataFrame, of: str, name: str) -> pl.DataFrame:
    """Adds the days since the last final game of the team in column `of`. The same rows in and out.

    Null without such a game in `schedule`, and beyond 30 days.
    """
    final = schedule.filter(pl.col("status") == "final")
    sides = [final.select(pl.col(side).alias(of), "game_date", "game_id") for side in ("home_team", "away_team")]
    rows = strictly_before(rows, in_order(pl.concat(sides), [of]), [of], {"game_date": "rested_since"})
    rest_days = (pl.col("game_date") - pl.col("rested_since")).dt.total_days()
    return rows.with_columns(pl.when(rest_days <= LONGEST_REST_DAYS).then(rest_days).alias(name)).drop("rested_since")


def team_games(player_games: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per team and game with its result, for `team_record`, from rows of `player_game_summary`."""
    margin = pl.col("team_points") - pl.col("opponent_points")
    facts = ["game_id", "team", "game_date", "season", "did_win", margin.alias("margin")]
    return player_games.filter("did_play").select(facts).unique(["game_id", "team"])


def team_record(games: pl.DataFrame) -> pl.DataFrame:
    """Returns, per team and game, the season's games, win share (null under 3) and share of blowouts in the last 10.

    Values include the game itself. A blowout is a margin of 15 points or more, either way; its share is null under 5 games.
    """
    is_blowout = pl.col("margin").abs() >= BLOWOUT_POINTS
    return in_order(games, TEAM_SEASON, {"won": pl.col("did_win"), "blowout": is_blowout}).select(
        *TEAM_SEASON,
        "game_date",
        team_games=GAME,
        team_win_pct_season=window_mean("won", min_games=MIN_GAMES_OF_A_RECORD),
        blowout_pct_last_10_team_games=window_mean("blowout", 10),
    )


def team_form(games: pl.DataFrame) -> pl.DataFrame:
    """Returns, per team and game with known rates, the means over the last games of the season, including that game."""
    rates = {rate: whole_parts(rate, BILLIONTHS) for rate in ("pace", "offensive_rating")}
    rated = in_order(games.filter(pl.col("pace").is_not_null()), TEAM_SEASON, rates)
    return rated.select(
        *TEAM_SEASON,
        "game_date",
        _mean_of_rate("pace", 10).alias("team_pace_last_10_games"),
        _mean_of_rate("offensive_rating", 10).alias("team_offensive_rating_last_10_games"),
    )


def league_totals(games: pl.DataFrame) -> pl.DataFrame:
    """Returns per team and game, over all seasons, the league's team-games and the sum of their pace, including that game."""
    # sorted by `team` for a fixed order of a game's two rows; both have the same pace
    rated = games.filter(pl.col("pace").is_not_null()).sort("team")
    return in_order(rated, [], {"pace": whole_parts("pace", BILLIONTHS)}).select(
        "game_date", league_games=GAME, league_pace_sum=window_sum("pace")
    )


def league_pace(games: pl.Expr, pace_sum: pl.Expr) -> pl.Expr:
    """Mean pace of a number of team-games, from the sum in billionths. Null under 10 team-games."""
    return pl.when(games >= MIN_LEAGUE_TEAM_GAMES).then(pace_sum / games / BILLIONTHS)


def pace_score() -> pl.Expr:
    """Expected pace of the game against the league's. Positive is faster.

    ((team_pace_last_10_games + opponent_pace_last_15_games) / 2 - league_pace) / 2, clamped to -3..3; null if any is null.
    """
    expected = (pl.col("team_pace_last_10_games") + pl.col("opponent_pace_last_15_games")) / 2
    return ((expected - pl.col("league_pace")) / 2).clip(-3, 3).alias("pace_score")


def _mean_of_rate(rate: str, games: int) -> pl.Expr:
    return window_mean(rate, games) / BILLIONTHS
