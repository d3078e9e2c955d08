"""What every prediction system is: which features it reads and requires, and how it forecasts from rows of `features`.

Declarations and shared arithmetic belong here; a formula or a library belongs in the module of its system.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import BaseModel, ConfigDict

from nba_pipeline.errors import Permanent
from nba_pipeline.settings import SETTINGS, Training

PLAYER_GAME = ("game_id", "player_id")
BASE_WINDOWS = ("points_mean_last_5_games", "points_mean_last_10_games", "points_mean_season")
"""Null below 5 played games this season, so whoever requires them predicts for nobody with less."""


class System(ABC):
    """One way to forecast points. Inputs are bound by name; a null input never becomes a value."""

    system_id: ClassVar[str]
    version: ClassVar[str]
    required: ClassVar[tuple[str, ...]]
    """Without one of these there is no prediction."""
    required_for_betting: ClassVar[tuple[str, ...]]
    """Without one of these the prediction is not actionable. A subset of `reads`."""
    reads: ClassVar[tuple[str, ...]]
    needs_model: ClassVar[bool] = False

    @abstractmethod
    def predict(self, features: pl.DataFrame, model: "TrainedModel | None" = None) -> pl.DataFrame:
        """One row per row of `features` that holds what is required: game_id, player_id, predicted_value, reasons."""

    def why_not(self, features: pl.DataFrame) -> pl.DataFrame:
        """One row per row of `features` that `predict` leaves out: game_id, player_id, reason."""
        missing = pl.concat_str(
            [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in self.required],
            separator=", ",
            ignore_nulls=True,
        )
        rows = self._checked(features).filter(~self._is_predictable())
        return rows.select(*PLAYER_GAME, pl.format("missing {}", missing).alias("reason"))

    def predictable(self, features: pl.DataFrame) -> pl.DataFrame:
        """The rows of `features` that hold what is required. Raises Permanent when a column to be read is absent."""
        return self._checked(features).filter(self._is_predictable())

    def _is_predictable(self) -> pl.Expr:
        return pl.all_horizontal(pl.col(name).is_not_null() for name in self.required)

    def _checked(self, features: pl.DataFrame) -> pl.DataFrame:
        if absent := [name for name in self.reads if name not in features.columns]:
            raise Permanent(f"{self.system_id} reads {', '.join(absent)}, which `features` does not have")
        return features


class Card(BaseModel):
    """What is known about a trained model: signature, window, errors, and rows whose outputs it must reproduce."""

    model_config = ConfigDict(frozen=True)

    model_id: str
    system_id: str
    system_version: str
    features: tuple[str, ...]
    library_version: str
    parameters: dict[str, float | int | str]
    train_start_date: date
    train_end_date: date
    rows: int
    validation_rows: int
    trees: int
    validation_mean_absolute_error: float
    season_mean_absolute_error: float
    golden_rows: list[list[float | None]]
    golden_outputs: list[float]
    model_sha256: str = ""
    """Hash of the model file; empty in cards of earlier versions."""


@dataclass(frozen=True)
class TrainedModel:
    """A card and the library's object behind it."""

    card: Card
    booster: Any


class TrainedSystem(System):
    """A system whose forecasts come from a model of the week."""

    needs_model: ClassVar[bool] = True
    training: Training

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, float | int | str]:
        """Everything that shapes the model besides its rows."""

    @property
    @abstractmethod
    def library_version(self) -> str:
        """The installed version of the library."""

    @abstractmethod
    def fit(self, training: Any, validation: Any) -> Any:
        """A model of `points` on the features that the system reads; the validation rows stop it early.

        Both are parts of the checked pandas frame of `points_model`: the columns of `reads` in order, then `points`.
        """

    @abstractmethod
    def trees(self, booster: Any) -> int:
        """How many trees were kept."""

    @abstractmethod
    def forecast(self, booster: Any, features: pl.DataFrame) -> pl.Series:
        """Points per row, not clamped. Null features go in as NaN."""

    @abstractmethod
    def write(self, booster: Any, path: Path) -> None:
        """Write the model file."""

    @abstractmethod
    def read(self, path: Path) -> Any:
        """Read a model file. Raises Permanent when it cannot be read."""

    @abstractmethod
    def names_in(self, booster: Any) -> tuple[str, ...]:
        """The feature names, in order, that the model file itself holds."""

    def read_card(self, text: str) -> Card:
        """The card of a model, from JSON. Raises ValidationError when it cannot be read, Permanent for another system's."""
        card = Card.model_validate_json(text)
        if card.system_id != self.system_id:
            raise Permanent(f"model {card.model_id} belongs to system {card.system_id}, not to {self.system_id}")
        return card

    def model(self, card: Card, booster: Any) -> TrainedModel:
        """A card and its library's object as one model. Raises Permanent for another signature than that of this code."""
        model = TrainedModel(card, booster)
        self.check_signature(model)
        return model

    def check_signature(self, model: TrainedModel) -> None:
        """Raise Permanent unless library version and feature names, in order, are those of this code."""
        card = model.card
        if card.library_version != self.library_version:
            raise Permanent(
                f"model {card.model_id} was written by {self.system_id} {card.library_version}, "
                f"installed is {self.library_version}"
            )
        for holder, names in (("card", card.features), ("file", self.names_in(model.booster))):
            if names != self.reads:
                raise Permanent(
                    f"the {holder} of model {card.model_id} has other features than {self.system_id} reads: "
                    f"{_first_difference(names, self.reads)}"
                )

    def predict(self, features: pl.DataFrame, model: TrainedModel | None = None) -> pl.DataFrame:
        """See System.predict. Raises Permanent without a model or with one of another signature."""
        if model is None:
            raise Permanent(f"{self.system_id} cannot predict without a model")
        self.check_signature(model)
        rows = self.predictable(features)
        return bounded(rows.with_columns(self.forecast(model.booster, rows).alias("_points")), pl.col("_points"))


def bounded(rows: pl.DataFrame, points: pl.Expr, terms: Sequence[str] = ()) -> pl.DataFrame:
    """Forecasts from 0 to the largest plausible points, a row for a row; `reasons` names a clamp and each null term."""
    largest = SETTINGS.predicting.largest_points
    notes = [pl.when(pl.col(term).is_null()).then(pl.lit(f"without {term}")) for term in terms]
    clamped = pl.when((points < 0) | (points > largest)).then(pl.lit("clamped"))
    return rows.select(
        *PLAYER_GAME,
        points.clip(0, largest).alias("predicted_value"),
        pl.concat_list(*notes, clamped).list.drop_nulls().alias("reasons"),
    )


def _first_difference(left: Sequence[str], right: Sequence[str]) -> str:
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return f"place {place} is {one} there and {other} here"
    return f"{len(left)} there and {len(right)} here"
