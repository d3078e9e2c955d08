"""A limit on how long a step may take. A timeout is a failure, never a silent cut."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from nba_pipeline.errors import OutOfTime
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.partitions import damage_named

RINGS_AGAIN_SECONDS = 5.0
"""A library may swallow the first ring."""


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Interrupt what the main thread does after so many seconds with an OutOfTime that names it.

    Another thread is not interrupted, nor is a library inside of its own compiled code before it returns: for these there
    is the limit on the whole run, which the daemon enforces from outside.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise OutOfTime(f"{what} did not end within {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, RINGS_AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limited(compute: Callable[..., Any]) -> Callable[..., Any]:
    """An asset's function with the limit on a step; that of many dates may take as long as its run."""

    @wraps(compute)
    def compute_within(context: dg.AssetExecutionContext, *args: Any, **kwargs: Any) -> Any:
        runs = SETTINGS.runs
        minutes = runs.step_minutes if context.has_partition_key else runs.season_minutes
        with within(60 * minutes, compute.__name__), damage_named():
            return compute(context, *args, **kwargs)

    return compute_within
