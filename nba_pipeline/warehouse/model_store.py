"""Storage of trained models: one folder per model, `<home>/models/<model_id>/` with `card.json` and the model file.

The card names the model file. Its suffix is the system's format; it is `model.cbm` for every system in older homes.

The home is a local folder or an object store. The card is written last: a model exists once its card exists.

A model's id is the hash of its inputs, so a rebuild reuses the model instead of training it again.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from pydantic import ValidationError

from nba_pipeline.errors import Damaged, Permanent
from nba_pipeline.warehouse import damage, files
from nba_pipeline.warehouse.files import Place

if TYPE_CHECKING:
    from upath import UPath

    from nba_pipeline.systems.interface import Card, TrainedModel, TrainedSystem

ID_LENGTH = 16
CARD = "card.json"
NEXT_COMMAND = "nba-pipeline reconcile"
GOLDEN_TOLERANCE = 1e-6  # points


class ModelStore(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Models in a folder or an object store. Saving is atomic, and a saved model never changes."""

    home: str
    """A folder, or an object store: gs://bucket/prefix."""

    def folder(self, model_id: str) -> Place:
        """The folder of a model, which may not exist."""
        return files.place(self.home) / "models" / model_id

    def has(self, model_id: str) -> bool:
        """Whether the model has been saved."""
        return files.exists(self.folder(model_id) / CARD)

    def save(self, system: "TrainedSystem", fitted: Any, card: "Card") -> None:
        """Saves a model and its card. Does nothing if another writer saved the same model first."""
        target = self.folder(card.model_id)
        if not isinstance(target, Path):
            self._put(target, system, fitted, card)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent, ignore_cleanup_errors=True) as scratch:
            new = Path(scratch) / card.model_id
            new.mkdir()
            file = new / system.file_name
            system.write(fitted, file)
            (new / CARD).write_text(_card_json(card, file), encoding="utf-8")
            if not self.has(card.model_id):
                self._replace(new, target)

    def _put(self, target: "UPath", system: "TrainedSystem", fitted: Any, card: "Card") -> None:
        if self.has(card.model_id):
            return
        with tempfile.TemporaryDirectory(prefix="nba-") as scratch:
            file = Path(scratch, system.file_name)
            system.write(fitted, file)
            body, card_text = file.read_bytes(), _card_json(card, file).encode()
        # A model file without a card belongs to a killed writer, or to another writer that is saving the same model now.
        has_replaced = not files.create(target / file.name, body) and not self.has(card.model_id)
        if has_replaced:
            files.put(target / file.name, body)
        # CatBoost may write the same trees as different bytes, so another writer's card may not match this writer's file.
        if not files.create(target / CARD, card_text) and has_replaced:
            files.put(target / CARD, card_text)

    def _replace(self, new: Path, target: Path) -> None:
        try:
            new.replace(target)
        except OSError:  # folder is not empty: another writer was faster, or a killed one left a partial model
            if self.has(target.name):
                return
            shutil.rmtree(target)
            new.replace(target)

    def load(self, model_id: str, system: "TrainedSystem") -> "TrainedModel":
        """Loads the model of a system and verifies that it reproduces its golden rows.

        Raises Damaged if it is missing, unreadable or predicts other values than when it was saved. A damaged model is moved
        aside, and its week can be trained again. Raises Permanent if it belongs to another system or has another signature
        than the installed code.
        """
        folder = self.folder(model_id)
        try:
            return self._load(folder, system)
        except FileNotFoundError as error:
            raise Damaged(f"model {model_id} is not in {folder.parent}; next: {NEXT_COMMAND}") from error
        except (ValidationError, UnicodeDecodeError) as error:
            problem = f"{folder / CARD} cannot be read: {str(error).splitlines()[0]}"
        except Damaged as error:
            problem = str(error)
        damage.set_aside(files.place(self.home), folder, problem, NEXT_COMMAND)
        raise Damaged(f"model {model_id} was moved to {damage.FOLDER}: {problem}; next: {NEXT_COMMAND}")

    def _load(self, folder: Place, system: "TrainedSystem") -> "TrainedModel":
        card = system.read_card(files.read(folder / CARD).decode())
        path = folder / card.model_file
        if not files.exists(path):
            raise Damaged(f"{path} is missing")
        with files.local_copy(path) as file:
            _check_hash(card, file, path)
            try:
                fitted = system.read(file)
            except Permanent as error:
                raise Damaged(str(error).replace(str(file), str(path))) from error
        model = system.model(card, fitted)
        _check_golden_rows(system, model)
        return model


def identify(
    frame: pl.DataFrame, parameters: Mapping[str, float | int | str], features: Sequence[str], library_version: str
) -> str:
    """The id of the model trained on these rows, in this order. Deterministic across processes."""
    digest = hashlib.sha256(json.dumps([dict(parameters), list(features), library_version], sort_keys=True).encode())
    for column in frame.iter_columns():
        digest.update(f"\0{column.name} {column.dtype} {column.len()}\0".encode())
        digest.update(_bytes(column))
    return digest.hexdigest()[:ID_LENGTH]


def golden(frame: pl.DataFrame, features: Sequence[str]) -> list[list[float | None]]:
    """Feature values of rows, as stored in a card."""
    return [list(row) for row in frame.select(pl.col(features).cast(pl.Float64)).iter_rows()]


def _bytes(column: pl.Series) -> bytes:
    if column.dtype == pl.String:
        return "\0".join(column.fill_null("").to_list()).encode()
    if column.dtype.is_float():
        column = column.cast(pl.Float64).fill_null(float("nan"))
    return column.to_physical().to_numpy().tobytes()


def _card_json(card: "Card", file: Path) -> str:
    of_file = {"model_sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "model_file": file.name}
    return card.model_copy(update=of_file).model_dump_json(indent=1)


def _check_hash(card: "Card", model: Path, path: Place) -> None:
    """Raises Damaged for a model file that differs from the saved one, before a library reads it."""
    body = model.read_bytes()
    if card.model_sha256 and hashlib.sha256(body).hexdigest() != card.model_sha256:
        raise Damaged(f"{path} differs from the hash in the model's card")


def _check_golden_rows(system: "TrainedSystem", model: "TrainedModel") -> None:
    card = model.card
    rows = pl.DataFrame(card.golden_rows, schema=dict.fromkeys(card.features, pl.Float64), orient="row")
    outputs = system.forecast(model.fitted, rows)
    expected = pl.Series(card.golden_outputs, dtype=pl.Float64)
    if outputs.len() != expected.len() or outputs.is_empty():
        raise Damaged(f"model {card.model_id} has {outputs.len()} golden rows and {expected.len()} saved outputs")
    deviation = float((outputs - expected).abs().max())  # type: ignore[arg-type]  # a non-empty series of floats
    if not deviation <= GOLDEN_TOLERANCE:
        raise Damaged(f"model {card.model_id} deviates by {deviation:.6f} points from the saved outputs of its golden rows")
