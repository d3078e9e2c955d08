"""The interface of every prediction system: the features that it reads and requires, and its forecast from `features`.

Declarations and shared arithmetic belong here. Formulas and libraries belong in the module of their system.
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
"""Null below 5 played games this season, so a system that requires them skips players with fewer games."""


class System(ABC):
    """A system that forecasts points. Inputs are bound by name. A null input is never replaced by a value."""

    system_id: ClassVar[str]
    version: ClassVar[str]
    required: ClassVar[tuple[str, ...]]
    """Features without which there is no prediction."""
    required_for_betting: ClassVar[tuple[str, ...]]
    """Features without which a prediction is not actionable. A subset of `reads`."""
    reads: ClassVar[tuple[str, ...]]
    needs_model: ClassVar[bool] = False
    least_season_games: ClassVar[int] = SETTINGS.predicting.least_games
    """Least number of played games this season: the system skips players with fewer. 0: earlier seasons count as well."""

    @abstractmethod
    def predict(self, features: pl.DataFrame, model: "TrainedModel | None" = None) -> pl.DataFrame:
        """Returns game_id, player_id, predicted_value and reasons, for each row of `features` with the required features."""

    def why_not(self, features: pl.DataFrame) -> pl.DataFrame:
        """Returns game_id, player_id and reason, for each row of `features` that `predict` skips."""
        missing = pl.concat_str(
            [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in self.required],
            separator=", ",
            ignore_nulls=True,
        )
        rows = self._checked(features).filter(~self._is_predictable())
        games, least = pl.col("games_played_season"), self.least_season_games
        too_few = pl.when(games < least).then(pl.format(f"{{}} played games this season, needs {least}", games))
        return rows.select(*PLAYER_GAME, pl.coalesce(too_few, pl.format("missing {}", missing)).alias("reason"))

    def predictable(self, features: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows of `features` with the required features. Raises Permanent if a column of `reads` is absent."""
        return self._checked(features).filter(self._is_predictable())

    def _is_predictable(self) -> pl.Expr:
        has_enough = pl.col("games_played_season") >= self.least_season_games
        return has_enough & pl.all_horizontal(pl.col(name).is_not_null() for name in self.required)

    def _checked(self, features: pl.DataFrame) -> pl.DataFrame:
        if absent := [name for name in self.reads if name not in features.columns]:
            raise Permanent(f"{self.system_id} reads {', '.join(absent)}, which `features` does not have")
        kinds = {name: features.schema[name] for name in self.reads}
        if other := [f"{name} ({kind})" for name, kind in kinds.items() if not (kind.is_numeric() or kind == pl.Null)]:
            raise Permanent(f"{self.system_id}: these columns of `features` are not numeric: {', '.join(other)}")
        return features


class Card(BaseModel):
    """Metadata of a trained model: signature, window, errors, and rows whose outputs it must reproduce."""

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
    trees: int | None
    validation_mean_absolute_error: float | None
    season_mean_absolute_error: float | None
    golden_rows: list[list[float | None]]
    golden_outputs: list[float]
    model_sha256: str = ""
    """Hash of the model file. Empty in cards of earlier versions."""


@dataclass(frozen=True)
class TrainedModel:
    """A card and the library's model object."""

    card: Card
    booster: Any


class TrainedSystem(System):
    """A system whose forecasts come from a weekly model."""

    needs_model: ClassVar[bool] = True
    stops_early: ClassVar[bool] = True
    """Whether the validation rows choose the length of the training. Otherwise the model learns from them, too."""
    season_mean: ClassVar[str] = "points_mean_season"
    """The feature that the validation compares the model with."""
    training: Training

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, float | int | str]:
        """All inputs of the training except the rows."""

    @property
    @abstractmethod
    def library_version(self) -> str:
        """The installed version of the library."""

    @abstractmethod
    def fit(self, training: Any, validation: Any) -> Any:
        """Returns a model of `points` on the features of `reads`. The validation rows stop the training early.

        Both are parts of the checked pandas frame of `points_model`: the columns of `reads` in order, then `points`.
        """

    def learnable(self, features: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows of `features` that the system may learn from."""
        return self.predictable(features)

    @abstractmethod
    def trees(self, booster: Any) -> int | None:
        """Returns the number of trees in the model; None if it has none."""

    @abstractmethod
    def forecast(self, booster: Any, features: pl.DataFrame) -> pl.Series:
        """Returns points per row, not clamped. Null features become NaN."""

    @abstractmethod
    def write(self, booster: Any, path: Path) -> None:
        """Writes the model file."""

    @abstractmethod
    def read(self, path: Path) -> Any:
        """Reads a model file. Raises Permanent if it cannot be read."""

    @abstractmethod
    def names_in(self, booster: Any) -> tuple[str, ...]:
        """Returns the feature names in the model file, in order."""

    def read_card(self, text: str) -> Card:
        """Returns a model's card from JSON. Raises ValidationError if it is invalid, Permanent for a card of another system."""
        card = Card.model_validate_json(text)
        if card.system_id != self.system_id:
            raise Permanent(f"model {card.model_id} belongs to system {card.system_id}, not to {self.system_id}")
        return card

    def model(self, card: Card, booster: Any) -> TrainedModel:
        """Returns a card and its library object as one model. Raises Permanent if its signature differs from this code's."""
        model = TrainedModel(card, booster)
        self.check_signature(model)
        return model

    def check_signature(self, model: TrainedModel) -> None:
        """Raises Permanent unless library version and feature names, in order, match this code."""
        card = model.card
        if card.library_version != self.library_version:
            raise Permanent(
                f"model {card.model_id} was written by {self.system_id} {card.library_version}, "
                f"but version {self.library_version} is installed"
            )
        for part, names in (("card", card.features), ("file", self.names_in(model.booster))):
            if names != self.reads:
                raise Permanent(
                    f"the features in the {part} of model {card.model_id} differ from those of {self.system_id}: "
                    f"{_first_difference(names, self.reads)}"
                )

    def predict(self, features: pl.DataFrame, model: TrainedModel | None = None) -> pl.DataFrame:
        """See System.predict. Raises Permanent without a model, or if its signature differs from this code's."""
        if model is None:
            raise Permanent(f"{self.system_id} cannot predict without a model")
        self.check_signature(model)
        rows = self.predictable(features)
        return bounded(rows.with_columns(self.forecast(model.booster, rows).alias("_points")), pl.col("_points"))


def bounded(rows: pl.DataFrame, points: pl.Expr, terms: Sequence[str] = ()) -> pl.DataFrame:
    """Returns one forecast per row, clamped to 0 and the largest plausible points. `reasons` names a clamp and each null term."""
    largest = SETTINGS.predicting.largest_points
    notes = [pl.when(pl.col(term).is_null()).then(pl.lit(f"without {term}")) for term in terms]
    clamped = pl.when((points < 0) | (points > largest)).then(pl.lit("clamped"))
    return rows.select(
        *PLAYER_GAME,
        points.clip(0, largest).alias("predicted_value"),
        pl.concat_list(*notes, clamped).list.drop_nulls().alias("reasons"),
    )


def _first_difference(actual: Sequence[str], expected: Sequence[str]) -> str:
    for position, (name, expected_name) in enumerate(zip(actual, expected, strict=False)):
        if name != expected_name:
            return f"feature {position} is {name}, expected {expected_name}"
    return f"{len(actual)} features, expected {len(expected)}"
