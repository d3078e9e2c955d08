"""The distribution of predictions: earlier dates only, the blended middle, and when a probability is published."""

import math
import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.formulas.adjusted_line import deviation
from nba_pipeline.formulas.forecast_distribution import (
    FORECAST,
    Rules,
    calibration_numbers,
    calibration_problems,
    graded_rows,
    with_distribution,
)
from nba_pipeline_tests.builders import DAY

RULES = Rules(blend_weight=0.2, residual_rows=1000, least_residuals=20, graded_rows=40, few_games_spread=1.1)
BLENDED = ("blended_over_probability", "blended_push_probability")
SCHEMA: dict[str, Any] = {
    "game_date": pl.Date, "game_id": pl.String, "player_id": pl.Int64, "system_id": pl.String, "market": pl.String,
    "run_kind": pl.String, "predicted_value": pl.Float64, "reasons": pl.List(pl.String), "line": pl.Float64,
    "adjusted_line": pl.Float64, "market_over_probability": pl.Float64, **dict.fromkeys(BLENDED, pl.Float64), "actual_value": pl.Int64,
}  # fmt: skip


def a_row(day: date = DAY, number: int = 1, **fields: Any) -> dict[str, Any]:
    """A prediction of 20 points against a line of 20.5 at even prices."""
    return {
        "game_date": day, "game_id": f"{day}", "player_id": number, "system_id": "ensemble", "market": "player_points",
        "run_kind": "backtest", "predicted_value": 20.0, "reasons": [], "line": 20.5, "adjusted_line": 20.5,
        "market_over_probability": 0.5,
    } | fields  # fmt: skip


def rows_of(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA)


def history(days: int = 10, players: int = 10, **fields: Any) -> pl.DataFrame:
    """Graded rows of the days before DAY with outcomes from 10 to 30; P(over) 0.6 and 8 overs a day, so better than the market."""
    chance, rows = random.Random(7), []
    for back in range(1, days + 1):
        for number in range(players):
            points = chance.randrange(21, 31) if number < 8 else chance.randrange(10, 20)
            known = {"blended_over_probability": 0.6, "blended_push_probability": 0.0, "actual_value": points} | fields
            rows.append(a_row(DAY - timedelta(days=back), number, **known))
    return rows_of(*rows).sort("game_date", "game_id", "player_id")


def made(*rows: dict[str, Any], graded: pl.DataFrame | None = None, rules: Rules = RULES, **outcomes: int) -> pl.DataFrame:
    """The distribution of predictions; by default with 100 graded rows. `p1=30`: player 1 scores 30 in every game."""
    known = pl.DataFrame(
        [(row["game_id"], row["player_id"], row["market"], outcomes.get(f"p{row['player_id']}")) for row in rows],
        schema={name: SCHEMA[name] for name in ("game_id", "player_id", "market", "actual_value")},
        orient="row",
    )
    return with_distribution(rows_of(*rows).drop("actual_value", *BLENDED), history() if graded is None else graded, known, rules)


def one(*rows: dict[str, Any], **given: Any) -> dict[str, Any]:
    return made(*(rows or (a_row(),)), **given).row(0, named=True)


def test_a_lined_row_has_both_distributions_and_publishes_the_blended_one() -> None:
    row = one(a_row(predicted_value=25.0))
    assert row["model_over_probability"] > row["blended_over_probability"] > 0.5
    assert (row["over_probability"], row["probability_reason"]) == (row["blended_over_probability"], None)
    for kind in ("model", "blended"):
        assert sum(row[f"{kind}_{side}_probability"] for side in ("over", "push", "under")) == pytest.approx(1, abs=1e-12)


def test_the_blended_middle_is_a_fifth_the_forecast_and_the_forecast_itself_if_it_contains_the_line() -> None:
    graded = history(adjusted_line=20.0)
    rows = a_row(number=1, predicted_value=25.0), a_row(number=2, predicted_value=21.4, reasons=["contains_the_line"])
    first, second = made(*rows, graded=graded).iter_rows(named=True)
    assert first["blended_over_probability"] == pytest.approx(second["blended_over_probability"])


def test_the_standard_deviation_is_that_of_the_residuals_in_points() -> None:
    graded = history()
    sd = pl.select(deviation(pl.lit(20.0))).item()
    spread = ((graded["actual_value"] - 20) / sd).std()
    assert one()["standard_deviation"] == pytest.approx(spread * sd)


def test_few_career_games_widen_the_distribution() -> None:
    usual, few = one(a_row(line=26.5)), one(a_row(line=26.5, reasons=["few_career_games"]))
    assert few["standard_deviation"] == pytest.approx(1.1 * usual["standard_deviation"])
    assert few["model_over_probability"] > usual["model_over_probability"]


def test_outcomes_of_the_date_and_of_later_dates_have_no_effect() -> None:
    tonight = [a_row(DAY + timedelta(days=n), number, actual_value=60) for n in (0, 1) for number in range(50)]
    future = pl.concat([history(), rows_of(*tonight)])
    assert one(graded=future) == one()
    assert made(a_row(), p1=60).equals(made(a_row()))


def test_a_date_gives_the_same_values_alone_and_in_a_range() -> None:
    """The outcomes of the first date count for the second one, whether it comes from the ledger or from the same run."""
    days = [a_row(DAY, 1, predicted_value=25.0), a_row(DAY + timedelta(days=1), 1, predicted_value=25.0)]
    together = made(*days, p1=60)
    first = together.filter(pl.col("game_date") == DAY)
    outcomes = pl.DataFrame({"game_id": [f"{DAY}"], "player_id": [1], "market": ["player_points"], "actual_value": [60]})
    stored = graded_rows(first.with_columns(pl.lit(1).alias("version")), outcomes)
    alone = made(days[1], graded=pl.concat([history(), stored]))
    assert_frame_equal(together.tail(1), alone)
    assert together.tail(1)["standard_deviation"].item() > first["standard_deviation"].item()


@pytest.mark.parametrize(("days", "is_read"), [(300, True), (301, False)])
def test_rows_of_300_days_count_also_in_a_longer_range(days: int, is_read: bool) -> None:
    """A run of one date reads the ledger of 300 days, so a run of a range must not read more for its later dates."""
    later = a_row(DAY + timedelta(days=days - 1))
    day_before = history(days=1, players=20)
    assert (one(later, graded=day_before)["standard_deviation"] is not None) is is_read


@pytest.mark.parametrize("other", [{"system_id": "xgboost"}, {"market": "player_rebounds"}], ids=str)
def test_the_residuals_of_another_system_or_market_do_not_count(other: dict[str, str]) -> None:
    assert one(a_row(**other))["standard_deviation"] is None


@pytest.mark.parametrize(
    ("row", "given", "reason"),
    [
        ({"line": None, "adjusted_line": None}, {}, "no_line"),
        ({"adjusted_line": None}, {}, "no_market_price"),
        ({}, {"graded": history(1)}, "few_residuals"),
        ({}, {"graded": history(3)}, "few_graded_rows"),
        ({}, {"graded": history(blended_over_probability=0.3)}, "log_loss_above_market"),
        ({}, {"graded": history(blended_over_probability=None)}, "few_graded_rows"),
        ({}, {"graded": history(market_over_probability=None)}, "few_graded_rows"),
    ],
)
def test_an_unpublished_probability_has_a_reason(row: dict[str, Any], given: dict[str, Any], reason: str) -> None:
    result = one(a_row(**row), **given)
    assert (result["over_probability"], result["probability_reason"]) == (None, reason)


def test_a_probability_that_scores_like_the_market_is_published() -> None:
    assert one(graded=history(blended_over_probability=0.5))["probability_reason"] is None


def test_live_rows_decide_as_soon_as_there_are_enough() -> None:
    """100 good backtests, and 30 or 40 bad live rows of later dates."""
    old = history().with_columns(pl.col("game_date") - timedelta(days=30), pl.lit("old ").add(pl.col("game_id")).alias("game_id"))
    for days, reason in ((3, None), (4, "log_loss_above_market")):
        live = history(days, run_kind="live", blended_over_probability=0.3)
        assert one(graded=pl.concat([old, live]))["probability_reason"] == reason


def test_the_last_version_counts_and_a_live_row_replaces_a_backtest() -> None:
    rows = rows_of(
        a_row(number=1, predicted_value=1.0), a_row(number=1, predicted_value=2.0), a_row(number=2, predicted_value=3.0),
        a_row(number=2, predicted_value=4.0, run_kind="live"), a_row(number=3),
    ).drop("actual_value")  # fmt: skip
    outcomes = pl.DataFrame(
        {"game_id": [f"{DAY}"] * 2, "player_id": [1, 2], "market": ["player_points"] * 2, "actual_value": [9, 9]}
    )
    versions = pl.Series("version", [1, 2, 2, 1, 1])
    graded = graded_rows(rows.with_columns(versions), outcomes)
    assert graded["predicted_value"].to_list() == [2.0, 4.0] and graded.columns == [*FORECAST, "actual_value"]


def test_the_record_has_its_log_loss_calibration_error_and_reliability_by_group() -> None:
    """Eight overs of ten with a probability of 0.6 against even prices."""
    numbers = calibration_numbers(history(), RULES)
    assert (numbers["log_loss_rows"], numbers["calibration_rows"]) == (40, 100)
    loss = -0.8 * math.log(0.6) - 0.2 * math.log(0.4)
    assert numbers["log_loss_minus_market"] == pytest.approx(loss - math.log(2))
    assert [numbers[f"reliability_{n}_probability"] for n in range(1, 11)] == [0.6] * 10
    assert numbers["calibration_error"] == pytest.approx(0.2, abs=0.06)
    assert calibration_numbers(history(blended_over_probability=None), RULES) == {}


@pytest.mark.parametrize(
    ("numbers", "problems"),
    [
        ({}, []),
        ({"calibration_rows": 1000, "calibration_error": 0.04}, ["calibration error 0.040"]),
        ({"calibration_rows": 999, "calibration_error": 0.04}, []),
        ({"log_loss_rows": 40, "log_loss_minus_market": 0.002}, ["log loss +0.0020 against the market's"]),
        ({"log_loss_rows": 39, "log_loss_minus_market": 0.002}, []),
    ],
    ids=str,
)
def test_a_record_is_judged_once_it_has_enough_rows(numbers: dict[str, float], problems: list[str]) -> None:
    assert calibration_problems(numbers, RULES, 0.03, 0.001) == problems


def test_no_predictions_have_no_distribution() -> None:
    assert made().is_empty() and "over_probability" in made().columns
