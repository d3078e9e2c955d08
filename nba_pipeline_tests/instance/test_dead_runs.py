"""Killed runs are closed and retried: real processes, a real instance, Dagster's own code server and retry daemon.

Processes that the tests start also load the jobs below, so this module must have no side effects.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import create_run_for_test, create_test_daemon_workspace_context
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from nba_pipeline.environments import home
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.command_runs import execute, is_started_by_command
from nba_pipeline.instance.dead_runs import _close_if_dead, close_dead_runs, is_alive, process_tag
from nba_pipeline.instance.opening import open_instance, prepare_instance
from nba_pipeline.instance.run_tags import PROCESS_TAG
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests import instances

pytestmark = pytest.mark.any_storage

ROOT = Path(__file__).parents[2]
LEASE = timedelta(minutes=SETTINGS.runs.lease_minutes)
TIMEOUT_SECONDS = 60.0


@dg.asset
def before(landing: Landing) -> None:
    """Counts its runs."""
    with Path(landing.home, "before").open("a") as file:
        file.write("x")


@dg.asset(deps=[before], pool="one_at_a_time")
def endless(landing: Landing) -> None:
    """Counts its starts, and ends on request."""
    with Path(landing.home, "endless").open("a") as file:
        file.write("x")
    wait_for(Path(landing.home, "go"))


defs = dg.Definitions(
    assets=[before, endless],
    jobs=[dg.define_asset_job("play")],
    executor=dg.in_process_executor,
    resources={"landing": Landing(home=dg.EnvVar("NBA_PIPELINE_HOME"), clock=Clock())},
)


def play() -> None:
    """Runs the job in this process, as the nba-pipeline command does."""
    execute(defs.resolve_job_def("play"), open_instance(home()), {})


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} never came"
        time.sleep(0.02)


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return instances.open_instance(tmp_path)


@pytest.fixture
def memory(tmp_path: Path) -> dg.DagsterInstance:
    """An instance without files, for runs without a process."""
    return instances.instance_without_files(tmp_path)


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process during a run of the command, with a pool slot."""
    command = [sys.executable, "-W", "ignore", "-c", "from nba_pipeline_tests.instance.test_dead_runs import play; play()"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(tmp_path / "endless")
        yield process
        process.kill()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process without reaping it, as if its parent had died too."""
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def slots(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_concurrency_info("one_at_a_time").active_slot_count


def endings(instance: dg.DagsterInstance, run_id: str) -> list[str | None]:
    logs = instance.all_logs(run_id, of_type={dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED})
    return [entry.dagster_event.message for entry in logs if entry.dagster_event]


def a_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> dg.DagsterRun:
    return create_run_for_test(instance, "play", status=status)


def tagged(instance: dg.DagsterInstance, run: dg.DagsterRun, tag: str) -> dg.DagsterRun:
    instance.add_run_tags(run.run_id, {PROCESS_TAG: tag})
    return status_of(instance, run)


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    closed_run = instance.get_run_by_id(run.run_id)
    assert closed_run
    return closed_run


def a_dead_process(run: dg.DagsterRun) -> str:
    """The tag of an ended process of this host."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return f"{socket.gethostname()}:{process.pid}:1:{run.run_id}"


# Processes


def test_this_process_is_alive() -> None:
    assert is_alive(process_tag("a run")) is True


def test_a_later_process_with_the_same_pid_is_another_process() -> None:
    host, pid, start, run_id = process_tag("a run").split(":")
    assert is_alive(f"{host}:{pid}:{int(start) - 1}:{run_id}") is False


def test_without_a_start_the_pid_alone_counts() -> None:
    host, pid, _, run_id = process_tag("a run").split(":")
    assert is_alive(f"{host}:{pid}::{run_id}") is True


@pytest.mark.parametrize("tag", ["elsewhere:1:1:a run", f"{socket.gethostname()}:no number:1:a run", "", "nonsense"])
def test_a_process_of_another_host_is_unknown(tag: str) -> None:
    assert is_alive(tag) is None


def test_a_host_of_the_same_name_is_another_host() -> None:
    host, rest = process_tag("a run").split(":", 1)
    name = host.partition("/")[0]
    assert is_alive(f"{host}:{rest}", is_one_machine=False) is True
    assert is_alive(f"{name}/elsewhere:{rest}", is_one_machine=False) is None
    assert is_alive(f"{name}/elsewhere:{rest}") is True, "SQLite is of one machine, which may have started again"


# Runs of the command


@pytest.mark.unattended
@pytest.mark.platform
def test_a_living_run_is_not_touched_however_long_it_is_silent(
    instance: dg.DagsterInstance, playing: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert close_dead_runs(instance, datetime.now(UTC) + 10 * LEASE) == []
    assert slots(instance) == 1
    (tmp_path / "go").touch()
    assert playing.wait(TIMEOUT_SECONDS) == 0
    assert close_dead_runs(instance, datetime.now(UTC) + 10 * LEASE) == []
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]


@pytest.mark.platform
def test_a_killed_run_is_closed_once_and_gives_its_slot_back(
    instance: dg.DagsterInstance, playing: subprocess.Popen[bytes]
) -> None:
    kill(playing)
    assert slots(instance) == 1
    closed = close_dead_runs(instance, datetime.now(UTC))
    assert [run.status for run in closed] == [dg.DagsterRunStatus.FAILURE]
    assert slots(instance) == 0
    assert close_dead_runs(instance, datetime.now(UTC) + 10 * LEASE) == []
    message = f"process {playing.pid} on {socket.gethostname()}, which executed this run, ended without recording an outcome: it was killed"
    assert endings(instance, closed[0].run_id) == [message]
    assert is_started_by_command(closed[0])
    assert closed[0].tags[WILL_RETRY_TAG] == "false", "the daemon would start it again"


# Runs whose processes are unknown to this host


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
@pytest.mark.parametrize("tag", [None, "elsewhere:1:1:{run_id}"], ids=["unmarked", "elsewhere"])
def test_a_run_of_an_unknown_process_is_closed_after_its_lease(
    memory: dg.DagsterInstance, status: dg.DagsterRunStatus, tag: str | None
) -> None:
    run = a_run(memory, status)
    if tag:
        tagged(memory, run, tag.format(run_id=run.run_id))
    now = datetime.now(UTC)
    assert close_dead_runs(memory, now + LEASE - timedelta(minutes=1)) == []
    assert [closed.run_id for closed in close_dead_runs(memory, now + LEASE + timedelta(minutes=1))] == [run.run_id]
    assert endings(memory, run.run_id) == ["this run has had no event for 31 minutes; its lease is 30 minutes"]


def test_a_run_that_was_killed_before_it_began_is_closed_soon(memory: dg.DagsterInstance) -> None:
    """It has no process yet, and would block its date forever."""
    run, now = a_run(memory, dg.DagsterRunStatus.NOT_STARTED), datetime.now(UTC)
    assert close_dead_runs(memory, now + timedelta(minutes=SETTINGS.runs.created_minutes - 1)) == []
    soon = now + timedelta(minutes=SETTINGS.runs.created_minutes + 1)
    assert [closed.run_id for closed in close_dead_runs(memory, soon)] == [run.run_id]


def test_an_event_renews_the_lease(memory: dg.DagsterInstance) -> None:
    run = a_run(memory)
    created = memory.get_run_records()[0].create_timestamp
    time.sleep(1.1)  # Dagster stores whole seconds
    memory.report_engine_event("still here", run)
    assert close_dead_runs(memory, created + LEASE + timedelta(seconds=0.5)) == []


def test_a_retry_with_the_tags_of_a_dead_run_is_not_dead(memory: dg.DagsterInstance) -> None:
    died = a_run(memory)
    dead = a_dead_process(died)
    retry = tagged(memory, a_run(memory), dead)
    tagged(memory, died, dead)
    assert [run.run_id for run in close_dead_runs(memory, datetime.now(UTC))] == [died.run_id]
    assert status_of(memory, retry).status == dg.DagsterRunStatus.STARTED


def test_a_run_that_was_being_cancelled_is_cancelled_and_not_retried(memory: dg.DagsterInstance) -> None:
    run = a_run(memory, dg.DagsterRunStatus.CANCELING)
    tagged(memory, run, a_dead_process(run))
    assert [closed.status for closed in close_dead_runs(memory, datetime.now(UTC))] == [dg.DagsterRunStatus.CANCELED]
    assert WILL_RETRY_TAG not in status_of(memory, run).tags


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
)
def test_an_ended_run_is_unchanged(memory: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run = a_run(memory, status)
    tagged(memory, run, a_dead_process(run))
    assert close_dead_runs(memory, datetime.now(UTC) + 10 * LEASE) == []
    assert status_of(memory, run).status == status


def test_a_run_that_ends_during_the_check_is_unchanged(memory: dg.DagsterInstance) -> None:
    run = a_run(memory)
    tagged(memory, run, a_dead_process(run))
    record = memory.get_run_records()[0]
    success = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_SUCCESS.value, job_name="play")
    memory.report_dagster_event(success, run.run_id)
    assert _close_if_dead(memory, record, datetime.now(UTC)) is None
    assert status_of(memory, run).status == dg.DagsterRunStatus.SUCCESS


# Runs of a launcher that checks its workers, as those of Docker and Kubernetes


class Workers(RunLauncher, ConfigurableClass):  # type: ignore[type-arg]
    """A run launcher whose workers are on other hosts. All of them have ended."""

    supports_check_run_worker_health = True
    inst_data = None

    @classmethod
    def config_type(cls) -> dict[str, object]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, object]) -> "Workers":
        return cls()

    def launch_run(self, context: LaunchRunContext) -> None: ...

    def terminate(self, run_id: str) -> bool:
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        return CheckRunHealthResult(WorkerStatus.FAILED, f"the worker of run {run.run_id} has ended")


def with_workers(home: Path) -> dg.DagsterInstance:
    file = prepare_instance(home) / "dagster.yaml"
    file.write_text(f"{file.read_text()}run_launcher: {{module: {__name__}, class: Workers}}\n")
    return open_instance(home)


def test_dagster_ends_a_run_whose_worker_has_ended(tmp_path: Path) -> None:
    """The run monitoring of dagster.yaml does it, so the lease of the run does not matter."""
    instance = with_workers(tmp_path)
    launched = create_run_for_test(instance, "play", status=dg.DagsterRunStatus.STARTED, remote_job_origin=an_origin())
    assert close_dead_runs(instance, datetime.now(UTC) + 10 * LEASE) == []
    assert instance.run_monitoring_enabled
    record = instance.get_run_record_by_id(launched.run_id)
    assert record
    monitor_started_run(instance, None, record, logging.getLogger("test"))  # type: ignore[arg-type]  # only to resume a run
    assert status_of(instance, launched).status == dg.DagsterRunStatus.FAILURE


def test_a_run_of_a_command_has_no_worker_of_the_launcher(tmp_path: Path) -> None:
    instance = with_workers(tmp_path)
    run = a_run(instance)
    assert [closed.run_id for closed in close_dead_runs(instance, datetime.now(UTC) + 10 * LEASE)] == [run.run_id]


def an_origin() -> RemoteJobOrigin:
    """The origin of a job that a code server serves."""
    return RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("nba_pipeline"), "__repository__"), "play")


# Runs of the daemon


@contextmanager
def served(instance: dg.DagsterInstance) -> Iterator[IWorkspaceProcessContext]:
    """A code server of this module."""
    target = PythonFileTarget(__file__, "defs", str(ROOT), None)
    with create_test_daemon_workspace_context(target, instance) as workspace:
        yield workspace


def launch(workspace: IWorkspaceProcessContext) -> dg.DagsterRun:
    request, instance = workspace.create_request_context(), workspace.instance
    location = request.get_code_location(request.code_location_names[0])
    job = next(iter(location.get_repositories().values())).get_full_job("play")
    run = create_run_for_test(
        instance,
        "play",
        job_snapshot=job.job_snapshot,
        parent_job_snapshot=job.parent_job_snapshot,
        execution_plan_snapshot=location.get_execution_plan(job, {}, None, None, instance).execution_plan_snapshot,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        asset_graph=request.asset_graph,
    )
    return instance.launch_run(run.run_id, request)


def kill_with_its_code_server(run: dg.DagsterRun) -> None:
    """Kills the server first, because it would notice the dead run and close it."""
    pid = int(run.tags[PROCESS_TAG].split(":")[1])
    server = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert server not in (0, 1, os.getpid())
    for victim in (server, pid):
        os.kill(victim, signal.SIGKILL)
    while is_alive(run.tags[PROCESS_TAG]):
        time.sleep(0.02)


@pytest.mark.unattended
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the code server in /proc")
def test_a_run_killed_with_its_code_server_is_retried_once_by_dagster(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    daemon = EventLogConsumerDaemon()
    with served(instance) as workspace:
        list(daemon.run_iteration(workspace))
        run = launch(workspace)
        wait_for(tmp_path / "endless")
        kill_with_its_code_server(status_of(instance, run))
        time.sleep(1)
    assert status_of(instance, run).status == dg.DagsterRunStatus.STARTED, "Dagster sees it by now; dead_runs.py can go"
    assert [closed.run_id for closed in close_dead_runs(instance, datetime.now(UTC))] == [run.run_id]

    with served(instance) as workspace:
        for _ in range(2):
            list(daemon.run_iteration(workspace))
    retry = instance.get_run_by_id(status_of(instance, run).tags[AUTO_RETRY_RUN_ID_TAG])
    assert retry and retry.status == dg.DagsterRunStatus.QUEUED and len(instance.get_runs()) == 2
    assert retry.step_keys_to_execute == ["endless"], "what had been made before stays"
