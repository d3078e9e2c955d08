"""Alerts are resolved once their cause is over, and not before."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine
from dagster._core.events import StepMaterializationData
from dagster._core.test_utils import create_run_for_test

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import MODE_TAG, PARTITION_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import CHANGES, incidents
from nba_pipeline.orchestration import lost_partitions, sensors
from nba_pipeline.orchestration.lost_partitions import is_repaired
from nba_pipeline.orchestration.recovery import over_by_data, over_by_reconciliation, over_by_ticks, resolve_over
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.damage import Notice, record_notice
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import a_boxscore, a_game, boxscores_of, frame_of
from nba_pipeline_tests.builders_days import Days, complete_box
from nba_pipeline_tests.monitoring.webhook import a_notifier
from nba_pipeline_tests.orchestration.ticks import DAY, MINUTE, MONDAY, Unreadable, broken, evaluate

pytestmark = pytest.mark.platform  # each tick loads the repository of the whole graph

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


def test_a_killed_run_is_over_once_a_later_run_wrote_all_its_tables(days: Days) -> None:
    """Its alert names no table, because no step failed."""
    run = days.begin(DAY, NOON, **{MODE_TAG: "overnight"})
    days.end(run, NOON + MINUTE)
    notifier, is_over = a_notifier(days.warehouse, now=NOON + 2 * MINUTE), over_by_data(days.instance, days.warehouse)
    notifier.raise_alert(DAY, "run_failed", f"overnight {DAY}", "its process was killed")
    some = daily_tables("sources")
    days.make(LATER, DAY, *some)
    assert resolve_over(notifier, is_over) == []
    days.make(LATER, DAY, *(name for name in daily_tables() if name not in some))
    assert resolve_over(notifier, is_over) == [f"run_failed overnight {DAY}"]


@pytest.mark.parametrize("tags", [{}, {PARTITION_TAG: str(MONDAY)}], ids=["no date", "a week"])
def test_a_failed_job_without_tables_is_over_after_its_next_success(days: Days, tags: dict[str, str]) -> None:
    job = "train" if tags else "housekeeping"
    day = MONDAY if tags else DAY
    failed = create_run_for_test(days.instance, job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    days.end(failed, NOON)
    notifier, is_over = a_notifier(days.warehouse, now=NOON + MINUTE), over_by_data(days.instance, days.warehouse)
    notifier.raise_alert(day, "run_failed", f"{job} verify_ledgers", "disk I/O error")
    assert resolve_over(notifier, is_over) == []
    days.end(create_run_for_test(days.instance, job, status=dg.DagsterRunStatus.STARTED, tags=tags), LATER, succeeded=True)
    assert resolve_over(notifier, is_over) == [f"run_failed {job} verify_ledgers"]


@pytest.mark.parametrize("succeeded", [True, False])
@pytest.mark.parametrize(("kind", "subject"), [("check_crashed", "boxscores"), ("run_failed", f"overnight {DAY} boxscores")])
def test_a_failure_of_a_table_is_over_after_a_run_of_it_that_succeeded(
    days: Days, kind: str, subject: str, succeeded: bool
) -> None:
    """A run that writes the table and fails its check again has no success."""
    notifier = a_notifier(days.warehouse, now=NOON)
    notifier.raise_alert(DAY, kind, subject, "a check could not be judged")
    run = days.begin(DAY, LATER)
    event = dg.AssetMaterialization("boxscores", partition=str(DAY))
    with time_machine.travel(LATER, tick=False):
        days.instance.report_dagster_event(
            dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                job_name=run.job_name,
                event_specific_data=StepMaterializationData(event),
            ),
            run.run_id,
        )
    days.end(run, LATER, succeeded)
    resolved = resolve_over(notifier, over_by_data(days.instance, days.warehouse))
    assert resolved == ([f"{kind} {subject}"] if succeeded else [])


# Unreadable files


@pytest.mark.parametrize(
    ("subject", "repairs"),
    [
        (f"tables/boxscores/game_date={DAY}/part.parquet", ["boxscores"]),
        (f"tables/predictions/game_date={DAY}/part.parquet", ["predictions"]),
        ("models/feedfacefeedface/card.json", []),
    ],
)
def test_a_damaged_file_is_over_once_its_rows_are_written_again(days: Days, subject: str, repairs: list[str]) -> None:
    for name in repairs:
        days.write(name, DAY)
        file = days.home / subject
        body = file.read_bytes()
        file.write_bytes(b"garbage")
        days.warehouse.check([TABLES[name]], [DAY])
    landing = Landing(home=str(days.home), clock=Clock())
    assert is_repaired(days.warehouse, landing, subject) is not bool(repairs)
    for name in repairs:
        if TABLES[name].is_ledger:
            file.write_bytes(body)  # as a restore does
        else:
            days.write(name, DAY)
    assert is_repaired(days.warehouse, landing, subject)


def test_a_damaged_month_is_over_once_none_of_its_dates_is_lost(days: Days) -> None:
    month = days.home / "tables" / "boxscores" / f"month={DAY:%Y-%m}" / "part.parquet"
    month.parent.mkdir(parents=True)
    month.write_bytes(b"garbage")
    days.warehouse.check([TABLES["boxscores"]], [DAY])
    lost = list(days.warehouse.lost(TABLES["boxscores"]))
    assert DAY in lost
    landing, subject = Landing(home=str(days.home), clock=Clock()), f"tables/boxscores/{month.parent.name}/part.parquet"
    assert not is_repaired(days.warehouse, landing, subject)
    for day in lost:
        days.write("boxscores", day)
    assert is_repaired(days.warehouse, landing, subject)


def test_a_damaged_response_is_over_once_its_request_has_another(days: Days) -> None:
    landing = Landing(home=str(days.home), clock=Clock())
    slot = Slot("nba_cdn", "boxscore", "0022400001", DAY)
    first = landing.keep(slot, b"{}", fetched_at=NOON)
    subject = f"landing/{first.ref}.json.gz"
    first.path.unlink()
    assert not is_repaired(days.warehouse, landing, subject)
    landing.keep(slot, b"{}", fetched_at=LATER)
    assert is_repaired(days.warehouse, landing, subject)


def test_a_damaged_line_of_a_journal_is_over_once_the_journal_is_moved_away(days: Days) -> None:
    landing = Landing(home=str(days.home), clock=Clock())
    landing.keep(Slot("nba_cdn", "boxscore", "0022400001", DAY), b"{}", fetched_at=NOON)
    [journal] = (days.home / "landing" / "journal").rglob("*.jsonl")
    subject = f"{journal.relative_to(days.home)}:2"
    assert not is_repaired(days.warehouse, landing, subject)
    journal.unlink()
    assert is_repaired(days.warehouse, landing, subject)


# Other kinds


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


def test_a_repaired_file_is_not_reported_again_by_the_next_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse, landing = LocalWarehouse(home=str(tmp_path)), Landing(home=str(tmp_path), clock=Clock())

    def raised_by_a_new_process(hours: int) -> int:
        monkeypatch.setattr(lost_partitions, "_alerted", set())
        return lost_partitions.alert_on_damage(a_notifier(warehouse, now=NOON + timedelta(hours=hours)), landing)

    file = f"tables/boxscores/game_date={DAY}/part.parquet"
    record_notice(tmp_path, Notice(file, "it is truncated", NOON, f"damaged/{file}"), "1")
    assert raised_by_a_new_process(hours=1) == 1
    [alert] = incidents(warehouse, [DAY])
    assert f"moved to <home>/damaged/{file}" in alert.message
    a_notifier(warehouse, now=NOON + timedelta(hours=2)).resolve(alert)
    assert raised_by_a_new_process(hours=3) == 0
    record_notice(tmp_path, Notice(file, "it is truncated", NOON + timedelta(hours=4), f"damaged/{file}"), "2")
    assert [raised_by_a_new_process(hours=5), raised_by_a_new_process(hours=6)] == [1, 0]
