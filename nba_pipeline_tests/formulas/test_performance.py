"""Performance of a few rows whose metrics are computed by hand."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.performance import ALL, TOO_SMALL, performance

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 10)
TIERS = (10.0, 20.0)


def a_row(day: date = DAY, **fields: Any) -> dict[str, Any]:
    """A won live bet on the over: 25 points against a line of 20.5, result 24."""
    return {
        "game_date": day, "season": "2025-26", "system_id": "ensemble", "market": "player_points", "run_kind": "live",
        "predicted_value": 25.0, "line": 20.5, "actual_value": 24.0, "outcome": "WIN", "recommendation": "OVER", "is_actionable": True,
        "is_published": False, "price": 150, "best_price": 200, "over_probability": None, "blended_over_probability": 0.6,
        "blended_push_probability": 0.0, "market_over_probability": 0.5, "quality_score": 80.0, "closing_line_value": 0.02,
        "subset": ALL,
    } | fields  # fmt: skip


LOST = {"actual_value": 10.0, "outcome": "LOSS"}
VOID = {"actual_value": None, "outcome": "VOID"}
PASS = {"predicted_value": 20.9, "recommendation": "PASS", "outcome": "NO_BET"}


def rated(*rows: dict[str, Any], dates: tuple[date, ...] = (DAY,), eligible: int = 9, **where: str) -> list[dict[str, Any]]:
    """The rows of a window and group, by default those of all predictions of the day."""
    frame = pl.DataFrame(list(rows), schema_overrides={"over_probability": pl.Float64}, infer_schema_length=None)
    players = pl.DataFrame({"game_date": frame["game_date"].unique()}).with_columns(eligible=pl.lit(eligible))
    found = performance(frame, players, dates, tiers=TIERS, least_bets=3)
    return found.filter(**{"window": "day", "direction": ALL, "tier": ALL, "subset": ALL} | where).to_dicts()


def test_errors_and_gap_are_of_the_same_rows() -> None:
    (row,) = rated(
        a_row(), a_row(**LOST), a_row(**VOID), a_row(line=None, actual_value=20.0, outcome="NO_BET", recommendation="NO_LINE")
    )
    # forecast errors 1 and 15, line errors 3.5 and 10.5; the row without a line counts in mae_all only
    assert (row["mae"], row["line_mae"], row["gap"], row["gap_n"]) == (8.0, 7.0, 1.0, 2)
    assert (row["mae_all"], row["graded"], row["bias"]) == (7.0, 3, 8.0)
    # gaps -2.5 and 4.5: 1.96 x sqrt(24.5) / sqrt(2)
    assert (row["gap_low"], row["gap_high"]) == pytest.approx((1 - 6.86, 1 + 6.86), abs=1e-5)


def test_the_hit_rate_has_wilsons_interval_and_counts_wins_and_losses_only() -> None:
    (row,) = rated(a_row(), a_row(), a_row(**LOST), a_row(**VOID), a_row(**PASS), a_row(actual_value=20.5, outcome="PUSH"))
    assert (row["bets"], row["hit_rate"], row["note"]) == (3, 0.66667, None)
    assert (row["hit_rate_low"], row["hit_rate_high"]) == pytest.approx((0.20765, 0.93851), abs=1e-5)
    assert [row[name] for name in ("wins", "losses", "pushes", "voids", "no_bets")] == [2, 1, 1, 1, 1]
    assert [row[name] for name in ("overs", "unders", "passes", "no_lines")] == [5, 0, 1, 0]


def test_a_sample_below_the_least_number_of_bets_is_marked() -> None:
    assert [row["note"] for row in rated(a_row(), a_row(**LOST))] == [TOO_SMALL]


def test_the_return_is_at_the_offered_and_at_the_best_price() -> None:
    (row,) = rated(a_row(), a_row(**LOST), a_row(**VOID), a_row(price=None, best_price=None))
    assert (row["roi"], row["roi_n"], row["roi_at_best_price"]) == (0.25, 2, 0.5)


def test_scores_stand_beside_those_of_the_market() -> None:
    (row,) = rated(a_row(), a_row(**LOST))
    assert (row["brier"], row["market_brier"]) == (0.26, 0.25)
    assert row["log_loss_gap"] == pytest.approx(row["log_loss"] - row["market_log_loss"], abs=1e-5)
    assert (row["closing_line_value"], row["closing_line_value_n"], row["quality_score"]) == (0.02, 2, 80.0)


def test_a_prediction_without_a_grade_is_counted_as_such() -> None:
    (row,) = rated(a_row(outcome=None, actual_value=None), a_row(line=None, is_actionable=False, is_published=True))
    assert [row[name] for name in ("predicted", "ungradable", "with_line", "actionable", "published")] == [2, 1, 1, 1, 1]
    assert row["eligible"] == 9


def test_windows_end_on_the_date_and_stay_in_the_season() -> None:
    earlier = [a_row(DAY - timedelta(days=n)) for n in (6, 7, 29, 30)]
    last_season = a_row(DAY - timedelta(days=200), season="2024-25")
    found = {window: rated(a_row(), *earlier, last_season, window=window)[0] for window in ("day", "7 days", "30 days", "season")}
    assert {window: row["predicted"] for window, row in found.items()} == {"day": 1, "7 days": 2, "30 days": 4, "season": 5}
    assert found["7 days"]["eligible"] == 18


def test_groups_are_not_crossed() -> None:
    rows = [
        a_row(),
        a_row(predicted_value=5.0, line=8.5, recommendation="UNDER", outcome="LOSS"),
        a_row(subset="best", price=100),
    ]
    assert rated(*rows)[0]["predicted"] == 2
    assert rated(*rows, direction="UNDER")[0]["losses"] == 1
    assert rated(*rows, tier="below 10")[0]["predicted"] == 1
    (best,) = rated(*rows, subset="best")
    assert (best["predicted"], best["roi"], best["eligible"], best["calibration_error"]) == (1, 1.0, None, None)
    assert rated(*rows, subset="best", direction="OVER") == []


def test_live_predictions_and_backtests_are_apart() -> None:
    assert [(row["run_kind"], row["predicted"]) for row in rated(a_row(), a_row(run_kind="backtest"))] == [
        ("backtest", 1),
        ("live", 1),
    ]


def test_the_calibration_error_is_that_of_ten_groups() -> None:
    rows = [a_row(blended_over_probability=0.7), *[a_row(blended_over_probability=0.6)] * 9]
    assert rated(*rows)[0]["calibration_error"] == pytest.approx((9 * 0.4 + 0.3) / 10)
    assert rated(*rows[:9])[0]["calibration_error"] is None


@pytest.mark.parametrize("of_the_day", [{"actual_value": 20.5, "outcome": "PUSH"}, {"blended_over_probability": None}])
def test_a_window_is_calibrated_although_its_last_date_has_no_decided_probability(of_the_day: dict[str, Any]) -> None:
    rows = [*[a_row(DAY - timedelta(days=3))] * 10, a_row(**of_the_day)]
    found = {window: rated(*rows, window=window)[0]["calibration_error"] for window in ("day", "7 days", "30 days", "season")}
    assert found == {"day": None, "7 days": 0.4, "30 days": 0.4, "season": 0.4}


def test_dates_in_one_call_equal_dates_in_several() -> None:
    days = [DAY - timedelta(days=n) for n in (9, 4, 0)]
    rows = [a_row(day, actual_value=20.0 + n) for n, day in enumerate(days * 5)]
    together = rated(*rows, dates=tuple(days), window="30 days")
    assert together == [row for day in sorted(days) for row in rated(*rows, dates=(day,), window="30 days")]
