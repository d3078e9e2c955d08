"""The links from the box scores to the grades."""

from datetime import timedelta

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.explain.after_the_game import coverage_gate_link
from nba_pipeline_tests.builders import DAY, a_game
from nba_pipeline_tests.builders_predictions import TIPOFF
from nba_pipeline_tests.monitoring.explain.conftest import Slate


@pytest.mark.parametrize(
    ("hour", "state", "command"),
    [
        (2, "not_due", ""),
        (7, "broken", f"nba-pipeline waive --date {DAY} --gate enough_final_games_are_covered --reason R --author N"),
    ],
)
def test_a_gate_is_closed_by_missing_box_scores_and_waived_once_they_are_due(
    hour: int, state: str, command: str, slate: Slate
) -> None:
    facts = slate(eastern(DAY + timedelta(days=1), hour), schedule=[a_game(tipoff_at=TIPOFF)])
    gate = coverage_gate_link(facts)
    assert (gate.state, gate.next_command) == (state, command)
    assert gate.fact.startswith("closed: 0 of 1 final game complete, fewer than 80%; ")
