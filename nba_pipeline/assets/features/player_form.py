"""player_form: what every expected player and the player's team did in the games before the date.

Grain: one row per expected player per game
Source: upcoming_players; player_game_summary, team_game_summary and schedule of earlier dates
Caveats: every window ends strictly before `game_date` and counts played games only; player windows need 5 games of the
  season, else null; `is_window_complete` is false if too many of the team's games in the window's span are not summarized.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, days_before
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, share_present
from nba_pipeline.formulas.attendance import with_missed_games
from nba_pipeline.formulas.completeness import holes, with_completeness
from nba_pipeline.formulas.lined_games import with_lined_games
from nba_pipeline.formulas.player_form import MEETING_DAYS, with_player_form
from nba_pipeline.formulas.team_form import with_team_form
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import SEASON_DAYS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table, number
from nba_pipeline.warehouse import Warehouse


def window(description: str) -> dy.Float64:
    """Returns a nullable number without a range. `features` checks the range."""
    return number(description)


class PlayerFormRows(Row):
    """Columns and rules of `player_form`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(description="the NBA's person id")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = dy.String(description="tricode")
    opponent = dy.String(description="tricode")
    games_played_season = dy.Int64(min=0, description="played games this season before the date")
    latest_game_date = dy.Date(nullable=True, description="the player's last played game")

    points_mean_last_3_games = window("points")
    points_mean_last_5_games = window("points")
    points_mean_last_10_games = window("points")
    points_mean_season = window("points")
    points_standard_deviation_last_10_games = window("points, sample standard deviation")
    points_trend_level_last_5_games = window("last 2 games against the 3 before, -2 to 2")
    points_slope_last_10_games = window("points per game, least squares")
    points_slope_last_7_games = window("points per game, least squares")
    points_z_score_last_5_games = window("season standard deviations")
    points_z_score_last_3_games = window("season standard deviations")
    is_breakout = window("1 when the last 5 exceed the season by 1.5 standard deviations")
    games_below_season_mean_streak = window("games")
    points_per_minute_last_10_games = window("points per minute")
    free_throw_point_pct_last_10_games = window("fraction of points")
    minutes_mean_last_10_games = window("minutes")
    minutes_mean_season = window("minutes")
    minutes_standard_deviation_last_10_games = window("minutes, sample standard deviation")
    minutes_change_level_last_10_games = window("last 10 games against the season, -2 to 2")
    usage_pct_last_5_games = window("fraction, weighted by minutes")
    usage_pct_season = window("fraction, weighted by minutes")
    points_mean_versus_opponent_last_1095_days = window("points")
    games_versus_opponent_last_1095_days = dy.Int64(min=0, description="games")
    games_since_structural_change = dy.Int64(min=0, description="games since a trade or a gap of more than 14 days")
    missed_game_pct_last_10_team_games = window("fraction of the team's last 10 games, while the player is with the team")

    rest_days = dy.Int64(nullable=True, min=1, description="days since the last played game")
    is_back_to_back = window("1 when rest_days is 1")
    games_last_7_days = dy.Int64(min=0, description="games in the 7 days before")
    minutes_sum_last_7_days = window("minutes in the 7 days before")
    back_to_backs_last_14_days = dy.Int64(min=0, description="second games of a back-to-back in the 14 days before")
    opponent_rest_days = dy.Int64(nullable=True, min=1, description="days since the opponent's last final game")

    over_streak_lined_games = window("games in a row over the closing line")
    under_streak_lined_games = window("games in a row under the closing line")
    over_pct_last_10_lined_games = window("fraction of lined games")
    points_minus_closing_line_mean_last_5_lined_games = window("points")
    previous_closing_line = window("points")

    team_pace_last_10_games = window("possessions per 48 minutes")
    team_offensive_rating_last_10_games = window("points per 100 possessions")
    team_win_pct_season = window("fraction")
    blowout_pct_last_10_team_games = window("fraction of games with a margin of 15 or more")
    league_pace = window("possessions per 48 minutes, all teams, 30 days before")

    expected_games_last_10 = dy.Int64(min=0, description="games of the window plus missing games of the team in its span")
    actual_games_last_10 = dy.Int64(min=0, max=10, description="games in the window")
    is_window_complete = dy.Bool(nullable=True, description="actual / expected >= 0.9; null without a game")
    window_span_days = dy.Int64(nullable=True, min=1, description="days from the window's first game to the date")
    contributing_game_ids = dy.List(dy.String(), description="games of the window of 10, the latest first")

    @dy.rule()
    def windows_end_before_the_date(cls) -> pl.Expr:
        """No window contains the game of the row."""
        return pl.col("latest_game_date") < pl.col("game_date")


TABLE = Table(
    "player_form",
    grain="expected player per game",
    key=("game_id", "player_id"),
    schema=PlayerFormRows,
    cluster=("player_id", "team"),
)


def form_of(
    upcoming_players: pl.DataFrame, player_games: pl.DataFrame, team_games: pl.DataFrame, schedule: pl.DataFrame
) -> pl.DataFrame:
    """Adds the windows of the player and of the team. One row per expected player per game in and out.

    Accepts any number of dates. Each date sees only earlier data, and values are bitwise identical for any grouping of the
    dates. `player_games` covers the 1,095 days before the first date. Rows of later dates have no effect.
    """
    identity = ["game_date", *TABLE.key, "season", "team", "opponent"]
    rows = upcoming_players.select(identity).sort("game_date", *TABLE.key)
    rows = with_player_form(rows, player_games)
    rows = with_completeness(rows, holes(schedule, player_games))
    rows = with_missed_games(rows, player_games)
    rows = with_lined_games(rows, player_games)
    rows = with_team_form(rows, team_games, schedule)
    columns = {name: column.dtype for name, column in PlayerFormRows.columns().items()}
    return rows.select(
        *[pl.col(name).cast(kind) for name, kind in columns.items()],
        pl.lit("player_game_summary, team_game_summary, schedule").alias("source"),
    ).sort("game_date", *TABLE.key)


HISTORY_DAYS = MEETING_DAYS + 5


GAME_COLUMNS = (
    "game_date", "game_id", "player_id", "season", "team", "opponent", "did_play", "minutes", "points", "ftm",
    "team_points", "opponent_points", "did_win", "usage_pct", "closing_line",
)  # fmt: skip
"""The columns read from `player_game_summary`."""
TEAM_GAME_COLUMNS = (
    "game_date", "game_id", "season", "team", "did_win", "margin", "offensive_rating", "pace",
)  # fmt: skip
"""The columns read from `team_game_summary`."""
SCHEDULE_COLUMNS = ("game_date", "game_id", "home_team", "away_team", "status", "has_boxscore_source")
"""The columns read from `schedule`."""


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    critical_in=["same_day"],
    follows=["upcoming_players", "player_game_summary", "team_game_summary"],
    needs=["upcoming_players"],
    covers="player",
    recompute=lambda world, dates, as_of: form_of(
        world["upcoming_players"], world["player_game_summary"], world["team_game_summary"], world["schedule"]
    ),
    ins={
        "player_game_summary": days_before(HISTORY_DAYS, columns=GAME_COLUMNS),
        "team_game_summary": days_before(SEASON_DAYS, columns=TEAM_GAME_COLUMNS),
        "schedule": days_before(SEASON_DAYS, columns=SCHEDULE_COLUMNS),
    },
)
def player_form(
    context: dg.AssetExecutionContext,
    upcoming_players: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    team_game_summary: pl.DataFrame,
    schedule: pl.DataFrame,
) -> pl.DataFrame:
    """The windows of the date's expected players."""
    return form_of(upcoming_players, player_game_summary, team_game_summary, schedule)


@dated_check(TABLE)
def most_windows_are_complete(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 90 % of the players with a game this season have a complete window. Teams with incomplete windows are named."""
    rows = warehouse.scan(TABLE, dates).filter(pl.col("is_window_complete").is_not_null()).sort("team")
    floor = SETTINGS.slates.least_complete_windows
    verdicts = share_present(dates, rows, pl.col("is_window_complete"), pl.col("team"), floor)
    return verdicts.with_columns(pl.col(MISSING).list.unique(maintain_order=True))


checks = checks_of(TABLE)
