"""Finds the dates whose performance is older than a grade of an earlier date in one of their windows."""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse


def outdated_performance(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, tuple[list[date], datetime]]:
    """Returns the dates of `system_performance` that are older than the newest grade of an earlier date of their season.

    Maps each date to the dates of these grades and the instant of the newest. Compares the given dates only.
    """

    def instants(table: str, of: pl.Expr) -> pl.DataFrame:
        return warehouse.scan(TABLES[table], dates).group_by("game_date").agg(of).collect().with_columns(season_of_game_date())

    performance = instants("system_performance", pl.col("as_of").min())
    grades = instants("grades", pl.col("as_of").max().alias("graded_at")).rename({"game_date": "graded_date"})
    is_outdated = (pl.col("graded_date") < pl.col("game_date")) & (pl.col("as_of") < pl.col("graded_at"))
    pairs = performance.join(grades, on="season").filter(is_outdated).sort("game_date", "graded_date")
    outdated = pairs.group_by("game_date", maintain_order=True).agg("graded_date", pl.col("graded_at").max())
    return {day: (graded, graded_at) for day, graded, graded_at in outdated.iter_rows()}
