"""linear_median: the median of a known line, reproducibility, unknown values, and the files that it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.systems import LINEAR_MEDIAN
from nba_pipeline.systems.interface import Sample
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

READS = LINEAR_MEDIAN.reads
ROWS = 400


def a_matrix(seed: int = 3) -> tuple[Any, Any]:
    """Random features. Points are 10 + 2 x the first, and one row in four is far above: the mean is, the median is not."""
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(ROWS, len(READS)))
    return matrix, 10 + 2 * matrix[:, 0] + np.where(np.arange(ROWS) % 4 == 0, 40.0, 0.0)


def fitted(matrix: Any, points: Any) -> Any:
    return LINEAR_MEDIAN.fit(Sample(matrix, points), Sample(matrix[:0], points[:0]))


def rows_of(matrix: Any) -> pl.DataFrame:
    return pl.DataFrame(matrix, schema=list(READS), orient="row").fill_nan(None)


def test_it_finds_the_median_and_not_the_mean() -> None:
    matrix, points = a_matrix()
    forecast = LINEAR_MEDIAN.forecast(fitted(matrix, points), rows_of(matrix))
    ordinary = np.arange(ROWS) % 4 != 0
    assert np.abs(forecast.to_numpy() - points)[ordinary].max() < 4
    assert abs(forecast.mean() - points.mean()) > 5  # type: ignore[operator]


def test_the_same_rows_give_the_same_model_to_the_last_bit() -> None:
    one, other = (fitted(*a_matrix()) for _ in range(2))
    assert one == other


FIT = """
import numpy as np
from nba_pipeline.systems import LINEAR_MEDIAN
from nba_pipeline.systems.interface import Sample
chance = np.random.default_rng(3)
matrix = chance.normal(size=(5000, len(LINEAR_MEDIAN.reads)))
sample = Sample(matrix, 10 + 3 * matrix[:, 0] + chance.normal(size=5000))
print(LINEAR_MEDIAN.fit(sample, sample).coefficients)
"""


@pytest.mark.unattended
@pytest.mark.platform
def test_the_number_of_cores_changes_no_coefficient() -> None:
    environments = [dict(os.environ) | {"OPENBLAS_NUM_THREADS": threads} for threads in ("1", "2")]
    one, two = (
        subprocess.run([sys.executable, "-c", FIT], env=env, capture_output=True, check=True).stdout for env in environments
    )
    assert one == two and len(one) > 1000


def test_a_row_alone_has_the_forecast_that_it_has_among_others() -> None:
    matrix, points = a_matrix()
    model, rows = fitted(matrix, points), rows_of(matrix)
    assert LINEAR_MEDIAN.forecast(model, rows[7:8]).item() == LINEAR_MEDIAN.forecast(model, rows)[7]


def test_a_null_column_and_a_constant_one_have_no_effect() -> None:
    matrix, points = a_matrix()
    matrix[:, 1], matrix[:, 2] = np.nan, 5.0
    model = fitted(matrix, points)
    assert model.coefficients[1] == model.coefficients[2] == 0
    other = matrix.copy()
    other[:, 1], other[:, 2] = 99.0, 5.0
    assert LINEAR_MEDIAN.forecast(model, rows_of(other)).to_list() == LINEAR_MEDIAN.forecast(model, rows_of(matrix)).to_list()


def test_an_unknown_value_is_the_mean_of_the_training_rows() -> None:
    matrix, points = a_matrix()
    model = fitted(matrix, points)
    unknown, mean = matrix[:1].copy(), matrix[:1].copy()
    unknown[0, 0], mean[0, 0] = np.nan, model.means[0]
    assert LINEAR_MEDIAN.forecast(model, rows_of(unknown)).item() == LINEAR_MEDIAN.forecast(model, rows_of(mean)).item()


def test_zero_rows_are_no_forecasts() -> None:
    model = fitted(*a_matrix())
    assert LINEAR_MEDIAN.forecast(model, rows_of(np.empty((0, len(READS))))).is_empty()


def test_a_file_gives_the_model_back(tmp_path: Path) -> None:
    model = fitted(*a_matrix())
    LINEAR_MEDIAN.write(model, tmp_path / "model")
    assert LINEAR_MEDIAN.read(tmp_path / "model") == model
    assert LINEAR_MEDIAN.names_in(model) == READS


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"names": ["a"], "means": [1]}'])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "model").write_text(content)
    with pytest.raises(Permanent, match="model is not a linear_median model"):
        LINEAR_MEDIAN.read(tmp_path / "model")


def test_a_truncated_file_and_one_with_a_coefficient_less_are_named(tmp_path: Path) -> None:
    file, model = tmp_path / "model", fitted(*a_matrix())
    LINEAR_MEDIAN.write(model, file)
    whole = json.loads(file.read_text())
    for content in (file.read_text()[:-200], json.dumps(whole | {"coefficients": whole["coefficients"][1:]})):
        file.write_text(content)
        with pytest.raises(Permanent, match="is not a linear_median model"):
            LINEAR_MEDIAN.read(file)


def test_a_player_without_a_game_is_not_predicted() -> None:
    rows = features_of_rows(a_feature_row(points_half_life_8_games=None))
    assert LINEAR_MEDIAN.why_not(rows)["reason"].to_list() == ["missing points_half_life_8_games"]


def test_no_game_of_the_season_is_needed() -> None:
    assert LINEAR_MEDIAN.predictable(features_of_rows(a_feature_row(games_played_season=0))).height == 1


def test_rows_of_few_minutes_are_not_learned_from() -> None:
    rows = features_of_rows(a_feature_row(minutes_half_life_5_games=7.9), a_feature_row(minutes_half_life_5_games=8.0))
    assert LINEAR_MEDIAN.learnable(rows).height == 1
