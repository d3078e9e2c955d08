"""The links from the box scores to the grades."""

from datetime import timedelta

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.explain.after_the_game import coverage_gate_link, grades_link, summaries_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.builders import DAY, a_game, frame_of
from nba_pipeline_tests.builders_days import complete_box, slate_of
from nba_pipeline_tests.builders_predictions import GAME, TIPOFF
from nba_pipeline_tests.monitoring.explain.conftest import Slate
from nba_pipeline_tests.monitoring.explain.test_changes import GRADE

NEXT = DAY + timedelta(days=1)
NOON, NUMBERS = f"{NEXT} 12:00 US Eastern", "0 of 1 final game complete, fewer than 80%"
REPAIR = f"wait, the box scores are requested again automatically; to request them now: nba-pipeline repair --date {DAY}"
FIRST_BACKFILL = f"nba-pipeline backfill --from {DAY - timedelta(days=13)} --to {DAY} --resume"


@pytest.mark.parametrize(
    ("hour", "state", "fact"),
    [
        (2, "not_due", f"closed so far: {NUMBERS}; box scores are due at {NEXT} 06:00 US Eastern"),
        (7, "broken", f"closed: {NUMBERS}; at {NOON} it opens by itself, but only for the games that are complete by then"),
        (13, "broken", f"closed: {NUMBERS}; the deadline, {NOON}, opens it only for complete games, and there are none"),
    ],
)
def test_a_gate_that_missing_box_scores_close_says_when_it_opens(hour: int, state: str, fact: str, slate: Slate) -> None:
    facts = slate(eastern(DAY + timedelta(days=1), hour), schedule=[a_game(tipoff_at=TIPOFF)])
    assert coverage_gate_link(facts).next_command == (FIRST_BACKFILL if state == "broken" else "")
    earlier = DAY - timedelta(days=40)  # so that the home is not new
    rows = frame_of(
        TABLES["boxscores"], *({"game_date": earlier} | row for row in complete_box(*slate_of(earlier, None, status="final")))
    )
    facts.warehouse.replace(TABLES["boxscores"], [earlier], rows, "test")
    facts = slate(eastern(DAY + timedelta(days=1), hour), schedule=[a_game(tipoff_at=TIPOFF)])
    gate = coverage_gate_link(facts)
    assert (gate.state, gate.fact, gate.next_command) == (state, fact, REPAIR if state == "broken" else "")


def test_a_waiver_is_offered_only_if_a_game_is_complete(slate: Slate) -> None:
    complete, other = slate_of(DAY, TIPOFF, TIPOFF, status="final")
    facts = slate(eastern(DAY + timedelta(days=1), 7), schedule=[complete, other], boxscores=complete_box(complete))
    gate = coverage_gate_link(facts)
    numbers = "1 of 2 final games complete, fewer than 80%"
    assert gate.fact == f"closed until {NOON}, then it opens by itself for the complete games: {numbers}"
    assert gate.next_command == f"nba-pipeline waive --date {DAY} --gate enough_final_games_are_covered --reason R --author N"


def test_rows_derived_from_lost_box_scores_cannot_be_compared(slate: Slate) -> None:
    rows, text = (
        [{"game_id": GAME, "player_id": 1, "team": "GSW"}],
        "they cannot be checked until boxscores has their games again",
    )
    facts = slate(TIPOFF, schedule=[a_game(tipoff_at=TIPOFF)], player_game_summary=rows, grades=[GRADE])
    for link in (summaries_link(facts, Subject(DAY)), grades_link(facts, Subject(DAY))):
        assert (link.state, link.fact) == ("partial", f"1 row, written earlier; {text}")
