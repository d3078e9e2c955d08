"""A step is slow compared with its own history; an alert explains the transitions that wait because of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

import nba_pipeline.assets  # noqa: F401  # declares every table
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.step_seconds import STEP_SECONDS, StepRun
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring import latency_monitors
from nba_pipeline.monitoring.alert_changes import incidents
from nba_pipeline.monitoring.findings import report
from nba_pipeline.monitoring.latency_monitors import STEP_SLOW, late_transition, late_transitions, slow_step, slow_steps
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_days import slate_of
from nba_pipeline_tests.instances import open_instance
from nba_pipeline_tests.monitoring.webhook import DAY, NOON, a_notifier

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def runs(*seconds: float, hours_ago: float = 1) -> list[StepRun]:
    """The steps of a table, newest first."""
    return [StepRun(f"{n:08}-run", "2026-01-04", NOW - timedelta(hours=hours_ago + n), one) for n, one in enumerate(seconds)]


@pytest.mark.parametrize(
    ("found", "is_slow"),
    [
        (runs(80, *[40] * 20), True),
        (runs(79, *[40] * 20), False),
        (runs(29, *[1] * 20), False),
        (runs(30, *[1] * 20), True),
        (runs(30, *[0] * 20), True),
        (runs(80), False),
        (runs(80, 40), False),
        (runs(80, *[40] * 4), False),
        (runs(80, *[40] * 5), True),
        (runs(80, *[40] * 11, *[80] * 9), True),
        (runs(80, *[40] * 9, *[80] * 11), False),
        (runs(80, *[40] * 20, hours_ago=25), False),
    ],
    ids=["twice", "less", "short", "floor", "zero", "first", "second", "few", "enough", "median", "usual", "yesterday"],
)
def test_a_step_is_slow_from_twice_the_median_of_its_history(found: list[StepRun], is_slow: bool) -> None:
    assert (slow_step("features", found, NOW) is not None) == is_slow


def test_the_message_names_the_table_its_date_and_both_durations() -> None:
    found = slow_step("features", runs(80, *[40] * 20), NOW)
    assert found and found.message == (
        "features of 2026-01-04: the step took 80 s; the median of its last 20 runs is 40 s (run 00000000)"
    )


def test_the_alert_for_a_slow_step_is_raised_once_and_resolved_by_the_next_step(warehouse: LocalWarehouse) -> None:
    notifier = a_notifier(warehouse)
    with dg.DagsterInstance.ephemeral() as instance:

        def look(*seconds: float) -> list[str]:
            with time_machine.travel(NOON, tick=False):
                for one in seconds:
                    instance.report_runless_asset_event(
                        dg.AssetMaterialization("features", partition=str(DAY), metadata={STEP_SECONDS: one})
                    )
            return report(notifier, slow_steps(instance, NOON), [STEP_SLOW])

        assert look(40.0) == []
        assert [line.split(":")[0] for line in look(*[40.0] * 6, 90.0)] == ["alert step_slow features"]
        assert look() == []
        assert [line.split(" after ")[0] for line in look(41.0)] == ["resolved step_slow features"]


def start_the_daemon(instance: dg.DagsterInstance, at: datetime) -> None:
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("test"), "test"), "overnight")
    data = ScheduleInstigatorData("0 6 * * *", at.timestamp())
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.DECLARED_IN_CODE, data))


def test_a_game_without_a_box_score_waits_since_its_last_action(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    end, clock = eastern(DAY, 22), Clock(fixed_at=eastern(DAY, 23, 5).isoformat())
    game = slate_of(DAY, eastern(DAY, 19), status="final")[0]
    warehouse.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], game), "test")
    landing = Landing(home=str(tmp_path), clock=clock)
    action = json.dumps({"timeActual": end.isoformat()})
    landing.keep(Slot("nba_cdn", "playbyplay", game["game_id"], DAY), action.encode(), fetched_at=end)
    with open_instance(tmp_path) as instance:
        assert late_transitions(instance, warehouse, landing, clock, []) == [], "without a daemon nothing is automatic"
        start_the_daemon(instance, eastern(DAY, 6))
        [found] = late_transitions(instance, warehouse, landing, clock, [])
    assert (found.kind, found.subject, found.severity, found.game_date) == ("transition_late", "box score", "warning", DAY)
    assert found.message == "box score of the games of 2024-03-12: the slowest game has waited for 65 minutes; 60 is warning"
    assert found.next_command == "nba-pipeline reconcile", "the box scores of the date are due on the next morning"


LATE = (DAY, "grades", 130.0, "critical")


def test_a_failed_run_of_the_date_explains_a_late_transition_that_has_no_alert(warehouse: LocalWarehouse) -> None:
    notifier = a_notifier(warehouse)
    assert not latency_monitors._is_explained(LATE, [])
    notifier.raise_alert(DAY, "run_failed", f"overnight {DAY} grades", "status 503")
    assert latency_monitors._is_explained(LATE, incidents(warehouse, [DAY]))
    report(notifier, [late_transition(LATE, "nba-pipeline reconcile")], [])
    assert not latency_monitors._is_explained(LATE, incidents(warehouse, [DAY]))
