"""career_form: every expected player's form across seasons, from the first game on.

Grain: one row per expected player per game
Source: upcoming_players; player_game_summary of the 1,095 days before the date
Caveats: every window ends strictly before `game_date` and counts played games only, of any season and team; weights halve
  every given number of games and end after four half-lives; unlike in `player_form`, one game in
  the window is enough (two for a standard deviation).
"""

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, days_before
from nba_pipeline.asset_factory.checks import checks_of
from nba_pipeline.formulas.career_form import CAREER_DAYS, form_of, with_career_form
from nba_pipeline.formulas.markets import MARKETS, POINTS, Market
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.feature_column import career
from nba_pipeline.tables.table import Row, Table


class CareerFormFeatures(dy.Schema):
    """The features of the table, in order."""

    points_half_life_3_games = career("points, weights halve every 3 games", 0, 80)
    points_half_life_8_games = career("points, weights halve every 8 games", 0, 80)
    points_half_life_20_games = career("points, weights halve every 20 games", 0, 80)
    points_half_life_50_games = career("points, weights halve every 50 games", 0, 80)
    minutes_half_life_2_games = career("minutes, weights halve every 2 games", 0, 60, unit="min")
    minutes_half_life_5_games = career("minutes, weights halve every 5 games", 0, 60, unit="min")
    minutes_half_life_12_games = career("minutes, weights halve every 12 games", 0, 60, unit="min")
    minutes_half_life_30_games = career("minutes, weights halve every 30 games", 0, 60, unit="min")
    fga_half_life_3_games = career("field goals attempted, weights halve every 3 games", 0, 50)
    fga_half_life_10_games = career("field goals attempted, weights halve every 10 games", 0, 50)
    fga_half_life_30_games = career("field goals attempted, weights halve every 30 games", 0, 50)
    fta_half_life_5_games = career("free throws attempted, weights halve every 5 games", 0, 35)
    fta_half_life_20_games = career("free throws attempted, weights halve every 20 games", 0, 35)
    fg3a_half_life_5_games = career("three-pointers attempted, weights halve every 5 games", 0, 25)
    fg3a_half_life_20_games = career("three-pointers attempted, weights halve every 20 games", 0, 25)
    plays_half_life_8_games = career("fga + 0.44 fta + turnovers, weights halve every 8 games", 0, 60)
    plays_half_life_30_games = career("fga + 0.44 fta + turnovers, weights halve every 30 games", 0, 60)
    plus_minus_half_life_15_games = career("plus minus, weights halve every 15 games", -60, 60)
    fouls_half_life_15_games = career("fouls, weights halve every 15 games", 0, 6)
    assists_half_life_15_games = career("assists, weights halve every 15 games", 0, 30)
    rebounds_half_life_15_games = career("rebounds, weights halve every 15 games", 0, 40)
    turnovers_half_life_15_games = career("turnovers, weights halve every 15 games", 0, 15)
    points_mean_last_3_career_games = career("mean points, last 3 games of any season", 0, 100)
    points_mean_last_5_career_games = career("mean points, last 5 games of any season", 0, 100)
    points_mean_last_10_career_games = career("mean points, last 10 games of any season", 0, 100)
    points_mean_last_20_career_games = career("mean points, last 20 games of any season", 0, 100)
    minutes_mean_last_3_career_games = career("mean minutes, last 3 games of any season", 0, 70, unit="min")
    minutes_mean_last_5_career_games = career("mean minutes, last 5 games of any season", 0, 70, unit="min")
    minutes_mean_last_10_career_games = career("mean minutes, last 10 games of any season", 0, 70, unit="min")
    points_median_last_10_career_games = career("median points, last 10 games of any season", 0, 100)
    points_standard_deviation_last_10_career_games = career("sample standard deviation of points, last 10", 0, 50)
    points_standard_deviation_last_30_career_games = career("sample standard deviation of points, last 30", 0, 50)
    points_maximum_last_20_career_games = career("most points, last 20", 0, 101)
    minutes_last_career_game = career("minutes of the last game", 0, 70, unit="min")
    minutes_standard_deviation_last_10_career_games = career("sample standard deviation of minutes, last 10", 0, 40, unit="min")
    minutes_maximum_last_10_career_games = career("most minutes, last 10", 0, 70, unit="min")
    minutes_minimum_last_5_career_games = career("least minutes, last 5", 0, 70, unit="min")
    career_games_last_1095_days = career("played games of the 1,095 days before", 0, 400)
    points_mean_season_to_date = career("mean points of the season, from its first game on", 0, 80)
    points_per_minute_shrunk = career("points per minute, shrunk to the rate of players with such minutes", 0, 2)
    points_expected_from_minutes = career("points of the recent minutes at the shrunk rate", 0, 80)
    true_shooting_half_life_50_games = career(
        "true shooting: points / (2 (fga + 0.44 fta)), weights halve every 50 games", 0, 1.6
    )
    points_residual_versus_opponent = career("shrunk mean of points beyond the rate, against the opponent", -20, 20)
    points_residual_home_or_away = career("shrunk mean of points beyond the rate, at home or away", -20, 20)


OTHER_MARKETS = tuple(MARKETS[name] for name in SETTINGS.lines.markets if name != POINTS.name)


def form_columns(market: Market) -> dict[str, dy.Float64]:
    """Returns the columns of a market's statistic. They are those of points, with their range in proportion to the record."""
    of_points, share = CareerFormFeatures.columns(), market.record / POINTS.record
    return {
        name: career(
            (column.description or "").replace(POINTS.statistic, market.statistic),
            round(share * column.min, 3),
            round(share * column.max, 3),
        )
        for name, points_name in zip(form_of(market), form_of(POINTS), strict=True)
        if isinstance(column := of_points[points_name], dy.Float64) and column.min is not None and column.max is not None
    }


class MarketFormFeatures(dy.Schema):
    """The form in the statistics of other markets. It has columns only if the setting `lines.markets` names another market."""

    vars().update({name: column for market in OTHER_MARKETS for name, column in form_columns(market).items()})


class CareerFormRows(Row, CareerFormFeatures, MarketFormFeatures):
    """Columns of `career_form`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(description="the NBA's person id")
    team = dy.String(description="tricode")


TABLE = Table(
    "career_form",
    grain="expected player per game",
    key=("game_id", "player_id"),
    schema=CareerFormRows,
    cluster=("player_id", "team"),
)
GAME_COLUMNS = (
    "game_date",
    "game_id",
    "player_id",
    "season",
    "opponent",
    "is_home",
    "did_play",
    "minutes",
    "points",
    "fga",
    "fta",
    "fg3a",
    "turnovers",
    "plus_minus",
    "fouls",
    "assists",
    "rebounds",
    "blocks",
)
"""The columns read from `player_game_summary`."""


def career_form_of(upcoming_players: pl.DataFrame, player_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the form across seasons. One row per expected player per game in and out.

    Accepts any number of dates. Each date sees only earlier data, and values are bitwise identical for any grouping of the
    dates. `player_games` covers the 1,095 days before the first date. Rows of later dates have no effect.
    """
    identity = ["game_date", *TABLE.key, "season", "team", "opponent", "is_home"]
    rows = with_career_form(upcoming_players.select(identity), player_games, OTHER_MARKETS)
    columns = {name: column.dtype for name, column in CareerFormRows.columns().items()}
    return rows.select(
        *[pl.col(name).cast(kind) for name, kind in columns.items()], pl.lit("player_game_summary").alias("source")
    ).sort("game_date", *TABLE.key)


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["upcoming_players", "player_game_summary"],
    needs=["upcoming_players"],
    covers="player",
    recompute=lambda world, dates, as_of: career_form_of(world["upcoming_players"], world["player_game_summary"]),
    ins={"player_game_summary": days_before(CAREER_DAYS, columns=GAME_COLUMNS)},
)
def career_form(
    context: dg.AssetExecutionContext, upcoming_players: pl.DataFrame, player_game_summary: pl.DataFrame
) -> pl.DataFrame:
    """The form of the date's expected players."""
    return career_form_of(upcoming_players, player_game_summary)


checks = checks_of(TABLE)
