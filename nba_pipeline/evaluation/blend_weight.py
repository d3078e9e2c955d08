"""The weight of the ensemble in `market_blend` that has the lowest error on the rows of an evaluation.

The weight is the setting `forecasts.blend_weight`, within its bounds. Nothing changes it automatically: a person may change it
at most once a season, because a weight that follows every period fits noise.
"""

import polars as pl

from nba_pipeline.evaluation.metrics import mean_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import ENSEMBLE

WEIGHTS = (0.1, 0.15, 0.2, 0.25, 0.3)
"""The weights that are compared. The setting has the same bounds."""


def blend_weight_notes(rows: pl.DataFrame) -> list[str]:
    """Returns a note on the weight with the lowest error, or no note for an evaluation with too few rows of the ensemble.

    Args:
        rows: Graded forecasts: system_id, predicted_value, adjusted_line and actual_value.
    """
    blended = rows.filter(pl.col("system_id") == ENSEMBLE.system_id, pl.col("adjusted_line").is_not_null())
    if blended.height < SETTINGS.evaluation.suspect_rows:
        return []
    present = SETTINGS.forecasts.blend_weight
    errors = {weight: blended.select(_error(weight)).to_series() for weight in {*WEIGHTS, present}}
    best = min(sorted(errors), key=lambda weight: errors[weight].sum())
    if best == present:
        return [f"market_blend: the weight of the setting, {present:g}, has the lowest error on {blended.height:,} rows."]
    gain = mean_of(errors[best] - errors[present])
    assert gain.value is not None and gain.high is not None  # there are at least `suspect_rows` rows
    is_clear = gain.high < 0
    advice = "forecasts.blend_weight may be changed once a season" if is_clear else "no reason to change forecasts.blend_weight"
    return [
        f"market_blend: of the weights {WEIGHTS[0]:g} to {WEIGHTS[-1]:g}, {best:g} has the lowest error: "
        f"{gain.value:+.4f} ± {gain.high - gain.value:.4f} compared with that of the setting, {present:g}, on {blended.height:,} rows; {advice}."
    ]


def _error(weight: float) -> pl.Expr:
    return (weight * pl.col("predicted_value") + (1 - weight) * pl.col("adjusted_line") - pl.col("actual_value")).abs()
