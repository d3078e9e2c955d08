"""The walk-forward replay: week by week, train on earlier weeks, forecast the week's lined players, then read their results.

The training rule is that of `points_model`: all player-games before the week's Monday. The result is a forecast, because the
models and forecasts of a week are recorded before any of its results is read.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from nba_pipeline.assets.predictions.points_model import check_training_rows, training_rows
from nba_pipeline.errors import PipelineError
from nba_pipeline.evaluation.source import PLAYER_GAME, Source
from nba_pipeline.league.calendar import week_of
from nba_pipeline.systems.combination import Combination
from nba_pipeline.systems.interface import System, TrainedSystem
from nba_pipeline.systems.training import split
from nba_pipeline.warehouse.model_store import identify

FORECAST = ("game_date", *PLAYER_GAME, "system_id", "predicted_value", "reasons")
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Trained:
    """A model, and the entry that describes it in the manifest."""

    fitted: Any
    entry: Mapping[str, Any]


@dataclass(frozen=True)
class Week:
    """The forecasts of one week, and the results of its players who played."""

    monday: date
    forecasts: pl.DataFrame
    outcomes: pl.DataFrame
    models: Mapping[str, Trained]


def walk(
    source: Source,
    lined: pl.DataFrame,
    systems: Sequence[System],
    refit_weeks: Mapping[str, int],
    record: Callable[[Mapping[str, Any]], None],
) -> Iterator[Week]:
    """Yields the weeks with lined players, in order.

    Args:
        source: The stored rows.
        lined: One row per lined player and game: game_date, key and adjusted_line. No outcomes.
        systems: A combination comes after its members.
        refit_weeks: system -> weeks with lines between two trainings; 1 if absent.
        record: Receives the entry of a week (its models and the hash of its forecasts) before its results are read.
    """
    dates, models = source.game_dates(), dict[str, Trained]()
    history, read_until = _Rows(), date.min
    for number, monday in enumerate(lined["game_date"].dt.truncate("1w").unique().sort().to_list()):
        history.add(source, [day for day in dates if read_until <= day < monday])
        read_until = monday
        for system in systems:
            if isinstance(system, TrainedSystem) and number % refit_weeks.get(system.system_id, 1) == 0:
                models[system.system_id] = train(system, history.features, history.outcomes, monday)
        lined_of_week = lined.filter(pl.col("game_date").is_between(monday, monday + WEEK, closed="left"))
        of_week = lined_of_week["game_date"].unique().sort().to_list()
        features = source.features(of_week)
        rows = features.join(lined_of_week.select(PLAYER_GAME), on=PLAYER_GAME, how="semi", maintain_order="left")
        predicted = forecasts(systems, rows, models, lined_of_week)
        record(_entry(monday, predicted, models, features))
        yield Week(monday, predicted, source.outcomes(of_week), dict(models))


class _Rows:
    """The features and results of the dates that the replay has passed."""

    features: pl.DataFrame = pl.DataFrame()
    outcomes: pl.DataFrame = pl.DataFrame()

    def add(self, source: Source, dates: Sequence[date]) -> None:
        """Reads more dates."""
        self.features = pl.concat([self.features, source.features(dates)], how="diagonal_relaxed")
        self.outcomes = pl.concat([self.outcomes, source.outcomes(dates)], how="diagonal_relaxed")


def train(system: TrainedSystem, features: pl.DataFrame, outcomes: pl.DataFrame, monday: date) -> Trained:
    """Returns the week's model of a system, without a fitted model if there are too few rows.

    Raises PipelineError for a training row of the week or later.
    """
    rows = training_rows(features, outcomes, monday, system)
    last = rows["game_date"].max()
    if isinstance(last, date) and last >= week_of(monday):
        raise PipelineError(f"{system.system_id}: the training rows of the week of {monday} reach to {last}")
    training, validation = split(rows, system)
    entry = {"rows": rows.height, "train_end_date": str(last) if last else None}
    if rows.height < system.training.least_rows or training.is_empty():
        return Trained(None, {**entry, "model_id": None})
    check_training_rows(rows, system)
    parameters = {**system.parameters, "validation_days": system.training.validation_days}
    model_id = identify(rows, parameters, system.reads, system.library_version)
    fitted = system.fit(system.sample(training if system.stops_early else rows), system.sample(validation))
    return Trained(fitted, {**entry, "model_id": model_id})


def forecasts(systems: Sequence[System], rows: pl.DataFrame, models: Mapping[str, Trained], lines: pl.DataFrame) -> pl.DataFrame:
    """Returns `FORECAST` of each system for each row of `features` that it predicts."""
    by_system = dict[str, pl.DataFrame]()
    for system in systems:
        if isinstance(system, Combination):
            by_system[system.system_id] = system.combine(by_system, lines)
        elif isinstance(system, TrainedSystem):
            usable = system.predictable(rows) if models[system.system_id].fitted is not None else rows.clear()
            by_system[system.system_id] = system.forecast_rows(models[system.system_id].fitted, usable)
        else:
            by_system[system.system_id] = system.predict(rows)
    dates = rows.select("game_date", *PLAYER_GAME)
    parts = [
        frame.select(*PLAYER_GAME, pl.col("predicted_value").cast(pl.Float64), pl.col("reasons").cast(pl.List(pl.String)))
        .with_columns(pl.lit(system_id).alias("system_id"))
        .join(dates, on=PLAYER_GAME)
        for system_id, frame in by_system.items()
    ]
    return pl.concat(parts).select(FORECAST).sort("system_id", "game_date", *PLAYER_GAME)


def _entry(monday: date, predicted: pl.DataFrame, models: Mapping[str, Trained], features: pl.DataFrame) -> dict[str, Any]:
    versions = features["code_version"].unique().drop_nulls().sort().to_list() if "code_version" in features.columns else []
    return {
        "week": str(monday),
        "models": {name: model.entry for name, model in models.items()},
        "forecasts": predicted.height,
        "forecasts_sha256": frame_hash(predicted.drop("reasons")),
        "feature_versions": versions,
    }


def frame_hash(frame: pl.DataFrame) -> str:
    """Returns the SHA-256 of the rows of a frame, in their order. Floats keep every bit."""
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()
