"""A time limit for a part of a step. A timeout is a failure and never truncates a result.

Work that exceeds its limit is interrupted with OutOfTime. Compiled code can ignore the interrupt; the process then exits. Dagster's
`run_retries` repeats such a run once, from the stalled step, like a crashed run.
"""

import faulthandler
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from nba_pipeline.errors import OutOfTime
from nba_pipeline.instance.run_tags import RETRY_FAILED_STEP_TAG
from nba_pipeline.settings import SETTINGS

REPEAT_SECONDS = 5.0
"""Interval of further interrupts. A library may swallow the first one."""

STANDARD_ERROR = 2
"""File descriptor. Dagster stores what a run writes to it, and `sys.stderr` may be an object without one."""


@contextmanager
def within(seconds: float, work: str) -> Iterator[None]:
    """Raises OutOfTime in the main thread after the given number of seconds. `work` is its name in the message.

    If the work continues for another `steps.stalled_seconds`, the process prints the stack of each thread and exits with code 1.
    Does nothing in other threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise OutOfTime(f"{work} timed out after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, interrupt)
    # a thread that needs no interpreter lock, because compiled code may hold it
    faulthandler.dump_traceback_later(seconds + SETTINGS.steps.stalled_seconds, exit=True, file=STANDARD_ERROR)
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


@contextmanager
def within_a_run(instance: dg.DagsterInstance, run_id: str, seconds: float, work: str) -> Iterator[None]:
    """Like `within`. Also tags the run after a timeout, so that `run_retries` repeats it like a crashed run."""
    try:
        with within(seconds, work):
            yield
    except OutOfTime:
        instance.add_run_tags(run_id, {RETRY_FAILED_STEP_TAG: "true"})
        raise


def usual_limit(dates: int) -> float:
    """Returns the limit in seconds of a part of a step whose duration in earlier runs is unknown."""
    runs = SETTINGS.runs
    return 60.0 * (runs.step_minutes if dates == 1 else runs.season_minutes)
