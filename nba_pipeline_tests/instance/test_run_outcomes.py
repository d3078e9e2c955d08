"""Messages about the outcome of a run. `test_runner` covers the messages of the platform's own tables."""

import signal
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.objects import StepSuccessData
from dagster._core.test_utils import create_run_for_test

from nba_pipeline.errors import Closed
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_outcomes import MAX_NAMES, OUTSIDE, failure_reasons, is_interrupted, outcome_messages, shortened
from nba_pipeline_tests.instances import instance_without_files

pytestmark = [pytest.mark.platform, pytest.mark.any_storage]

DATES = (date(2024, 3, 12), date(2024, 3, 13))
SINGLE_RUN = dg.BackfillPolicy.single_run()


@dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
def source() -> None:
    """An asset to check."""


@dg.asset_check(asset=source, blocking=True)
def has_enough_rows(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Passes, and reports one closed date as `asset_factory/checks.py` does."""
    of_a_date = dg.AssetCheckEvaluation(
        asset_key=source.key, check_name="has_enough_rows", passed=False, blocking=True, metadata={}, partition=str(DATES[0])
    )
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name=context.run.job_name,
        event_specific_data=of_a_date,
    )
    context.instance.report_dagster_event(event, run_id=context.run.run_id)
    return dg.AssetCheckResult(passed=True, metadata={"failing_dates": 1.0, "share": 0.5})


@dg.asset_check(asset=source)
def is_complete() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN, deps=[source])
def slate() -> None:
    raise Closed("the slate is closed")


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return instance_without_files(tmp_path)


def run_of(instance: dg.DagsterInstance, assets: Sequence[dg.AssetsDefinition]) -> dg.ExecuteInProcessResult:
    """A run of both dates."""
    definitions = dg.Definitions(assets=assets, asset_checks=[has_enough_rows, is_complete], jobs=[dg.define_asset_job("play")])
    span = dict(zip(("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), map(str, DATES), strict=True))
    return definitions.resolve_job_def("play").execute_in_process(instance=instance, tags=span, raise_on_error=False)


def test_a_run_that_succeeded_names_its_closed_dates_and_warnings(instance: dg.DagsterInstance) -> None:
    result = run_of(instance, [source])
    assert outcome_messages(result.all_events, result.success) == (
        [],
        ["source: check has_enough_rows failed on 1 date (50%)"],
        ["source: check is_complete failed"],
    )


def test_why_a_range_failed_is_not_its_closed_dates(instance: dg.DagsterInstance) -> None:
    result = run_of(instance, [source, slate])
    assert failure_reasons(instance, result.run_id, result.get_run_failure_event()) == ["slate: the slate is closed"]


def test_many_failures_are_counted(instance: dg.DagsterInstance) -> None:
    def breaking(number: int) -> dg.AssetsDefinition:
        @dg.asset(name=f"slate_{number}", partitions_def=DAILY, backfill_policy=SINGLE_RUN)
        def made() -> None:
            raise Closed(f"{number} is closed")

        return made

    result = run_of(instance, [source, *(breaking(number) for number in range(MAX_NAMES + 2))])
    failures = shortened(failure_reasons(instance, result.run_id, result.get_run_failure_event())).split("; ")
    assert len(failures) == MAX_NAMES + 1 and failures[-1] == "and 2 more"


def test_a_run_without_a_message_did_not_finish(instance: dg.DagsterInstance) -> None:
    assert outcome_messages([], has_succeeded=False) == (["the run did not finish"], [], [])
    run = instance.get_run_by_id(run_of(instance, [slate, source]).run_id)
    assert run
    assert failure_reasons(instance, run.run_id, instance.report_run_failed(run, "")) == ["the run did not finish"]


def test_the_reason_of_a_run_without_an_error_is_the_message_of_its_last_event(instance: dg.DagsterInstance) -> None:
    run = instance.get_run_by_id(run_of(instance, [slate, source]).run_id)
    assert run
    ending = instance.report_run_failed(run, "its worker was lost")
    assert outcome_messages([ending], has_succeeded=False)[0] == ["its worker was lost"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Exceeded maximum runtime of 1800 seconds.", "features: Exceeded maximum runtime of 1800 seconds."),
        (OUTSIDE, "features: its process ended during this step; the log of the run may have the reason"),
    ],
)
def test_a_run_that_ended_from_outside_names_the_step_that_did_not_end(
    instance: dg.DagsterInstance, message: str, reason: str
) -> None:
    run = create_run_for_test(instance, "game_day", status=dg.DagsterRunStatus.STARTED)
    begun, done = dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS
    for event_type, step in ((begun, "features"), (begun, "schedule"), (done, "schedule")):
        data = StepSuccessData(duration_ms=1.0) if event_type == done else None
        event = dg.DagsterEvent(event_type_value=event_type.value, job_name="game_day", step_key=step, event_specific_data=data)
        instance.report_dagster_event(event, run.run_id)
    assert failure_reasons(instance, run.run_id, instance.report_run_failed(run, message)) == [reason]


@pytest.mark.parametrize(("stops", "is_stopped"), [(lambda: signal.raise_signal(signal.SIGINT), True), (lambda: 1 / 0, False)])
def test_an_interruption_differs_from_a_failure(stops: Callable[[], object], is_stopped: bool) -> None:
    @dg.asset
    def table() -> None:
        stops()
        time.sleep(0.01)  # Python runs the signal's handler between two instructions

    result = dg.materialize([table], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    assert not result.success and is_interrupted(result.all_events) == is_stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupt_while_resources_are_prepared_stops_the_command_too(number: signal.Signals) -> None:
    """Dagster then records a failure of the run, and none of a step."""

    @dg.resource
    def prepared(_: dg.InitResourceContext) -> None:
        signal.raise_signal(number)
        time.sleep(0.01)

    @dg.asset(required_resource_keys={"prepared"})
    def table() -> None:
        """Never begins."""

    result = dg.materialize(
        [table], resources={"prepared": prepared}, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False
    )
    assert not result.success and is_interrupted(result.all_events)
