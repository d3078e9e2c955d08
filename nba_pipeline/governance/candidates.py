"""Why a slate has no candidates for picks."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.errors import PipelineError
from nba_pipeline.formulas.prediction_versions import PREDICTED
from nba_pipeline.governance.roles import champion_of, read_decisions
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

SIDES = ("OVER", "UNDER")


def champion_or_reason(warehouse: Warehouse) -> tuple[str, str]:
    """Returns the champion, or an empty string and why it is unknown."""
    try:
        return champion_of(read_decisions(warehouse)), ""
    except PipelineError as error:
        return "", f"the champion is unknown: {error}"


def reasons_without_candidates(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, str]:
    """Returns date -> why it has no candidate, of the dates with games; empty for a date with candidates."""
    games = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != OFF).select("game_date").collect()
    champion, unknown = champion_or_reason(warehouse)
    names = ("game_date", *PREDICTED, "system_id", "version", "recommendation")
    predictions = warehouse.scan(TABLES["predictions"], dates).select(*dict.fromkeys(names)).collect()
    return {
        day: unknown or reason_without_candidates(predictions.filter(pl.col("game_date") == day), champion)
        for day in games["game_date"].unique()
    }


def reason_without_candidates(predictions: pl.DataFrame, champion: str) -> str:
    """Returns why the champion has no prediction with a side; empty if it has one. `predictions` are those of a date with games."""
    if predictions.is_empty():
        return "no system has predictions"
    of_champion = predictions.filter(pl.col("system_id") == champion).sort("version").group_by("game_date", *PREDICTED).last()
    calls = of_champion["recommendation"].value_counts().sort("count", "recommendation", descending=[True, False])
    if set(calls["recommendation"]) & set(SIDES):
        return ""
    numbers = ", ".join(f"{count} {call}" for call, count in calls.iter_rows())
    return f"{champion} has {numbers or 'no predictions'}"
