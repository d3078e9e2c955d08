"""Dagster's own daemon and read-only webserver as processes on one database: one daemon, and no mutation by a viewer."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from dagster._core.test_utils import create_run_for_test

from nba_pipeline.instance.opening import open_instance
from nba_pipeline_tests.postgres.cluster import Cluster, free_port

BIN = Path(sys.executable).parent
TIMEOUT_SECONDS = 90.0
CODE = """
import dagster as dg

@dg.asset
def toys() -> None: ...

@dg.sensor(job_name="play")
def watching() -> None: ...

defs = dg.Definitions(assets=[toys], jobs=[dg.define_asset_job("play", [toys])], sensors=[watching])
"""
MUTATIONS = {
    "launch a run": 'launchRun(executionParams: {selector: {repositoryName: "__repository__", repositoryLocationName: "toys.py", '
                    'pipelineName: "play"}, mode: "default"}) { __typename }',
    "delete a run": 'deletePipelineRun(runId: "RUN") { __typename }',
    "wipe an asset": 'wipeAssets(assetPartitionRanges: [{assetKey: {path: ["toys"]}}]) { __typename }',
    "report an event": 'reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION, assetKey: {path: ["toys"]}}) '
                       "{ __typename }",
    "start a sensor": 'startSensor(sensorSelector: {repositoryName: "__repository__", repositoryLocationName: "toys.py", '
                      'sensorName: "watching"}) { __typename }',
    "set a limit": 'setConcurrencyLimit(concurrencyKey: "espn", limit: 9)',
    "terminate runs": 'terminateRuns(runIds: ["RUN"], terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { ... on TerminateRunsResult { terminateRunResults { ... on TerminateRunFailure { message } } } }',
}  # fmt: skip


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "toys.py"
    file.write_text(CODE)
    return file


@contextmanager
def started(home: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"DAGSTER_HOME": str(home / "dagster"), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        env=environment,
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(is_reached: Any) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_dagsters_daemon_refuses_to_be_the_second(database: str, tmp_path: Path, code: Path) -> None:
    with open_instance(tmp_path) as instance, started(tmp_path, "dagster-daemon", "run", "-f", str(code)) as first:
        wait_until(instance.get_daemon_heartbeats)
        with started(tmp_path, "dagster-daemon", "run", "-f", str(code)) as second:
            _, messages = second.communicate(timeout=TIMEOUT_SECONDS)
        assert second.returncode == 2
        assert f"process {first.pid} is running on the run history of 127.0.0.1:" in messages.splitlines()[-1]
        assert first.poll() is None


def test_a_read_only_webserver_refuses_every_mutation(database: str, tmp_path: Path, code: Path, cluster: Cluster) -> None:
    with open_instance(tmp_path) as instance:
        dg.materialize([dg.asset(name="toys")(lambda: None)], instance=instance)
        run = create_run_for_test(instance, "play", status=dg.DagsterRunStatus.STARTED).run_id
    before, port = rows(cluster, database), free_port()
    command = ["dagster-webserver", "--read-only", "-f", str(code), "-h", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}/graphql"
    with started(tmp_path, *command), httpx.Client(timeout=30) as viewer:
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
