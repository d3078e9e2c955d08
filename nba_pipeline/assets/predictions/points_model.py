"""points_model: the trained model of each week, its training window and its errors on the validation days.

Grain: one row per training week and system
Source: features and player_game_summary of dates before the week
Caveats: the only weekly table; `game_date` is the Monday of the week; `model_id` is null, with the reason, in a week
  without enough rows; the validation days determine the number of trees, so their error does not estimate that on new games.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import every_date, weekly_asset
from nba_pipeline.assets.features.features import FeatureRows
from nba_pipeline.assets.sources.boxscores import BoxscoreRows
from nba_pipeline.instance.partitions import WEEKLY
from nba_pipeline.systems import TRAINED_SYSTEMS
from nba_pipeline.systems.interface import PLAYER_GAME, Card, TrainedSystem
from nba_pipeline.tables.pandas_types import checked, frame_type
from nba_pipeline.tables.table import Row, Table, number
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.model_store import ModelStore, golden, identify


class PointsModelRows(Row):
    """Columns of `points_model`."""

    system_id = dy.String(description="system that predicts with the model")
    model_id = dy.String(nullable=True, description="hash of rows, features, parameters and library: same id, same predictions")
    reason = dy.String(nullable=True, description="reason why no model was trained")
    train_start_date = dy.Date(nullable=True, description="first game date in the window")
    train_end_date = dy.Date(nullable=True, description="last game date in the window; before the week")
    rows = dy.Int64(min=0, description="player-games in the window")
    validation_rows = dy.Int64(min=0, description="player-games of the last days, for early stopping")
    trees = dy.Int64(nullable=True, min=1, description="trees kept; null for a model without trees")
    validation_mean_absolute_error = number("points, on the validation rows", 0, 30)
    season_mean_absolute_error = number("points, of the season's mean on the same rows", 0, 30)
    features = dy.List(dy.String(), description="signature: names in order")
    library_version = dy.String(description="version of the library, or of the file format of a model without one")


TABLE = Table("points_model", grain="training week and system", key=("game_date", "system_id"), schema=PointsModelRows)

SOURCE = "features, player_game_summary"
WINDOW_DAYS_PER_VALIDATION_DAY = 5
"""Least ratio in a short window, so that training gets more days than validation."""
MOST_POINTS = 100
"""The NBA record for one game (Wilt Chamberlain, 2 March 1962)."""

Summary = Mapping[str, dg.MetadataValue]


def train_week(
    features: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    week: date,
    store: ModelStore,
    system: TrainedSystem,
    report: Callable[[Summary], object] = lambda _: None,
) -> pl.DataFrame:
    """Returns the week's row of one system. Saves the model to the store, unless the store already has it.

    `tell` receives the summary of the training frame. Raises Permanent if the frame fails its checks.
    """
    rows = training_rows(features, player_game_summary, week, system)
    frame, summary = training_frame(rows, system)
    report(summary)
    training, validation = split(rows, system)
    needed = system.training.least_rows
    if rows.height < needed or training.is_empty():
        return _row(week, system, rows, reason=f"bootstrap: {rows.height} rows, needs {needed}")
    parameters = {**system.parameters, "validation_days": system.training.validation_days}
    model_id = identify(rows, parameters, system.reads, system.library_version)
    if not store.has(model_id):
        # Rows are sorted by date: the training rows come first, the validation rows last.
        last = frame.iloc[rows.height - validation.height :]
        booster = system.fit(frame.iloc[: training.height], last)
        forecast = system.forecast(booster, validation)
        if not system.stops_early:  # the errors in the card come from the model that was fitted without the validation rows
            booster = system.fit(frame, last)
        store.save(system, booster, _card(model_id, system, booster, rows, validation, forecast))
    card = store.load(model_id, system).card
    return _row(
        week,
        system,
        rows,
        model_id=card.model_id,
        validation_rows=card.validation_rows,
        trees=card.trees,
        validation_mean_absolute_error=card.validation_mean_absolute_error,
        season_mean_absolute_error=card.season_mean_absolute_error,
    )


def training_rows(features: pl.DataFrame, player_game_summary: pl.DataFrame, week: date, system: TrainedSystem) -> pl.DataFrame:
    """Returns one row per player who played in a game before the week and has the required features."""
    truth = player_game_summary.filter(pl.col("did_play")).select(*PLAYER_GAME, pl.col("points").cast(pl.Float64))
    return (
        system.learnable(features.filter(pl.col("game_date") < week))
        .join(truth, on=PLAYER_GAME, how="inner")
        .sort("game_date", *PLAYER_GAME)
        .select("game_date", *PLAYER_GAME, pl.col(system.reads).cast(pl.Float64), "points")
    )


def training_frame(rows: pl.DataFrame, system: TrainedSystem) -> tuple[Any, Summary]:
    """Returns the system's training data as a pandas frame, and its summary. The columns are `reads` in order, then `points`.

    Raises Permanent, with column and value, for a feature out of its range, a value that is not finite or unknown points.
    """
    schema = FeatureRows.columns()
    least = BoxscoreRows.columns()["points"].min  # type: ignore[attr-defined]  # an Int64 column
    points = dy.Float64(min=least, max=MOST_POINTS, description="points scored")
    columns = {name: schema[name] for name in system.reads} | {"points": points}
    kind = frame_type(
        f"{system.system_id}_training", columns, about="One row per player who took part in a game before the week."
    )
    return checked(rows.select(*columns), kind)


def split(rows: pl.DataFrame, system: TrainedSystem) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns training and validation rows. The validation rows are the last days; the slate before them is in neither part."""
    if rows.is_empty():
        return rows, rows
    first, last = _window(rows)
    length = min(system.training.validation_days, ((last - first).days + 1) // WINDOW_DAYS_PER_VALIDATION_DAY)
    validation_starts = last - timedelta(days=max(length, 1) - 1)
    before = rows.filter(pl.col("game_date") < validation_starts)
    slate_between = before["game_date"].max()
    return before.filter(pl.col("game_date") < slate_between), rows.filter(pl.col("game_date") >= validation_starts)


def _card(
    model_id: str, system: TrainedSystem, booster: Any, rows: pl.DataFrame, validation: pl.DataFrame, forecast: pl.Series
) -> Card:
    first, last = _window(rows)
    sample = rows.tail(system.training.golden_rows)
    return Card(
        model_id=model_id,
        system_id=system.system_id,
        system_version=system.version,
        features=system.reads,
        library_version=system.library_version,
        parameters=dict(system.parameters),
        train_start_date=first,
        train_end_date=last,
        rows=rows.height,
        validation_rows=validation.height,
        trees=system.trees(booster),
        validation_mean_absolute_error=_mean_absolute_error(forecast, validation),
        season_mean_absolute_error=_mean_absolute_error(validation[system.season_mean], validation),
        golden_rows=golden(sample, system.reads),
        golden_outputs=system.forecast(booster, sample).to_list(),
    )


def _row(week: date, system: TrainedSystem, rows: pl.DataFrame, **fields: Any) -> pl.DataFrame:
    first, last = (None, None) if rows.is_empty() else _window(rows)
    values = {
        "game_date": week, "system_id": system.system_id, "train_start_date": first, "train_end_date": last,
        "rows": rows.height, "validation_rows": 0, "features": list(system.reads),
        "library_version": system.library_version, "source": SOURCE, **fields,
    }  # fmt: skip
    schema = {name: kind for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")}
    return pl.DataFrame([values], schema=schema)


def _window(rows: pl.DataFrame) -> tuple[date, date]:
    """Returns the first and last game date of non-empty rows that are sorted by date."""
    return rows["game_date"][0], rows["game_date"][-1]


def _mean_absolute_error(forecast: pl.Series, rows: pl.DataFrame) -> float | None:
    """Returns the error over the rows with a forecast; None without any."""
    error: float | None = rows.select((pl.lit(forecast) - pl.col("points")).abs().mean()).item()
    return error


@weekly_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"catboost", "xgboost"},
    ins={"features": every_date(), "player_game_summary": every_date(("game_date", *PLAYER_GAME, "did_play", "points"))},
)
def points_model(
    context: dg.AssetExecutionContext, features: pl.DataFrame, player_game_summary: pl.DataFrame, model_store: ModelStore
) -> pl.DataFrame:
    """One model per trained system, from the dates before the week. A week without enough rows has a row with the reason instead."""
    week = date.fromisoformat(context.partition_key)
    summaries: list[Summary] = []
    rows = pl.concat(
        [train_week(features, player_game_summary, week, model_store, system, summaries.append) for system in TRAINED_SYSTEMS]
    )
    first = rows.row(0, named=True)
    context.add_output_metadata(
        {
            name: first[name]
            for name in ("rows", "trees", "validation_mean_absolute_error", "season_mean_absolute_error")
            if first[name] is not None
        }
        | {f"training_frame_{what}": value for what, value in summaries[0].items()}
        | {
            f"{row['system_id']}_{name}": row[name]
            for row in rows.iter_rows(named=True)
            for name in ("rows", "validation_mean_absolute_error", "season_mean_absolute_error")
            if row[name] is not None
        }
    )
    return rows


@dg.asset_check(asset=TABLE.name, blocking=True, partitions_def=WEEKLY, description="No training row lies in or after the week.")
def training_ends_before_the_week(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """The window of every model ends before its Monday."""
    rows = warehouse.scan(TABLE, [date.fromisoformat(key) for key in context.partition_keys]).collect()
    late = rows.filter(pl.col("train_end_date") >= pl.col("game_date"))
    return dg.AssetCheckResult(passed=late.is_empty(), metadata={"models": rows.height, "late_models": late.height})


@dg.asset_check(asset=TABLE.name, partitions_def=WEEKLY, description="Every trained system has a model for the week.")
def every_system_has_a_model(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """A week without enough rows has no model but a reason."""
    rows = warehouse.scan(TABLE, [date.fromisoformat(key) for key in context.partition_keys]).collect()
    without = rows.filter(pl.col("model_id").is_null())
    names = without.select(pl.format("{}: {}", "system_id", "reason")).to_series().to_list()
    return dg.AssetCheckResult(
        passed=without.is_empty() and rows.height == len(TRAINED_SYSTEMS),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"models": rows.height - without.height, "missing": dg.MetadataValue.text("\n".join(names))},
    )
