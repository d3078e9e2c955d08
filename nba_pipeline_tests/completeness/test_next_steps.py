"""The command that completes a date: what the reconciliation covers, an interrupted backfill, older dates."""

from datetime import date, timedelta

import pytest

from nba_pipeline.completeness.date_facts import Facts, Failure
from nba_pipeline.completeness.next_steps import next_command
from nba_pipeline.completeness.states import STATES

DAY = date(2026, 1, 15)
BACKFILL = f"nba-pipeline backfill --from {DAY} --to {DAY} --resume"
INTERRUPTED = {"boxscores": Failure(1, "run 1a2b3c4d was interrupted", "nba-pipeline backfill --from A --to B --resume")}


@pytest.mark.parametrize(
    ("facts", "days_ago", "command"),
    [
        (Facts(DAY), 1, "nba-pipeline reconcile"),
        (Facts(DAY), 30, "nba-pipeline reconcile"),
        (Facts(DAY), 31, BACKFILL),
        (Facts(DAY, is_within_home=False), 1, BACKFILL),
        (Facts(DAY, failures=INTERRUPTED), 1, INTERRUPTED["boxscores"].resume),
        (Facts(DAY, closed=("the ledger grades is closed; restore it",)), 1, ""),
    ],
    ids=["yesterday", "last reconciled date", "older", "before the history", "interrupted", "closed ledger"],
)
def test_the_next_command_of_a_failed_date_completes_it(facts: Facts, days_ago: int, command: str) -> None:
    assert next_command(facts, "FAILED", DAY + timedelta(days=days_ago)) == command


@pytest.mark.parametrize("state", sorted(set(STATES) - {"LATE", "FAILED"}))
def test_a_date_that_is_not_late_needs_no_command(state: str) -> None:
    assert next_command(Facts(DAY, failures=INTERRUPTED), state, DAY) == ""
