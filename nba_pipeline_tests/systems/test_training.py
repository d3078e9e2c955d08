"""The label is refused among the features, under any name."""

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.systems import LINEAR_MEDIAN
from nba_pipeline.systems.training import refuse_the_label


def test_a_feature_that_equals_the_label_in_every_known_row_is_the_label() -> None:
    points = [float(n % 7) for n in range(60)]
    rows = pl.DataFrame({**{name: [1.0] * 60 for name in LINEAR_MEDIAN.reads}, "points": points})
    refuse_the_label(rows, LINEAR_MEDIAN)
    copied = pl.when(pl.int_range(pl.len()) < 40).then("points").alias("rest_days")
    with pytest.raises(Permanent, match="these features equal the label `points` in every known row: rest_days"):
        refuse_the_label(rows.with_columns(copied), LINEAR_MEDIAN)
    refuse_the_label(rows.with_columns(copied, points=pl.lit(1.0)).with_columns(rest_days=pl.lit(1.0)), LINEAR_MEDIAN)
    refuse_the_label(rows.with_columns(pl.when(pl.int_range(pl.len()) < 20).then("points").alias("rest_days")), LINEAR_MEDIAN)
