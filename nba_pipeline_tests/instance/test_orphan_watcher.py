"""The watcher of a run's mirrored output: it survives Ctrl-C, and ends the mirror after its parent."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dagster._core.execution import compute_logs

from nba_pipeline.instance import orphan_watcher

PATIENCE_SECONDS = 120
"""At most; less than the mirror would last."""

STARTS_A_WATCHER = """
import os, subprocess, sys, time
tail = subprocess.Popen(["sleep", "600"])
watcher = subprocess.Popen([sys.executable, sys.argv[1], str(os.getpid()), str(tail.pid)], stderr=subprocess.PIPE)
print(watcher.pid, tail.pid, flush=True)
sys.stdin.readline()
"""


def test_dagster_starts_the_watcher_of_the_platform() -> None:
    orphan_watcher.use()
    assert compute_logs.watch_orphans is orphan_watcher


def test_ctrl_c_does_not_end_the_watcher_and_the_end_of_its_parent_ends_the_mirror() -> None:
    command = [sys.executable, "-c", STARTS_A_WATCHER, orphan_watcher.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout and parent.stdin
        watcher, tail = map(int, parent.stdout.readline().split())
        wait_until(lambda: ignores_ctrl_c(watcher))
        parent.stdin.close()
    wait_until(lambda: has_ended(watcher) and has_ended(tail))


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def ignores_ctrl_c(pid: int) -> bool:
    (ignored,) = (line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored, 16) & 1 << (signal.SIGINT - 1))


def has_ended(pid: int) -> bool:
    """Whether a process has ended; its new parent may not have collected it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
