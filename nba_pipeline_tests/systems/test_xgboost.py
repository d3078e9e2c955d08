"""xgboost: reproducibility, unknown values, and the files that it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.settings import SETTINGS, Training
from nba_pipeline.systems import XGBOOST
from nba_pipeline.systems.interface import Sample
from nba_pipeline.systems.xgboost import XGBoost

QUICK = XGBoost(Training(threads=1), SETTINGS.forecasts.model_copy(update={"tree_rounds": 20, "tree_least_weight": 5.0}))
READS = QUICK.reads
ROWS = 300


def a_matrix() -> tuple[Any, Any]:
    chance = np.random.default_rng(3)
    matrix = chance.normal(size=(ROWS, len(READS)))
    matrix[::5, 3] = np.nan
    return matrix, 10 + 5 * matrix[:, 0]


def fitted(matrix: Any, points: Any) -> Any:
    return QUICK.fit(Sample(matrix, points), Sample(matrix[:0], points[:0]))


def rows_of(matrix: Any) -> pl.DataFrame:
    return pl.DataFrame(matrix, schema=list(READS), orient="row").fill_nan(None)


def test_the_same_rows_give_the_same_forecasts_to_the_last_bit() -> None:
    matrix, points = a_matrix()
    one, other = (QUICK.forecast(fitted(matrix, points), rows_of(matrix)).to_list() for _ in range(2))
    assert one == other
    assert len(set(one)) > 10


def test_more_threads_give_the_same_forecasts_to_the_last_bit() -> None:
    matrix, points = a_matrix()
    two = XGBoost(QUICK.training, QUICK.forecasts.model_copy(update={"tree_threads": 2}))
    model = two.fit(Sample(matrix, points), Sample(matrix[:0], points[:0]))
    assert two.forecast(model, rows_of(matrix)).to_list() == QUICK.forecast(fitted(matrix, points), rows_of(matrix)).to_list()


def test_a_file_gives_the_forecasts_back(tmp_path: Path) -> None:
    matrix, points = a_matrix()
    model = fitted(matrix, points)
    QUICK.write(model, tmp_path / "model.xgb")
    read = QUICK.read(tmp_path / "model.xgb")
    assert QUICK.forecast(read, rows_of(matrix)).to_list() == QUICK.forecast(model, rows_of(matrix)).to_list()
    assert (QUICK.names_in(read), QUICK.trees(read)) == (READS, 20)


def test_zero_rows_are_no_forecasts() -> None:
    model = fitted(*a_matrix())
    assert QUICK.forecast(model, rows_of(np.empty((0, len(READS))))).is_empty()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(tmp_path: Path, share: float) -> None:
    file = tmp_path / "model.xgb"
    QUICK.write(fitted(*a_matrix()), file)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(Permanent, match=r"model\.xgb is not an xgboost model"):
        QUICK.read(file)


def test_the_version_is_that_of_the_installed_library() -> None:
    assert XGBOOST.library_version.startswith("3.")
