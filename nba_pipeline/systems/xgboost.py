"""xgboost: gradient boosted trees on the median (quantile 0.5), trained weekly. Null features are missing values.

The wheel `xgboost-cpu` has no GPU code and brings its own OpenMP library.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, ClassVar

from nba_pipeline.errors import Permanent
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.settings import SETTINGS, Forecasts, Training
from nba_pipeline.systems.cross_season import CrossSeasonSystem
from nba_pipeline.systems.interface import Sample, shares

DIGEST_BYTES = 32
"""Length of the SHA-256 at the start of a model file. The library's bytes, which it covers, follow."""


@dataclass(frozen=True)
class XGBoost(CrossSeasonSystem):
    """Trees grown leaf by leaf."""

    training: Training = SETTINGS.training
    forecasts: Forecasts = SETTINGS.forecasts
    market: Market = POINTS

    system_id: ClassVar[str] = "xgboost"
    version: ClassVar[str] = "1"
    file_name: ClassVar[str] = "model.xgb"

    @property
    def parameters(self) -> Mapping[str, float | int | str]:
        """See TrainedSystem.parameters."""
        settings = self.forecasts
        return {
            "objective": "reg:quantileerror",
            "quantile_alpha": 0.5,
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_depth": 0,
            "max_leaves": settings.tree_leaves,
            "learning_rate": settings.tree_learning_rate,
            "min_child_weight": settings.tree_least_weight,
            "subsample": settings.tree_subsample,
            "colsample_bynode": settings.tree_columns,
            "lambda": settings.tree_l2,
            "seed": self.training.seed,
            "nthread": settings.tree_threads,
            "rounds": settings.tree_rounds,
            "least_training_minutes": settings.least_training_minutes,
        }

    @property
    def library_version(self) -> str:
        """See TrainedSystem.library_version."""
        return installed_version("xgboost-cpu")

    def fit(self, training: Sample, validation: Sample) -> Any:
        """See TrainedSystem.fit. The same rows in the same order give the same forecasts; `validation` is not read."""
        library = _library()
        own = ("rounds", "least_training_minutes")
        parameters = {name: value for name, value in self.parameters.items() if name not in own}
        rows = library.QuantileDMatrix(
            training.matrix, training.label, feature_names=list(self.reads), nthread=self.forecasts.tree_threads
        )
        return library.train(parameters, rows, self.forecasts.tree_rounds)

    def forecast_matrix(self, model: Any, matrix: Any) -> Any:
        """See TrainedSystem.forecast_matrix."""
        model.set_param({"nthread": self.forecasts.tree_threads})
        return model.inplace_predict(matrix, validate_features=False)

    def trees(self, model: Any) -> int:
        """See TrainedSystem.trees."""
        return int(model.num_boosted_rounds())

    def importances(self, model: Any) -> Mapping[str, float]:
        """See TrainedSystem.importances. By the total reduction of the loss through splits on a feature."""
        gains = model.get_score(importance_type="total_gain")
        return shares({name: gains.get(name, 0.0) for name in self.reads})

    def write(self, fitted: Any, path: Path) -> None:
        """See TrainedSystem.write."""
        body = bytes(fitted.save_raw("ubj"))
        path.write_bytes(_digest(body) + body)

    def read(self, path: Path) -> Any:
        """See TrainedSystem.read."""
        content, library = path.read_bytes(), _library()
        digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if digest != _digest(body):  # xgboost 3.2 crashes the process on a truncated file
            raise Permanent(f"{path} is not an xgboost model: it is truncated or altered")
        fitted = library.Booster()
        try:
            fitted.load_model(bytearray(body))
        except library.core.XGBoostError as error:
            raise Permanent(f"{path} is not an xgboost model: {_first_sentence(error)}") from error
        return fitted

    def names_in(self, fitted: Any) -> tuple[str, ...]:
        """See TrainedSystem.names_in."""
        return tuple(fitted.feature_names or ())


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _first_sentence(error: Exception) -> str:
    """Returns the first line of the library's message, without its stack."""
    return next((line for line in str(error).splitlines() if line.strip()), "unreadable")


def _library() -> Any:
    """Returns xgboost, imported on first use because the import takes 0.7 s."""
    import xgboost  # noqa: PLC0415

    return xgboost


XGBOOST = XGBoost()
