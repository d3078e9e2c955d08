"""The limit of a step. A timeout is a failure and never truncates a result.

A step that exceeds its limit is interrupted with OutOfTime. Compiled code that does not return ignores the interrupt; then the
process ends. Both count as crashes of the run: Dagster's `run_retries` repeats the run once, from the failed step.
"""

import faulthandler
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from statistics import median
from typing import Any

import dagster as dg

from nba_pipeline.errors import OutOfTime
from nba_pipeline.instance.run_tags import RETRY_FAILED_STEP_TAG
from nba_pipeline.instance.step_failures import explained
from nba_pipeline.instance.step_seconds import begin_step, newest_step_runs
from nba_pipeline.settings import SETTINGS, refuse_changes
from nba_pipeline.warehouse.dated_metadata import SECONDS_PER_DATE
from nba_pipeline.warehouse.partitions import damage_named

REPEAT_SECONDS = 5.0
"""Interval of further interrupts. A library may swallow the first one."""

STANDARD_ERROR = 2
"""File descriptor. Dagster stores what a run writes to it, and `sys.stderr` may be an object without one."""


@contextmanager
def within(seconds: float, step: str) -> Iterator[None]:
    """Raises OutOfTime in the main thread after the given number of seconds. `step` is its name in the message.

    If the step goes on for `steps.stalled_seconds` nevertheless, the process prints the stack of each thread and ends with exit
    code 1. Does nothing in other threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise OutOfTime(f"{step} timed out after {seconds:g} seconds")

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


def limit_of(durations: Sequence[float]) -> float:
    """Returns the limit in seconds of a step of one date, from the seconds of its newest runs.

    It is a multiple of the median within bounds. With too few runs, it is `runs.step_minutes`.
    """
    steps = SETTINGS.steps
    if len(durations) < steps.least_runs:
        return 60 * SETTINGS.runs.step_minutes
    return min(max(steps.limit_times * median(durations), 60 * steps.least_limit_minutes), 60 * steps.most_limit_minutes)


def limited(compute: Callable[..., Any], is_training: bool = False) -> Callable[..., Any]:
    """Returns an asset's function with the limit of its step. A step of many dates, or of a training, may take as long as its run.

    A step does not begin if the settings have changed since its process read them.
    """

    @wraps(compute)
    def compute_within(context: dg.AssetExecutionContext, *args: Any, **kwargs: Any) -> Any:
        refuse_changes()
        is_run = type(context) is dg.AssetExecutionContext  # a direct call has a subclass
        if is_run:
            begin_step(context.run.run_id, compute.__name__)
        started, keys = time.monotonic(), context.partition_keys
        with (
            explained(compute.__name__, keys),
            _retried(context),
            within(_limit(context if is_run else None, len(keys), compute.__name__, is_training), compute.__name__),
            damage_named(),
        ):
            result = compute(context, *args, **kwargs)
        seconds = (time.monotonic() - started) / len(keys)
        if is_run and not is_training:  # a direct call takes metadata once per output; a week is no date
            context.add_output_metadata({SECONDS_PER_DATE: round(seconds, 3)})
        return result

    return compute_within


def _limit(context: dg.AssetExecutionContext | None, dates: int, table: str, is_training: bool) -> float:
    """Returns the limit in seconds of a step. Without a run there is no history."""
    runs = SETTINGS.runs
    if is_training:
        return 60.0 * runs.train_minutes
    if dates > 1:
        return 60.0 * runs.season_minutes
    newest = newest_step_runs(context.instance, [table], SETTINGS.steps.runs) if context else {}
    return limit_of([one.seconds for one in newest.get(table, ())])


@contextmanager
def _retried(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Marks the run of a step that timed out, so that `run_retries` repeats it like a crashed one."""
    try:
        yield
    except OutOfTime:
        context.instance.add_run_tags(context.run.run_id, {RETRY_FAILED_STEP_TAG: "true"})
        raise
