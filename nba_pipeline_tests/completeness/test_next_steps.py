"""The next step of a date: what is missing, what the reconciliation covers, an interrupted backfill, older dates."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from nba_pipeline.completeness.date_facts import Facts, Failure, Game
from nba_pipeline.completeness.next_steps import NEW_KEY, command_of_dates, first_backfill, next_command, quarantine_command
from nba_pipeline.completeness.states import STATES
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of

DAY = date(2026, 1, 15)
BEFORE, NEXT = DAY - timedelta(days=1), DAY + timedelta(days=1)
REPAIR = f"wait, the box scores are requested again automatically; to request them now: nba-pipeline repair --date {DAY}"
RECONCILE = "nba-pipeline reconcile"
BACKFILL = f"nba-pipeline backfill --from {DAY} --to {DAY} --resume"
INTERRUPTED = {"boxscores": Failure(1, "run 1a2b3c4d was interrupted", "nba-pipeline backfill --from A --to B --resume")}
EDITED = {"schedule": Failure(1, "run 1a2b3c4d failed", own_step="restart the daemon")}
TIPOFF = eastern(DAY, 19)
INCOMPLETE = (Game("LAL@BOS 1", "final", TIPOFF, "LAL@BOS 1 (no box score of BOS)"),)
WITHOUT_LINES = Facts(DAY, (Game("LAL@BOS 1", "scheduled", TIPOFF),), games_without_lines=("LAL@BOS 1",))


@pytest.mark.parametrize(
    ("facts", "days_ago", "command"),
    [
        (Facts(DAY), 1, RECONCILE),
        (Facts(DAY), 30, RECONCILE),
        (Facts(DAY), 31, BACKFILL),
        (Facts(DAY, is_within_home=False), 1, BACKFILL),
        (Facts(DAY, failures=INTERRUPTED), 1, INTERRUPTED["boxscores"].resume),
        (Facts(DAY, failures=EDITED), 1, "restart the daemon"),
        (Facts(DAY, closed=("the ledger grades is closed; restore it",)), 1, ""),
        (Facts(DAY, INCOMPLETE), 1, REPAIR),
        (Facts(DAY, INCOMPLETE), 31, REPAIR),
        (Facts(DAY, INCOMPLETE), 0, RECONCILE),
        (Facts(DAY, INCOMPLETE, missing=("boxscores is not rebuilt yet",)), 1, RECONCILE),
        (Facts(DAY, missing=("landed but not loaded: boxscores",), is_within_home=False), 1, RECONCILE),
        (Facts(DAY, missing=("landed but not loaded: boxscores",), failures=INTERRUPTED), 1, INTERRUPTED["boxscores"].resume),
        (Facts(NEXT, waits_for=DAY), 0, REPAIR),
        (Facts(NEXT, waits_for=DAY, first_backfill=BACKFILL), 0, BACKFILL),
        (Facts(DAY, failures=EDITED, first_backfill=BACKFILL), 1, "restart the daemon"),
    ],
    ids=[
        *("yesterday", "last reconciled date", "older", "before the history", "interrupted", "edited settings", "closed ledger"),
        *("incomplete box score", "old incomplete box score", "box scores not due", "unreadable box scores"),
        *("not loaded", "not loaded because of an interruption", "closed slate"),
        *("new home", "new home with edited settings"),
    ],
)
def test_the_next_command_of_a_failed_date_completes_it(facts: Facts, days_ago: int, command: str) -> None:
    assert next_command(facts, "FAILED", eastern(DAY + timedelta(days=days_ago), 20)) == command


@pytest.mark.parametrize("state", sorted(set(STATES) - {"LATE", "FAILED"}))
def test_a_date_that_is_not_late_needs_no_command(state: str) -> None:
    assert next_command(Facts(DAY, failures=INTERRUPTED), state, eastern(DAY, 20)) == ""


@pytest.mark.parametrize("state", ["DEGRADED", "WAIVED"])
def test_a_usable_date_without_a_box_score_is_repaired(state: str) -> None:
    assert next_command(Facts(DAY, INCOMPLETE), state, eastern(NEXT, 13)) == REPAIR


@pytest.mark.parametrize(
    ("state", "failing", "refused", "hour", "command"),
    [
        ("DEGRADED", (), (), 14, f"nba-pipeline run --date {DAY}"),
        ("DEGRADED", (), (), 19, ""),
        ("EXPECTED", (), (), 14, ""),
        ("EXPECTED", ("espn",), (), 14, f"nba-pipeline run --date {DAY}"),
        ("EXPECTED", ("odds_api",), ("odds_api",), 14, NEW_KEY),
        ("RUNNING", ("odds_api",), ("odds_api",), 14, ""),
    ],
    ids=["lines are missing", "games have begun", "lines are not due", "provider fails", "key refused", "run in progress"],
)
def test_requests_are_sent_again_until_the_last_tipoff(
    state: str, failing: Collection[str], refused: Collection[str], hour: int, command: str
) -> None:
    assert next_command(WITHOUT_LINES, state, eastern(DAY, hour), failing, refused) == command


@pytest.mark.parametrize(
    ("now", "complete", "command"),
    [
        (eastern(NEXT, 6), 1, RECONCILE),
        (eastern(NEXT, 6, 30), 1, REPAIR),
        (eastern(NEXT, 6, 30), 2, RECONCILE),
        (eastern(NEXT, 6, 30), 0, REPAIR),
    ],
    ids=["not due", "one is incomplete", "all are complete", "none is stored"],
)
def test_alerts_judge_box_scores_as_the_status_does(tmp_path: Path, now: datetime, complete: int, command: str) -> None:
    days, games = Days(tmp_path), slate_of(DAY, TIPOFF, TIPOFF, status="final")
    days.write("schedule", DAY, *games)
    earlier = DAY - timedelta(days=40)  # so that the home is not new
    days.write("boxscores", earlier, *complete_box(*slate_of(earlier, None, status="final")))
    if complete:
        days.write("boxscores", DAY, *(row for game in games[:complete] for row in complete_box(game)))
    assert command_of_dates(days.warehouse, DAY, DAY, now) == command
    assert command_of_dates(days.warehouse, BEFORE, DAY, now) == RECONCILE


def test_a_game_that_is_not_final_lacks_its_box_score(tmp_path: Path) -> None:
    days, [game] = Days(tmp_path), slate_of(DAY, TIPOFF)
    days.write("schedule", DAY, game)
    assert command_of_dates(days.warehouse, DAY, DAY, eastern(NEXT, 7)) == REPAIR
    days.write("schedule", DAY, game | {"status": "postponed"})
    assert command_of_dates(days.warehouse, DAY, DAY, eastern(NEXT, 7)) == RECONCILE


def test_a_backfill_begins_with_the_box_scores_that_its_first_slate_waits_for(tmp_path: Path) -> None:
    days, later = Days(tmp_path), eastern(DAY + timedelta(days=40), 12)
    days.write("schedule", BEFORE, *slate_of(BEFORE, eastern(BEFORE, 19), status="final"))
    days.write("schedule", DAY, *slate_of(DAY, TIPOFF, status="final"))
    assert command_of_dates(days.warehouse, DAY, DAY, later) == f"nba-pipeline backfill --from {BEFORE} --to {DAY} --resume"


@pytest.mark.parametrize(
    ("problem", "command"),
    [
        ("unresolved name 'Jo Roe'", f"nba-pipeline resolve --spelling 'Jo Roe' --player ID --date {DAY}"),
        ("points_match_the_shots", f"nba-pipeline quarantine list --date {DAY} --table prop_lines"),
    ],
)
def test_only_a_name_problem_is_resolved_with_a_player(problem: str, command: str) -> None:
    assert quarantine_command("prop_lines", DAY, problem, {"spelling": "Jo Roe"}) == command


def test_a_new_home_in_mid_season_begins_with_a_backfill(tmp_path: Path) -> None:
    """Without it, a run of today closes its gate, and each earlier date seems to be late."""
    days, backfill = Days(tmp_path), f"nba-pipeline backfill --from {NEXT - timedelta(days=14)} --to {DAY} --resume"
    days.write("schedule", DAY, *slate_of(DAY, TIPOFF))
    assert first_backfill(days.warehouse, NEXT) == ""  # no game is played yet
    days.write("schedule", DAY, *slate_of(DAY, TIPOFF, status="final"))
    assert first_backfill(days.warehouse, NEXT) == backfill
    assert first_backfill(days.warehouse, NEXT + timedelta(days=14)) == ""  # the game is too old to matter
    assert command_of_dates(days.warehouse, NEXT, NEXT, eastern(NEXT, 13)) == backfill
    days.write("boxscores", DAY, *complete_box(*slate_of(DAY, TIPOFF, status="final")))
    assert first_backfill(days.warehouse, NEXT) == ""
