"""The cause of a state names the limit that is exceeded, and what is missing for bets."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nba_pipeline.completeness.date_facts import Facts, Failure
from nba_pipeline.completeness.state_causes import cause_of
from nba_pipeline.completeness.states import state_of
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.completeness.test_states import DAY, FINISHED, MORNING, NEXT, NOON_AFTER, TONIGHT, games, without

REFUSED = {"boxscores": Failure(1, "run a1 failed"), "players": Failure(1, "run a1 failed")}


def cause(facts: Facts, now: datetime, *failing: str, unusable: tuple[str, ...] = ()) -> tuple[str, str]:
    state, reasons = state_of(facts, now)
    return state, cause_of(facts, state, reasons, failing, unusable, now)


@pytest.mark.parametrize(
    ("facts", "now", "expected"),
    [
        (replace(FINISHED, closed=("grades is closed",)), MORNING, "A ledger is closed."),
        (without(FINISHED, "boxscores"), NOON_AFTER, "Data is overdue past 2026-01-16 12:00 US Eastern."),
        (
            replace(without(FINISHED, "boxscores"), failures={"boxscores": Failure(3, "run a1 failed")}),
            MORNING,
            "3 attempts failed (boxscores).",
        ),
        (
            without(TONIGHT, "predictions"),
            eastern(DAY, 22, 30),
            "Data of the slate is overdue past its last tip-off, 2026-01-15 22:00 US Eastern.",
        ),
    ],
)
def test_a_failed_date_names_the_limit_that_is_exceeded(facts: Facts, now: datetime, expected: str) -> None:
    assert cause(facts, now) == ("FAILED", expected)


def test_a_closed_slate_names_the_box_scores_that_it_waits_for() -> None:
    facts = replace(without(TONIGHT, "predictions"), waits_for=DAY - timedelta(days=1))
    expected = "No predictions are made until the box scores of 2026-01-14 are complete."
    assert cause(facts, eastern(DAY, 22, 30)) == ("FAILED", expected)


def test_edited_settings_stop_every_run() -> None:
    edited = {"schedule": Failure(1, "run a1 failed", own_step="restart the daemon")}
    expected = "No run starts until the daemon is restarted."
    assert cause(replace(FINISHED, failures=edited), MORNING) == ("LATE", expected)


def test_a_complete_date_whose_later_run_failed_lacks_a_correction_only() -> None:
    state, text = cause(replace(FINISHED, failures=REFUSED), MORNING)
    assert (state, text.partition(",")[0]) == ("LATE", "Every table is written")
    assert cause(replace(FINISHED, games=games("live"), failures=REFUSED), MORNING) == ("LATE", "")


def test_one_failed_run_is_one_reason_for_all_its_tables() -> None:
    assert state_of(replace(FINISHED, failures=REFUSED), MORNING) == ("LATE", ("run a1 failed: boxscores, players",))


def test_a_slate_without_any_line_is_not_called_usable() -> None:
    rows, usual = {**TONIGHT.rows, "prop_lines": 0}, TONIGHT.usual | {"prop_lines"}
    facts = replace(TONIGHT, rows=rows, usual=usual, games_without_lines=("game 1",))
    assert cause(facts, eastern(DAY, 14)) == ("DEGRADED", "No game has a line, so no prediction is actionable.")


def test_a_table_to_rebuild_makes_a_date_unusable() -> None:
    state, text = cause(replace(FINISHED, missing=("landed but not loaded: boxscores",)), MORNING)
    assert state == "DEGRADED" and "must be rebuilt" in text


def test_a_date_in_play_names_the_providers_whose_last_requests_failed() -> None:
    now = eastern(NEXT, 0) - timedelta(hours=2)
    assert cause(TONIGHT, now) == ("EXPECTED", "")
    assert cause(TONIGHT, now, "espn", "odds_api")[1].startswith(
        "No table is late, but the last requests to espn, odds_api failed."
    )
    assert cause(TONIGHT, now, unusable=("nba_cdn",))[1] == "A response of nba_cdn cannot be used. Its request is repeated."


def test_a_date_in_play_counts_the_final_games_without_a_box_score_and_says_when_they_are_due() -> None:
    facts = replace(TONIGHT, games=games("final", problem="game 0 (no box score of BOS)"))
    assert cause(facts, eastern(NEXT, 1)) == (
        "EXPECTED",
        "1 final game lacks a complete box score. Box scores are due at 2026-01-16 06:00 US Eastern and are requested again until then.",
    )


def test_a_late_date_counts_the_games_without_a_complete_box_score() -> None:
    late = replace(FINISHED, games=games("final", "final", problem="game 0 (no box score of BOS)"))
    assert cause(late, MORNING) == ("LATE", "2 final games lack a complete box score. Attempts remain.")
    assert cause(late, NOON_AFTER)[1].startswith("2 final games lack a complete box score. Data is overdue past")
