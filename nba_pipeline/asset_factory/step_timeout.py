"""A timeout for steps. A timeout is a failure and never truncates a result."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from nba_pipeline.errors import OutOfTime
from nba_pipeline.instance.step_failures import explained
from nba_pipeline.settings import SETTINGS, refuse_changes
from nba_pipeline.warehouse.dated_metadata import SECONDS_PER_DATE
from nba_pipeline.warehouse.partitions import damage_named

REPEAT_SECONDS = 5.0
"""Interval of further interrupts. A library may swallow the first one."""


@contextmanager
def within(seconds: float, step: str) -> Iterator[None]:
    """Raises OutOfTime in the main thread after the given number of seconds. `step` is its name in the message.

    Does not interrupt other threads, nor compiled code of a library before it returns. For these, the daemon enforces the
    limit of the whole run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise OutOfTime(f"{step} timed out after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limited(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Returns an asset's function with the step timeout. A step of many dates may take as long as its run.

    A step does not begin if the settings have changed since its process read them.
    """

    @wraps(compute)
    def compute_within(context: dg.AssetExecutionContext, *args: Any, **kwargs: Any) -> Any:
        refuse_changes()
        runs = SETTINGS.runs
        minutes = runs.step_minutes if context.has_partition_key else runs.season_minutes
        started = time.monotonic()
        keys = context.partition_keys
        with explained(compute.__name__, keys), within(60 * minutes, compute.__name__), damage_named():
            result = compute(context, *args, **kwargs)
        seconds = (time.monotonic() - started) / len(keys)
        if type(context) is dg.AssetExecutionContext:  # the subclass of a direct call takes metadata once per output
            context.add_output_metadata({SECONDS_PER_DATE: round(seconds, 3)})
        return result

    return compute_within
