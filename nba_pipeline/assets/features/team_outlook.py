"""team_outlook: the recent strength of both teams of a game, and the margin and points expected from it.

Grain: one row per team per game
Source: upcoming_players; team_game_summary of the 365 days before the date
Caveats: every window ends strictly before `game_date`; games of the season before have less weight; market lines are not
  used, unlike in `implied_team_total` of `features`.
"""

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, days_before
from nba_pipeline.asset_factory.checks import checks_of
from nba_pipeline.formulas.team_outlook import TEAM_DAYS, with_team_outlook
from nba_pipeline.tables.feature_column import outlook
from nba_pipeline.tables.table import Row, Table


class TeamOutlookFeatures(dy.Schema):
    """The features of the table, in order."""

    team_points_half_life_12_games = outlook("own team: points scored, weights halve every 12 games", 50, 200)
    team_points_allowed_half_life_12_games = outlook("own team: points allowed, weights halve every 12 games", 50, 200)
    team_pace_half_life_12_games = outlook("own team: possessions per 48 minutes, weights halve every 12 games", 70, 130)
    team_margin_half_life_12_games = outlook("own team: margin, weights halve every 12 games", -80, 80)
    opponent_points_half_life_12_games = outlook("opponent: points scored, weights halve every 12 games", 50, 200)
    opponent_points_allowed_half_life_12_games = outlook("opponent: points allowed, weights halve every 12 games", 50, 200)
    opponent_pace_half_life_12_games = outlook("opponent: possessions per 48 minutes, weights halve every 12 games", 70, 130)
    opponent_margin_half_life_12_games = outlook("opponent: margin, weights halve every 12 games", -80, 80)
    expected_margin = outlook("half the difference of the margins, plus 2.3 at home, minus 2.3 away", -80, 80, unit="points")
    expected_total = outlook("points of both teams: mean of what each scores and the other allows", 100, 400, unit="points")
    expected_team_points = outlook("own team's points: (expected_total + expected_margin) / 2", 50, 200, unit="points")


class TeamOutlookRows(Row, TeamOutlookFeatures):
    """Columns of `team_outlook`."""

    game_id = dy.String(description="the NBA's ten digits")
    team = dy.String(description="tricode")
    opponent = dy.String(description="tricode")


TABLE = Table("team_outlook", grain="team per game", key=("game_id", "team"), schema=TeamOutlookRows, cluster=("team",))
GAME_COLUMNS = ("game_date", "game_id", "team", "points", "opponent_points", "pace", "margin")
"""The columns read from `team_game_summary`."""


def team_outlook_of(upcoming_players: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per team and game of the expected players, from the games of the 365 days before.

    Accepts any number of dates. Each date sees only earlier data, and values are bitwise identical for any grouping of the
    dates.
    """
    venue = pl.when("is_neutral").then(0.5).otherwise(pl.col("is_home").cast(pl.Float64)).alias("home_court_level")
    sides = upcoming_players.select("game_date", "game_id", "team", "opponent", venue).unique(
        ["game_id", "team"], maintain_order=True
    )
    rows = with_team_outlook(sides, team_games)
    columns = {name: column.dtype for name, column in TeamOutlookRows.columns().items()}
    return rows.select(
        *[pl.col(name).cast(kind) for name, kind in columns.items()], pl.lit("team_game_summary").alias("source")
    ).sort("game_date", *TABLE.key)


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["upcoming_players", "team_game_summary"],
    needs=["upcoming_players"],
    covers="game",
    recompute=lambda world, dates, as_of: team_outlook_of(world["upcoming_players"], world["team_game_summary"]),
    ins={"team_game_summary": days_before(TEAM_DAYS, columns=GAME_COLUMNS)},
)
def team_outlook(
    context: dg.AssetExecutionContext, upcoming_players: pl.DataFrame, team_game_summary: pl.DataFrame
) -> pl.DataFrame:
    """The outlook of the date's games."""
    return team_outlook_of(upcoming_players, team_game_summary)


checks = checks_of(TABLE)
