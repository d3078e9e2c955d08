"""The state of checks equals the state that Dagster's own storage computes from the same events."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.events import StepMaterializationData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus as Resolved
from dagster._core.storage.event_log import SqlEventLogStorage

from nba_pipeline_tests.instances import open_instance

pytestmark = pytest.mark.any_storage

DATES = dg.DailyPartitionsDefinition("2024-03-01", end_date="2024-03-31")
TOYS = dg.AssetKey("toys")
COVERED, PLAIN = dg.AssetCheckKey(TOYS, "is_covered"), dg.AssetCheckKey(TOYS, "is_plain")
ENDED, IN_PROGRESS = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    instance = open_instance(tmp_path)
    instance.add_run(dg.DagsterRun(job_name="play", run_id=ENDED, status=dg.DagsterRunStatus.FAILURE))
    instance.add_run(dg.DagsterRun(job_name="play", run_id=IN_PROGRESS, status=dg.DagsterRunStatus.STARTED))
    return instance


def report(instance: dg.DagsterInstance, kind: dg.DagsterEventType, data: Any, run_id: str = ENDED) -> None:
    event = dg.DagsterEvent(event_type_value=kind.value, job_name="play", event_specific_data=data)
    instance.report_dagster_event(event, run_id=run_id)


def materialize(instance: dg.DagsterInstance, day: str) -> None:
    report(
        instance,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        StepMaterializationData(dg.AssetMaterialization("toys", partition=day)),
    )


def evaluate(instance: dg.DagsterInstance, day: str | None, passed: bool, check: dg.AssetCheckKey = COVERED) -> None:
    of_date = dg.AssetRecordsFilter(asset_key=TOYS, asset_partitions=[day] if day else None)
    record = instance.fetch_materializations(of_date, limit=1).records[0]
    target = AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )
    report(
        instance,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.AssetCheckEvaluation(
            asset_key=TOYS,
            check_name=check.name,
            passed=passed,
            metadata={},
            target_materialization_data=target,
            partition=day,
        ),
    )


def plan(instance: dg.DagsterInstance, day: str, run_id: str) -> None:
    planned = AssetCheckEvaluationPlanned(
        asset_key=TOYS,
        check_name=COVERED.name,
        partitions_subset=DATES.subset_with_partition_keys([day]).to_serializable_subset(),
    )
    report(instance, dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, planned, run_id)


def test_the_state_of_every_kind_of_result_equals_dagsters(instance: dg.DagsterInstance) -> None:
    for day, passed in (("2024-03-01", True), ("2024-03-02", False), ("2024-03-04", True), ("2024-03-07", True)):
        materialize(instance, day)
        evaluate(instance, day, passed)
    materialize(instance, "2024-03-04")  # its check judged the materialization before
    evaluate(instance, "2024-03-02", True)  # the second result of the date counts
    materialize(instance, "2024-03-03")
    evaluate(instance, "2024-03-03", False)
    plan(instance, "2024-03-05", IN_PROGRESS)
    plan(instance, "2024-03-06", ENDED)
    plan(instance, "2024-03-07", IN_PROGRESS)  # a check in progress has no result
    for no_partition in ("1999-01-01", "today"):
        materialize(instance, no_partition)
        evaluate(instance, no_partition, True)
    evaluate(instance, None, True, PLAIN)
    storage, keys = instance.event_log_storage, [(COVERED, DATES), (PLAIN, None)]
    states, own = storage.get_asset_check_state(keys), SqlEventLogStorage.get_asset_check_state(storage, keys)
    assert type(storage).get_asset_check_state is not SqlEventLogStorage.get_asset_check_state
    for key, _ in keys:
        assert (states[key].subsets, states[key].in_progress_runs) == (own[key].subsets, own[key].in_progress_runs)
    dates = {status: sorted(subset.subset_value.get_partition_keys()) for status, subset in states[COVERED].subsets.items()}
    assert {status: some for status, some in dates.items() if some} == {
        Resolved.SUCCEEDED: ["2024-03-01", "2024-03-02"],
        Resolved.FAILED: ["2024-03-03"],
        Resolved.IN_PROGRESS: ["2024-03-05", "2024-03-07"],
        Resolved.EXECUTION_FAILED: ["2024-03-06"],
    }


def test_a_check_without_results_has_no_dates(instance: dg.DagsterInstance) -> None:
    state = instance.event_log_storage.get_asset_check_state([(COVERED, DATES)])[COVERED]
    assert not any(subset.size for subset in state.subsets.values()) and not state.in_progress_runs
