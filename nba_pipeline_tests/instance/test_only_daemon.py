"""A second daemon on one run history ends with a message. The lock ends with the process of the first one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster._daemon.types import DaemonHeartbeat

from nba_pipeline.instance.demos import DEMO_SLATE, playing
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.postgres import database_of
from nba_pipeline.league.calendar import eastern_date

pytestmark = pytest.mark.any_storage

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 60
TAKE = """
import sys, time
from pathlib import Path
from nba_pipeline.instance import only_daemon
only_daemon.{call}
sys.stdout.write("alive\\n")
sys.stdout.flush()
time.sleep(600)
"""


@contextmanager
def daemon(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that takes the lock of a daemon, without the rest of Dagster."""
    database = database_of(home)
    call = (
        f"require_advisory_lock({database.url()!r}, 'db', 'DAGSTER_POSTGRES_URL')"
        if database
        else f"require_file_lock(Path({str(home / 'dagster')!r}))"
    )
    command = [sys.executable, "-W", "ignore", "-c", TAKE.format(call=call)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_daemon_takes_the_lock_with_its_heartbeat_and_a_second_one_ends(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        for _ in range(2):
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "a daemon", []))
        with daemon(tmp_path) as second:
            output, message = second.communicate(timeout=TIMEOUT_SECONDS)
    assert (second.returncode, output) == (2, "")
    assert f"process {os.getpid()} is running on the run history of " in message and message.count("\n") == 1


def test_after_a_kill_another_daemon_may_start_and_a_command_takes_no_lock(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        assert instance.get_runs() == []
        with daemon(tmp_path) as first:
            assert line_of(first) == "alive"
            first.kill()
        with daemon(tmp_path) as later:
            assert line_of(later) == "alive"


@pytest.mark.sqlite  # a demo has its run history in its home
def test_a_daemon_does_not_start_before_a_demo_of_its_home_has_ended(tmp_path: Path) -> None:
    """Its runs would have real times, between those that the demo still simulates."""
    (tmp_path / "dagster").mkdir()
    (tmp_path / DEMO_SLATE).write_text(str(eastern_date(datetime.now(UTC))))
    with daemon(tmp_path) as refused:
        output, message = refused.communicate(timeout=TIMEOUT_SECONDS)
    assert (refused.returncode, output) == (2, "")
    assert message == f"nba-pipeline: the demo of the home {tmp_path} has not ended; first: `nba-pipeline demo`\n"
    with playing(tmp_path), daemon(tmp_path) as refused:
        _, message = refused.communicate(timeout=TIMEOUT_SECONDS)
    assert refused.returncode == 2 and message.startswith(f"nba-pipeline: a demo is in progress in the home {tmp_path}")
    (tmp_path / DEMO_SLATE).unlink()
    with daemon(tmp_path) as allowed:
        assert line_of(allowed) == "alive"
