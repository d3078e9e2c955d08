"""team_defense_zones: what each team allows its opponents, by shot zone and compared with the league, as of the date.

Grain: one row per team and date
Source: team_game_summary of this season and the one before, before the date
Caveats: every window ends strictly before `game_date`; values are null under 5 games; a team without a game this season
  has no row; zone columns use games with known zones, so without play-by-play they may be null where the ratings are
  known; points above the league are percentage points, positive for a weaker defense.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import for_each_date, share_present, with_presence
from nba_pipeline.formulas.rolling import in_order, strictly_before
from nba_pipeline.formulas.team_form import TEAM_SEASON
from nba_pipeline.formulas.zone_defense import team_defense
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, season_of_game_date, season_start
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code, number
from nba_pipeline.warehouse import Warehouse


class TeamDefenseZoneRows(Row):
    """Columns and rules of `team_defense_zones`."""

    team = code(TEAMS, "tricode")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    latest_game_date = dy.Date(description="the team's last game this season; before game_date")
    games_last_15 = dy.Int64(min=0, max=15, description="games in the ratings")
    offensive_rating_last_15_games = number("mean of the games' points per 100 possessions", 60, 170)
    defensive_rating_last_15_games = number("mean of the games' points allowed per 100 possessions", 60, 170)
    pace_last_15_games = number("mean of the games' possessions per 48 minutes", 80, 120)
    opponent_free_throw_rate_last_15_games = number("opponents' free-throw attempts per field-goal attempt", 0, 1)
    games_with_zones_last_15 = dy.Int64(min=0, max=15, description="games in the columns by zone")
    paint_attempts_per_game_allowed_last_15_games = number("field goals attempted against the team, in the paint", 0, 100)
    mid_range_attempts_per_game_allowed_last_15_games = number("field goals attempted against the team, from mid-range", 0, 100)
    three_point_attempts_per_game_allowed_last_15_games = number("field goals attempted against the team, from three", 0, 100)
    paint_field_goal_pct_allowed_last_15_games = number("opponents' field-goal percentage in the paint", 0, 1)
    mid_range_field_goal_pct_allowed_last_15_games = number("opponents' field-goal percentage from mid-range", 0, 1)
    three_point_field_goal_pct_allowed_last_15_games = number("opponents' field-goal percentage from three", 0, 1)
    paint_field_goal_pct_points_above_league = number("allowed minus the league's, percentage points", -100, 100)
    mid_range_field_goal_pct_points_above_league = number("allowed minus the league's, percentage points", -100, 100)
    three_point_field_goal_pct_points_above_league = number("allowed minus the league's, percentage points", -100, 100)
    is_league_mean_of_last_season = dy.Bool(
        nullable=True,
        description="true: compared with the season before; false: with the 30 days before; null: not compared",
    )

    @dy.rule()
    def windows_end_before_the_date(cls) -> pl.Expr:
        """No window contains a game of the date."""
        return pl.col("latest_game_date") < pl.col("game_date")


TABLE = Table("team_defense_zones", grain="team and date", key=("game_date", "team"), schema=TeamDefenseZoneRows)


def defense_zones_of(dates: Sequence[date], team_game_summary: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per date and team that has played in its season.

    `team_game_summary` covers this season and the one before. Rows of the date and later have no effect.
    """
    slates = pl.DataFrame({"game_date": list(dates)}, schema={"game_date": pl.Date}).with_columns(season_of_game_date())
    games = in_order(team_game_summary, TEAM_SEASON)
    teams = slates.join(games.select(TEAM_SEASON).unique(), on="season")
    rows = strictly_before(teams, games, TEAM_SEASON, {"game_date": "latest_game_date"})
    rows = team_defense(rows.filter(pl.col("latest_game_date").is_not_null()), team_game_summary)
    return rows.select(*TeamDefenseZoneRows.column_names(), pl.lit("team_game_summary").alias("source")).sort(
        "game_date", *TABLE.key
    )


TWO_SEASONS_DAYS = 730
"""Covers the previous season as a whole, so that a row does not depend on the dates of the run."""
RECENT_DAYS = 14
GAME_COLUMNS = (
    "game_date", "game_id", "season", "team", "opponent", "fga", "fta", "offensive_rating", "defensive_rating", "pace",
    "allowed_paint_fga", "allowed_paint_fgm", "allowed_mid_range_fga", "allowed_mid_range_fgm",
    "allowed_three_point_fga", "allowed_three_point_fgm",
)  # fmt: skip
"""The columns read from `team_game_summary`."""


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["upcoming_players", "team_game_summary"],
    needs=["upcoming_players"],
    covers="date",
    recompute=lambda world, dates, as_of: defense_zones_of(dates, world["team_game_summary"]),
    ins={"team_game_summary": days_before(TWO_SEASONS_DAYS, columns=GAME_COLUMNS)},
    deps=["upcoming_players"],
)
def team_defense_zones(context: dg.AssetExecutionContext, team_game_summary: pl.DataFrame) -> pl.DataFrame:
    """The teams of the season, with their last 15 games before the date."""
    return defense_zones_of(dates_of(context), team_game_summary)


@dated_check(TABLE)
def every_recent_team_is_here(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every team that played in the 14 days before has a row. The number of teams with zones is plotted."""
    window = days(min(dates) - timedelta(days=RECENT_DAYS), max(dates))
    played = warehouse.scan(TABLES["team_game_summary"], window[:-1]).select("team", played_on="game_date").collect()
    spans = pl.DataFrame(
        [(day, max(day - timedelta(days=RECENT_DAYS), season_start(day))) for day in dates],
        schema={"game_date": pl.Date, "first": pl.Date},
        orient="row",
    )
    of_span = pl.col("played_on") >= pl.col("first"), pl.col("played_on") < pl.col("game_date")
    recent = spans.join_where(played, *of_span).select("game_date", "team").unique().sort("team")
    rows = warehouse.scan(TABLE, dates).select("game_date", "team", "games_with_zones_last_15").collect()
    counts = rows.group_by("game_date").agg(
        pl.len().cast(pl.Int64).alias("teams"),
        (pl.col("games_with_zones_last_15") > 0).sum().cast(pl.Int64).alias("teams_with_zones"),
    )
    expected = with_presence(recent, rows, ["game_date", "team"])
    return for_each_date(dates, share_present(dates, expected, pl.col("is_present"), pl.col("team"), 1.0), counts)


checks = checks_of(TABLE)
