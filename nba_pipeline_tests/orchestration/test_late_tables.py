"""A late table is the first missing table of its date, unless another open alert explains it."""

from datetime import datetime, timedelta

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.findings import open_incidents
from nba_pipeline.orchestration.late_tables import late_tables
from nba_pipeline.orchestration.reconciliation import find_work
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of
from nba_pipeline_tests.monitoring.webhook import a_notifier
from nba_pipeline_tests.orchestration.ticks import DAY, TOMORROW

pytestmark = pytest.mark.platform

NOW = eastern(DAY, 16, 30)


def late(days: Days, now: datetime = NOW) -> list[tuple[str, object]]:
    known = open_incidents(a_notifier(days.warehouse, now=now))
    found = late_tables(days.instance, days.warehouse, find_work(days.instance, days.warehouse, now), known, now)
    return [(one.subject, one.game_date) for one in found]


def test_only_the_first_missing_table_is_late(lived: Days) -> None:
    """At 16:00 all tables of the slate are due again."""
    assert late(lived) == [("schedule", DAY)]
    lived.make(eastern(DAY, 16, 1), DAY, "schedule", "prop_lines", "injuries", "rosters", "upcoming_players", "player_form")
    assert late(lived) == [("features", DAY)]
    lived.make_mode(eastern(DAY, 16, 2), DAY, "same_day", but=["game_lines"])
    assert late(lived) == []  # without an optional table a date is degraded and not late


def test_a_table_of_the_record_is_never_late(lived: Days) -> None:
    """As in the states and the reconciliation, it is optional."""
    lived.make_mode(eastern(DAY, 16, 2), DAY, "same_day", but=["picks"])
    assert [work for work in find_work(lived.instance, lived.warehouse, NOW) if "picks" in work.tables]
    assert late(lived) == []


@pytest.mark.parametrize(
    ("kind", "subject", "is_explained"),
    [
        ("run_failed", f"same_day {DAY} schedule", True),
        ("run_failed", f"same_day {DAY}", True),
        ("run_failed", f"tables {DAY} grades", False),
        ("run_failed", f"overnight {DAY}", True),  # the schedule belongs to this mode, too
        ("run_failed", "housekeeping verify_ledgers", False),
        ("work_undone", "same_day", True),
        ("probe_failed", "preflight", True),
        ("name_unresolved", "schedule", False),
    ],
)
def test_an_alert_about_the_table_or_its_mode_explains_it(lived: Days, kind: str, subject: str, is_explained: bool) -> None:
    a_notifier(lived.warehouse, now=NOW).raise_alert(DAY, kind, subject, "It failed.")
    assert (late(lived) == []) is is_explained


def test_tables_that_wait_for_box_scores_are_late_from_the_deadline_on(lived: Days) -> None:
    """The overnight runs of 06:00 and 11:00 stop at the closed gate, before the totals of the teams."""
    games = slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22), status="final")
    lived.write("schedule", DAY, *games)
    lived.make(eastern(TOMORROW, 11, 1), DAY, "schedule", "boxscores")
    assert ("team_boxscores", DAY) not in late(lived, eastern(TOMORROW, 11, 50))
    lived.write("boxscores", DAY, *complete_box(games[0]), *complete_box(games[1]))
    assert ("team_boxscores", DAY) in late(lived, eastern(TOMORROW, 11, 50))


def test_an_alert_of_another_date_explains_nothing(lived: Days) -> None:
    a_notifier(lived.warehouse, now=NOW).raise_alert(DAY - timedelta(days=1), "run_failed", "same_day schedule", "It failed.")
    assert late(lived) == [("schedule", DAY)]


def test_an_open_alert_stays_open_beside_a_failed_run(lived: Days) -> None:
    """Otherwise it would be resolved although the table is missing."""
    notifier = a_notifier(lived.warehouse, now=NOW)
    notifier.raise_alert(DAY, "table_late", "schedule", "It was due at 16:00.")
    notifier.raise_alert(DAY, "run_failed", f"same_day {DAY} schedule", "status 503")
    assert late(lived) == [("schedule", DAY)]
