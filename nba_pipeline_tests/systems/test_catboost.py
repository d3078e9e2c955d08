"""catboost: its inputs, its reproducibility and the models that it refuses."""

from pathlib import Path

import pytest

from nba_pipeline.assets.predictions.points_model import training_rows
from nba_pipeline.errors import Permanent
from nba_pipeline.systems import CATBOOST
from nba_pipeline.systems.training import split
from nba_pipeline_tests.builders_predictions import (
    QUICK,
    WEEK,
    a_feature_row,
    a_history,
    a_model,
    features_of_rows,
)


def test_the_same_rows_give_identical_forecasts() -> None:
    features, summaries = a_history()
    rows = training_rows(features, summaries, WEEK, QUICK)
    samples = [QUICK.sample(part) for part in split(rows, QUICK)]
    one, other = (QUICK.forecast(QUICK.fit(*samples), rows) for _ in range(2))
    assert one.to_list() == other.to_list()
    assert one.n_unique() > 10


def test_rows_with_null_optional_features_are_predicted() -> None:
    nulls = dict.fromkeys(set(CATBOOST.reads) - set(CATBOOST.required))
    forecast = CATBOOST.predict(features_of_rows(a_feature_row(**nulls)), a_model(17.0))
    assert forecast.select("predicted_value", "reasons").rows() == [(17.0, [])]


def test_an_implausible_forecast_is_clamped_and_marked() -> None:
    forecast = CATBOOST.predict(features_of_rows(a_feature_row()), a_model(61.0))
    assert forecast.select("predicted_value", "reasons").rows() == [(60.0, ["clamped"])]


def test_a_row_without_a_base_window_is_skipped() -> None:
    rows = features_of_rows(a_feature_row(points_mean_season=None))
    assert CATBOOST.predict(rows, a_model()).is_empty()
    assert CATBOOST.why_not(rows)["reason"].to_list() == ["missing points_mean_season"]


def test_predicting_without_a_model_is_an_error() -> None:
    with pytest.raises(Permanent, match="catboost cannot predict without a model"):
        CATBOOST.predict(features_of_rows(a_feature_row()))


def test_a_model_of_another_library_version_is_refused() -> None:
    with pytest.raises(Permanent, match=r"written by catboost 0\.1, but version \d.* is installed"):
        CATBOOST.predict(features_of_rows(a_feature_row()), a_model(library_version="0.1"))


def test_a_model_with_the_features_in_another_order_is_refused() -> None:
    swapped = (CATBOOST.reads[1], CATBOOST.reads[0], *CATBOOST.reads[2:])
    names = f"feature 0 is {swapped[0]}, expected {swapped[1]}"
    with pytest.raises(Permanent, match=names):
        CATBOOST.predict(features_of_rows(a_feature_row()), a_model(features=swapped))


def test_a_model_with_an_additional_feature_is_refused() -> None:
    with pytest.raises(Permanent, match="49 features, expected 48"):
        CATBOOST.predict(features_of_rows(a_feature_row()), a_model(features=(*CATBOOST.reads, "line")))


def test_an_invalid_model_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.cbm").write_bytes(b"no model")
    with pytest.raises(Permanent, match=r"model\.cbm is not a catboost model"):
        CATBOOST.read(tmp_path / "model.cbm")
