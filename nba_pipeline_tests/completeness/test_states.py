"""The state of a date at an instant. Nine games; the first tip-off is at 19:00, the last at 22:00 Eastern."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.completeness.date_facts import Facts, Failure, Game
from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.completeness.states import STATES, WORST_FIRST, state_of
from nba_pipeline.league.calendar import eastern
from nba_pipeline.tables.declarations import daily_tables

DAY = date(2026, 1, 15)
BEFORE, NEXT = DAY - timedelta(days=1), DAY + timedelta(days=1)
TIPOFFS = [eastern(DAY, 19)] * 8 + [eastern(DAY, 22)]
MIDNIGHT, MORNING, NOON_AFTER = eastern(NEXT, 0), eastern(NEXT, 7), eastern(NEXT, 12)
SLATE = tables_of_mode("same_day")
GRADED = dict.fromkeys(daily_tables(), 100)
PREDICTED: dict[str, int | None] = {name: 100 if name in SLATE else None for name in daily_tables()}


def games(*statuses: str, **fields: Any) -> tuple[Game, ...]:
    """Nine games with these statuses, the rest final and complete."""
    every = [*statuses, *["final"] * (9 - len(statuses))]
    return tuple(
        Game(f"game {n}", status, TIPOFFS[n], game_id=str(n), **(fields if n < len(statuses) else {}))
        for n, status in enumerate(every)
    )


def scheduled() -> tuple[Game, ...]:
    return games(*["scheduled"] * 9)


FINISHED = Facts(DAY, games(), GRADED)
TONIGHT = Facts(DAY, scheduled(), PREDICTED)
NOTHING = Facts(DAY, (), dict.fromkeys(daily_tables()))


def without(facts: Facts, *tables: str) -> Facts:
    return replace(facts, rows={**facts.rows, **dict.fromkeys(tables)})


def state(facts: Facts, now: datetime, **changes: Any) -> str:
    return state_of(replace(facts, **changes), now)[0]


# Complete


@pytest.mark.parametrize("now", [eastern(NEXT, 2), MORNING, NOON_AFTER, NOON_AFTER + timedelta(days=400)])
def test_a_date_with_every_table_and_every_game_is_complete(now: datetime) -> None:
    assert state_of(FINISHED, now) == ("COMPLETE", ())


@pytest.mark.parametrize("status", ["scheduled", "live", "unknown", "suspended"])
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (MIDNIGHT, "EXPECTED"), (eastern(NEXT, 6, 5), "EXPECTED"), (eastern(NEXT, 6, 6), "LATE"), (MORNING, "LATE"),
        (NOON_AFTER, "FAILED"),
    ],
)  # fmt: skip
def test_games_that_are_not_final_keep_a_date_from_being_complete(status: str, now: datetime, expected: str) -> None:
    found, reasons = state_of(replace(FINISHED, games=games(status, status)), now)
    assert found == expected
    command = "; if it is not played: nba-pipeline not-played --game {} --reason R --author N" if status == "suspended" else ""
    named = tuple(f"game {n} is not final but {status}{command.format(n)}" for n in (0, 1))
    assert reasons == (() if expected == "EXPECTED" else named)


def test_games_that_are_not_played_and_those_without_a_source_are_not_missing() -> None:
    assert state(FINISHED, NOON_AFTER, games=games("postponed", "postponed")) == "COMPLETE"
    assert state(FINISHED, NOON_AFTER, games=games("scheduled", has_source=False)) == "COMPLETE"


CRITICAL = (
    "boxscores", "team_boxscores", "player_game_summary", "team_game_summary", "upcoming_players", "player_form", "features",
    "predictions", "grades",
)  # fmt: skip
"""The tables without which a date is late. Without another table it is degraded."""


@pytest.mark.parametrize("table", [name for name in daily_tables() if name != "schedule"])
@pytest.mark.parametrize(("now", "is_over"), [(MORNING, False), (NOON_AFTER, True)])
def test_a_date_without_one_of_its_tables_is_not_complete(table: str, now: datetime, is_over: bool) -> None:
    found, reasons = state_of(without(FINISHED, table), now)
    late = "FAILED" if is_over or table in SLATE else "LATE"  # a slate cannot be made up for after its last tip-off
    assert (found, reasons) == (late if table in CRITICAL else "DEGRADED", (f"not written: {table}",))


def test_a_home_that_is_older_than_the_record_is_complete_without_it() -> None:
    record = ("picks", "publications", "system_performance")
    assert state_of(replace(without(FINISHED, *record), not_begun=frozenset(record)), NOON_AFTER) == ("COMPLETE", ())
    assert state_of(without(FINISHED, "picks"), NOON_AFTER) == ("DEGRADED", ("not written: picks",))


@pytest.mark.parametrize(
    ("now", "expected"),
    [(MIDNIGHT, "EXPECTED"), (eastern(NEXT, 6, 5), "EXPECTED"), (eastern(NEXT, 6, 6), "LATE"), (NOON_AFTER, "FAILED")],
)
def test_ungraded_predictions_are_late(now: datetime, expected: str) -> None:
    assert state(FINISHED, now, ungraded=("game 1: 32 predictions are not graded",)) == expected


def test_rows_of_an_earlier_version_are_stale_only_where_nothing_is_missing() -> None:
    assert state(FINISHED, MORNING, stale=("features",)) == "STALE"
    assert state(without(FINISHED, "injuries"), MORNING, stale=("features",)) == "DEGRADED"


def test_every_state_that_a_finding_gives_is_one_of_the_states() -> None:
    assert set(WORST_FIRST) < set(STATES)


# Before the tip-off


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (eastern(BEFORE, 17, 29), "NOT_DUE"), (eastern(BEFORE, 17, 30), "EXPECTED"), (eastern(BEFORE, 17, 35), "EXPECTED"),
        (eastern(BEFORE, 17, 36), "LATE"), (eastern(DAY, 7, 10), "LATE"), (eastern(DAY, 18, 45), "LATE"), (eastern(DAY, 21, 59), "LATE"), (eastern(DAY, 22), "FAILED"),
    ],
)  # fmt: skip
def test_a_slate_without_predictions_is_late_until_its_last_tipoff_and_failed_then(now: datetime, expected: str) -> None:
    assert state(without(TONIGHT, "predictions"), now) == expected


def test_the_deadline_of_a_slate_with_an_unknown_tipoff_is_the_end_of_its_date() -> None:
    unknown = replace(without(TONIGHT, "predictions"), games=(replace(TONIGHT.games[0], tipoff_at=None), *TONIGHT.games[1:]))
    assert [state(unknown, now) for now in (eastern(DAY, 22), eastern(DAY, 23, 59), MIDNIGHT)] == ["LATE", "LATE", "FAILED"]


def test_a_slate_that_is_predicted_waits_for_its_games() -> None:
    assert state_of(TONIGHT, eastern(DAY, 18, 45)) == ("EXPECTED", ())
    assert state(TONIGHT, eastern(BEFORE, 12)) == "NOT_DUE"


def test_features_are_optional_for_tomorrow_and_required_for_today() -> None:
    last_minute = eastern(BEFORE, 23, 59)
    found = [state(without(TONIGHT, "player_form"), now) for now in (eastern(BEFORE, 18), last_minute, eastern(DAY, 0))]
    assert found == ["DEGRADED", "DEGRADED", "LATE"]


@pytest.mark.parametrize(
    ("rows", "usual", "expected"), [(0, {"predictions"}, "LATE"), (0, set(), "EXPECTED"), (9, set(), "EXPECTED")]
)
def test_no_predictions_are_late_where_the_slates_before_had_some(rows: int, usual: set[str], expected: str) -> None:
    written = {**PREDICTED, "predictions": rows}
    assert state(TONIGHT, eastern(DAY, 18, 45), rows=written, usual=frozenset(usual)) == expected


def test_a_source_without_rows_that_usually_has_some_degrades() -> None:
    facts = replace(FINISHED, rows={**GRADED, "injuries": 0}, usual=frozenset({"injuries"}))
    assert state_of(facts, MORNING) == ("DEGRADED", ("no rows, unlike earlier slates: injuries",))
    assert state(facts, MORNING, usual=frozenset()) == "COMPLETE"


def test_no_summaries_are_expected_where_no_box_score_is_complete() -> None:
    """The incomplete box scores are named instead."""
    none = {**GRADED, "player_game_summary": 0}
    facts = replace(FINISHED, rows=none, usual=frozenset({"player_game_summary"}), is_waived=True)
    incomplete = games(*["final"] * 9, problem="no box score of GSW")
    assert state_of(replace(facts, games=incomplete), NOON_AFTER) == ("WAIVED", ("no box score of GSW",))
    assert state(replace(facts, games=games(*["live"] * 9)), NOON_AFTER) == "FAILED"
    one = state_of(replace(facts, games=games(*["final"] * 8, problem="no box score of GSW")), NOON_AFTER)
    assert "no rows, unlike earlier slates: player_game_summary" in one[1]


def test_a_table_that_a_later_call_did_not_update_is_late() -> None:
    at_seven = dict.fromkeys(SLATE, eastern(DAY, 7, 3))
    found, reasons = state_of(replace(TONIGHT, materialized_at=at_seven), eastern(DAY, 9, 6))
    assert found == "LATE" and reasons[0].startswith("not updated since 2026-01-15 09:00 US Eastern: schedule, upcoming_players")
    assert state(TONIGHT, eastern(DAY, 9, 5), materialized_at=at_seven) == "EXPECTED"
    at_nine = dict.fromkeys(SLATE, eastern(DAY, 9))
    assert state(TONIGHT, eastern(DAY, 9, 6), materialized_at=at_nine) == "EXPECTED"  # made at the due instant
    assert state(TONIGHT, eastern(DAY, 22, 30), materialized_at=at_seven) == "EXPECTED"  # every game has begun


def test_games_and_books_that_are_missing_are_named() -> None:
    gap = "LAL@BOS has no predictions"
    assert state_of(replace(TONIGHT, gaps=(gap,)), eastern(DAY, 12)) == ("DEGRADED", (gap,))
    assert state(TONIGHT, eastern(BEFORE, 12), gaps=(gap,)) == "NOT_DUE"
    found = [state(TONIGHT, eastern(BEFORE, 17, minute), gaps=(gap,)) for minute in (29, 35, 36)]
    assert found == ["NOT_DUE", "EXPECTED", "DEGRADED"]


NO_BOOK = "prop_lines: no lines by usual books: draftkings"


@pytest.mark.parametrize(
    ("now", "expected"),
    [(eastern(BEFORE, 18), "EXPECTED"), (eastern(DAY, 12, 59), "EXPECTED"), (eastern(DAY, 13), "DEGRADED")],
)
def test_missing_lines_degrade_a_slate_from_the_instant_at_which_lines_are_due(now: datetime, expected: str) -> None:
    assert state(TONIGHT, now, line_gaps=(NO_BOOK,)) == expected
    no_rows = replace(TONIGHT, rows={**PREDICTED, "prop_lines": 0}, usual=frozenset({"prop_lines"}))
    assert state(no_rows, now) == expected


def test_lines_are_due_at_the_first_tipoff_of_a_matinee() -> None:
    matinee = replace(TONIGHT, games=(Game("game 0", "scheduled", eastern(DAY, 12)), *TONIGHT.games[1:]), line_gaps=(NO_BOOK,))
    assert [state(matinee, eastern(DAY, 11, 59)), state(matinee, eastern(DAY, 12))] == ["EXPECTED", "DEGRADED"]


# Days without a run


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (eastern(BEFORE, 17, 29), "NOT_DUE"), (eastern(BEFORE, 17, 31), "EXPECTED"), (eastern(BEFORE, 17, 36), "LATE"),
        (MORNING, "LATE"), (NOON_AFTER, "FAILED"), (NOON_AFTER + timedelta(days=3), "FAILED"),
    ],
)  # fmt: skip
def test_a_date_that_no_run_ever_touched_is_late_and_then_failed(now: datetime, expected: str) -> None:
    assert state(NOTHING, now) == expected


def test_a_date_with_only_a_schedule_fails_with_the_names_of_its_tables() -> None:
    facts = replace(NOTHING, games=scheduled(), rows={**NOTHING.rows, "schedule": 9})
    found, reasons = state_of(facts, NOON_AFTER)
    assert found == "FAILED" and all(name in " ".join(reasons) for name in daily_tables() if name != "schedule")


def test_a_date_before_the_home_began_is_not_due() -> None:
    assert state(NOTHING, NOON_AFTER, is_within_home=False) == "NOT_DUE"
    known = replace(NOTHING, games=games(problem="no box score"), rows={**NOTHING.rows, "schedule": 9})
    assert state(known, NOON_AFTER, is_within_home=False) == "NOT_DUE"


def test_a_date_before_the_first_slate_of_the_home_lacks_features_and_predictions_by_name() -> None:
    found, reasons = state_of(replace(without(FINISHED, "features", "predictions", "grades"), has_slate=False), NOON_AFTER)
    assert (found, reasons) == ("DEGRADED", ("not written: features, predictions, grades",))
    assert state(without(FINISHED, "boxscores"), NOON_AFTER, has_slate=False) == "FAILED"


# Gates


CLOSED = games("final", "final", problem="no box score of GSW")
DEGRADED = games("final", problem="no box score of GSW")


@pytest.mark.parametrize(
    ("of", "is_waived", "states"),
    [
        (DEGRADED, False, ["EXPECTED", "DEGRADED", "DEGRADED"]),
        (CLOSED, False, ["EXPECTED", "LATE", "FAILED"]),
        (CLOSED, True, ["EXPECTED", "WAIVED", "WAIVED"]),
    ],
    ids=["open", "closed", "waived"],
)
def test_incomplete_box_scores(of: tuple[Game, ...], is_waived: bool, states: list[str]) -> None:
    found = [state(FINISHED, now, games=of, is_waived=is_waived) for now in (MIDNIGHT, MORNING, NOON_AFTER)]
    assert found == states


def test_what_a_closed_gate_holds_back_is_not_named_beside_it() -> None:
    held = replace(without(FINISHED, "player_game_summary", "team_game_summary", "grades"), games=CLOSED)
    assert state_of(held, MORNING)[1] == ("no box score of GSW",)
    assert state(held, MORNING, is_waived=True) == "LATE"


# Runs


@pytest.mark.parametrize(("runs", "expected"), [(1, "LATE"), (2, "LATE"), (3, "FAILED")])
def test_a_failed_run_is_late_until_its_last_attempt(runs: int, expected: str) -> None:
    failures = {"features": Failure(runs, "run 1a2b3c4d failed")}
    assert state_of(replace(TONIGHT, failures=failures), eastern(DAY, 12)) == (expected, ("run 1a2b3c4d failed: features",))


def test_tables_of_an_interrupted_backfill_are_late_because_it_can_be_resumed() -> None:
    backfill = Failure(3, "run 1a2b3c4d was interrupted", "nba-pipeline backfill --from A --to B --resume")
    missing = without(FINISHED, "boxscores", "grades")
    assert state(missing, NOON_AFTER) == "FAILED"
    assert state(missing, NOON_AFTER, failures=dict.fromkeys(("boxscores", "grades"), backfill)) == "LATE"


def test_a_failed_run_of_a_date_that_has_its_tables_degrades_it_after_the_deadline() -> None:
    failures = {"boxscores": Failure(1, "run 1a2b3c4d failed"), "recheck": Failure(1, "run 5e6f7a8b failed")}
    in_play = {"boxscores": failures["boxscores"]}
    assert state(FINISHED, eastern(NEXT, 6, 5), failures=in_play) == "COMPLETE"
    assert state(FINISHED, eastern(NEXT, 6, 6), failures=in_play) == "LATE"
    assert state(FINISHED, MORNING, failures=failures) == "LATE"
    assert state(FINISHED, NOON_AFTER, failures=failures) == "DEGRADED"


def test_a_run_that_waits_for_a_late_box_score_in_the_evening_is_no_failure() -> None:
    failures = {"boxscores": Failure(1, "the gate is closed")}
    assert state(TONIGHT, eastern(DAY, 23), games=games("live"), failures=failures) == "EXPECTED"


@pytest.mark.parametrize("facts", [NOTHING, without(TONIGHT, "predictions"), TONIGHT], ids=["nothing", "late", "expected"])
def test_a_date_that_is_worked_on_is_running(facts: Facts) -> None:
    assert state(facts, eastern(DAY, 12), is_running=True) == "RUNNING"


def test_a_complete_date_stays_complete_during_a_reread() -> None:
    assert state(FINISHED, MORNING, is_running=True) == "COMPLETE"


# Empty dates, damage


def test_a_date_without_games_or_with_none_that_is_played_is_empty() -> None:
    for of in ((), tuple(replace(game, status="postponed") for game in scheduled())):
        empty = Facts(DAY, of, {"schedule": len(of)})
        assert [state(empty, now) for now in (eastern(BEFORE, 12), MORNING, NOON_AFTER)] == ["EMPTY_OK"] * 3
    assert state(Facts(DAY, of, GRADED, ungraded=("game 1: 3 predictions are not graded",)), NOON_AFTER) == "FAILED"


def test_a_closed_ledger_fails_a_date_whatever_runs() -> None:
    closed = ("the ledger grades is closed",)
    assert state_of(replace(FINISHED, closed=closed, is_running=True), MORNING) == ("FAILED", closed)


@pytest.mark.parametrize("facts", [FINISHED, Facts(DAY, (), {"schedule": 0})], ids=["games", "no games"])
def test_a_stale_table_degrades_the_date(facts: Facts) -> None:
    assert state(facts, MORNING, missing=("landed but not loaded: boxscores",)) == "DEGRADED"


def test_the_worst_reason_comes_first_and_decides() -> None:
    facts = replace(without(FINISHED, "injuries", "grades"), missing=("boxscores was unreadable",))
    found, reasons = state_of(facts, MORNING)
    assert found == "LATE" and reasons[0] == "not written: grades" and len(reasons) == 3
