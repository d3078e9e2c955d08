"""The graded rows that the gates of a promotion judge, read from the ledgers."""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from nba_pipeline.errors import BadInput
from nba_pipeline.formulas.bets import tier
from nba_pipeline.formulas.promotion import PAIR, Gate, Limits, paired, promotion_gates
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

PREDICTION_COLUMNS = ("prediction_id", "system_id", "blended_over_probability", "blended_push_probability")
GRADE_COLUMNS = ("prediction_id", "system_id", "grade_version", "predicted_value", "line", "recommendation", "actual_value")


def judge_promotion(
    warehouse: Warehouse, today: date, candidate: str, champion: str, members: Collection[str]
) -> tuple[pl.DataFrame, list[Gate]]:
    """Returns the paired rows of the last days and the gates of a promotion.

    `members` are the trained systems that the candidate uses; empty for a system without a model. Raises BadInput if one of
    them was never trained.
    """
    window = days(today - timedelta(days=SETTINGS.governance.evidence_days), today)
    models = warehouse.scan(TABLES["points_model"]).filter(pl.col("model_id").is_not_null()).collect()
    if untrained := sorted(set(members) - set(models["system_id"])):
        raise BadInput(f"system {candidate} cannot be promoted: {untrained[0]} was never trained; next: nba-pipeline reconcile")
    graded = _graded(warehouse, window, [candidate, champion])
    of_candidate = _with_training(graded.filter(pl.col("system_id") == candidate), models, members)
    averages = warehouse.scan(TABLES["features"], window).select("game_date", "game_id", "player_id", "points_mean_season")
    rows = paired(of_candidate, graded.filter(pl.col("system_id") == champion))
    rows = rows.join(averages.collect(), on=["game_date", "game_id", "player_id"], how="left").sort(PAIR)
    limits = Limits(**SETTINGS.governance.gates)
    tiers = tier("points_mean_season", SETTINGS.evaluation.tiers)
    return rows, promotion_gates(rows, limits, tiers, is_trained=bool(members))


def _graded(warehouse: Warehouse, window: Collection[date], systems: Collection[str]) -> pl.DataFrame:
    """Returns the latest grade of each points prediction of the systems, with its probabilities. The gates are in points."""
    is_judged = pl.col("system_id").is_in(list(systems)) & (pl.col("market") == SETTINGS.lines.market)
    grades = warehouse.scan(TABLES["grades"], window).filter(is_judged).select(*PAIR, *GRADE_COLUMNS).collect()
    latest = grades.sort("grade_version").group_by([*PAIR, "system_id"]).last()
    predictions = (
        warehouse.scan(TABLES["predictions"], window).filter(is_judged).select("game_date", *PREDICTION_COLUMNS).collect()
    )
    rows = latest.join(predictions, on=["game_date", "prediction_id", "system_id"])
    return rows.with_columns(pl.col("actual_value").cast(pl.Float64))


def _with_training(rows: pl.DataFrame, models: pl.DataFrame, members: Collection[str]) -> pl.DataFrame:
    """Adds the last date that a model of the row's week was trained on; null for a system without a model."""
    of_members = models.filter(pl.col("system_id").is_in(list(members)))
    weeks = of_members.group_by(pl.col("game_date").alias("week")).agg(pl.col("train_end_date").max().alias("trained_through"))
    return rows.with_columns(pl.col("game_date").dt.truncate("1w").alias("week")).join(weeks, on="week", how="left")
