"""The note on the weight of `market_blend`."""

import random

import polars as pl

from nba_pipeline.evaluation.blend_weight import blend_weight_notes


def graded(rows: int, weight: float) -> pl.DataFrame:
    """Results around a blend of this weight: the errors of line and ensemble are independent of each other."""
    draw = random.Random(1)
    made = [(draw.uniform(-4, 4), draw.gauss(0, 1)) for _ in range(rows)]
    return pl.DataFrame(
        {
            "system_id": "ensemble",
            "predicted_value": [15 + away for away, _ in made],
            "adjusted_line": [15.0] * rows,
            "actual_value": [15 + weight * away + noise for away, noise in made],
        }
    )


def test_another_weight_with_a_clearly_lower_error_is_named() -> None:
    [note] = blend_weight_notes(graded(5000, 0.3))
    assert note.startswith("market_blend: of the weights 0.1 to 0.3, 0.3 has the lowest error: -0.0")
    assert note.endswith(
        "compared with that of the setting, 0.2, on 5,000 rows; forecasts.blend_weight may be changed once a season."
    )


def test_the_weight_of_the_setting_stays_if_it_has_the_lowest_error() -> None:
    assert blend_weight_notes(graded(5000, 0.2)) == [
        "market_blend: the weight of the setting, 0.2, has the lowest error on 5,000 rows."
    ]


def test_a_lower_error_within_the_interval_is_no_reason_to_change_the_weight() -> None:
    [note] = blend_weight_notes(graded(5000, 0.224))
    assert "0.25 has the lowest error" in note and note.endswith("; no reason to change forecasts.blend_weight.")


def test_too_few_rows_have_no_note() -> None:
    assert blend_weight_notes(graded(3999, 0.3)) == []
    assert blend_weight_notes(graded(5000, 0.3).with_columns(pl.lit("catboost").alias("system_id"))) == []
