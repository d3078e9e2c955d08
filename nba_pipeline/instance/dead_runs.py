"""Whose process is a run's, and is it still there: a run that was started always ends in a recorded state.

Dagster 1.13 does not see that a run was killed together with the code server that watched it, nor that a run of the
nba-pipeline command was: it stays STARTED. So each run carries its process as a tag, and `close_dead_runs` ends those whose
process is gone. It can go when DefaultRunLauncher supports check_run_worker_health.
"""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.storage.dagster_run import RunRecord

from nba_pipeline.instance.run_tags import PROCESS_TAG, WILL_RETRY_TAG
from nba_pipeline.settings import SETTINGS

CREATED = dg.DagsterRunStatus.NOT_STARTED
"""A run is that for a moment, until it waits in the queue or begins; and for good if it is killed in that moment."""

MAY_BE_DEAD = (CREATED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
STATE, STARTED_AT = 3, 22
"""Fields of /proc/<pid>/stat, counted from 1 (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""

ENDED = ("Z", "X")
"""States of a process that has ended and whose parent has not asked how."""

_marked: set[str] = set()
"""Dagster sets a resource up anew for each resource that needs it; the run is marked once."""


def mark(instance: dg.DagsterInstance | None, run_id: str) -> None:
    """Say on a run that this process executes it."""
    if instance and run_id not in _marked:
        instance.add_run_tags(run_id, {PROCESS_TAG: process_tag(run_id)})
        _marked.add(run_id)


def process_tag(run_id: str) -> str:
    """This process as the executor of a run: host:pid:start:run id. The start is empty where the system has no /proc."""
    found = _state_and_start(os.getpid())
    return f"{socket.gethostname()}:{os.getpid()}:{found[1] if found else ''}:{run_id}"


def is_alive(tag: str) -> bool | None:
    """Whether the process of a tag is still there; None when this host cannot say, because it is another one's.

    Another process that got the same pid since then started at another time.
    """
    host, _, rest = tag.partition(":")
    pid, _, rest = rest.partition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and somebody else's
    found, started = _state_and_start(int(pid)), rest.partition(":")[0]
    return found is None or (found[0] not in ENDED and started in ("", found[1]))


def close_dead_runs(instance: dg.DagsterInstance, now: datetime) -> list[dg.DagsterRun]:
    """End the runs under way whose process is gone, free their pool slots, and return them as they are now.

    A run of which this host cannot say so (another host's, or not yet marked) is closed when it had no event for
    `runs.lease_minutes`, one that was created and never began after `runs.created_minutes`; `now` is the real time, as that of
    Dagster's events is. A closed run counts as crashed, which `run_retries` repeats once; one that was being cancelled counts
    as cancelled, which nothing repeats.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=list(MAY_BE_DEAD)))
    return [closed for record in records if (closed := _close_if_dead(instance, record, now))]


def is_dead(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> bool:
    """Whether the process of a run in progress is gone, or its lease is over; `now` is the real time."""
    return record.dagster_run.status in MAY_BE_DEAD and _why_dead(instance, record, now) is not None


def _close_if_dead(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> dg.DagsterRun | None:
    """The run of a record as it was closed, or None."""
    if not (reason := _why_dead(instance, record, now)):
        return None
    # read only now: the last that a process does for its run is to record how it ended
    run = instance.get_run_by_id(record.dagster_run.run_id)
    if run is None or run.status not in MAY_BE_DEAD:
        return None
    _close(instance, run, reason)
    return instance.get_run_by_id(run.run_id)


def _why_dead(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> str | None:
    """The sentence to close a run with, or None while it may be alive."""
    run = record.dagster_run
    tag = run.tags.get(PROCESS_TAG, "")
    alive = is_alive(tag) if tag.endswith(f":{run.run_id}") else None
    if alive is None:
        events = instance.event_log_storage.get_logs_for_run(run.run_id, limit=1, ascending=False)
        last = datetime.fromtimestamp(events[0].timestamp, UTC) if events else record.create_timestamp.astimezone(UTC)
        silent = (now - last).total_seconds() / 60
        lease = SETTINGS.runs.created_minutes if run.status == CREATED else SETTINGS.runs.lease_minutes
        return f"nothing was heard of this run for {silent:.0f} minutes, its lease is {lease:.0f}" if silent > lease else None
    host, pid = tag.split(":")[:2]
    return None if alive else f"process {pid} on {host}, which executed this run, ended without a word: it was killed"


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str) -> None:
    # first the slots: a run that is closed halfway is closed again
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
        return
    crash = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    instance.report_run_failed(run, reason, crash)
    if instance.run_retries_enabled and run.remote_job_origin is None:
        # Dagster marks each crash as one that it retries, but cannot start again what no code location started
        instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """State of a process and when it started, in ticks since the machine did; None where there is no /proc to say so."""
    try:
        text = Path("/proc", str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the second field is the command in brackets, whatever that contains
    return fields[STATE - 3], fields[STARTED_AT - 3]
