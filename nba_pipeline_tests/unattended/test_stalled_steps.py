"""A stalled step is ended and its run is started again once: real processes, a real instance, Dagster's own code server and daemons.

The processes that the tests start import this module, so it must have no side effects.
"""

import collections
import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG
from dagster._core.test_utils import create_run_for_test, create_test_daemon_workspace_context
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from nba_pipeline import environments  # noqa: F401  # registers the settings file of the home
from nba_pipeline.asset_factory.step_timeout import limited
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_tags import PARTITION_TAG
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import failed_run_sensor
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests import instances
from nba_pipeline_tests.monitoring.webhook import rows

ROOT = Path(__file__).parents[2]
DAY = date(2024, 3, 12)
LIMITS = "[runs]\nstep_minutes = 0.02\n[steps]\nstalled_seconds = 1.0\n"
TIMEOUT_SECONDS = 60.0


def hang_in_a_subprocess() -> None:
    """Waits for another program, which never ends."""
    subprocess.run(["sleep", "600"], check=False)


def hang_in_compiled_code() -> None:
    """Never returns to the interpreter, so that no signal handler runs."""
    collections.deque(itertools.repeat(None), maxlen=0)


def an_asset(name: str, compute: Callable[[], None]) -> dg.AssetsDefinition:
    def it(context: dg.AssetExecutionContext, landing: Landing) -> None:
        compute()

    it.__name__ = name
    return dg.asset(name=name, partitions_def=DAILY)(limited(it))


WAITS, COMPUTES = an_asset("waits", hang_in_a_subprocess), an_asset("computes", hang_in_compiled_code)
defs = dg.Definitions(
    assets=[WAITS, COMPUTES],
    jobs=[dg.define_asset_job("waiting", [WAITS]), dg.define_asset_job("computing", [COMPUTES])],
    executor=dg.in_process_executor,
    resources={"landing": Landing(home=dg.EnvVar("NBA_PIPELINE_HOME"), clock=Clock())},
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "settings.toml").write_text(LIMITS)
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    return tmp_path


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run
    return run


@contextmanager
def served(instance: dg.DagsterInstance) -> Iterator[IWorkspaceProcessContext]:
    """A code server of this module."""
    with create_test_daemon_workspace_context(PythonFileTarget(__file__, "defs", str(ROOT), None), instance) as workspace:
        yield workspace


def submit(workspace: IWorkspaceProcessContext, name: str) -> str:
    """Queues a run of a job, as a schedule does."""
    request, instance = workspace.create_request_context(), workspace.instance
    location = request.get_code_location(request.code_location_names[0])
    job = next(iter(location.get_repositories().values())).get_full_job(name)
    tags = {PARTITION_TAG: str(DAY)}
    plan = location.get_execution_plan(job, {}, None, None, instance)
    run = create_run_for_test(
        instance,
        name,
        tags=tags,
        job_snapshot=job.job_snapshot,
        parent_job_snapshot=job.parent_job_snapshot,
        execution_plan_snapshot=plan.execution_plan_snapshot,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        asset_graph=request.asset_graph,
    )
    instance.submit_run(run.run_id, request)
    return run.run_id


def end_of(workspace: IWorkspaceProcessContext, run_id: str) -> dg.DagsterRun:
    """Lets Dagster's daemons launch the queued run, waits for its end, and lets them decide about a retry."""
    launch, deadline = QueuedRunCoordinatorDaemon(interval_seconds=1), time.monotonic() + TIMEOUT_SECONDS
    retry = EventLogConsumerDaemon()
    list(launch.run_iteration(workspace))
    while not status_of(workspace.instance, run_id).is_finished:
        assert time.monotonic() < deadline, "the run is still in progress"
        time.sleep(0.1)
    for _ in range(2):
        list(retry.run_iteration(workspace))
    return status_of(workspace.instance, run_id)


def alert_about(home: Path, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Evaluates the sensor for the end of a run."""
    notifier = Notifier(warehouse=LocalWarehouse(home=str(home)), clock=Clock())
    [entry] = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert entry.dagster_event
    context = dg.build_run_status_sensor_context(
        "alert_on_failed_run", entry.dagster_event, instance, run, resources={"notifier": notifier}
    ).for_run_failure()
    with context:
        failed_run_sensor("nba/mode")(context)


@pytest.mark.unattended
@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("waiting", "waits: waits timed out after 1.2 seconds"),
        ("computing", "computes: its process ended during this step; the log of the run may have the reason"),
    ],
)
def test_a_stalled_run_ends_is_repeated_once_and_raises_one_alert(home: Path, job: str, message: str) -> None:
    with instances.open_instance(home) as instance, served(instance) as workspace:
        list(EventLogConsumerDaemon().run_iteration(workspace))
        first = end_of(workspace, submit(workspace, job))
        second = end_of(workspace, first.tags[AUTO_RETRY_RUN_ID_TAG])
        assert AUTO_RETRY_RUN_ID_TAG not in second.tags and len(instance.get_runs()) == 2
        for run in (first, second):
            alert_about(home, instance, run)
    [alert] = rows(LocalWarehouse(home=str(home)))
    assert (alert["kind"], alert["message"]) == ("run_failed", message)
