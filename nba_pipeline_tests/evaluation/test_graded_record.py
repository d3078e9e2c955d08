"""The record of grades: the counts of a sportsbook, and the error beside the line's on the same rows."""

from typing import Any

import polars as pl

from nba_pipeline.evaluation.graded_record import COLUMNS, record_of


def a_grade(
    player: int = 1, points: int | None = 25, line: float | None = 20.5, outcome: str = "WIN", **fields: Any
) -> dict[str, Any]:
    row = {
        "system_id": "ensemble", "market": "player_points", "run_kind": "live", "game_id": "1", "player_id": player,
        "outcome": outcome, "predicted_value": 24.0, "actual_value": points, "line": line,
        "absolute_error": None if points is None else abs(24.0 - points),
    }  # fmt: skip
    return row | fields


def rows_of(*grades: dict[str, Any]) -> list[dict[str, Any]]:
    return record_of(pl.DataFrame(grades).select(COLUMNS)).to_dicts()


def test_the_record_has_the_counts_the_errors_and_the_line_on_the_same_rows() -> None:
    model, line = rows_of(
        a_grade(1), a_grade(2, points=15, outcome="LOSS"), a_grade(3, points=None, outcome="VOID"),
        a_grade(4, points=30, line=None, outcome="NO_BET"),
    )  # fmt: skip
    # errors of the lined rows 1 and 9 against 4.5 and 5.5 of the line; 1, 9 and 6 of all
    assert {name: model[name] for name in ("graded", "bets", "hit_rate", "voids", "no_bets", "lined", "mae", "mae_all", "gap")} == {
        "graded": 4, "bets": 2, "hit_rate": 0.5, "voids": 1, "no_bets": 1, "lined": 2, "mae": 5.0, "mae_all": 5.33333, "gap": 0.0,
    }  # fmt: skip
    assert (line["system_id"], line["lined"], line["mae"], line["bets"]) == ("market", 2, 5.0, None)


def test_live_rows_and_backtests_have_records_of_their_own() -> None:
    made = rows_of(a_grade(), a_grade(2, run_kind="backtest"), a_grade(system_id="xgboost"))
    assert [(row["run_kind"], row["system_id"]) for row in made] == [
        ("backtest", "ensemble"), ("backtest", "market"), ("live", "ensemble"), ("live", "xgboost"), ("live", "market"),
    ]  # fmt: skip


def test_the_line_of_a_player_counts_once() -> None:
    assert rows_of(a_grade(), a_grade(system_id="xgboost"))[-1]["lined"] == 1
