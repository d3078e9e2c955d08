"""The card of a trained model: signature, window, versions, errors, importances, and rows whose outputs it must reproduce."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

FIRST_FILE_NAME = "model.cbm"
"""Name of the model file for cards of earlier versions, which do not record it."""


class Card(BaseModel):
    """Metadata of a trained model. Fields with a default are absent from cards of earlier versions."""

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
    """Hash of the model file."""
    model_file: Annotated[str, Field(pattern=r"^model\.[a-z0-9]+$")] = FIRST_FILE_NAME
    feature_types: Mapping[str, str] = {}
    """Feature -> its type in `features` during training."""
    feature_ranges: Mapping[str, tuple[float | None, float | None, float]] = {}
    """Feature -> its range in the training rows, see `systems.drift.Range`."""
    importances: Mapping[str, float] = {}
    """Feature -> its share of the model's effect."""
    validation_mean_error: float | None = None
    """Forecast minus points, on the validation rows."""
    code_version: str = ""
    """Code version of `points_model` when the model was trained."""
    data_versions: Mapping[str, tuple[str, ...]] = {}
    """Table -> the code versions of its rows in the training window."""


@dataclass(frozen=True)
class TrainedModel:
    """A card and the library's model object."""

    card: Card
    fitted: Any
