"""Closes runs whose process has died, so that every started run ends in a recorded state.

Dagster 1.13 does not notice if a run is killed together with its code server, or if a run of the nba-pipeline command is
killed: it stays STARTED. Therefore a tag of each run names its host and process, and `close_dead_runs` ends runs whose process
has died. This workaround can be removed when DefaultRunLauncher supports check_run_worker_health.

The process id of another host is never looked up here. If the run launcher checks its workers, as those of Docker and Kubernetes
do, Dagster's run monitoring ends the run. Otherwise its lease decides, see `run_leases`.

The start of a process is read from /proc: ticks since boot, which a change of the system clock does not move. psutil 7 adds
the boot time by the system clock to these ticks. After a change of that clock, a living run would look like a later process.
"""

import hashlib
import os
import socket
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.storage.dagster_run import RunRecord

from nba_pipeline.instance.command_runs import is_started_by_command
from nba_pipeline.instance.run_leases import RenewedLease, delete_lease, delete_old_leases, has_leases, lease_of
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.instance.run_tags import PROCESS_TAG
from nba_pipeline.settings import SETTINGS

CREATED = dg.DagsterRunStatus.NOT_STARTED
"""Status of a run before it is queued or begins. A run that is killed at that point keeps this status forever."""

MAY_BE_DEAD = (CREATED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
STATE, STARTED_AT = 3, 22
"""Fields of /proc/<pid>/stat, counted from 1 (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""

ENDED = ("Z", "X")
"""States of an ended process whose parent has not collected its exit status."""


def mark(instance: dg.DagsterInstance | None, run_id: str) -> None:
    """Tags a run with this process as its executor and begins its lease, once. Each call needs a call of `unmark`."""
    if instance:
        RUN_OBJECTS.acquired(("mark", run_id), lambda: _begin(instance, run_id), _end)
    else:
        RUN_OBJECTS.acquire(("mark", run_id))


def _begin(instance: dg.DagsterInstance, run_id: str) -> RenewedLease | None:
    lease = RenewedLease(instance, run_id) if has_leases(instance) else None
    instance.add_run_tags(run_id, {PROCESS_TAG: process_tag(run_id)})
    return lease


def _end(lease: RenewedLease | None) -> None:
    if lease:
        lease.release()


def unmark(run_id: str) -> None:
    """Ends the lease of a run that this process has executed. The tag stays."""
    RUN_OBJECTS.release(("mark", run_id))


def process_tag(run_id: str) -> str:
    """Returns the tag value of this process: host:pid:start:run id. The start is empty on systems without /proc."""
    process, space = _state_and_start(os.getpid()), _process_space()
    host = f"{socket.gethostname()}/{space}" if space else socket.gethostname()
    return f"{host}:{os.getpid()}:{process[1] if process else ''}:{run_id}"


def is_alive(tag: str, *, is_one_machine: bool = True) -> bool | None:
    """Whether the process of a tag is alive; None if it is unknown, for example a process of another host.

    The start time distinguishes a later process with the same pid. Several hosts may have the same name, so unless all runs are of
    this machine, the tag must also name its process space. Tags of earlier versions name none.
    """
    host, _, rest = tag.partition(":")
    pid, _, rest = rest.partition(":")
    name, _, space = host.partition("/")
    is_here = name == socket.gethostname() and (is_one_machine or space in ("", _process_space()))
    if not is_here or not pid.isdecimal():
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, and owned by another user
    process, started = _state_and_start(int(pid)), rest.partition(":")[0]
    return process is None or (process[0] not in ENDED and started in ("", process[1]))


def close_dead_runs(instance: dg.DagsterInstance, now: datetime) -> list[dg.DagsterRun]:
    """Ends runs in progress whose process has died, frees their pool slots, and returns the closed runs.

    A run on another host is closed when its lease has expired. A run without a lease is closed after `runs.lease_minutes` without
    an event; a run that was created and never began, after `runs.created_minutes`. `now` is the real time, as in Dagster's
    events. A closed run counts as crashed, which `run_retries` retries once, except for runs of commands. A run that was being
    canceled counts as canceled, which is not retried.
    """
    if has_leases(instance):
        delete_old_leases(instance)
    records = instance.get_run_records(dg.RunsFilter(statuses=list(MAY_BE_DEAD)))
    return [closed for record in records if (closed := _close_if_dead(instance, record, now))]


def is_dead(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> bool:
    """Whether the process of a run in progress has died or its lease has expired. `now` is the real time."""
    return record.dagster_run.status in MAY_BE_DEAD and _death_reason(instance, record, now) is not None


def _close_if_dead(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> dg.DagsterRun | None:
    """Closes the run of a record if it is dead. Returns the closed run, or None."""
    if not (reason := _death_reason(instance, record, now)):
        return None
    # read the run again: a process records the end of its run just before it exits
    run = instance.get_run_by_id(record.dagster_run.run_id)
    if run is None or run.status not in MAY_BE_DEAD:
        return None
    _close(instance, run, reason)
    return instance.get_run_by_id(run.run_id)


def _death_reason(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> str | None:
    """Returns the reason to close a run, or None while it may be alive."""
    run = record.dagster_run
    tag = run.tags.get(PROCESS_TAG, "")
    alive = is_alive(tag, is_one_machine=not has_leases(instance)) if tag.endswith(f":{run.run_id}") else None
    if alive is None:
        return None if _is_checked_by_launcher(instance, run) else _expiry(instance, record, now)
    host, pid = tag.split(":")[:2]
    name = host.partition("/")[0]
    return (
        None if alive else f"process {pid} on {name}, which executed this run, ended without recording an outcome: it was killed"
    )


def _is_checked_by_launcher(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster's run monitoring asks the run launcher whether the run has a worker. A run of a command has none."""
    is_checked = instance.run_monitoring_enabled and instance.run_launcher.supports_check_run_worker_health
    return is_checked and not is_started_by_command(run)


def _expiry(instance: dg.DagsterInstance, record: RunRecord, now: datetime) -> str | None:
    """Returns the reason to close a run whose lease has expired, or that had no event for too long without a lease; else None."""
    run, limits = record.dagster_run, SETTINGS.runs
    if has_leases(instance):
        lease = lease_of(instance, run.run_id)
        now += lease.clock_offset
        if lease.renewed_at:
            seconds = (now - lease.renewed_at).total_seconds()
            message = f"the process of this run last renewed its lease {seconds:.0f} seconds ago; a lease is {limits.lease_seconds:.0f} seconds"
            return message if seconds > limits.lease_seconds else None
    events = instance.event_log_storage.get_logs_for_run(run.run_id, limit=1, ascending=False)
    last = datetime.fromtimestamp(events[0].timestamp, UTC) if events else record.create_timestamp.astimezone(UTC)
    silent = (now - last).total_seconds() / 60
    minutes = limits.created_minutes if run.status == CREATED else limits.lease_minutes
    return f"this run has had no event for {silent:.0f} minutes; its lease is {minutes:.0f} minutes" if silent > minutes else None


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str) -> None:
    if has_leases(instance):
        delete_lease(instance, run.run_id)
    # free the slots first: a run that is closed halfway is closed again
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
        return
    crash = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    instance.report_run_failed(run, reason, crash)


@cache
def _process_space() -> str:
    """Returns an id of this host since its last start, or of this container, in which process ids are unique; empty without /proc."""
    try:
        boot, namespace = Path("/proc/sys/kernel/random/boot_id").read_text(), Path("/proc/self/ns/pid").readlink()
    except OSError:  # another operating system, or a container without these files
        return ""
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:8]


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """Returns the state and the start of a process, in ticks since boot; None without an entry in /proc."""
    try:
        text = Path("/proc", str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # after the command, which may contain spaces and parentheses
    return fields[STATE - 3], fields[STARTED_AT - 3]
