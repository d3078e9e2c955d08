"""Loads the models in the rows of `points_model` from the model store."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.league.calendar import week_of
from nba_pipeline.warehouse.model_store import ModelStore

if TYPE_CHECKING:
    from nba_pipeline.systems.interface import TrainedModel, TrainedSystem

Models = Mapping[tuple[date, str], "TrainedModel"]
"""(Monday of the week, `model_name` of the system) -> the week's model. Weeks without a model are missing."""


def load_models(
    points_model: pl.DataFrame,
    store: ModelStore,
    systems: "Sequence[TrainedSystem]",
    report: Callable[[str], object] = lambda _: None,
) -> "Models":
    """The models of the weeks that have one, ready to predict.

    A model that is unusable or was trained on its own week is skipped. Its system makes no predictions for that week; other
    systems are not affected. `report` is called with the reason.
    """
    trained = points_model.filter(pl.col("model_id").is_not_null())
    by_name, by_id = {system.model_name: system for system in systems}, dict[str, "TrainedModel"]()
    for system_id, model_id in trained.select("system_id", "model_id").unique(maintain_order=True).iter_rows():
        try:
            if system_id not in by_name:
                raise Permanent(f"model {model_id} belongs to system {system_id}, which does not exist")
            by_id[model_id] = store.load(model_id, by_name[system_id])
        except (PipelineError, OSError) as error:
            report(str(error))
    models = dict[tuple[date, str], "TrainedModel"]()
    for week, system_id, model_id in trained.select("game_date", "system_id", "model_id").iter_rows():
        model = by_id.get(model_id)
        if model is None:
            continue
        if model.card.train_end_date >= week_of(week):
            last = model.card.train_end_date
            report(
                f"{system_id}: model {model_id} is not used: its training rows reach to {last}, which is not before the week of {week}"
            )
            continue
        models[week, system_id] = model
    return models
