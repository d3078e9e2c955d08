"""Runs of commands are recorded like those of the daemon."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG, WILL_RETRY_TAG

from nba_pipeline.instance.command_runs import LOCATION, execute, is_started_by_command
from nba_pipeline_tests import instances

pytestmark = pytest.mark.any_storage

ROOT = Path(__file__).parents[2]


@dg.asset
def toys() -> None:
    """Something to run."""


@pytest.fixture
def run(tmp_path: Path) -> tuple[dg.DagsterInstance, dg.DagsterRun]:
    instance, job = instances.open_instance(tmp_path), dg.Definitions(assets=[toys], jobs=[dg.define_asset_job("play")])
    run_id = execute(job.resolve_job_def("play"), instance, {"nba/mode": "overnight"}).run_id
    stored = instance.get_run_by_id(run_id)
    assert stored
    return instance, stored


def test_a_run_of_a_command_names_its_starter_and_its_code_location(run: Any) -> None:
    """Dagster's timeline and pages of jobs filter by the label. Failure sensors compare the names."""
    instance, stored = run
    assert (stored.tags["nba/started_by"], stored.tags["nba/mode"]) == ("command", "overnight")
    assert stored.remote_job_origin.repository_origin.get_label() == f"__repository__@{LOCATION}"
    assert [r.run_id for r in instance.get_runs(dg.RunsFilter(tags={REPOSITORY_LABEL_TAG: f"__repository__@{LOCATION}"}))]
    assert is_started_by_command(stored)


def test_the_code_location_is_that_of_the_workspace() -> None:
    (served,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert served["python_module"]["location_name"] == LOCATION


def test_a_killed_run_of_a_command_is_not_retried_by_the_daemon(run: Any) -> None:
    instance, stored = run
    assert instance.run_retries_enabled and instance.run_retries_max_retries > 0
    crash = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    instance.report_run_failed(stored, "killed", crash)
    assert instance.get_run_by_id(stored.run_id).tags[WILL_RETRY_TAG] == "false"


def test_later_runs_of_the_instance_are_unchanged(run: Any) -> None:
    instance, _ = run
    result = dg.materialize([toys], instance=instance)
    assert instance.get_run_by_id(result.run_id).remote_job_origin is None
