"""The interface of every prediction system: the features that it reads and requires, and its forecast from `features`.

Declarations and shared arithmetic belong here. Formulas and libraries belong in the module of their system.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.settings import SETTINGS, Training
from nba_pipeline.systems.card import Card as Card  # noqa: PLC0414  # mypy requires the alias of a re-export
from nba_pipeline.systems.card import TrainedModel as TrainedModel  # noqa: PLC0414

PLAYER_GAME = ("game_id", "player_id")
BASE_WINDOWS = ("points_mean_last_5_games", "points_mean_last_10_games", "points_mean_season")
"""Null below 5 played games this season, so a system that requires them skips players with fewer games."""


class System(ABC):
    """A system that forecasts the statistic of a market. Inputs are bound by name.

    Only the system's own arithmetic replaces a null input.
    """

    system_id: ClassVar[str]
    version: ClassVar[str]
    market: Market = POINTS
    """The market that it forecasts. A system of several markets has one object per market."""
    needs_model: ClassVar[bool] = False
    least_season_games: ClassVar[int] = SETTINGS.predicting.least_games
    """Minimum number of played games this season. The system skips players with fewer; at 0, earlier seasons suffice."""

    @property
    @abstractmethod
    def required(self) -> tuple[str, ...]:
        """Features without which there is no prediction."""

    @property
    @abstractmethod
    def required_for_betting(self) -> tuple[str, ...]:
        """Features without which a prediction is not actionable. A subset of `reads`."""

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The features that the system reads."""

    @property
    def model_name(self) -> str:
        """Name of its models in `points_model`: `system_id`, followed by the statistic of another market than that of points."""
        return self.system_id if self.market == POINTS else f"{self.system_id}_{self.market.statistic}"

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
        schema = features.schema  # polars builds a new one at each access
        if absent := [name for name in self.reads if name not in schema]:
            raise Permanent(f"{self.system_id} reads {', '.join(absent)}, which `features` does not have")
        kinds = {name: schema[name] for name in self.reads}
        if other := [f"{name} ({kind})" for name, kind in kinds.items() if not (kind.is_numeric() or kind == pl.Null)]:
            raise Permanent(f"{self.system_id}: these columns of `features` are not numeric: {', '.join(other)}")
        return features


@dataclass(frozen=True)
class Sample:
    """Rows to learn from: the columns of `reads`, in order, as float64 with NaN for null, and the label of each row."""

    matrix: Any
    label: Any


class TrainedSystem(System):
    """A system whose forecasts come from a weekly model. Training and forecasts read the same matrix, see `matrix`."""

    needs_model: ClassVar[bool] = True
    file_name: ClassVar[str]
    """Name of the model file, with the extension of its format, such as `model.json`."""
    stops_early: ClassVar[bool] = True
    """Whether the validation rows end the training early. Otherwise the model also learns from them."""
    training: Training

    @property
    def season_mean(self) -> str:
        """The feature whose error on the validation rows is compared with the model's."""
        return "points_mean_season"

    @property
    def label(self) -> str:
        """The column that it learns to forecast: the statistic of its market."""
        return self.market.statistic

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, float | int | str]:
        """All inputs of the training except the rows."""

    @property
    @abstractmethod
    def library_version(self) -> str:
        """The installed version of the library."""

    @abstractmethod
    def fit(self, training: Sample, validation: Sample) -> Any:
        """Returns a model of the label. With `stops_early`, the validation rows end the training."""

    @abstractmethod
    def forecast_matrix(self, model: Any, matrix: Any) -> Any:
        """Returns points per row of a matrix with at least one row, not clamped."""

    @abstractmethod
    def importances(self, model: Any) -> Mapping[str, float]:
        """Returns feature -> its share of the model's effect. The shares add up to 1, or are all 0."""

    def trees(self, model: Any) -> int | None:
        """Returns the number of trees in the model; None for a system without trees."""

    def matrix(self, rows: pl.DataFrame) -> Any:
        """Returns the columns of `reads`, in order, as float64 with NaN for null.

        Raises Permanent if a column is absent or not numeric.
        """
        return self._checked(rows).select(pl.col(self.reads).cast(pl.Float64).fill_null(float("nan"))).to_numpy()

    def sample(self, rows: pl.DataFrame) -> Sample:
        """Returns the matrix of the rows, with their label."""
        return Sample(self.matrix(rows), rows[self.label].cast(pl.Float64).to_numpy())

    def forecast(self, model: Any, features: pl.DataFrame) -> pl.Series:
        """Returns points per row, not clamped."""
        values = self.forecast_matrix(model, self.matrix(features)) if features.height else []
        return pl.Series(values, dtype=pl.Float64, strict=False)

    def learnable(self, features: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows of `features` that the system may learn from."""
        return self.predictable(features)

    @abstractmethod
    def write(self, fitted: Any, path: Path) -> None:
        """Writes the model file."""

    @abstractmethod
    def read(self, path: Path) -> Any:
        """Reads a model file. Raises Permanent if it cannot be read."""

    @abstractmethod
    def names_in(self, fitted: Any) -> tuple[str, ...]:
        """Returns the feature names in the model file, in order."""

    def read_card(self, text: str) -> Card:
        """Returns a model's card from JSON. Raises ValidationError if it is invalid, Permanent for a card of another system."""
        card = Card.model_validate_json(text)
        if card.system_id != self.model_name:
            raise Permanent(f"model {card.model_id} belongs to system {card.system_id}, not to {self.model_name}")
        return card

    def model(self, card: Card, fitted: Any) -> TrainedModel:
        """Returns a card and its library object as one model. Raises Permanent if its signature differs from this code's."""
        model = TrainedModel(card, fitted)
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
        for part, names in (("card", card.features), ("file", self.names_in(model.fitted))):
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
        _check_types(model.card, rows)
        _check_window(model.card, rows)
        return self.forecast_rows(model.fitted, rows)

    def forecast_rows(self, model: Any, rows: pl.DataFrame) -> pl.DataFrame:
        """Returns game_id, player_id, predicted_value and reasons, for each of the rows, a result of `predictable`.

        `predict` and the walk-forward replay share it, so that both give the same reasons.
        """
        forecast = rows.with_columns(self.forecast(model, rows).alias("_forecast"))
        return bounded(forecast, pl.col("_forecast"), market=self.market)


def shares(values: Mapping[str, float]) -> dict[str, float]:
    """Returns each value as a share of their sum; zeros if the sum is 0."""
    total = sum(values.values())
    return {name: float(value / total) if total else 0.0 for name, value in values.items()}


def bounded(rows: pl.DataFrame, value: pl.Expr, terms: Sequence[str] = (), market: Market = POINTS) -> pl.DataFrame:
    """Returns one forecast per row, clamped to 0 and the largest plausible value. `reasons` names a clamp and each null term."""
    largest = SETTINGS.predicting.largest_of.get(market.name, SETTINGS.predicting.largest_points)
    notes = [pl.when(pl.col(term).is_null()).then(pl.lit(f"without {term}")) for term in terms]
    clamped = pl.when((value < 0) | (value > largest)).then(pl.lit("clamped"))
    return rows.select(
        *PLAYER_GAME,
        value.clip(0, largest).alias("predicted_value"),
        pl.concat_list(*notes, clamped).list.drop_nulls().alias("reasons"),
    )


def _check_types(card: Card, rows: pl.DataFrame) -> None:
    """Raises Permanent for a feature of another type than in training. A column of type Null has no known value and passes."""
    schema = rows.schema
    types = {name: str(schema[name]) for name in card.feature_types if schema[name] != pl.Null}
    if changed := [
        f"{name} is {kind}, was {card.feature_types[name]}" for name, kind in types.items() if kind != card.feature_types[name]
    ]:
        raise Permanent(f"features have other types than in the training of model {card.model_id}: {', '.join(changed)}")


def _check_window(card: Card, rows: pl.DataFrame) -> None:
    """Raises Permanent for rows dated on or before the last training date."""
    early: Any = rows.filter(pl.col("game_date") <= card.train_end_date)["game_date"].min()
    if early is not None:
        raise Permanent(f"model {card.model_id} was trained on games up to {card.train_end_date}, so it cannot predict {early}")


def _first_difference(actual: Sequence[str], expected: Sequence[str]) -> str:
    for position, (name, expected_name) in enumerate(zip(actual, expected, strict=False)):
        if name != expected_name:
            return f"feature {position} is {name}, expected {expected_name}"
    return f"{len(actual)} features, expected {len(expected)}"
