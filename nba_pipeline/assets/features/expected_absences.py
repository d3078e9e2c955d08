"""expected_absences: the minutes and points that each expected player's team is expected to lack.

Grain: one row per expected player per game
Source: upcoming_players; player_game_summary of the 1,095 days before the date; injuries of the 365 days before and of the
  date, up to the tip-off
Caveats: sums over teammates, weighted by their probability of being out, never the actual absences; `absence_evidence` says
  whether the probabilities come from injury reports or from box scores; null before a rate is known.
"""

from datetime import datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before
from nba_pipeline.asset_factory.checks import checks_of
from nba_pipeline.formulas.availability import with_unclear
from nba_pipeline.formulas.career_form import CAREER_DAYS
from nba_pipeline.formulas.expected_absences import HISTORY_DAYS, with_expected_absences
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.tables.feature_column import absences
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code, number
from nba_pipeline.warehouse import Warehouse

EVIDENCE = ("injury_reports", "box_scores", "both")


class ExpectedAbsenceFeatures(dy.Schema):
    """The features of the table, in order."""

    absent_minutes_expected = absences("minutes of teammates, weighted by their probability of being out", 0, 400, unit="min")
    absent_points_expected = absences("points of teammates, weighted by their probability of being out", 0, 200)
    absent_minutes_of_the_position_expected = absences(
        "absent_minutes_expected, weighted by similarity of position", 0, 400, unit="min"
    )
    available_minutes_expected = absences("minutes of teammates, weighted by their probability of playing", 0, 500, unit="min")
    minutes_share_expected = absences("own share of the team's 240 minutes", 0, 240, unit="min")
    absent_minutes_change = absences("expected absent minutes minus those of the player's latest games", -400, 400, unit="min")
    absent_points_change = absences("expected absent points minus those of the player's latest games", -200, 200)


class ExpectedAbsenceRows(Row, ExpectedAbsenceFeatures):
    """Columns of `expected_absences`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(description="the NBA's person id")
    team = dy.String(description="tricode")
    plays_probability = number(
        "the player's own probability of playing; null for a player whose rate is unknown, as below 10 minutes a game", 0, 1
    )
    absence_evidence = code(EVIDENCE, "source of the teammates' probabilities; null if none is known", nullable=True)
    rated_teammates = dy.Int64(min=0, description="teammates whose probability of being out is known")
    reported_teammates = dy.Int64(min=0, description="rated teammates whose probability comes from the injury report")


TABLE = Table(
    "expected_absences",
    grain="expected player per game",
    key=("game_id", "player_id"),
    schema=ExpectedAbsenceRows,
    cluster=("player_id", "team"),
)
GAME_COLUMNS = (
    "game_date",
    "game_id",
    "player_id",
    "season",
    "team",
    "opponent",
    "did_play",
    "minutes",
    "points",
    "fga",
    "fta",
    "fg3a",
    "turnovers",
    "assists",
    "rebounds",
    "blocks",
)
"""The columns read from `player_game_summary`."""


def expected_absences_of(
    upcoming_players: pl.DataFrame, player_games: pl.DataFrame, injuries: pl.DataFrame, as_of: datetime | None = None
) -> pl.DataFrame:
    """Adds the expected absences of teammates. One row per expected player per game in and out.

    Accepts any number of dates. Each date sees only earlier games, and reports from before tip-off. Values are bitwise
    identical for any grouping of the dates. `player_games` covers the 1,095 days before the first date, `injuries` 365 days.
    """
    identity = ["game_date", *TABLE.key, "season", "team"]
    rows = with_expected_absences(upcoming_players.select(identity), player_games, injuries, as_of)
    reported, rated = pl.col("reported_teammates"), pl.col("rated_teammates")
    evidence = (
        pl.when(rated == 0)
        .then(None)
        .when(reported == 0)
        .then(pl.lit("box_scores"))
        .when(reported == rated)
        .then(pl.lit("injury_reports"))
        .otherwise(pl.lit("both"))
    )
    columns = {name: column.dtype for name, column in ExpectedAbsenceRows.columns().items()}
    return (
        rows.with_columns(evidence.alias("absence_evidence"))
        .select(
            *[pl.col(name).cast(kind) for name, kind in columns.items()], pl.lit("player_game_summary, injuries").alias("source")
        )
        .sort("game_date", *TABLE.key)
    )


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["upcoming_players", "player_game_summary"],
    needs=["upcoming_players"],
    covers="player",
    recompute=lambda world, dates, as_of: expected_absences_of(
        world["upcoming_players"], world["player_game_summary"], world["injuries"], as_of
    ),
    ins={
        "player_game_summary": days_before(CAREER_DAYS, columns=GAME_COLUMNS),
        "injuries": days_before(HISTORY_DAYS, through=0),
    },
)
def expected_absences(
    context: dg.AssetExecutionContext,
    upcoming_players: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    injuries: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """The expected absences of the date's games."""
    dates = dates_of(context)
    span = days(min(dates) - timedelta(days=HISTORY_DAYS), max(dates))
    entries = with_unclear(injuries, warehouse.scan_quarantine(TABLES["injuries"], span).collect())
    return expected_absences_of(upcoming_players, player_game_summary, entries, clock.as_of)


checks = checks_of(TABLE)
