"""Refuses work on a home whose tables or run history a run or Dagster's daemon may write."""

import dagster as dg

from nba_pipeline.errors import Busy
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.runs_in_progress import IN_PROGRESS

DAEMON_SECONDS = 120
"""Maximum age of the heartbeat of a running daemon. The daemon sends one every 30 s."""

QUEUED = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)


def refuse_while_in_use(instance: dg.DagsterInstance, work: str = "rebuild") -> None:
    """Raises Busy while a daemon runs or a run is queued or in progress. The message says how to go on, and to repeat `work`."""
    now = Clock().now()
    close_dead_runs(instance, now)
    newest = max((beat.timestamp for beat in instance.get_daemon_heartbeats().values()), default=0.0)
    if (ago := now.timestamp() - newest) < DAEMON_SECONDS:
        again = f"repeat the {work} {DAEMON_SECONDS} s later"
        raise Busy(f"Dagster's daemon was running on this home {ago:.0f} s ago: stop it, and {again}")
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS), limit=1):
        name = f"run {run.run_id}" if run.job_name.startswith("__") else f"run {run.run_id} of {run.job_name}"
        if run.status in QUEUED:
            start = "start one with `make dev`, stop it once the run has ended"
            raise Busy(f"{name} is queued, and no daemon runs: {start}, and repeat the {work}")
        raise Busy(f"{name} is in progress: wait for it, then repeat the {work}")
