"""Alerts are resolved once their cause is over, and not before."""

from datetime import timedelta

import pytest

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import CHANGES
from nba_pipeline.orchestration import sensors
from nba_pipeline.orchestration.recovery import over_by_data, over_by_reconciliation, over_by_ticks, resolve_over
from nba_pipeline_tests.builders import a_boxscore, a_game, boxscores_of, frame_of
from nba_pipeline_tests.builders_days import Days, complete_box
from nba_pipeline_tests.monitoring.webhook import a_notifier
from nba_pipeline_tests.orchestration.ticks import DAY, Unreadable, broken, evaluate

FINAL = a_game(DAY)
NOON = eastern(DAY, 12)
LATER = NOON + timedelta(hours=2)


@pytest.mark.parametrize(("kind", "table"), [("run_failed", "boxscores"), ("injury_report_missing", "injuries")])
def test_a_table_that_was_made_again_resolves_its_alert(days: Days, kind: str, table: str) -> None:
    days.make(NOON - timedelta(hours=1), DAY, table)
    notifier = a_notifier(days.warehouse, now=NOON)
    notifier.raise_alert(DAY, kind, f"overnight {DAY} {table}", "It failed.")
    is_over = over_by_data(days.instance, days.warehouse)
    assert resolve_over(notifier, is_over) == []
    days.make(LATER, DAY, table)
    assert resolve_over(a_notifier(days.warehouse, now=LATER), is_over) == [f"{kind} overnight {DAY} {table}"]
    assert resolve_over(a_notifier(days.warehouse, now=LATER), is_over) == []
    assert days.warehouse.scan(CHANGES).collect().select("change", "message").rows() == [("resolved", "It lasted 2 h.")]


def test_a_failed_run_whose_tables_are_unknown_stays_open(days: Days) -> None:
    notifier = a_notifier(days.warehouse, now=NOON)
    notifier.raise_alert(DAY, "run_failed", f"overnight {DAY}", "its process was killed")
    assert resolve_over(notifier, over_by_data(days.instance, days.warehouse)) == []


def test_a_failed_tick_is_over_after_a_decision_that_did_not_fail(days: Days) -> None:
    notifier = a_notifier(days.warehouse, now=NOON)
    notifier.raise_alert(DAY, "tick_failed", "lines", "no such bucket", "critical")
    assert resolve_over(notifier, over_by_ticks({"tables"}, set())) == []  # no decision yet
    assert resolve_over(notifier, over_by_ticks({"lines"}, {"lines"})) == []
    assert resolve_over(notifier, over_by_ticks({"lines"}, set())) == ["tick_failed lines"]


def test_work_that_is_no_longer_due_resolves_its_alert(days: Days) -> None:
    notifier = a_notifier(days.warehouse, now=NOON)
    notifier.raise_alert(DAY, "work_undone", "overnight", "not done after 3 attempts", "critical")
    assert resolve_over(notifier, over_by_reconciliation([])) == ["work_undone overnight"]


def test_a_provider_that_answers_again_resolves_the_alert_of_the_probe(days: Days) -> None:
    cursor = evaluate(days, sensors.reconciliation, NOON, warehouse=broken(days)).cursor
    evaluate(days, sensors.reconciliation, NOON + timedelta(minutes=6), cursor, warehouse=broken(days))
    assert days.warehouse.scan(CHANGES).collect().height == 0
    evaluate(days, sensors.reconciliation, NOON + timedelta(minutes=8))
    rows = days.warehouse.scan(CHANGES).select("kind", "change", "message").collect().rows()
    assert rows == [("probe_failed", "resolved", "It lasted 2 min.")]


def test_box_scores_are_no_longer_missing_once_every_final_game_is_complete(days: Days) -> None:
    notifier, is_over = a_notifier(days.warehouse, now=NOON), over_by_data(days.instance, days.warehouse)
    days.warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game(DAY)), "test")
    days.warehouse.replace(BOXSCORES, [DAY], boxscores_of(a_boxscore(DAY)), "test")
    notifier.raise_alert(DAY, "boxscores_missing", "boxscores", "1 game has no box score.", "critical")
    assert resolve_over(notifier, is_over) == []
    days.warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, FINAL), "test")
    days.warehouse.replace(BOXSCORES, [DAY], boxscores_of(*complete_box(FINAL)), "test")
    assert resolve_over(notifier, is_over) == ["boxscores_missing boxscores"]


def test_ledgers_that_cannot_be_read_stop_no_sensor(days: Days, caplog: pytest.LogCaptureFixture) -> None:
    notifier = a_notifier(Unreadable(home=str(days.home)), now=NOON)
    assert resolve_over(notifier, over_by_reconciliation([])) == []
    assert "open alerts cannot be resolved: alerts cannot be read" in caplog.text
