"""Monitors of latency: steps that took longer than usual, and games whose next table is late.

A monitor returns its findings. An alert whose finding is no longer returned is resolved.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from statistics import median

import dagster as dg

from nba_pipeline.completeness.next_steps import command_of_dates
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.instance.step_seconds import StepRun, newest_step_runs
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.alert_changes import Incident
from nba_pipeline.monitoring.findings import Finding, is_open
from nba_pipeline.monitoring.latency import SlowStep, waiting
from nba_pipeline.monitoring.latency_facts import began_at, read_latencies
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import declared
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

STEP_SLOW, TRANSITION_LATE = "step_slow", "transition_late"

EXPLAINING = ("run_failed", "work_undone", "boxscores_missing", "check_crashed", "table_late")
"""Kinds of alerts about a date that explain why its games wait."""


def slow_steps(instance: dg.DagsterInstance, now: datetime) -> list[Finding]:
    """Returns a finding per table whose newest step of one date took much longer than the steps before it."""
    newest = newest_step_runs(instance, list(declared()), 1 + SETTINGS.steps.runs)
    return [finding for table, runs in newest.items() if (finding := slow_step(table, runs, now))]


def slow_step(table: str, runs: Sequence[StepRun], now: datetime) -> Finding | None:
    """Returns the finding about the newest step of a table; None if it is not slow. `runs` are its steps, newest first.

    A step is not slow if it is short, if its usual duration is unknown, or if it ended more than `steps.slow_hours` ago.
    """
    steps, (newest, *earlier) = SETTINGS.steps, runs
    if len(earlier) < steps.least_runs or now - newest.ended_at > timedelta(hours=steps.slow_hours):
        return None
    usual = median(one.seconds for one in earlier)
    if newest.seconds < steps.slow_seconds or newest.seconds < steps.slow_times * usual:
        return None
    message = (
        f"{table} of {newest.partition}: the step took {newest.seconds:.0f} s; the median of its last {len(earlier)} runs is "
        f"{usual:.0f} s (run {newest.run_id[:8]})"
    )
    return Finding(STEP_SLOW, table, message, next_command="nba-pipeline doctor")


def late_transitions(
    instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, clock: Clock, known: Collection[Incident]
) -> list[Finding]:
    """Returns a finding per date and transition that is late for a game of yesterday or today.

    Omits dates with another open alert that explains the delay. Without a daemon nothing is automatic, so nothing is late.
    """
    since = began_at(list(read_instigators(instance).values()))
    if since is None:
        return []
    dates = days(clock.today - timedelta(days=1), clock.today)
    now = clock.now()
    transitions = waiting(read_latencies(instance, warehouse, landing, dates, since), now)
    return [
        late_transition(transition, command_of_dates(warehouse, transition[0], transition[0], now))
        for transition in transitions
        if not _is_explained(transition, known)
    ]


def late_transition(transition: SlowStep, next_command: str) -> Finding:
    """Returns the finding about a late transition, with the command that completes its date."""
    day, step, minutes, severity = transition
    limit = SETTINGS.latency.critical_minutes if severity == "critical" else SETTINGS.latency.warning_minutes
    message = f"{step} of the games of {day}: the slowest game has waited for {minutes:.0f} minutes; {limit:g} is {severity}"
    return Finding(TRANSITION_LATE, step, message, severity, next_command, day)


def _is_explained(transition: SlowStep, known: Collection[Incident]) -> bool:
    """Whether another alert about the date is open, and no alert about this transition."""
    day, step, *_ = transition
    if is_open(known, TRANSITION_LATE, step, day):
        return False
    return any(incident.kind in EXPLAINING and incident.game_date == day for incident in known)
