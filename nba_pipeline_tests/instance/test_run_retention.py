"""Old runs are deleted, and Dagster's materialization status of each date is kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_retention import prune
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.instances import open_instance

pytestmark = [pytest.mark.platform, pytest.mark.any_storage]

DAY, OTHER = "2026-01-15", "2026-01-16"
LONG_AGO = datetime(2026, 1, 17, tzinfo=UTC)
NOW = LONG_AGO + timedelta(days=SETTINGS.runs.kept_days + 1)


@dg.asset(partitions_def=DAILY)
def toy() -> None: ...


def run(instance: dg.DagsterInstance, day: str, at: datetime) -> str:
    with time_machine.travel(at, tick=False):
        return dg.materialize([toy], partition_key=day, instance=instance).run_id


def logs(home: Path) -> set[str]:
    """The runs that have a log of their steps, read by another process, which has no deleted file open."""
    step = {dg.DagsterEventType.STEP_START}
    with open_instance(home) as instance:
        return {run.run_id for run in instance.get_runs() if instance.all_logs(run.run_id, of_type=step)}


def test_a_run_is_deleted_after_another_run_materialized_its_date(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        superseded, last, of_another_date = (run(instance, day, LONG_AGO) for day in (DAY, DAY, OTHER))
        young = run(instance, OTHER, NOW - timedelta(days=1))
        assert prune(instance, NOW) == (2, 1)
        assert {r.run_id for r in instance.get_runs()} == {last, young}
        assert instance.get_materialized_partitions(dg.AssetKey("toy")) == {DAY, OTHER}
        assert prune(instance, NOW) == (0, 0)
        assert logs(tmp_path) == {young} and superseded != of_another_date
        assert {r.run_id for r in instance.get_runs(dg.RunsFilter(created_before=NOW - timedelta(days=2)))} == {last}


def test_a_run_in_progress_is_not_deleted(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        with time_machine.travel(LONG_AGO, tick=False):
            started = instance.create_run_for_job(
                dg.define_asset_job("toys", [toy]).resolve(asset_graph=dg.Definitions(assets=[toy]).resolve_asset_graph()),
                status=dg.DagsterRunStatus.STARTED,
            )
        assert prune(instance, NOW) == (0, 0)
        assert instance.get_run_by_id(started.run_id)


def test_recent_runs_are_not_deleted(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        first, second = run(instance, DAY, NOW - timedelta(days=2)), run(instance, DAY, NOW - timedelta(days=1))
        assert prune(instance, NOW) == (0, 0)
        assert logs(tmp_path) == {first, second}
