"""A second daemon on one run history ends with a message. The lock ends with the process of the first one."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster._daemon.types import DaemonHeartbeat

from nba_pipeline.environments import home
from nba_pipeline.instance.opening import open_instance

pytestmark = pytest.mark.any_storage

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 60


def beat() -> None:
    """Records heartbeats until the process is killed, as each thread of Dagster's daemon does before it works."""
    with open_instance(home()) as instance:
        while True:
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "a daemon", []))
            sys.stdout.write("alive\n")
            sys.stdout.flush()
            time.sleep(0.1)


@contextmanager
def daemon() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-W", "ignore", "-c", "from nba_pipeline_tests.instance.test_only_daemon import beat; beat()"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_second_daemon_ends_and_another_may_start_after_a_kill(tmp_path: Path) -> None:
    with daemon() as first:
        assert line_of(first) == "alive"
        with daemon() as second:
            output, message = second.communicate(timeout=TIMEOUT_SECONDS)
        assert (second.returncode, output) == (2, "")
        assert f"process {first.pid} is running on the run history of " in message and message.count("\n") == 1
        assert line_of(first) == "alive"
        first.kill()
    with daemon() as third:
        assert line_of(third) == "alive"


def test_a_command_does_not_take_the_lock(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, daemon() as only:
        assert instance.get_runs() == []
        assert line_of(only) == "alive"
