"""The three lines about a published slate."""

from datetime import timedelta
from typing import Any

import pytest

from nba_pipeline.publishing.documents import Performance, Record
from nba_pipeline.publishing.message import LONGEST_LINE, message_lines
from nba_pipeline.publishing.slate import slate_document
from nba_pipeline_tests.builders_predictions import predictions_of
from nba_pipeline_tests.publishing.test_slate import DAY, FORECASTS, NOON, document, rows

KNOWN: dict[str, Any] = {
    "market": "player_points",
    "run_kind": "live",
    "graded": 90,
    "with_line": 80,
    "bets": None,
    "hit_rate": None,
}
KNOWN |= {"hit_rate_low": None, "hit_rate_high": None, "gap_to_line": -0.01, "gap_half_width": 0.42, "mae": 5.12}
RECORD = Record(
    first=DAY - timedelta(days=30), last=DAY - timedelta(days=1), as_of=NOON,
    performance=[Performance(system=system, **KNOWN) for system in ("ensemble", "market_blend")],
)  # fmt: skip


def picked(number: int, **fields: Any) -> Any:
    """A slate with this number of picks."""
    slate = document(rows(**fields))
    picks = [{"name": f"Player {rank}", "pick": "OVER", "pick_rank": rank} for rank in range(number, 0, -1)]
    return slate.model_copy(update={"players": [slate.players[0].model_copy(update=pick) for pick in picks]})


def test_the_lines_are_the_state_the_picks_and_the_record_with_n_interval_and_the_line() -> None:
    slate = slate_document(rows(is_simulated=False), "all", RECORD)
    assert message_lines(slate) == [
        "NBA player props, Thursday 2026-01-15: 1 game, 1 player, ok",
        "No picks",
        "2025-12-16 to 2026-01-14: market_blend has a mean error of 5.12 points over 80 forecasts with a line, -0.01 ± 0.42 against the line",
    ]


@pytest.mark.parametrize(
    ("number", "fields", "line"),
    [
        (2, {}, "2 picks: Player 1 OVER, Player 2 OVER"),
        (7, {}, "7 picks: Player 1 OVER, Player 2 OVER, Player 3 OVER, Player 4 OVER, Player 5 OVER, and 2 more"),
        (0, {"halt": "picks are halted: manual (x)"}, "No picks: picks are halted"),
    ],
)
def test_the_best_picks_are_named_first(number: int, fields: Any, line: str) -> None:
    assert message_lines(picked(number, **fields))[1] == line


def test_without_prices_the_message_has_no_value_of_a_line() -> None:
    lines = message_lines(slate_document(rows(), "none", RECORD))
    assert lines[1] == "Highest forecasts, in points: Al Able 25.0" and "ensemble" in lines[2]
    text = "\n".join(lines)
    assert not [value for value in ("20.5", "OVER", "market_blend", "pick") if value in text]


def test_the_highest_forecasts_are_those_of_the_main_market() -> None:
    of_rebounds = [row | {"market": "player_rebounds", "predicted_value": 99.0} for row in FORECASTS]
    lines = message_lines(slate_document(rows(predictions_of(*FORECASTS, *of_rebounds)), "none", RECORD))
    assert lines[1] == "Highest forecasts, in points: Al Able 25.0"


def test_a_degraded_simulated_slate_says_so_on_one_short_line() -> None:
    [headline, _, record] = message_lines(
        document(rows(is_simulated=True, status={"state": "DEGRADED", "reasons": ["missing:\nLAL @ BOS " + "x" * 900]}))
    )
    assert headline.startswith("Simulated league, Thursday 2026-01-15: 1 game, 1 player, degraded (missing: LAL @ BOS x")
    assert len(headline) == LONGEST_LINE and headline.endswith("…") and record == "No record yet"
