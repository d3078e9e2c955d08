"""market_blend: mostly the price-adjusted line; no line, no row."""

import polars as pl
import pytest

from nba_pipeline.systems import MARKET_BLEND
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows
from nba_pipeline_tests.systems.test_ensemble import forecasts


def lines(adjusted: float | None) -> pl.DataFrame:
    schema = {"game_id": pl.String, "player_id": pl.Int64, "adjusted_line": pl.Float64}
    return pl.DataFrame([("game", 1, adjusted)], schema=schema, orient="row")


def test_it_is_a_fifth_the_ensemble_and_four_fifths_the_adjusted_line() -> None:
    ((*_, points, reasons),) = MARKET_BLEND.combine({"ensemble": forecasts(p1=20)}, lines(25.0)).rows()
    assert (points, reasons) == (pytest.approx(24.0), ["contains_the_line"])


@pytest.mark.parametrize(
    ("ensemble", "adjusted", "reason"),
    [(forecasts(p1=20), None, "no line with prices"), (forecasts(), 25.0, "no forecast of ensemble")],
    ids=["no line", "no ensemble"],
)
def test_without_one_of_both_there_is_no_forecast_and_the_reason(
    ensemble: pl.DataFrame, adjusted: float | None, reason: str
) -> None:
    made = MARKET_BLEND.combine({"ensemble": ensemble}, lines(adjusted))
    assert made.is_empty()
    rows = features_of_rows(a_feature_row(game_id="game", player_id=1))
    assert MARKET_BLEND.why_not_combined(rows, made, {"ensemble": ensemble})["reason"].to_list() == [reason]
