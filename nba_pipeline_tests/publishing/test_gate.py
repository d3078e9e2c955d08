"""The gate before publishing: coverage and the sanity of each system's slate."""

from typing import Any

import pytest

from nba_pipeline.publishing.gate import closed_because
from nba_pipeline_tests.builders_predictions import a_prediction, predictions_of


def slate(
    number: int, *, system: str = "ensemble", edges: tuple[float, ...] = (1.0, -1.0), **fields: Any
) -> list[dict[str, Any]]:
    return [
        a_prediction("PASS", system_id=system, player_id=player + 1, edge=edges[player % len(edges)], **fields)
        for player in range(number)
    ]


@pytest.mark.parametrize(
    ("rows", "eligible", "missing", "reasons"),
    [
        (slate(30), 30, 6, []),
        (slate(30), 30, 7, ["23 of 30 eligible players are predicted; 80% are required"]),
        (slate(9), 0, 0, ["only 9 players predicted; at least 10 are required"]),
        (slate(10), 0, 0, []),
        (slate(30, edges=(1.0,)), 30, 0, ["ensemble: 30 of 30 forecasts are over the line"]),
        (slate(19, edges=(1.0,)), 19, 0, []),
        (slate(30, edges=(-9.0, -9.0, 1.0)), 30, 0, ["ensemble: the mean edge is -5.67"]),
        (slate(30, over_probability=0.5), 30, 0, ["ensemble: all 30 probabilities are 0.500"]),
        (slate(30) + slate(30, system="xgboost", edges=(1.0,)), 30, 0, ["xgboost: 30 of 30 forecasts are over the line"]),
    ],
)  # fmt: skip
def test_the_reasons_of_a_closed_gate(rows: list[dict[str, Any]], eligible: int, missing: int, reasons: list[str]) -> None:
    assert closed_because(predictions_of(*rows), eligible, missing) == reasons
