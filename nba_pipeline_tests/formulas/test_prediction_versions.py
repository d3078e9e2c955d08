"""The hash of a row of features. The tests of `predictions` cover the versions."""

import hashlib
import json

import polars as pl

from nba_pipeline.assets.features.features import FEATURES
from nba_pipeline.formulas.prediction_versions import features_hash
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows


def hash_of(features: pl.DataFrame) -> str:
    return str(features_hash(features, FEATURES)["features_hash"].item())


def test_the_hash_is_that_of_the_values_by_name() -> None:
    row = a_feature_row()
    first = hash_of(features_of_rows(row))
    assert hash_of(features_of_rows(row).select(reversed(list(row)))) == first
    assert hash_of(features_of_rows(row | {"team": "BOS"})) == first
    for value in (1.5, None):
        assert hash_of(features_of_rows(row | {"pace_score": value})) != first


def test_the_hash_is_that_of_any_writer_of_plain_json() -> None:
    """The hash is therefore the same in every process, for any number of threads, and in the next version of polars."""
    row = a_feature_row(pace_score=1 / 3, line=None)
    text = json.dumps({name: row[name] for name in FEATURES}, separators=(",", ":"))
    assert hash_of(features_of_rows(row)) == hashlib.sha256(text.encode()).hexdigest()[:16]
