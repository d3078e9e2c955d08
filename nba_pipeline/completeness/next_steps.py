"""The command that completes a date that is late or failed. It depends on how far back the reconciliation searches."""

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
    is_reconciled = day >= today - timedelta(days=SETTINGS.patience.nightly_days)
    return facts.resume or (RECONCILE if is_reconciled else f"nba-pipeline backfill --from {day} --to {day} --resume")
