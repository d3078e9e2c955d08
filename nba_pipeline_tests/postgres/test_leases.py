"""Runs of several hosts: the lease of a run in PostgreSQL says whether its process is alive, whatever the clock of its host."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from nba_pipeline.instance.dead_runs import close_dead_runs, process_tag
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.run_leases import RenewedLease, lease_of
from nba_pipeline.instance.run_tags import PROCESS_TAG
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.instance.test_dead_runs import ROOT, endings, slots, wait_for
from nba_pipeline_tests.postgres.cluster import HANG_SECONDS, Cluster
from nba_pipeline_tests.postgres.hosts import variables

SECONDS = SETTINGS.runs.lease_seconds
PLAY = "from nba_pipeline_tests.instance.test_dead_runs import play; play()"
CLOSE = """
from datetime import UTC, datetime
from pathlib import Path
from nba_pipeline.environments import home
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.opening import open_instance
print([run.run_id for run in close_dead_runs(open_instance(home()), datetime.now(UTC))])
"""


@pytest.fixture
def instance(database: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path) as opened:
        yield opened


@pytest.fixture
def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run in progress on another host that has the same name as this one."""
    run = create_run_for_test(instance, "play", status=dg.DagsterRunStatus.STARTED)
    name = process_tag(run.run_id).partition("/")[0]
    RenewedLease(instance, run.run_id).release()  # creates the table
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{name}/elsewhere:{2**22 - 1}:1:{run.run_id}"})
    return run


def renewed(cluster: Cluster, database: str, run: dg.DagsterRun, seconds_ago: float) -> None:
    """The process of the run renewed its lease at this time."""
    at = f"now() - make_interval(secs => {seconds_ago})"
    cluster.execute(f"DELETE FROM nba_run_leases; INSERT INTO nba_run_leases VALUES ('{run.run_id}', {at})", database)


def closed(instance: dg.DagsterInstance) -> list[str]:
    return [run.run_id for run in close_dead_runs(instance, datetime.now(UTC))]


def test_a_run_on_another_host_lives_as_long_as_its_lease(
    instance: dg.DagsterInstance, run: dg.DagsterRun, cluster: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process id does not exist here, and it is silent for longer than a run without a lease may be."""
    short = SETTINGS.runs.model_copy(update={"lease_minutes": -1.0, "lease_seconds": 0.01})
    monkeypatch.setitem(SETTINGS.__dict__, "runs", short)
    renewed(cluster, database, run, seconds_ago=-30)
    assert closed(instance) == []
    renewed(cluster, database, run, seconds_ago=30)
    assert closed(instance) == [run.run_id]
    [ending] = endings(instance, run.run_id)
    assert ending and ending.startswith("the process of this run last renewed its lease ")
    assert closed(instance) == [] and lease_of(instance, run.run_id).renewed_at is None


def test_a_restart_of_the_server_renews_every_lease(
    instance: dg.DagsterInstance, run: dg.DagsterRun, cluster: Cluster, database: str
) -> None:
    """No process could renew its lease while the server was down."""
    renewed(cluster, database, run, seconds_ago=10 * SECONDS)
    cluster.stop("immediate")
    cluster.start()
    assert closed(instance) == []


def test_an_ended_run_has_no_lease(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    lease = RenewedLease(instance, run.run_id)
    assert lease_of(instance, run.run_id).renewed_at
    lease.release()
    assert lease_of(instance, run.run_id).renewed_at is None


@contextmanager
def playing(folder: Path, host: str, skew_seconds: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process of another host during a run of the command."""
    (folder / "settings.toml").write_text("[runs]\nrenewal_seconds = 0.1\nlease_seconds = 30\n")
    (folder / "endless").unlink(missing_ok=True)
    environment = os.environ | variables(host, skew_seconds)
    command = [sys.executable, "-W", "ignore", "-c", PLAY]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(folder / "endless")
        yield process
        process.kill()


@pytest.mark.long(seconds=15)
def test_a_process_whose_run_was_closed_meanwhile_ends_and_records_nothing(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """A host that was suspended: its run may have been started again elsewhere."""
    with playing(tmp_path, "suspended") as process:
        [run] = instance.get_runs()
        process.send_signal(signal.SIGSTOP)
        later = datetime.now(UTC) + timedelta(seconds=SECONDS + 1)
        assert [closed.run_id for closed in close_dead_runs(instance, later)] == [run.run_id]
        assert slots(instance) == 0
        process.send_signal(signal.SIGCONT)
        _, messages = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 1
    assert f"nba-pipeline: run {run.run_id} was closed by another process, because its lease had expired" in messages
    assert len(endings(instance, run.run_id)) == 1


@pytest.mark.long(seconds=30)
@pytest.mark.parametrize("skew_seconds", [-120, 120])
def test_a_skew_of_two_minutes_closes_no_living_run(instance: dg.DagsterInstance, tmp_path: Path, skew_seconds: int) -> None:
    """The clock of the host of the run, or that of the host which closes runs, is wrong. A lease is shorter than the skew here."""
    with playing(tmp_path, "a", skew_seconds) as process:
        with_a_skew = os.environ | variables("b", skew_seconds)
        command = [sys.executable, "-W", "ignore", "-c", CLOSE]
        other = subprocess.run(command, cwd=ROOT, env=with_a_skew, capture_output=True, text=True, check=True)
        assert other.stdout.strip() == "[]" and closed(instance) == []
        (tmp_path / "go").touch()
        assert process.wait(HANG_SECONDS) == 0
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
