"""Decides whether the models of the current week must be trained: they are overdue or unreadable, and the season is on."""

from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.league.calendar import days, eastern, eastern_date, week_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import TRAINED_SYSTEMS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.partitions import recovering

TRAINING_HOUR = 5
"""Eastern hour of Monday from which the week's models are due."""


def untrained_week(
    instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime, store: ModelStore | None = None
) -> date | None:
    """Returns the Monday of the current week if its models are overdue, unreadable or lack a system; else None.

    They are due at 05:00 Eastern on Monday.
    """
    week = week_of(eastern_date(now))
    due_at = eastern(week, TRAINING_HOUR)
    if now < due_at + timedelta(minutes=SETTINGS.patience.grace_minutes):
        return None
    trained_at = materialized_at(instance, "points_model", week)
    is_trained = trained_at is not None and trained_at >= due_at and has_models(warehouse, week, store)
    return week if not is_trained and needs_models(warehouse, week) else None


def has_models(warehouse: Warehouse, week: date, store: ModelStore | None) -> bool:
    """Whether `points_model` has a readable row of the week for each trained system, and the store has each of their models."""
    table = TABLES["points_model"]
    warehouse.check([table], [week])
    return week in attempted_weeks(warehouse.scan(table, [week]).select("game_date", "system_id", "model_id").collect(), store)


def attempted_weeks(rows: pl.DataFrame, store: ModelStore | None) -> set[date]:
    """Returns the weeks of rows of `points_model` that have each trained system, and whose models the store has.

    A system without a model counts if its row has the reason. A home of an earlier version lacks the rows of newer systems.
    """
    systems = {system.model_name for system in TRAINED_SYSTEMS}
    lost = {model_id for model_id in rows["model_id"].drop_nulls().unique() if store is not None and not store.has(model_id)}
    by_week = rows.group_by("game_date").agg("system_id", "model_id").iter_rows()
    return {week for week, names, models in by_week if systems <= set(names) and lost.isdisjoint(models)}


def needs_models(warehouse: Warehouse, week: date) -> bool:
    """Whether the schedule has a game in the week or the previous one. Out of season, no models are needed."""

    def games() -> pl.DataFrame:
        return warehouse.scan(TABLES["schedule"], days(week - timedelta(days=7), week + timedelta(days=6))).collect()

    return not recovering(games).filter(pl.col("status") != "postponed").is_empty()
