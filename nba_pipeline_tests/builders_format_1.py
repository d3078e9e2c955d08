"""Homes of format 1, as the version before `market` left them."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.grades import grade_predictions
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.migration import RENAMED
from nba_pipeline_tests.builders import DAY, at
from nba_pipeline_tests.builders_predictions import a_finished_game, a_prediction, predictions_of

NEXT = DAY + timedelta(days=1)
NOON = at(17)

COLUMNS_OF_FORMAT_1 = {
    "predictions": (
        "game_date", "game_id", "player_id", "system_id", "run_kind", "version", "prediction_id", "player_name", "team", "opponent",
        "predicted_points", "line", "line_half_points", "book", "line_snapshot_at", "line_source", "edge", "recommendation",
        "is_actionable", "reasons", "quality_score", "features_hash", "feature_version", "injury_status", "model_id",
        "system_version", "made_at", "tipoff_at", "is_before_tipoff", "source", "as_of", "code_version",
    ),
    "grades": (
        "game_date", "game_id", "player_id", "system_id", "run_kind", "grade_version", "prediction_id", "predicted_points", "line",
        "recommendation", "did_play", "points", "minutes", "error_points", "absolute_error_points", "margin", "outcome",
        "is_correct", "void_reason", "regrade_reason", "source", "as_of", "code_version",
    ),
}  # fmt: skip


ADDED_LATER = {
    "teammates_listed", "adjusted_line", "plays_probability", "standard_deviation", "over_probability", "probability_reason",
    "market_over_probability", "price", "best_price", "best_price_book", "best_price_source", "price_edge", "expected_value",
    "best_expected_value", "prices_snapshot_at",
    *(f"{kind}_{side}_probability" for kind in ("model", "blended") for side in ("over", "push", "under")),
}  # fmt: skip
"""Nullable columns that the ledgers gained since format 2: a conversion does not add them."""


def ledgers() -> dict[Table, pl.DataFrame]:
    """Predictions of a date in the present shape, one of them in two versions and one without a line, and their grades."""
    bets = [
        a_prediction(),
        a_prediction(version=2, prediction_id="second", line=21.5),
        a_prediction("NO_LINE", player_id=2, line=None),
    ]
    required = {
        "player_name": "Stephen Curry", "team": "GSW", "opponent": "NYK", "is_actionable": False, "quality_score": 100.0,
        "features_hash": "hash", "feature_version": "1", "system_version": "1", "source": "a test", "as_of": NOON,
        "code_version": "2",
    }  # fmt: skip
    made = predictions_of(*(bet | required for bet in bets))
    graded = grade_predictions(made, **a_finished_game()).with_columns(
        pl.lit(NOON).cast(pl.Datetime("us", "UTC")).alias("as_of"), pl.lit("1").alias("code_version")
    )
    return {PREDICTIONS: made, GRADES: graded.select(list(GRADES.dtypes))}


def in_format_1(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as format 1 had them."""
    old = rows.drop("market").rename({new: old for old, new in RENAMED[table.name].items()})
    return old.select(COLUMNS_OF_FORMAT_1[table.name])


def partition_of(home: Path, table: Table, day: object = DAY) -> Path:
    """The file of a partition."""
    return home / "tables" / table.name / f"game_date={day}" / "part.parquet"


def a_home_of_format_1(home: Path) -> Path:
    """Both ledgers with a date of rows and a date without."""
    for table, rows in ledgers().items():
        for day, part in ((DAY, rows), (NEXT, rows.clear())):
            file = partition_of(home, table, day)
            file.parent.mkdir(parents=True)
            in_format_1(table, part).write_parquet(file)
    return home
