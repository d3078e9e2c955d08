"""The processes of `deploy/compose.yaml`, without containers, on one database: one daemon, and no mutation by a viewer.

The code server serves an asset and a sensor of this module instead of the platform, whose daemon would start runs.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psutil
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test

from nba_pipeline.instance.opening import open_instance
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.postgres.cluster import HANG_SECONDS, Cluster, free_port

REQUESTS = 50
PAGE = """{
  runsOrError { ... on Runs { results { runId status tags { key value } assets { id } } } }
  assetNodes { assetKey { path } assetMaterializations(limit: 5) { runId timestamp } }
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } }
}"""
"""What the pages of runs and assets and the status of the daemon read."""

BIN = Path(sys.executable).parent
DEPLOY = Path(__file__).parents[2] / "deploy"
CODE = """
import dagster as dg

@dg.asset
def toys() -> None: ...

@dg.sensor(job_name="play")
def watching() -> None: ...

defs = dg.Definitions(assets=[toys], jobs=[dg.define_asset_job("play", [toys])], sensors=[watching])
"""
MUTATIONS = {
    "launch a run": 'launchRun(executionParams: {selector: {repositoryName: "__repository__", repositoryLocationName: "nba_pipeline", '
                    'pipelineName: "play"}, mode: "default"}) { __typename }',
    "delete a run": 'deletePipelineRun(runId: "RUN") { __typename }',
    "wipe an asset": 'wipeAssets(assetPartitionRanges: [{assetKey: {path: ["toys"]}}]) { __typename }',
    "report an event": 'reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION, assetKey: {path: ["toys"]}}) '
                       "{ __typename }",
    "start a sensor": 'startSensor(sensorSelector: {repositoryName: "__repository__", repositoryLocationName: "nba_pipeline", '
                      'sensorName: "watching"}) { __typename }',
    "set a limit": 'setConcurrencyLimit(concurrencyKey: "espn", limit: 9)',
    "terminate runs": 'terminateRuns(runIds: ["RUN"], terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { ... on TerminateRunsResult { terminateRunResults { ... on TerminateRunFailure { message } } } }',
}  # fmt: skip


@dataclass(frozen=True)
class Compose:
    """The commands of compose.yaml, with paths and ports of this test."""

    home: Path
    code_port: int
    web_port: int

    def command(self, service: str) -> list[str]:
        words = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][service]["command"]
        replaced = {
            "0.0.0.0": "127.0.0.1",
            "4000": str(self.code_port),
            "3000": str(self.web_port),
            "/etc/nba_pipeline/workspace.yaml": str(self.home / "workspace.yaml"),
            "--module-name": "--python-file",
            "nba_pipeline.definitions": str(self.home / "toys.py"),
        }
        return [replaced.get(word, word) for word in words]

    @contextmanager
    def started(self, service: str) -> Iterator[subprocess.Popen[str]]:
        environment = os.environ | {"DAGSTER_HOME": str(self.home / "dagster"), "PYTHONWARNINGS": "ignore"}
        name, *rest = self.command(service)
        with subprocess.Popen(
            [str(BIN / name), *rest], env=environment, cwd=self.home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.terminate()  # a code server ends its own server of code


@pytest.fixture
def compose(database: str, tmp_path: Path) -> Iterator[Compose]:
    """A home that `prepare` has prepared, and the code server."""
    compose = Compose(tmp_path, free_port(), free_port())
    (tmp_path / "toys.py").write_text(CODE)
    workspace = (DEPLOY / "workspace.yaml").read_text()
    (tmp_path / "workspace.yaml").write_text(
        workspace.replace("host: code", "host: 127.0.0.1").replace("4000", str(compose.code_port))
    )
    name, *words = compose.command("prepare")
    assert name == "nba-pipeline" and nba_pipeline(*words, home=tmp_path).returncode == 0
    with compose.started("code"):
        wait_until(lambda: listens(compose.code_port))
        yield compose


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_reached: Any) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.long(seconds=20)
def test_a_second_daemon_ends_and_names_the_first(compose: Compose, tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, compose.started("daemon") as first:
        wait_until(instance.get_daemon_heartbeats)
        with compose.started("daemon") as second:
            _, messages = second.communicate(timeout=HANG_SECONDS)
        assert second.returncode == 2
        assert f"process {first.pid} is running on the run history of 127.0.0.1:" in messages.splitlines()[-1]
        assert first.poll() is None


@pytest.mark.long(seconds=30)
def test_a_viewer_reads_and_every_mutation_is_refused(compose: Compose, database: str, tmp_path: Path, cluster: Cluster) -> None:
    with open_instance(tmp_path) as instance:
        dg.materialize([dg.asset(name="toys")(lambda: None)], instance=instance)
        run = create_run_for_test(instance, "play", status=dg.DagsterRunStatus.STARTED).run_id
    before, port = rows(cluster, database), compose.web_port
    url = f"http://127.0.0.1:{port}/graphql"
    with compose.started("webserver-read-only"), httpx.Client(timeout=HANG_SECONDS) as viewer:
        wait_until(lambda: is_up(viewer, port))
        read = viewer.post(url, json={"query": "{ runsOrError { ... on Runs { results { runId } } } }"}).json()
        assert {"runId": run} in read["data"]["runsOrError"]["results"]
        for name, mutation in MUTATIONS.items():
            query = "mutation { " + mutation.replace("RUN", run) + " }"
            by_post = viewer.post(url, json={"query": query})
            assert is_refused(by_post), f"{name}: {by_post.text}"
            by_get = viewer.get(url, params={"query": query})
            assert is_refused(by_get), f"{name} by GET: {by_get.text}"
    assert rows(cluster, database) == before


@pytest.mark.long(seconds=40)
def test_fifty_requests_at_once_are_answered_within_the_limit_of_connections(
    compose: Compose, tmp_path: Path, cluster: Cluster
) -> None:
    with open_instance(tmp_path) as instance:
        for _ in range(5):
            dg.materialize([dg.asset(name="toys")(lambda: None)], instance=instance)
    url = f"http://127.0.0.1:{compose.web_port}"
    with compose.started("webserver-read-only") as webserver:
        with httpx.Client(timeout=HANG_SECONDS) as viewer:
            wait_until(lambda: is_up(viewer, compose.web_port))
        answers, connections = asyncio.run(ask_at_once(f"{url}/graphql", psutil.Process(webserver.pid), cluster.port))
    assert len(answers) == REQUESTS and not [answer for answer in answers if "errors" in answer]
    assert {len(answer["data"]["runsOrError"]["results"]) for answer in answers} == {5}
    assert 0 < connections <= SETTINGS.postgres.connections_per_process


async def ask_at_once(url: str, webserver: psutil.Process, port: int) -> tuple[list[Any], int]:
    """Send a query REQUESTS times at once. Returns the answers and the most connections of the webserver to PostgreSQL."""
    most = 0
    limits = httpx.Limits(max_connections=REQUESTS)
    async with httpx.AsyncClient(timeout=HANG_SECONDS, limits=limits) as client:
        sent = asyncio.gather(*(client.post(url, json={"query": PAGE}) for _ in range(REQUESTS)))
        while not sent.done():
            most = max(most, sum(bool(one.raddr) and one.raddr.port == port for one in webserver.net_connections("tcp")))
            await asyncio.sleep(0.02)
        return [response.json() for response in await sent], most


def is_up(viewer: httpx.Client, port: int) -> bool:
    try:
        return viewer.get(f"http://127.0.0.1:{port}/server_info").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def is_refused(response: httpx.Response) -> bool:
    """Whether an answer names the missing permission, or the method is not allowed."""
    refusals = ("UnauthorizedError", "You do not have permission")
    return response.status_code == httpx.codes.METHOD_NOT_ALLOWED or any(refusal in response.text for refusal in refusals)


def rows(cluster: Cluster, database: str) -> list[Any]:
    """What a mutation could have changed."""
    tables = ("runs", "event_logs", "asset_keys", "concurrency_limits")
    return [
        cluster.execute(f"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY id)) FROM {table} t", database)
        for table in tables
    ]
