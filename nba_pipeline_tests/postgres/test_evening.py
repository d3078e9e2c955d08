"""An evening on several hosts with one run history in PostgreSQL: runs, the daemon, the server and a whole host are killed.

Host `a` has the daemon, the code server and the webserver; its clock is two minutes fast. Host `b` runs commands; its clock is two
minutes slow. Host `c` replaces `a`. The tables must equal those of an undisturbed evening on one machine.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
import yaml
from dagster._core.storage.tags import PARENT_RUN_ID_TAG
from polars.testing import assert_frame_equal

from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.run_tags import PARTITION_TAG, PROCESS_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import CHANGES
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.monitoring.deliveries import DELIVERIES, MESSAGE_DELIVERIES
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT, copy_of, graded, loaded, predicted, tables
from nba_pipeline_tests.postgres.cluster import HANG_SECONDS, Cluster, free_port
from nba_pipeline_tests.postgres.hosts import variables
from nba_pipeline_tests.postgres.test_processes import listens
from nba_pipeline_tests.unattended.live import _of_session

__all__ = ["graded", "loaded", "predicted"]

BIN, ROOT = Path(sys.executable).parent, Path(__file__).parents[2]
NOON, MORNING = eastern(DAY, 12), eastern(NEXT, 7)
SKEW_SECONDS = 120
OF_ALERTS = (ALERTS.name, CHANGES.name, DELIVERIES.name, MESSAGE_DELIVERIES.name)
"""Tables with alerts about the kills."""

SETTINGS = "[runs]\nlease_seconds = 10\nrenewal_seconds = 1\n"
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED
]  # fmt: skip


class Host:
    """Processes with the name and the clock of one host. They share the home, as a volume, and the database."""

    def __init__(self, name: str, skew_seconds: int, home: Path, now: datetime) -> None:
        self.home, self.code_port, self.web_port = home, free_port(), free_port()
        own = {"NBA_PIPELINE_NOW": now.isoformat(), "DAGSTER_HOME": str(home / "dagster"), "PYTHONWARNINGS": "ignore"}
        self.environment = os.environ | variables(name, skew_seconds) | own
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        workspace = {"grpc_server": {"host": "127.0.0.1", "port": self.code_port, "location_name": "nba_pipeline"}}
        self.workspace = home / f"workspace_{name}.yaml"
        self.workspace.write_text(yaml.safe_dump({"load_from": [workspace]}))
        self.log = (home / f"{name}.log").open("ab")

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        self.processes[name] = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=ROOT, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        return self.processes[name]

    def start_command(self, *words: str) -> subprocess.Popen[bytes]:
        return self.start(" ".join(words), "nba-pipeline", *words)

    def start_daemon(self) -> None:
        self.start("daemon", "dagster-daemon", "run", "--workspace", str(self.workspace))

    def start_platform(self) -> None:
        """The services of deploy/compose.yaml."""
        module = ("--module-name", "nba_pipeline_tests.postgres.evening_code")
        self.start("code", "dagster", "code-server", "start", "--host", "127.0.0.1", "--port", str(self.code_port), *module)
        wait_until(lambda: listens(self.code_port), "the code server listens")
        self.start_daemon()
        web = ("--host", "127.0.0.1", "--port", str(self.web_port), "--workspace", str(self.workspace))
        self.start("webserver", "dagster-webserver", *web)
        wait_until(self._is_up, "the webserver answers")

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.web_port}/server_info", timeout=30).is_success
        return False

    def request_overnight_run(self) -> str:
        """Requests a run of the mode `overnight`, as the schedule does. Returns its id."""
        assets = ", ".join(f'{{path: ["{name}"]}}' for name in tables_of_mode("overnight"))
        query = (
            'mutation { launchRun(executionParams: {selector: {repositoryName: "__repository__", repositoryLocationName: '
            f'"nba_pipeline", pipelineName: "game_day", assetSelection: [{assets}]}}, mode: "default", executionMetadata: {{tags: '
            f'[{{key: "{PARTITION_TAG}", value: "{DAY}"}}]}}}}) '
            "{ __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"
        )
        answers: list[dict[str, Any]] = []

        def is_requested() -> bool:
            try:
                response = httpx.post(f"http://127.0.0.1:{self.web_port}/graphql", json={"query": query}, timeout=HANG_SECONDS)
            except httpx.TransportError as error:
                raise AssertionError(f"the webserver did not answer the request for a run: {error!r}") from error
            answers.append(response.json()["data"]["launchRun"])
            return answers[-1]["__typename"] != "PipelineNotFoundError"  # the code is being loaded

        wait_until(is_requested, "the webserver has loaded the code of the platform")
        assert "run" in answers[-1], answers[-1]
        return str(answers[-1]["run"]["runId"])

    def kill(self, *names: str) -> None:
        """SIGKILL to processes and their children; without names, to the whole host."""
        for name in names or list(self.processes):
            process = self.processes.pop(name)
            for pid in _of_session(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def home(database: str, loaded: Path, tmp_path: Path) -> Path:
    """The home before the evening. Its run history begins in the database."""
    home = copy_of(loaded, tmp_path / "home")
    shutil.rmtree(home / "dagster")
    (home / "settings.toml").write_text(SETTINGS)
    return home


@pytest.fixture
def instance(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(home))
    with open_instance(home) as instance:
        yield instance


@contextmanager
def host(name: str, skew_seconds: int, home: Path, now: datetime) -> Iterator[Host]:
    started = Host(name, skew_seconds, home, now)
    try:
        yield started
    finally:
        started.kill()


def wait_until(is_so: Callable[[], object], what: str, details: Callable[[], str] = lambda: "") -> None:
    """Fails with one sentence if something has not happened in time."""
    deadline = time.monotonic() + HANG_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"did not happen within {HANG_SECONDS:.0f} s: {what}{details()}"
        time.sleep(0.2)


def exit_code(command: subprocess.Popen[bytes]) -> int:
    """Waits until a command has ended, and returns its exit code."""
    wait_until(lambda: command.poll() is not None, f"the end of the command {command.args}")
    return int(command.returncode)


def process_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process of a run in progress, once the run has one."""
    run = instance.get_run_by_id(run_id)
    tag = run.tags.get(PROCESS_TAG, "") if run and run.status == dg.DagsterRunStatus.STARTED else ""
    return int(tag.split(":")[1]) if tag.endswith(f":{run_id}") else None


def process_once_begun(instance: dg.DagsterInstance, run_id: str) -> int:
    """Waits until a run has begun, and returns its process."""
    processes: list[int] = []

    def has_begun() -> bool:
        processes.extend(filter(None, [process_of(instance, run_id)]))
        return bool(processes)

    wait_until(has_begun, f"the begin of run {run_id}")
    return processes[0]


def in_progress(instance: dg.DagsterInstance) -> list[str]:
    """The runs that have not ended, each with its process."""
    runs = instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS))
    return [f"run {run.run_id} is {run.status.value}, process {run.tags.get(PROCESS_TAG, 'none')}" for run in runs]


def wait_for_the_end(instance: dg.DagsterInstance) -> None:
    wait_until(lambda: not in_progress(instance), "the end of every run", lambda: f"; {'; '.join(in_progress(instance))}")


@pytest.mark.long(seconds=250)
def test_an_evening_with_kills_on_two_hosts_leaves_the_tables_of_an_undisturbed_one(
    home: Path, instance: dg.DagsterInstance, graded: Path, cluster: Cluster
) -> None:
    with host("b", -SKEW_SECONDS, home, NOON) as b:
        command = b.start_command("run", "--date", str(DAY), "--mode", "same_day")
        wait_until(instance.get_runs, "the command has created a run")
        process_once_begun(instance, instance.get_runs()[0].run_id)
        b.kill()
        assert command.returncode == -signal.SIGKILL
        assert exit_code(b.start_command("run", "--date", str(DAY), "--mode", "same_day")) == 0
    with host("a", SKEW_SECONDS, home, MORNING) as a, host("b", -SKEW_SECONDS, home, MORNING) as b:
        a.start_platform()
        others = [b.start_command("run", "--date", str(DAY), "--mode", "overnight") for _ in range(2)]
        os.kill(process_once_begun(instance, a.request_overnight_run()), signal.SIGKILL)
        a.kill("daemon")
        a.start_daemon()
        cluster.stop("immediate")
        cluster.start()
        for other in others:
            exit_code(other)  # its run may have lost the server
        wait_until(lambda: a.processes["daemon"].poll() is None, "the second daemon runs")
        wait_for_the_end(instance)
        last = a.request_overnight_run()
        process_once_begun(instance, last)
        a.kill()
    with host("c", 0, home, MORNING) as c:
        c.start_platform()
        retries = dg.RunsFilter(tags={PARENT_RUN_ID_TAG: last})
        wait_until(lambda: instance.get_runs(retries), "the run of the dead host is closed, and started again")
        wait_for_the_end(instance)
        assert [run.status for run in instance.get_runs(retries)] == [dg.DagsterRunStatus.SUCCESS]
    assert {run.status for run in instance.get_runs()} <= ENDED
    after, expected = tables(home), tables(graded)
    assert after.keys() - set(OF_ALERTS) == expected.keys() - set(OF_ALERTS)
    for name in expected.keys() - set(OF_ALERTS):
        assert_frame_equal(after[name], expected[name])
