"""Derives features from sources in memory with the functions of the assets. Used by audits and benchmarks.

A feature table declares its derivation with `recompute`. Transforms belong to the module of their table. This module neither
calls providers nor writes to the warehouse.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.assets.features.player_form import HISTORY_DAYS
from nba_pipeline.assets.features.upcoming_players import with_unnamed
from nba_pipeline.assets.sources import (
    boxscores,
    game_lines,
    injuries,
    play_by_play,
    prop_lines,
    rosters,
    schedule,
    team_boxscores,
)
from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.assets.summaries.team_game_summary import summarize_team_games
from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.availability import with_unclear
from nba_pipeline.league.calendar import days
from nba_pipeline.tables.declarations import daily_tables, declared
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse

SOURCES: Mapping[str, Table] = {
    **{
        module.TABLE.name: module.TABLE
        for module in (schedule, boxscores, team_boxscores, play_by_play, prop_lines, game_lines, injuries, rosters)
    },
    gates.WAIVERS.name: gates.WAIVERS,
}
"""Tables that everything is derived from, including the waivers of closed gates."""

World = Mapping[str, pl.DataFrame]
"""Table name -> rows."""


def sources_before(warehouse: Warehouse, dates: Sequence[date]) -> World:
    """Returns the sources of the dates and of the history that their features read.

    `injuries` and `rosters` include quarantined rows, as `upcoming_players` reads them.
    """
    span = days(min(dates) - timedelta(days=HISTORY_DAYS), max(dates))
    world = {name: warehouse.scan(table, span).collect() for name, table in SOURCES.items()}
    of_injuries, of_rosters = (warehouse.scan_quarantine(table, span).collect() for table in (injuries.TABLE, rosters.TABLE))
    return {
        **world,
        "injuries": with_unclear(world["injuries"], of_injuries),
        "rosters": with_unnamed(world["rosters"], of_rosters),
    }


def summaries_of(world: World, as_of: datetime) -> World:
    """Returns the world with the valid summaries of complete games on dates whose gate is open or waived."""
    games, boxes = world["schedule"], world["boxscores"]
    try:
        complete, _ = gates.eligible_games(games, boxes, world["waivers"], games["game_date"].unique().to_list(), as_of)
    except Closed:
        complete = []
    is_complete = pl.col("game_id").is_in(complete)
    player_games = summarize_player_games(boxes.filter(is_complete), world["play_by_play"], world["prop_lines"])
    player_games = valid_rows("player_game_summary", player_games)
    team_games = summarize_team_games(world["team_boxscores"].filter(is_complete), player_games, world["play_by_play"], games)
    return {**world, "player_game_summary": player_games, "team_game_summary": valid_rows("team_game_summary", team_games)}


def valid_rows(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows that satisfy the schema of a table, without the rows that would be quarantined."""
    schema, key = TABLES[name].schema, list(TABLES[name].key)
    good, _ = schema.filter(rows.select(schema.column_names()), cast=True)
    return rows.join(good.select(key), on=key, how="semi", maintain_order="left")


def features_from(world: World, dates: Sequence[date], as_of: datetime) -> World:
    """Returns the world with the feature tables of the dates. Raises Closed when the gates of all slates are closed."""
    derived = dict(world)
    for name in daily_tables("features"):
        recompute = declared()[name].recompute
        assert recompute is not None, name  # required of every feature table
        derived[name] = recompute(derived, dates, as_of)
    return derived


def derive(world: World, dates: Sequence[date], as_of: datetime) -> World:
    """Returns the world with all summary and feature tables of the dates. Raises Closed when all gates are closed."""
    return features_from(summaries_of(world, as_of), dates, as_of)
