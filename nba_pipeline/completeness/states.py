"""The state of a date, derived from facts. Reading the facts belongs in `monitoring/date_facts.py`.

NOT_DUE    no table of the date is due: it lies ahead, or before the stored history
EXPECTED   a table is due or a game is in play, and nothing is late
RUNNING    a run of the date is in progress
COMPLETE   every table is written, every game is final with a complete box score or not played, every prediction graded
STALE      complete, with rows of another code version
EMPTY_OK   no game is played, and nothing is missing
DEGRADED   usable; the reasons name the missing data
WAIVED     a closed gate was waived
LATE       overdue, and attempts remain
FAILED     overdue past the deadline or after the last attempt, or a ledger is closed
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.date_facts import Facts, Failure, Game
from nba_pipeline.completeness.modes import (
    MODES,
    Mode,
    critical_tables,
    derived_from_games,
    first_due,
    grace,
    last_due,
    lines_due_at,
    results,
    tables_of_mode,
)
from nba_pipeline.league.calendar import eastern
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables, declared, requested_by

STATES = (
    "NOT_DUE", "EXPECTED", "RUNNING", "COMPLETE", "STALE", "EMPTY_OK", "DEGRADED", "WAIVED", "LATE", "FAILED",
)  # fmt: skip
FAILING = ("LATE", "FAILED")
"""States for which the command `status` exits with code 1."""

WORST_FIRST = ("FAILED", "LATE", "WAIVED", "DEGRADED")
NOT_WRITTEN = "not written"
NO_ROWS = "no rows, unlike earlier slates"
NOT_UPDATED = "not updated since"
Finding = tuple[str, str, str]
"""State, problem and table. Findings that differ only in the table share one reason."""


def state_of(facts: Facts, now: datetime) -> tuple[str, tuple[str, ...]]:
    """Returns the state of a date at an instant, and the reasons for it, worst first."""
    if facts.closed:
        return "FAILED", facts.closed
    findings = sorted(_findings(facts, now), key=lambda finding: WORST_FIRST.index(finding[0]))
    of_runs = {
        failure.reason for failure in facts.failures.values()
    }  # a run is one reason, even if only some tables are critical
    tables: dict[tuple[str, str], list[str]] = {}
    for finding_state, problem, table in findings:
        key = ("" if problem in of_runs else finding_state, problem)
        tables.setdefault(key, []).extend([table] if table else [])
    reasons = tuple(": ".join(filter(None, (problem, ", ".join(names)))) for (_, problem), names in tables.items())
    state = findings[0][0] if findings else _quiet_state(facts, now)
    if facts.is_running and state in ("NOT_DUE", "EXPECTED", *FAILING):
        state = "RUNNING"
    return state, reasons


def _quiet_state(facts: Facts, now: datetime) -> str:
    """Returns the state of a date without findings."""
    is_known = facts.rows.get("schedule") is not None
    if is_known and not facts.tipoffs:
        return "EMPTY_OK"
    if is_known and not _is_pending(facts):
        return "STALE" if facts.stale else "COMPLETE"
    due = first_due(facts.game_date, facts.tipoffs)
    return "EXPECTED" if min(due.values()) <= now and facts.is_due else "NOT_DUE"


def _is_pending(facts: Facts) -> bool:
    """Whether a game, a grade or a table is incomplete, due or not."""
    return (
        facts.has_incomplete_game
        or bool(facts.ungraded)
        or any(facts.rows.get(name) is None for name in daily_tables() if name not in facts.not_begun)
    )


def _findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yields everything that is late, missing or waived."""
    if facts.rows.get("schedule") is None:
        due = first_due(facts.game_date, ())["schedule"]
        if facts.is_due and due + grace() <= now:
            yield _overdue(gates.deadline(facts.game_date), now), NOT_WRITTEN, "schedule"
    elif facts.tipoffs and facts.is_due:
        yield from _game_findings(facts, now)
        yield from _table_findings(facts, now)
        yield from _update_findings(facts, now)
    if facts.ungraded and not facts.is_blocked and now >= _games_due_at(facts) + grace():
        state = _overdue(gates.deadline(facts.game_date), now)
        yield from ((state, message, "") for message in facts.ungraded)
    yield from _run_findings(facts, now)
    yield from (("DEGRADED", message, "") for message in facts.missing)


def _game_findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yields overdue games that are not final, and incomplete box scores."""
    if now < _games_due_at(facts) + grace():
        return
    late = _overdue(gates.deadline(facts.game_date), now, facts.failures.get("boxscores"))
    state_of_incomplete = "DEGRADED" if facts.is_open else "WAIVED" if facts.is_waived else late
    for game in facts.games:
        if not game.is_played or not game.has_source:
            continue
        if game.status != "final":
            yield late, f"{game.name} is not final but {game.status}{_remedy(game)}", ""
        elif game.problem:
            yield state_of_incomplete, game.problem, ""


def _remedy(game: Game) -> str:
    """Returns the command for a suspended game, which is unlikely to be played; empty for another one."""
    if game.status != "suspended":
        return ""
    return f"; if it is not played: nba-pipeline not-played --game {game.game_id} --reason R --author N"


def _table_findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yields tables that are due and not written, or empty unlike earlier slates."""
    for name, due in first_due(facts.game_date, facts.tipoffs).items():
        is_blocked = name in derived_from_games() and facts.is_blocked
        absence = "" if name in facts.not_begun else _absence(facts, name)
        if absence == NO_ROWS and name in requested_by("lines") and now < lines_due_at(facts.game_date, facts.tipoffs):
            continue
        if name == "schedule" or is_blocked or not absence or due + grace() > now:
            continue
        is_of_a_slate = not _is_overnight_table(name)
        is_backfill = not facts.has_slate and (is_of_a_slate or name == "grades")
        if is_backfill or name not in _required_tables(facts, now):
            yield "DEGRADED", absence, name
        else:
            yield _overdue(_deadline(facts, name), now, facts.failures.get(name)), absence, name


def _update_findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yields tables that a later run of a mode should have updated, and the gaps of a slate."""
    for mode in MODES:
        due = last_due(mode, facts.game_date, facts.tipoffs, now)
        if due is None:
            continue
        names = [name for name in tables_of_mode(mode) if name in critical_tables(mode) or name in results()]
        blocked_tables = derived_from_games() if facts.is_blocked else ()
        for name in names:
            if name not in blocked_tables and (at := facts.materialized_at.get(name)) is not None and at < due:
                yield "LATE", f"{NOT_UPDATED} {eastern_text(due)}", name
    if facts.has_slate and now >= first_due(facts.game_date, facts.tipoffs)["predictions"] + grace():
        yield from (("DEGRADED", message, "") for message in facts.gaps)
    if facts.has_slate and now >= lines_due_at(facts.game_date, facts.tipoffs):
        yield from (("DEGRADED", message, "") for message in facts.line_gaps)


def _run_findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yields failed runs of tables that no later run has materialized. A table written past its deadline is usable."""
    for name, failure in facts.failures.items():
        if _is_overnight_table(name) and (facts.is_blocked or now < _games_due_at(facts) + grace()):
            continue  # the closed gate is reported instead, or games are in play
        is_usable = facts.rows.get(name) is not None and now >= _deadline(facts, name)
        is_late = name in _required_tables(facts, now) and not is_usable and facts.has_slate
        yield _overdue(_deadline(facts, name), now, failure) if is_late else "DEGRADED", failure.reason, name


def _absence(facts: Facts, name: str) -> str:
    """Returns why a table counts as missing; empty if it does not."""
    rows = facts.rows.get(name)
    if rows is None:
        return NOT_WRITTEN
    is_about_games = not _is_overnight_table(name) or any(game.status == "final" and not game.problem for game in facts.games)
    if not rows and name in facts.usual and not declared()[name].may_be_empty and is_about_games:
        return NO_ROWS
    return ""


def _is_overnight_table(name: str) -> bool:
    """Whether a table is written after the games of its date."""
    return name != "schedule" and name in tables_of_mode("overnight")


def _required_tables(facts: Facts, now: datetime) -> Collection[str]:
    """Returns the critical tables of the modes that were due. A future slate has fewer of them.

    A date without one of them is late. A date without any other table is degraded.
    """
    modes: Sequence[Mode] = ("tomorrow",) if now < eastern(facts.game_date, 0) else MODES
    return {*results()}.union(*(critical_tables(mode) for mode in modes))


def _overdue(deadline: datetime, now: datetime, failure: Failure | None = None) -> str:
    """Returns LATE before the deadline while attempts remain, then FAILED. An interrupted backfill can be continued, so it is LATE."""
    if failure is not None and failure.resume:
        return "LATE"
    has_no_attempt_left = failure is not None and failure.runs >= SETTINGS.patience.alert_after_attempts
    return "FAILED" if now >= deadline or has_no_attempt_left else "LATE"


def _deadline(facts: Facts, name: str) -> datetime:
    """Returns the deadline of a table: the last tip-off for tables of a slate, else the deadline of the date."""
    if _is_overnight_table(name) or name == "schedule":
        return gates.deadline(facts.game_date)
    known_tipoffs = [tipoff for tipoff in facts.tipoffs if tipoff is not None]
    is_known = known_tipoffs and len(known_tipoffs) == len(facts.tipoffs)
    return max(known_tipoffs) if is_known else eastern(facts.game_date + timedelta(days=1), 0)


def _games_due_at(facts: Facts) -> datetime:
    """Returns when the games of a date are due: at the first overnight run."""
    return first_due(facts.game_date, facts.tipoffs)["boxscores"]
