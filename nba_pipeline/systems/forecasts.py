"""Runs the systems on rows of `features`: forecasts with model and quality, and the reasons for rows without a forecast.

The arithmetic of a system belongs in its module.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import polars as pl

from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems.combination import Combination
from nba_pipeline.systems.interface import PLAYER_GAME, System, TrainedModel

Models = Mapping[tuple[date, str], TrainedModel]
"""(Monday of the week, `model_name` of the system) -> the week's model. Weeks without a model are missing."""

Closed = Mapping[str, Sequence[date]]
"""system_id -> the dates on which too few players have what the system requires."""

NOT_READY = "the slate is closed: too few players have what the system requires"

FORECAST: Mapping[str, pl.DataType] = {
    "game_id": pl.String(), "player_id": pl.Int64(), "predicted_value": pl.Float64(), "reasons": pl.List(pl.String()),
    "model_id": pl.String(), "has_short_history": pl.Boolean(), "trained_through": pl.Date(),
}  # fmt: skip
ONE_MISSING_CAP, MANY_MISSING, MANY_MISSING_CAP = 69.0, 5, 49.0
"""Highest quality with one to four missing features of `required_for_betting`, and with five or more."""


def forecasts(
    systems: Sequence[System], rows: pl.DataFrame, models: Models, lines: pl.DataFrame, closed: Closed
) -> dict[str, pl.DataFrame]:
    """Returns, per system, one row for each row of `rows` that it predicts.

    Args:
        systems: A combination comes after its members.
        rows: Rows of `features`.
        models: The trained models, by week and system.
        lines: One row per player and game, with `adjusted_line`.
        closed: system_id -> the dates on which too few players have what the system requires.
    """
    made = dict[str, pl.DataFrame]()
    for system in systems:
        open_rows = rows.filter(~pl.col("game_date").is_in(list(closed.get(system.system_id, ()))))
        made[system.system_id] = (
            _combined(system, open_rows, made, lines)
            if isinstance(system, Combination)
            else _forecasts(system, open_rows, models)
        )
    return made


def reasons_without_forecast(
    systems: Sequence[System], rows: pl.DataFrame, models: Models, made: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Returns game_id, player_id, system_id and reason, for each row and system that does not predict it."""
    return pl.concat([_why_not(system, rows, models, made) for system in systems])


def joined_reasons(systems: Sequence[System], reasons: pl.DataFrame) -> pl.DataFrame:
    """Returns game_id, player_id and by_system: the reasons as one text, without those of combinations."""
    single_systems = [system.system_id for system in systems if not isinstance(system, Combination)]
    text = pl.format("{}: {}", "system_id", "reason").str.join("; ").alias("by_system")
    return reasons.filter(pl.col("system_id").is_in(single_systems)).group_by(PLAYER_GAME, maintain_order=True).agg(text)


def absent_models(systems: Sequence[System], rows: pl.DataFrame, models: Models) -> list[str]:
    """Returns one message per week and system that has rows of `features` but no model, with the command that trains it."""
    week, names = pl.col("game_date").dt.truncate("1w").alias("week"), [s.model_name for s in systems if s.needs_model]
    dates = rows.group_by(week).agg(pl.col("game_date").min().alias("first"), pl.col("game_date").max().alias("last"))
    return [
        f"{name}: no model for the week of {week}; next: nba-pipeline backfill --from {first} --to {last}"
        for week, first, last in dates.sort("week").iter_rows()
        for name in names
        if (week, name) not in models
    ]


def _weeks(rows: pl.DataFrame) -> list[date]:
    return rows["game_date"].dt.truncate("1w").unique().sort().to_list()


def _served(system: System, rows: pl.DataFrame, models: Models) -> Iterator[tuple[pl.DataFrame, TrainedModel | None]]:
    """Yields rows with their model. A system without models serves every row; weeks without a model are skipped."""
    if not system.needs_model:
        yield rows, None
        return
    for week in _weeks(rows):
        if model := models.get((week, system.model_name)):
            yield rows.filter(pl.col("game_date").dt.truncate("1w") == week), model


def _forecasts(system: System, rows: pl.DataFrame, models: Models) -> pl.DataFrame:
    """Returns one row for each row that the system predicts, with forecast, model, system and quality."""
    parts = [
        system.predict(served, model).with_columns(
            pl.lit(model.card.model_id if model else None, pl.String).alias("model_id"),
            pl.lit(model is not None and _has_short_history(model)).alias("has_short_history"),
            pl.lit(model.card.train_end_date if model else None, pl.Date).alias("trained_through"),
        )
        for served, model in _served(system, rows, models)
    ]
    return _with_system(pl.concat([pl.DataFrame(schema=FORECAST), *parts]), system, rows)


def _combined(system: Combination, rows: pl.DataFrame, made: Mapping[str, pl.DataFrame], lines: pl.DataFrame) -> pl.DataFrame:
    """Returns the forecasts of a combination. `model_id` joins the models of its members."""
    of_rows = {name: made[name].join(rows, on=PLAYER_GAME, how="semi", maintain_order="left") for name in system.members}
    models = pl.concat(of_rows.values()).group_by(PLAYER_GAME, maintain_order=True).agg(
        pl.col("model_id").drop_nulls().sort().str.join("+"), pl.col("has_short_history").any(),
        pl.col("trained_through").min()
    )  # fmt: skip
    forecast = system.combine(of_rows, lines).join(models, on=PLAYER_GAME, how="left", maintain_order="left")
    return _with_system(forecast.select(*FORECAST), system, rows)


def _with_system(forecast: pl.DataFrame, system: System, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds quality, system and version to the forecasts of a system."""
    return forecast.join(_quality(system, rows), on=PLAYER_GAME).with_columns(
        pl.lit(system.system_id).alias("system_id"), pl.lit(system.version).alias("system_version")
    )


def _has_short_history(model: TrainedModel) -> bool:
    window = model.card.train_end_date - model.card.train_start_date
    return window.days < SETTINGS.training.least_days


def _why_not(system: System, rows: pl.DataFrame, models: Models, made: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Returns one row for each row that the system does not predict: game_id, player_id, system_id, reason."""
    own = made[system.system_id]
    known = system.why_not_combined(rows, own, made) if isinstance(system, Combination) else _why_not_alone(system, rows, models)
    others = rows.select(PLAYER_GAME).join(own, on=PLAYER_GAME, how="anti").join(known, on=PLAYER_GAME, how="anti")
    return pl.concat([known, others.with_columns(pl.lit(NOT_READY).alias("reason"))]).select(
        *PLAYER_GAME, pl.lit(system.system_id).alias("system_id"), "reason"
    )


def _why_not_alone(system: System, rows: pl.DataFrame, models: Models) -> pl.DataFrame:
    """Returns game_id, player_id and reason per row without the required features, or without a model for its week."""
    without = [week for week in _weeks(rows) if system.needs_model and (week, system.model_name) not in models]
    week = pl.col("game_date").dt.truncate("1w")
    modelless = pl.format("no model for the week of {}", week).alias("reason")
    return pl.concat(
        [
            system.why_not(rows.filter(~week.is_in(without))),
            rows.filter(week.is_in(without)).select(*PLAYER_GAME, modelless),
        ]
    )


def _quality(system: System, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns per row the capped quality score and whether a feature required for betting is missing.

    The score is 100 x the known share of the features that the system reads.
    """
    known = 100 * pl.mean_horizontal(pl.col(name).is_not_null() for name in system.reads)
    missing = pl.sum_horizontal(pl.col(name).is_null() for name in system.required_for_betting)
    cap = pl.when(missing >= MANY_MISSING).then(MANY_MISSING_CAP).when(missing > 0).then(ONE_MISSING_CAP).otherwise(100.0)
    return rows.select(*PLAYER_GAME, pl.min_horizontal(known, cap).alias("quality_score"), (missing > 0).alias("lacks_required"))
