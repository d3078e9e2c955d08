"""player_shot_zones: where each player shoots from and how well, over the last 10 and 20 games, as of the date.

Grain: one row per player and date
Source: player_game_summary of the season before the date
Caveats: every window ends strictly before `game_date`; a game without known shot zones is not counted, so the window then
  reaches further back; a date without such games in the 60 days before has no rows; shares of the last 10 need 5 games and
  20 attempts, those of the last 20 need 10 games, else they are null.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import for_each_date, with_share
from nba_pipeline.formulas.rolling import MIN_GAMES, strictly_before
from nba_pipeline.formulas.shot_diet import BALANCED, PLAYER_SEASON, PRIMARY_ZONES, games_with_zones, with_shot_diet
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import SEASON_DAYS, season_of_game_date
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.tables.table import Row, Table, code, number
from nba_pipeline.warehouse import Warehouse

SHARES_OFF = 0.001


class PlayerShotZoneRows(Row):
    """Columns and rules of `player_shot_zones`."""

    player_id = dy.Int64(min=1, description="the NBA's person id")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = code(TEAMS, "tricode of the latest game with zones")
    latest_game_date = dy.Date(description="the last game in the windows; before game_date")
    games_with_zones_last_10 = dy.Int64(min=1, max=10, description="games in the columns of the last 10")
    paint_attempt_pct_last_10_games = number("share of field-goal attempts in the paint", 0, 1)
    mid_range_attempt_pct_last_10_games = number("share of attempts from mid-range", 0, 1)
    three_point_attempt_pct_last_10_games = number("share of attempts from three", 0, 1)
    paint_field_goal_pct_last_10_games = number("field-goal percentage in the paint; null without an attempt", 0, 1)
    mid_range_field_goal_pct_last_10_games = number("field-goal percentage from mid-range; null without an attempt", 0, 1)
    three_point_field_goal_pct_last_10_games = number("field-goal percentage from three; null without an attempt", 0, 1)
    field_goal_attempts_per_game_last_10_games = number("field-goal attempts per game", 0, 60)
    assisted_pct_last_10_games = number("share of the field goals made that were assisted; null without one", 0, 1)
    games_with_zones_last_20 = dy.Int64(min=1, max=20, description="games in the columns of the last 20")
    paint_attempt_pct_last_20_games = number("share of field-goal attempts in the paint", 0, 1)
    mid_range_attempt_pct_last_20_games = number("share of attempts from mid-range", 0, 1)
    three_point_attempt_pct_last_20_games = number("share of attempts from three", 0, 1)
    paint_field_goal_pct_last_20_games = number("field-goal percentage in the paint; null without an attempt", 0, 1)
    mid_range_field_goal_pct_last_20_games = number("field-goal percentage from mid-range; null without an attempt", 0, 1)
    three_point_field_goal_pct_last_20_games = number("field-goal percentage from three; null without an attempt", 0, 1)
    field_goal_attempts_per_game_last_20_games = number("field-goal attempts per game", 0, 60)
    assisted_pct_last_20_games = number("share of the field goals made that were assisted; null without one", 0, 1)
    primary_zone = code(
        [*PRIMARY_ZONES, BALANCED], "main shooting area of the last 10 games; null under 10 games or 20 attempts", nullable=True
    )

    @dy.rule()
    def windows_end_before_the_date(cls) -> pl.Expr:
        """No window contains a game of the date."""
        return pl.col("latest_game_date") < pl.col("game_date")

    @dy.rule()
    def shares_sum_to_one(cls) -> pl.Expr:
        """Every attempt is in one of the three zones."""
        sums = [pl.sum_horizontal(pl.col(rf"^\w+_attempt_pct_last_{n}_games$"), ignore_nulls=False) for n in (10, 20)]
        return pl.all_horizontal(((total - 1).abs() <= SHARES_OFF).fill_null(True) for total in sums)


TABLE = Table(
    "player_shot_zones",
    grain="player and date",
    key=("game_date", "player_id"),
    schema=PlayerShotZoneRows,
    cluster=("player_id", "team"),
)
RECENT_DAYS = 60


def shot_zones_of(dates: Sequence[date], player_game_summary: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per date and player who has a game with complete zones in the 60 days before, in the same season.

    `player_game_summary` covers the season so far. Rows of the date and later have no effect.
    """
    games = games_with_zones(player_game_summary)
    slates = pl.DataFrame({"game_date": list(dates)}, schema={"game_date": pl.Date}).with_columns(season_of_game_date())
    players = slates.join(games.select(PLAYER_SEASON).unique(), on="season")
    latest = strictly_before(players, games, PLAYER_SEASON, {"team": "team", "game_date": "latest_game_date"})
    is_recent = pl.col("latest_game_date") >= pl.col("game_date") - pl.duration(days=RECENT_DAYS)
    rows = with_shot_diet(latest.filter(is_recent), player_game_summary)
    return rows.select(*PlayerShotZoneRows.column_names(), pl.lit("player_game_summary").alias("source")).sort(
        "game_date", *TABLE.key
    )


MIN_DIET_SHARE = 0.5
GAME_COLUMNS = (
    "game_date", "game_id", "player_id", "season", "team", "did_play", "paint_fga", "paint_fgm", "mid_range_fga",
    "mid_range_fgm", "three_point_fga", "three_point_fgm", "assisted_fgm", "unassisted_fgm", "has_complete_zones",
)  # fmt: skip
"""The columns read from `player_game_summary`."""


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["upcoming_players", "player_game_summary"],
    needs=["upcoming_players"],
    covers="date",
    recompute=lambda world, dates, as_of: shot_zones_of(dates, world["player_game_summary"]),
    ins={"player_game_summary": days_before(SEASON_DAYS, columns=GAME_COLUMNS)},
    deps=["upcoming_players"],
)
def player_shot_zones(context: dg.AssetExecutionContext, player_game_summary: pl.DataFrame) -> pl.DataFrame:
    """The players with known zones in the 60 days before, in the date's season."""
    return shot_zones_of(dates_of(context), player_game_summary)


@dated_check(TABLE)
def most_players_have_a_shot_diet(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least half of the players with 5 games of known zones have shares of attempts by zone. The mean shares are plotted."""
    rows = warehouse.scan(TABLE, dates).filter(pl.col("games_with_zones_last_10") >= MIN_GAMES)
    shares = ["paint_attempt_pct_last_10_games", "mid_range_attempt_pct_last_10_games", "three_point_attempt_pct_last_10_games"]
    counts = rows.group_by("game_date").agg(
        pl.col(shares[0]).count().cast(pl.Int64).alias("present"),
        pl.len().cast(pl.Int64).alias("expected"),
        pl.col("primary_zone").count().cast(pl.Int64).alias("with_primary_zone"),
        pl.col(shares).mean(),
    )
    return with_share(for_each_date(dates, counts.collect()), MIN_DIET_SHARE)


checks = checks_of(TABLE)
