"""catboost: its inputs, its reproducibility and the models that it refuses."""

from pathlib import Path

import pytest

from nba_pipeline.assets.predictions.points_model import split, training_frame, training_rows
from nba_pipeline.errors import Permanent
from nba_pipeline.systems import CATBOOST
from nba_pipeline_tests.builders_predictions import (
    QUICK,
    WEEK,
    a_feature_row,
    a_history,
    a_model,
    features_of_rows,
)


def test_the_same_rows_give_the_same_forecasts_to_the_last_bit() -> None:
    features, summaries = a_history()
    rows = training_rows(features, summaries, WEEK, QUICK)
    frames = [training_frame(part, QUICK)[0] for part in split(rows, QUICK)]
    one, other = (QUICK.forecast(QUICK.fit(*frames), rows) for _ in range(2))
    assert one.to_list() == other.to_list()
    assert one.n_unique() > 10


def test_null_features_are_no_reason_not_to_predict() -> None:
    bare = dict.fromkeys(set(CATBOOST.reads) - set(CATBOOST.required))
    forecast = CATBOOST.predict(features_of_rows(a_feature_row(**bare)), a_model(17.0))
    assert forecast.select("predicted_value", "reasons").rows() == [(17.0, [])]


def test_a_forecast_beyond_the_plausible_is_clamped_and_says_so() -> None:
    forecast = CATBOOST.predict(features_of_rows(a_feature_row()), a_model(61.0))
    assert forecast.select("predicted_value", "reasons").rows() == [(60.0, ["clamped"])]


def test_whoever_lacks_a_base_window_is_not_predicted() -> None:
    rows = features_of_rows(a_feature_row(points_mean_season=None))
    assert CATBOOST.predict(rows, a_model()).is_empty()
    assert CATBOOST.why_not(rows)["reason"].to_list() == ["missing points_mean_season"]


def test_without_a_model_there_is_no_stand_in() -> None:
    with pytest.raises(Permanent, match="catboost cannot predict without a model"):
        CATBOOST.predict(features_of_rows(a_feature_row()))


def test_a_model_of_another_library_version_is_refused() -> None:
    with pytest.raises(Permanent, match=r"written by catboost 0\.1, installed is \d"):
        CATBOOST.predict(features_of_rows(a_feature_row()), a_model(library_version="0.1"))


def test_a_model_with_the_features_in_another_order_is_refused() -> None:
    swapped = (CATBOOST.reads[1], CATBOOST.reads[0], *CATBOOST.reads[2:])
    names = f"place 0 is {swapped[0]} there and {swapped[1]} here"
    with pytest.raises(Permanent, match=names):
        CATBOOST.predict(features_of_rows(a_feature_row()), a_model(features=swapped))


def test_a_model_with_one_feature_more_is_refused() -> None:
    with pytest.raises(Permanent, match="49 there and 48 here"):
        CATBOOST.predict(features_of_rows(a_feature_row()), a_model(features=(*CATBOOST.reads, "line")))


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.cbm").write_bytes(b"no model")
    with pytest.raises(Permanent, match=r"model\.cbm is not a catboost model"):
        CATBOOST.read(tmp_path / "model.cbm")
