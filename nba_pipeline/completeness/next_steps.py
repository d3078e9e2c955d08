"""The command that completes dates. It depends on how far back the reconciliation searches.

`status`, `explain` and the last line of a failed command name the same command.
"""

from datetime import date, timedelta

from nba_pipeline.completeness.date_facts import Facts
from nba_pipeline.completeness.states import FAILING
from nba_pipeline.settings import SETTINGS

RECONCILE = "nba-pipeline reconcile"


def next_command(facts: Facts, state: str, today: date) -> str:
    """Returns the command that completes a date; empty if nothing is late. The reason of a closed ledger names its own command."""
    if state not in FAILING or facts.closed:
        return ""
    day = facts.game_date
    return facts.resume or completing_command(day, day, today, is_within_home=facts.is_within_home)


def completing_command(first: date, last: date, today: date, *, is_within_home: bool) -> str:
    """Returns the command that completes dates: the reconciliation, or a backfill if it does not cover the first one.

    Args:
        first: The first date.
        last: The last date, included.
        today: The present date.
        is_within_home: Whether the first date is not before the first due one of the home, see `history.first_due_date`.
    """
    is_reconciled = is_within_home and first >= today - timedelta(days=SETTINGS.patience.nightly_days)
    return RECONCILE if is_reconciled else backfill_command(first, last)


def backfill_command(first: date, last: date) -> str:
    """Returns the command that loads dates, also those before the stored history, and skips complete ones."""
    return f"nba-pipeline backfill --from {first} --to {last} --resume"


def features_command(first: date, last: date) -> str:
    """Returns the command that computes the features of dates again."""
    return f"nba-pipeline backfill --from {first} --to {last} --stop-after features"
