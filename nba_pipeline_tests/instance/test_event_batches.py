"""Batches of events are stored as Dagster stores single events. The batches of Dagster 1.13 are those of the runs below."""

from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage

from nba_pipeline.instance.event_batches import BATCH_SIZE
from nba_pipeline_tests.instances import open_instance

DATES = dg.DailyPartitionsDefinition("2024-03-01", end_date="2024-03-04")
SPAN = {"dagster/asset_partition_range_start": "2024-03-01", "dagster/asset_partition_range_end": "2024-03-03"}
EVENTS = "SELECT dagster_event_type, asset_key, partition, step_key FROM event_logs WHERE run_id = :run ORDER BY 1, 2, 3, 4"
CHECKS = """SELECT c.asset_key, c.check_name, c.partition, c.execution_status, e.dagster_event_type
    FROM asset_check_executions c JOIN event_logs e ON e.id = c.evaluation_event_storage_id WHERE c.run_id = :run ORDER BY 1, 2, 3"""
TAGS = """SELECT t.asset_key, t.key, e.partition, e.dagster_event_type
    FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id WHERE e.run_id = :run ORDER BY 1, 2, 3"""
TABLES = "SELECT asset_key, last_run_id = :run FROM asset_keys ORDER BY 1"

pytestmark = pytest.mark.sqlite


@dg.asset(partitions_def=DATES, backfill_policy=dg.BackfillPolicy.single_run(), code_version="1")
def toys() -> None:
    """An asset to materialize."""


@dg.asset_check(asset=toys, partitions_def=DATES)
def toys_are_safe() -> dg.AssetCheckResult:
    """A check that is planned per date."""
    return dg.AssetCheckResult(passed=True)


def rows_of_a_run(instance: dg.DagsterInstance, batch_size: int) -> tuple[object, ...]:
    """Executes a run of three dates. Returns its stored rows, its partitions and the metadata of the newest materialization."""
    vars(instance)["_get_event_batch_size"] = lambda: batch_size
    job = dg.Definitions(assets=[toys], asset_checks=[toys_are_safe], jobs=[dg.define_asset_job("play")]).resolve_job_def("play")
    run_id, log = job.execute_in_process(instance=instance, tags=SPAN).run_id, instance.event_log_storage
    assert isinstance(log, SqliteEventLogStorage)
    with log.index_connection() as index, log.run_connection(run_id) as of_run:
        stored = [index.execute(sqlalchemy.text(query), {"run": run_id}).fetchall() for query in (EVENTS, CHECKS, TAGS, TABLES)]
        stored.append(of_run.execute(sqlalchemy.text(EVENTS), {"run": run_id}).fetchall())
    newest = instance.get_latest_materialization_event(toys.key)
    assert newest and newest.run_id == run_id
    return *stored, newest.asset_materialization, instance.get_materialized_partitions(toys.key)


def test_a_batch_is_stored_as_its_events_are_stored_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instance = open_instance(tmp_path)
    one_by_one, batches = rows_of_a_run(instance, batch_size=0), rows_of_a_run(instance, BATCH_SIZE)
    events, checks, *_ = batches
    assert len(events) == 10 and len(checks) > 2  # type: ignore[arg-type]
    assert batches == one_by_one
    assert "Falling back" not in capsys.readouterr().err  # Dagster prints it after an error of the batch


def test_the_instance_stores_batches(tmp_path: Path) -> None:
    assert open_instance(tmp_path)._is_batch_writing_enabled()
