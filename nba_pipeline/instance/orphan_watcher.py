"""Replaces Dagster's watcher of the process that mirrors the output of a run, so that Ctrl-C prints no traceback.

Dagster 1.13.27 starts the script `watch_orphans.py` beside each run. Ctrl-C reaches the whole process group, and the script
ends with a traceback of KeyboardInterrupt between the messages of the command. This module is run instead of the script. It
ignores Ctrl-C and ends with the run, as before. It can be removed when the script handles SIGINT itself.
"""

import os
import signal
import sys
import time

CHECK_SECONDS = 1.0


def use() -> None:
    """Makes Dagster start this module."""
    from dagster._core.execution import compute_logs  # noqa: PLC0415  the watcher itself starts without Dagster

    setattr(compute_logs, "watch_orphans", sys.modules[__name__])  # noqa: B010  not exported


def watch(parent: int, tail: int) -> None:
    """Waits for the end of the parent process, and then ends the process that mirrors its output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.getppid() == parent:
        time.sleep(CHECK_SECONDS)
    try:
        os.kill(tail, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has ended


if __name__ == "__main__":
    watch(*map(int, sys.argv[1:]))
