"""The time limit of the computation of a table. Reading, writing and checks are limited by `runs.step_minutes`."""

import time
from collections.abc import Callable, Sequence
from functools import wraps
from statistics import median
from typing import Any

import dagster as dg

from nba_pipeline.instance.step_failures import explained
from nba_pipeline.instance.step_seconds import begin_step, newest_step_runs
from nba_pipeline.instance.time_limit import usual_limit, within, within_a_run
from nba_pipeline.settings import SETTINGS, refuse_changes
from nba_pipeline.warehouse.dated_metadata import SECONDS_PER_DATE
from nba_pipeline.warehouse.partitions import damage_named


def limit_of(durations: Sequence[float]) -> float:
    """Returns the limit in seconds of a computation for one date, from the seconds of the newest steps of its table.

    The limit is a multiple of the median within bounds, or `runs.step_minutes` if there are too few steps.
    """
    steps = SETTINGS.steps
    if len(durations) < steps.least_runs:
        return usual_limit(dates=1)
    return min(max(steps.limit_times * median(durations), 60 * steps.least_limit_minutes), 60 * steps.most_limit_minutes)


def limited(compute: Callable[..., Any], is_training: bool = False) -> Callable[..., Any]:
    """Returns an asset's function with a limit. A computation of many dates, or a training, may take as long as its run.

    A step does not begin if the settings have changed since its process read them.
    """
    name = compute.__name__

    @wraps(compute)
    def compute_within(context: dg.AssetExecutionContext, *args: Any, **kwargs: Any) -> Any:
        refuse_changes()
        started, keys = time.monotonic(), context.partition_keys
        if type(context) is not dg.AssetExecutionContext:  # a direct call has a subclass, and no run
            with explained(name, keys), within(usual_limit(len(keys)), name), damage_named():
                return compute(context, *args, **kwargs)
        instance, run_id = context.instance, context.run.run_id
        begin_step(run_id, name)
        seconds = _limit(instance, name, len(keys), is_training)
        with explained(name, keys), within_a_run(instance, run_id, seconds, name), damage_named():
            result = compute(context, *args, **kwargs)
        if not is_training:  # the partition of a training is a week
            context.add_output_metadata({SECONDS_PER_DATE: round((time.monotonic() - started) / len(keys), 3)})
        return result

    return compute_within


def _limit(instance: dg.DagsterInstance, table: str, dates: int, is_training: bool) -> float:
    """Returns the limit in seconds of a computation in a run."""
    if is_training:
        return 60.0 * SETTINGS.runs.train_minutes
    if dates > 1:
        return usual_limit(dates)
    newest = newest_step_runs(instance, [table], SETTINGS.steps.runs)
    return limit_of([one.seconds for one in newest.get(table, ())])
