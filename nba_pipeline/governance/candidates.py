"""Why a slate has no candidates for picks."""

import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.formulas.prediction_versions import PREDICTED
from nba_pipeline.governance.roles import champion_of, read_decisions
from nba_pipeline.warehouse import Warehouse

SIDES = ("OVER", "UNDER")


def champion_or_reason(warehouse: Warehouse) -> tuple[str, str]:
    """Returns the champion, or an empty string and why it is unknown."""
    try:
        return champion_of(read_decisions(warehouse)), ""
    except PipelineError as error:
        return "", f"the champion is unknown: {error}"


def reason_without_candidates(predictions: pl.DataFrame, champion: str) -> str:
    """Returns why the champion has no prediction with a side; empty if it has one, or if no system has predictions.

    `predictions` are those of one date, in all versions.
    """
    of_champion = predictions.filter(pl.col("system_id") == champion).sort("version").group_by("game_date", *PREDICTED).last()
    calls = of_champion["recommendation"].value_counts().sort("count", "recommendation", descending=[True, False])
    if predictions.is_empty() or set(calls["recommendation"]) & set(SIDES):
        return ""
    numbers = ", ".join(f"{count} {call}" for call, count in calls.iter_rows())
    return f"no candidate: {champion} has {numbers or 'no predictions'}"
