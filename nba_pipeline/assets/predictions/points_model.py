"""points_model: the trained model of each week, its training window and its errors on the validation days.

Grain: one row per training week and system
Source: features and player_game_summary of dates before the week
Caveats: the only weekly table; `game_date` is the Monday of the week; `model_id` is null, with the reason, in a week
  without enough rows; for CatBoost the validation days determine the number of trees, so the error on these days does not
  estimate the error on new games.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import every_date, weekly_asset
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.assets.features.features import FeatureRows
from nba_pipeline.assets.sources.boxscores import BoxscoreRows
from nba_pipeline.completeness import history
from nba_pipeline.errors import Permanent
from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.instance.partitions import WEEKLY
from nba_pipeline.systems import TRAINED_SYSTEMS
from nba_pipeline.systems.drift import feature_ranges
from nba_pipeline.systems.interface import PLAYER_GAME, Card, TrainedSystem
from nba_pipeline.systems.training import mean_absolute_error, mean_error, refuse_the_label, split, window
from nba_pipeline.tables.table import Row, Table, number
from nba_pipeline.tables.value_checks import summary, value_problem
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.model_store import ModelStore, golden, identify


class PointsModelRows(Row):
    """Columns of `points_model`."""

    system_id = dy.String(
        description="system that predicts with the model; with the statistic, as linear_median_rebounds, for another market than points"
    )
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
    feature_ranges = dy.String(
        nullable=True,
        description="JSON: feature -> low and high end of the central 99 % of the training rows, and share of nulls; null without "
        "a model and in rows of earlier versions",
    )


TABLE = Table("points_model", grain="training week and system", key=("game_date", "system_id"), schema=PointsModelRows)

SOURCE = "features, player_game_summary"

SUMMARY = ("rows", "columns", "null_pct", "summary")
SUMMARY_COLUMNS = ("game_date", *PLAYER_GAME, "did_play", *STATISTICS.values(), "code_version")
Summary = Mapping[str, Any]
"""Metadata of a training: SUMMARY describes its rows, `importances` and `card` its model."""
MOST_IMPORTANCES = 30
ROWS_OF_THE_CARD = {"golden_rows", "golden_outputs", "feature_ranges", "feature_types", "importances", "features"}
"""Fields of a card that are too long for the UI, or shown separately."""


def train_week(
    features: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    week: date,
    store: ModelStore,
    system: TrainedSystem,
    report: Callable[[Summary], object] = lambda _: None,
) -> pl.DataFrame:
    """Returns the week's row of one system. Saves the model to the store, unless the store already has it.

    `report` receives the metadata of the training. Raises Permanent if the training rows fail their checks.
    """
    rows = training_rows(features, player_game_summary, week, system)
    summary_of_rows = check_training_rows(rows, system)
    training, validation = split(rows, system)
    needed = system.training.least_rows
    if rows.height < needed or training.is_empty():
        report(summary_of_rows)
        return _row(week, system, rows, reason=f"bootstrap: {rows.height} rows, needs {needed}")
    parameters = {**system.parameters, "validation_days": system.training.validation_days}
    model_id = identify(rows, parameters, system.reads, system.library_version)
    if not store.has(model_id):
        last = system.sample(validation)
        model = system.fit(system.sample(training), last)
        forecast = system.forecast(model, validation)
        if not system.stops_early:  # the errors in the card come from the model that was fitted without the validation rows
            model = system.fit(system.sample(rows), last)
        card = _card(model_id, system, model, rows, validation, forecast)
        store.save(system, model, card.model_copy(update=_versions(features, player_game_summary, week, system)))
    card = store.load(model_id, system).card
    report({**summary_of_rows, **card_metadata(card)})
    errors = ("validation_rows", "trees", "validation_mean_absolute_error", "season_mean_absolute_error")
    ranges = json.dumps(card.feature_ranges) if card.feature_ranges else None
    of_card = {name: getattr(card, name) for name in errors}
    return _row(week, system, rows, model_id=model_id, feature_ranges=ranges, **of_card)


def training_rows(features: pl.DataFrame, player_game_summary: pl.DataFrame, week: date, system: TrainedSystem) -> pl.DataFrame:
    """Returns one row per player who played in a game before the week and has the required features."""
    label = system.label
    truth = player_game_summary.filter(pl.col("did_play")).select(*PLAYER_GAME, pl.col(label).cast(pl.Float64))
    reads = [name for name in system.reads if name != label]
    return (
        system.learnable(features.filter(pl.col("game_date") < week))
        .join(truth, on=PLAYER_GAME, how="inner")
        .sort("game_date", *PLAYER_GAME)
        .select("game_date", *PLAYER_GAME, pl.col(reads).cast(pl.Float64), label)
    )


def check_training_rows(rows: pl.DataFrame, system: TrainedSystem) -> Summary:
    """Returns a summary of the training rows: the features that the system reads, then the label.

    Raises Permanent, with column and value, for a feature out of its range, a value that is not finite, an unknown label, or
    the label among the features.
    """
    refuse_the_label(rows, system)
    schema, label = FeatureRows.columns(), system.label
    least = BoxscoreRows.columns()[label].min  # type: ignore[attr-defined]  # an Int64 column
    truth = dy.Float64(min=least, max=system.market.record, description=f"{label} of the game")
    columns = {name: schema[name] for name in system.reads} | {label: truth}
    if problem := value_problem(rows, columns):
        raise Permanent(f"{system.model_name}_training: {problem}")
    return summary(rows.select(*columns))


def card_metadata(card: Card) -> Summary:
    """Returns the model's card for Dagster's UI: its importances as a table, largest first, and its other facts as JSON."""
    facts: dict[str, Any] = {"card": dg.MetadataValue.json(card.model_dump(mode="json", exclude=ROWS_OF_THE_CARD))}
    if card.importances:
        largest = sorted(card.importances.items(), key=lambda item: -item[1])[:MOST_IMPORTANCES]
        schema = dg.TableSchema([dg.TableColumn("feature", "string"), dg.TableColumn("share", "float")])
        records = [dg.TableRecord({"feature": name, "share": round(share, 4)}) for name, share in largest]
        facts["importances"] = dg.MetadataValue.table(records, schema=schema)
    return facts


def _card(
    model_id: str, system: TrainedSystem, model: Any, rows: pl.DataFrame, validation: pl.DataFrame, forecast: pl.Series
) -> Card:
    first, last = window(rows)
    sample = rows.tail(system.training.golden_rows)
    return Card(
        model_id=model_id,
        system_id=system.model_name,
        system_version=system.version,
        features=system.reads,
        library_version=system.library_version,
        parameters=dict(system.parameters),
        train_start_date=first,
        train_end_date=last,
        rows=rows.height,
        validation_rows=validation.height,
        trees=system.trees(model),
        validation_mean_absolute_error=mean_absolute_error(forecast, validation, system.label),
        validation_mean_error=mean_error(forecast, validation, system.label),
        season_mean_absolute_error=mean_absolute_error(validation[system.season_mean], validation, system.label),
        golden_rows=golden(sample, system.reads),
        golden_outputs=system.forecast(model, sample).to_list(),
        feature_ranges=feature_ranges(rows, system.reads),
        importances=system.importances(model),
    )


def _versions(features: pl.DataFrame, player_game_summary: pl.DataFrame, week: date, system: TrainedSystem) -> dict[str, Any]:
    """Returns the card's fields that identify the code and the data of the training."""
    inputs = {"features": features, "player_game_summary": player_game_summary}
    known = {name: rows.filter(pl.col("game_date") < week) for name, rows in inputs.items() if "code_version" in rows.columns}
    schema = features.schema
    return {
        "feature_types": {name: str(schema[name]) for name in system.reads},
        "code_version": code_version(TABLE.name),
        "data_versions": {name: tuple(rows["code_version"].unique().sort()) for name, rows in known.items()},
    }


def _row(week: date, system: TrainedSystem, rows: pl.DataFrame, **fields: Any) -> pl.DataFrame:
    first, last = (None, None) if rows.is_empty() else window(rows)
    values = {
        "game_date": week, "system_id": system.model_name, "train_start_date": first, "train_end_date": last,
        "rows": rows.height, "validation_rows": 0, "features": list(system.reads),
        "library_version": system.library_version, "source": SOURCE, **fields,
    }  # fmt: skip
    schema = {name: kind for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")}
    return pl.DataFrame([values], schema=schema)


@weekly_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"catboost", "xgboost"},
    ins={"features": every_date(), "player_game_summary": every_date(SUMMARY_COLUMNS)},
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
        | {f"training_frame_{what}": summaries[0][what] for what in SUMMARY if what in summaries[0]}
        | {
            f"{system.model_name}_{what}": of_system[what]
            for system, of_system in zip(TRAINED_SYSTEMS, summaries, strict=True)
            for what in ("importances", "card")
            if what in of_system
        }
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


def without_models(warehouse: Warehouse, weeks: Sequence[date]) -> tuple[list[str], list[str]]:
    """Returns a message for each system without a model for one of the weeks, and for each whose model is not expected yet."""
    rows = warehouse.scan(TABLE, weeks).filter(pl.col("model_id").is_null()).collect()
    least_games = {system.model_name: system.least_season_games for system in TRAINED_SYSTEMS}
    expected = history.weeks_before_models(warehouse, weeks, least_games)
    gaps, early = list[str](), list[str]()
    for week, name, reason in rows.select("game_date", "system_id", "reason").iter_rows():
        (early if (week, name) in expected else gaps).append(f"{name}: {reason}")
    trained = set(warehouse.scan(TABLE, weeks).select("game_date", "system_id").collect().iter_rows())
    gaps += [f"{name}: not trained" for week in weeks for name in least_games if (week, name) not in trained]
    return gaps, early


@dg.asset_check(asset=TABLE.name, partitions_def=WEEKLY, description="Every trained system has a model for the week.")
def every_system_has_a_model(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """A week without enough rows has no model but a reason. It passes while the stored history is too short for a model."""
    weeks = [date.fromisoformat(key) for key in context.partition_keys]
    models = warehouse.scan(TABLE, weeks).filter(pl.col("model_id").is_not_null()).select(pl.len()).collect().item()
    gaps, early = without_models(warehouse, weeks)
    return dg.AssetCheckResult(
        passed=not gaps,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "models": models,
            "missing": dg.MetadataValue.text("\n".join(gaps)),
            "too_little_history": dg.MetadataValue.text("\n".join(early)),
        },
    )
