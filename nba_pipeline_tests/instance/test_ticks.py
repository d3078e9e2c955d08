"""Decisions are read from Dagster's ticks, which the tests store as its daemon does, and once through its scheduler."""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster._utils.error import SerializableErrorInfo

from nba_pipeline.cli import app
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.run_tags import MODE_TAG, WHY_TAG
from nba_pipeline.instance.ticks import decisions, span
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.instances import open_instance

pytestmark = pytest.mark.any_storage

NOON = datetime(2026, 1, 15, 17, tzinfo=UTC)
END = NOON + timedelta(days=1)
PLACE = InProcessCodeLocationOrigin(
    LoadableTargetOrigin(executable_path=sys.executable, module_name=__name__, attribute="THREE_SCHEDULES"), location_name="test"
)
"""This module as code location. Its schedules are at the end."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path) as opened:
        yield opened


class Instigator:
    """A schedule or sensor in the state of Dagster's daemon, with the ticks of the test."""

    def __init__(self, instance: dg.DagsterInstance, name: str, kind: InstigatorType):
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(PLACE, "nba_pipeline"), name)
        is_schedule = kind == InstigatorType.SCHEDULE
        data = ScheduleInstigatorData("0 6 * * *", NOON.timestamp()) if is_schedule else SensorInstigatorData()
        self.instance, self.state = instance, InstigatorState(origin, kind, InstigatorStatus.DECLARED_IN_CODE, data)
        instance.add_instigator_state(self.state)

    def tick(self, minute: int, status: TickStatus, **records: Any) -> None:
        state, at = self.state, (NOON + timedelta(minutes=minute)).timestamp()
        data = TickData(
            state.instigator_origin_id,
            state.instigator_name,
            state.instigator_type,
            status,
            at,
            selector_id=state.selector_id,
            **records,
        )
        self.instance.create_tick(data)

    def skip(self, minute: int, reason: str | None = None) -> None:
        self.tick(minute, TickStatus.SKIPPED, skip_reason=reason)


@pytest.fixture
def overnight(instance: dg.DagsterInstance) -> Instigator:
    return Instigator(instance, "overnight", InstigatorType.SCHEDULE)


@pytest.fixture
def lines(instance: dg.DagsterInstance) -> Instigator:
    return Instigator(instance, "lines", InstigatorType.SENSOR)


def minute(number: int) -> str:
    return (NOON + timedelta(minutes=number)).isoformat()


def test_a_started_run_is_reported_with_its_partition_and_mode(instance: dg.DagsterInstance, overnight: Instigator) -> None:
    tags = {"dagster/partition": "2026-01-14", MODE_TAG: "overnight", WHY_TAG: "8 games"}
    run = instance.add_run(dg.DagsterRun("game_day", run_id=dg._core.utils.make_new_run_id(), tags=tags))
    overnight.tick(3, TickStatus.SUCCESS, run_ids=[run.run_id, "deleted"])
    runs = [
        {"id": run.run_id, "partition": "2026-01-14", "mode": "overnight", "why": "8 games"},
        {"id": "deleted", "partition": None, "mode": None, "why": None},
    ]
    assert decisions(instance, NOON, END) == [
        {
            "at": minute(3),
            "name": "overnight",
            "kind": "schedule",
            "decision": "run",
            "reason": None,
            "runs": runs,
            "times": 1,
            "until": minute(3),
        },
    ]


def test_the_reason_of_a_failure_is_its_deepest_cause(instance: dg.DagsterInstance, lines: Instigator) -> None:
    cause = SerializableErrorInfo("Permanent: no such bucket\nin a second line\n", [], "Permanent")
    error = SerializableErrorInfo("SensorExecutionError: Error occurred", [], "SensorExecutionError", cause=cause)
    lines.tick(0, TickStatus.FAILURE, error=error)
    [records] = decisions(instance, NOON, END)
    assert (records["decision"], records["kind"], records["reason"]) == ("failed", "sensor", "Permanent: no such bucket")


def test_skips_of_one_reason_in_a_row_are_one_record(
    instance: dg.DagsterInstance, lines: Instigator, overnight: Instigator
) -> None:
    """Only decisions of the same name interrupt a series of skips."""
    for number, reason in enumerate(["no game", "no game", "no game", "late", "no game"]):
        lines.skip(2 * number, reason)
    overnight.skip(1)
    lines.tick(9, TickStatus.SUCCESS, run_ids=["r"])
    lines.skip(10, "no game")
    records = decisions(instance, NOON, END)
    assert [(r["at"], r["name"], r["reason"], r["times"], r["until"]) for r in records] == [
        (minute(0), "lines", "no game", 3, minute(4)),
        (minute(1), "overnight", "no reason given", 1, minute(1)),
        (minute(6), "lines", "late", 1, minute(6)),
        (minute(8), "lines", "no game", 1, minute(8)),
        (minute(9), "lines", None, 1, minute(9)),
        (minute(10), "lines", "no game", 1, minute(10)),
    ]


def test_a_sensor_that_acted_without_a_run_reports_the_runs_it_read(instance: dg.DagsterInstance, lines: Instigator) -> None:
    lines.tick(0, TickStatus.SUCCESS, run_ids=[], origin_run_ids=["a", "b"])
    lines.tick(1, TickStatus.SUCCESS, run_ids=[])
    assert [(r["decision"], r["reason"]) for r in decisions(instance, NOON, END)] == [
        ("run", "reacted to runs a, b"),
        ("run", "acted without starting a run"),
    ]


def test_only_ended_ticks_of_the_span_are_returned(instance: dg.DagsterInstance, lines: Instigator) -> None:
    for number in range(4):
        lines.skip(number, f"reason {number}")
    lines.tick(2, TickStatus.STARTED)
    records = decisions(instance, NOON + timedelta(minutes=1), NOON + timedelta(minutes=3))
    assert [record["reason"] for record in records] == ["reason 1", "reason 2"]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, (NOON - timedelta(days=2), NOON)),
        ("2026-01-14", "2026-01-14", (datetime(2026, 1, 14, 5, tzinfo=UTC), datetime(2026, 1, 15, 5, tzinfo=UTC))),
        ("2026-03-08", "2026-03-08", (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC))),
        ("2026-01-15T10:00:00-05:00", None, (datetime(2026, 1, 15, 15, tzinfo=UTC), NOON)),
    ],
    ids=["the last two days", "a date is all of it", "a date of 23 hours", "from an instant"],
)
def test_a_span_is_of_instants_or_eastern_dates(first: str | None, last: str | None, expected: tuple[datetime, datetime]) -> None:
    assert span(first, last, NOON) == expected


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("soon", None, "^--from must be an instant like .*, not 'soon'$"),
        (None, "2026-01-15T10:00:00", "^--to needs an offset, .*$"),
        ("2026-01-15", "2026-01-14", "^--from 2026-01-15 is not before --to 2026-01-14$"),
    ],
)
def test_an_invalid_span_is_refused_in_one_line(first: str | None, last: str | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        span(first, last, NOON)


def test_invalid_options_change_nothing(tmp_path: Path) -> None:
    for options in (["--format", "xml"], ["--from", "soon"]):
        with pytest.raises(BadInput, match=options[1]):
            app(["decisions", *options], standalone_mode=False)
    assert not list(tmp_path.iterdir())


# Dagster 1.13 itself reads the deprecated property when it describes a schedule
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Property .ScheduleDefinition.environment_vars:DeprecationWarning")
def test_what_dagster_s_scheduler_decides_can_be_queried(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """Dagster's scheduler makes two ticks of each of three schedules and purges old ones. The command then reads them."""
    hour = (datetime.now(UTC) - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    with create_test_daemon_workspace_context(InProcessTestWorkspaceLoadTarget(PLACE), instance) as workspace:
        for minutes in (1, 61, 121):  # the first evaluation only records the start of a schedule
            now = hour + timedelta(minutes=minutes)
            list(launch_scheduled_runs(workspace, logging.getLogger("test"), now, iteration_times={}))
    first, second = ((hour + timedelta(hours=hours)).isoformat() for hours in (1, 2))
    span = ["--from", first, "--to", (hour + timedelta(minutes=121)).isoformat()]
    done = nba_pipeline("decisions", *span, "--format", "json", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    records = json.loads(done.stdout)
    assert {record["name"] for record in records} == {"starts", "skips", "fails"}
    runs = [run for record in records if record["name"] == "starts" for run in record["runs"]]
    assert [(run["partition"], run["mode"]) for run in runs] == [("2026-01-14", "overnight")] * 2
    assert {run["id"] for run in runs} == {run.run_id for run in instance.get_runs()}
    [skipped] = [record for record in records if record["name"] == "skips"]
    assert (skipped["reason"], skipped["times"], skipped["at"], skipped["until"]) == ("no game today", 2, first, second)
    failures = {(record["decision"], record["reason"]) for record in records if record["name"] == "fails"}
    assert failures == {("failed", "ValueError: no such slate")}


@dg.op
def nothing() -> None:
    pass


@dg.job(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def one_day() -> None:
    nothing()


@dg.schedule(cron_schedule="0 * * * *", job=one_day, default_status=dg.DefaultScheduleStatus.RUNNING)
def starts(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    key = context.scheduled_execution_time.isoformat()
    return dg.RunRequest(run_key=key, partition_key="2026-01-14", tags={MODE_TAG: "overnight"})


@dg.schedule(cron_schedule="0 * * * *", job=one_day, default_status=dg.DefaultScheduleStatus.RUNNING)
def skips() -> dg.SkipReason:
    return dg.SkipReason("no game today")


@dg.schedule(cron_schedule="0 * * * *", job=one_day, default_status=dg.DefaultScheduleStatus.RUNNING)
def fails() -> dg.SkipReason:
    raise ValueError("no such slate")


THREE_SCHEDULES = dg.Definitions(jobs=[one_day], schedules=[starts, skips, fails])
