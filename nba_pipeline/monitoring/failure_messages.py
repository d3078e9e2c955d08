"""The message and the next step of the alert for a failed run whose cause is known. `failed_runs.py` raises the alert.

A failure of another cause keeps its own text, and its alert names the command that completes the dates.
"""

import re
from collections.abc import Sequence
from datetime import date

from nba_pipeline.completeness.next_steps import KEPT, RESTART
from nba_pipeline.instance.run_outcomes import failed_check, shortened
from nba_pipeline.settings import SETTINGS

SLATE = failed_check("upcoming_players", "the_last_slates_are_covered")
"""Beginning of the failure of a slate whose gate is closed, because too many earlier games lack a box score."""
SETTINGS_EDITED = re.compile(r"(?:\w+: )?(?P<file>.+) has changed since this process read it; restart the process")
TOO_FEW_ROWS = re.compile(
    r"\w+: (?P<table>\w+) (?P<day>\S+): (?P<new>\d+) rows? would replace (?P<stored>\d+), fewer than the required (?P<share>\d+%)"
)


def message_of(failures: Sequence[str], span: Sequence[date]) -> str:
    """Returns the failures of a run in one line. Equal sentences are shown once."""
    return shortened(list(dict.fromkeys(_sentence(failure, span) for failure in failures)))


def cause_of(failures: Sequence[str], span: Sequence[date]) -> str:
    """Returns a text that is equal for runs with the same cause. All runs that a closed slate stops have one cause."""
    is_of_a_slate = failures and all(failure.startswith(of_a_closed_slate(span)) for failure in failures)
    return SLATE if is_of_a_slate else "; ".join(sorted(set(failures)))


def next_step_of(failures: Sequence[str]) -> str:
    """Returns what helps against the only cause of a failed run; empty if the run can be repeated."""
    for cause, step in ((SETTINGS_EDITED, RESTART), (TOO_FEW_ROWS, KEPT)):
        if failures and all(cause.match(failure) for failure in failures):
            return step
    return ""


def of_a_closed_slate(span: Sequence[date]) -> tuple[str, ...]:
    """Returns the beginnings of the failures of a closed slate: of its check, and of `features`, which has the same gate."""
    return SLATE, *(f"features: the slate of {day} is closed" for day in span)


def _sentence(failure: str, span: Sequence[date]) -> str:
    """Returns a failure in the words of the operator; unchanged if its cause is not known."""
    if edited := SETTINGS_EDITED.match(failure):
        return f"The daemon starts no work until it is restarted: {edited['file']} was edited"
    if few := TOO_FEW_ROWS.match(failure):
        return (
            f"Nothing is lost: the newest responses have fewer rows of {few['table']} of {few['day']} than the stored ones "
            f"({few['new']} of {few['stored']}; at least {few['share']} are required), so the stored rows are kept"
        )
    if len(set(span)) == 1 and failure.startswith(of_a_closed_slate(span)):
        return _closed_slate(failure, max(span))
    return failure


def _closed_slate(failure: str, day: date) -> str:
    """Returns why a slate has no predictions, with the games that lack a box score."""
    coverage = SETTINGS.coverage
    games = failure.removeprefix(SLATE).partition(": ")[2] if failure.startswith(SLATE) else failure.partition("; missing: ")[2]
    missing = f"; missing: {games.replace('; ', ', ')}" if games else ""
    return (
        f"No predictions are made for {day}: fewer than {coverage.enough:.0%} of the final games of the last "
        f"{coverage.recent_slates} slates have a complete box score{missing}"
    )
