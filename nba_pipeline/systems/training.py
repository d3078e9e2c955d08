"""Arithmetic of a system's training: the split into training and validation, the errors, and the check for copied labels.

Reading rows and storing models belong to `assets/predictions/points_model.py`.
"""

from datetime import date, timedelta

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.systems.interface import TrainedSystem

WINDOW_DAYS_PER_VALIDATION_DAY = 5
"""Minimum ratio of window to validation. In a short window it reduces the validation, so that training gets more days."""
LEAST_ROWS_TO_COMPARE = 30
"""A feature that always equals the label is refused from this number of known values on."""


def split(rows: pl.DataFrame, system: TrainedSystem) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns training and validation rows. The validation rows are the last days; the slate before them is in neither part."""
    if rows.is_empty():
        return rows, rows
    first, last = window(rows)
    length = min(system.training.validation_days, ((last - first).days + 1) // WINDOW_DAYS_PER_VALIDATION_DAY)
    validation_starts = last - timedelta(days=max(length, 1) - 1)
    earlier_rows = rows.filter(pl.col("game_date") < validation_starts)
    slate_between = earlier_rows["game_date"].max()
    return earlier_rows.filter(pl.col("game_date") < slate_between), rows.filter(pl.col("game_date") >= validation_starts)


def window(rows: pl.DataFrame) -> tuple[date, date]:
    """Returns the first and last game date of non-empty rows that are sorted by date."""
    return rows["game_date"][0], rows["game_date"][-1]


def mean_absolute_error(forecast: pl.Series, rows: pl.DataFrame, label: str) -> float | None:
    """Returns the error over the rows with a forecast; None without any."""
    error: float | None = rows.select((pl.lit(forecast) - pl.col(label)).abs().mean()).item()
    return error


def mean_error(forecast: pl.Series, rows: pl.DataFrame, label: str) -> float | None:
    """Returns the mean of forecast minus label over the rows with a forecast; None without any."""
    error: float | None = rows.select((pl.lit(forecast) - pl.col(label)).mean()).item()
    return error


def refuse_the_label(rows: pl.DataFrame, system: TrainedSystem) -> None:
    """Raises Permanent for a feature with the label's name, or with the label's value in every row where it is known."""
    label = system.label
    if label in system.reads:
        raise Permanent(f"{system.model_name}_training: the label `{label}` is among the features")
    is_copy = [
        (
            (pl.col(name) == pl.col(label)).all() & (pl.col(name).count() >= LEAST_ROWS_TO_COMPARE) & (pl.col(name).std() > 0)
        ).alias(name)
        for name in system.reads
    ]
    copies = [name for name, copied in rows.select(is_copy).row(0, named=True).items() if copied]
    if copies:
        names = ", ".join(copies)
        raise Permanent(f"{system.model_name}_training: these features equal the label `{label}` in every known row: {names}")
