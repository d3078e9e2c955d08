"""The cause of a date's state in one sentence, for states with several causes. States belong in `states.py`."""

from collections.abc import Collection, Sequence
from datetime import datetime

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.date_facts import Facts
from nba_pipeline.completeness.modes import first_due
from nba_pipeline.completeness.next_steps import KEPT, RESTART
from nba_pipeline.completeness.states import FAILING, NO_ROWS, NOT_UPDATED, NOT_WRITTEN
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

TABLES_SHOWN = 3


def cause_of(
    facts: Facts, state: str, reasons: Sequence[str], failing: Collection[str], unusable: Collection[str], now: datetime
) -> str:
    """Returns the cause of a state; empty if the meaning of the state says enough.

    Args:
        facts: The facts about the date.
        state: Its state.
        reasons: The reasons for the state.
        failing: The providers whose last requests failed.
        unusable: The providers with a last response that cannot be used.
        now: The present instant.
    """
    if state in FAILING and facts.own_step == RESTART:
        return "No run starts until the daemon is restarted."
    if state == "LATE" and facts.own_step == KEPT:
        return "Nothing is lost: the newest responses have fewer rows than the stored ones, which are kept."
    if state in FAILING and facts.waits_for:
        return f"No predictions are made until the box scores of {facts.waits_for} are complete."
    if state == "FAILED":
        return _cause_of_failure(facts, now)
    if state == "LATE" and _is_complete(facts, reasons):
        return "Every table is written, but a later run failed, so a correction may be missing. Attempts remain."
    if state == "LATE" and (incomplete := _incomplete_games(facts)):
        return f"{incomplete} Attempts remain."
    if state == "DEGRADED" and facts.missing:
        return "A stored table cannot be read. It must be rebuilt from stored responses; the other tables are unharmed."
    if state == "DEGRADED" and not facts.rows.get("prop_lines") and facts.games_without_lines:
        return "No game has a line, so no prediction is actionable."
    if state == "EXPECTED" and failing:
        return f"No table is late, but the last requests to {', '.join(failing)} failed. Earlier responses stay in use.{_unknown(facts)}"
    return _cause_of_waiting(facts, unusable) if state == "EXPECTED" else ""


def _unknown(facts: Facts) -> str:
    players = counted(facts.unknown_statuses, "expected player")
    return f" The injury status of {players} is unknown." if facts.unknown_statuses else ""


def _cause_of_waiting(facts: Facts, unusable: Collection[str]) -> str:
    """Returns which box scores and responses are missing although no table is late, and until when they are requested."""
    incomplete = _incomplete_games(facts)
    problem = f"A response of {', '.join(unusable)} cannot be used." if unusable else ""
    if not incomplete and not problem:
        return ""
    due_at = eastern_text(first_due(facts.game_date, facts.tipoffs)["boxscores"])
    waiting = f"Box scores are due at {due_at} and are requested again until then." if incomplete else "Its request is repeated."
    return " ".join(filter(None, (incomplete, problem, waiting)))


def _incomplete_games(facts: Facts) -> str:
    """Returns how many final games lack a complete box score; empty without any."""
    number = sum(game.status == "final" and bool(game.problem) and game.has_source for game in facts.games)
    return f"{counted(number, 'final game lacks', 'final games lack')} a complete box score." if number else ""


def _cause_of_failure(facts: Facts, now: datetime) -> str:
    """Returns which limits are exceeded: the deadline of the date or of its slate, or the number of attempts."""
    if facts.closed:
        return "A ledger is closed."
    deadline, tipoffs = gates.deadline(facts.game_date), [at for at in facts.tipoffs if at]
    causes = [incomplete] if (incomplete := _incomplete_games(facts)) else []
    exhausted = [name for name, one in facts.failures.items() if one.runs >= SETTINGS.patience.alert_after_attempts]
    if exhausted:
        more = f" and {counted(len(exhausted) - TABLES_SHOWN, 'more table')}" if len(exhausted) > TABLES_SHOWN else ""
        attempts = max(facts.failures[name].runs for name in exhausted)
        causes.append(f"{attempts} attempts failed ({', '.join(exhausted[:TABLES_SHOWN])}{more}).")
    if now >= deadline:
        causes.append(f"Data is overdue past {eastern_text(deadline)}.")
    elif not exhausted and tipoffs and now >= max(tipoffs):
        causes.append(f"Data of the slate is overdue past its last tip-off, {eastern_text(max(tipoffs))}.")
    return " ".join(causes)


def _is_complete(facts: Facts, reasons: Sequence[str]) -> bool:
    """Whether only failed runs make a date late: no game, table or grade is missing."""
    is_missing = any(reason.startswith((NOT_WRITTEN, NO_ROWS, NOT_UPDATED)) for reason in reasons)
    return bool(facts.failures) and not (facts.has_incomplete_game or is_missing or facts.ungraded)
