"""Reads facts about runs from Dagster's records: dates in progress, failures without a later run, materializations."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from nba_pipeline.completeness.date_facts import Failure
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.command_runs import is_started_by_command
from nba_pipeline.instance.dead_runs import is_dead
from nba_pipeline.instance.materializations import materialization_instants, materialized_at, materialized_dates
from nba_pipeline.instance.run_outcomes import is_interrupted, outcome_messages
from nba_pipeline.instance.run_tags import MODE_TAG, PARTITION_TAG, RANGE_TAGS
from nba_pipeline.instance.runs_in_progress import IN_PROGRESS
from nba_pipeline.league.calendar import days, parse_key
from nba_pipeline.monitoring.failure_messages import cause_of, message_of, next_step_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import MODES, SLATE_EXPORT, daily_tables
from nba_pipeline.tables.wording import counted

OF_STEPS = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
DAILY_JOBS = ("game_day", "season")
"""The jobs of all daily tables."""

TRAINING_JOB = "train"
"""The job whose partitions are weeks."""


@dataclass(frozen=True)
class RunFacts:
    """Facts by date. `materialized_at` is empty if the platform's clock is fixed, because Dagster's events have real instants."""

    in_progress: frozenset[date] = frozenset()
    failures: Mapping[date, Mapping[str, Failure]] = field(default_factory=dict)
    materialized_at: Mapping[date, Mapping[str, datetime]] = field(default_factory=dict)


def read_runs(instance: dg.DagsterInstance, dates: Sequence[date], clock: Clock) -> RunFacts:
    """Returns the facts of the dates. Failures and instants are limited to the dates that the reconciliation covers."""
    patience, today = SETTINGS.patience, clock.today
    recent = [day for day in dates if day >= today - timedelta(days=patience.nightly_days)]
    caught_up = [day for day in recent if day >= today - timedelta(days=patience.catch_up_days)]
    materialized = materialized_dates(instance, daily_tables(), caught_up) if caught_up and not clock.fixed_at else {}
    return RunFacts(_in_progress(instance, dates), _failures(instance, recent) if recent else {}, materialized)


def _in_progress(instance: dg.DagsterInstance, dates: Collection[date]) -> frozenset[date]:
    """Returns the dates with a run in progress whose process may be alive."""
    now = datetime.now(UTC)
    records = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
    alive = [record.dagster_run for record in records if not is_dead(instance, record, now)]
    return frozenset(day for run in alive for day in _dates_of(run) if day in dates)


def _failures(instance: dg.DagsterInstance, dates: Sequence[date]) -> dict[date, dict[str, Failure]]:
    """Returns by date and table the failed runs since the last materialization, with the reason of the newest."""
    since = datetime.now(UTC) - timedelta(days=SETTINGS.patience.nightly_days)
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    failures: dict[date, dict[str, Failure]] = {}
    for record in instance.get_run_records(failed):
        for day in set(_dates_of(record.dagster_run)).intersection(dates):
            for name in _undone(instance, record, day):
                before = failures.setdefault(day, {}).get(name)
                newest = before or _failure(instance, record.dagster_run)
                failures[day][name] = replace(newest, runs=before.runs + 1) if before else newest
    return {day: _with_shared_reasons(of_date) for day, of_date in failures.items()}


def _with_shared_reasons(failures: Mapping[str, Failure]) -> dict[str, Failure]:
    """Returns the failures of a date, newest first. Those with the same cause have the reason of the newest of their runs."""
    runs: dict[str, dict[str, Failure]] = {}
    for failure in failures.values():
        runs.setdefault(failure.cause or failure.run_id, {}).setdefault(failure.run_id, failure)
    reasons = dict[str, str]()
    for cause, of_cause in runs.items():
        more = f"; {counted(len(of_cause) - 1, 'more run')} failed in the same way" if len(of_cause) > 1 else ""
        reasons[cause] = next(iter(of_cause.values())).reason + more
    return {name: replace(one, reason=reasons[one.cause or one.run_id]) for name, one in failures.items()}


def failed_tables(instance: dg.DagsterInstance, dates: Sequence[date]) -> dict[date, set[str]]:
    """Returns by date the tables whose last run failed or was interrupted, from the runs alone.

    Reads no materialization, so that a range of many dates is fast. A table of a failed run counts even if the run wrote it.
    """
    repeated: dict[str, set[date]] = {}
    failed: dict[date, set[str]] = {}
    statuses = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS]
    for record in instance.get_run_records(dg.RunsFilter(statuses=statuses)):  # newest first
        run = record.dagster_run
        of_run = set(_dates_of(run)).intersection(dates)
        for name in _tables_of(run):
            done = repeated.setdefault(name, set())
            if run.status != dg.DagsterRunStatus.SUCCESS:
                for day in of_run - done:
                    failed.setdefault(day, set()).add(name)
            done |= of_run
    return failed


def _undone(instance: dg.DagsterInstance, record: dg.RunRecord, day: date) -> Iterator[str]:
    """Yields the tables of a failed run that were not materialized since its start; since its end if their own step failed.

    For a job without tables, yields the name of the job.
    """
    if not _tables_of(record.dagster_run):
        if not _was_repeated(instance, record, day):
            yield record.dagster_run.job_name
        return
    for name, since in _written_since(instance, record).items():
        materialized = materialized_at(instance, name, day)
        if materialized is None or (since is not None and materialized < since):
            yield name


def _written_since(instance: dg.DagsterInstance, record: dg.RunRecord) -> dict[str, datetime | None]:
    """Returns table -> instant from which a later materialization replaces that of the run.

    This is the start of the run, or its end for a table whose step failed.
    """
    began, ended = (datetime.fromtimestamp(at, UTC) if at else None for at in (record.start_time, record.end_time))
    failing = {step.removesuffix("_checks") for step in _failed_steps(instance, record.dagster_run.run_id)}
    return {name: ended if name in failing else began for name in _in_order(_tables_of(record.dagster_run))}


def superseded_at(instance: dg.DagsterInstance, record: dg.RunRecord) -> datetime | None:
    """Returns the instant at which later runs had done all work of a failed or canceled run; None if they have not.

    The work of a job without tables or dates is done when the job succeeds again for the same partition.
    """
    run = record.dagster_run
    partition = run.tags.get(PARTITION_TAG)
    partitions = _dates_of(run) or ([parse_key(partition)] if partition else [])
    if not _tables_of(run) or not partitions:
        later = dg.RunsFilter(
            job_name=run.job_name,
            statuses=[dg.DagsterRunStatus.SUCCESS],
            tags={PARTITION_TAG: partition} if partition else {},
        )
        ends = [one.end_time for one in instance.get_run_records(later) if one.storage_id > record.storage_id and one.end_time]
        return datetime.fromtimestamp(min(ends), UTC) if ends else None
    written = [
        next((at for at in materialization_instants(instance, name, day) if since is None or at >= since), None)
        for name, since in _written_since(instance, record).items()
        for day in partitions
    ]
    known = [at for at in written if at is not None]
    return max(known) if known and len(known) == len(written) else None


def is_superseded(instance: dg.DagsterInstance, name: str, day: date, since: datetime) -> bool:
    """Whether later runs did all work of the failed runs of a job or mode: every table of every date, or the whole job.

    False if no failed run of the date was updated since the instant, because nothing is known about it.
    """
    failed = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since))
    of_name = [record for record in failed if name in (record.dagster_run.job_name, record.dagster_run.tags.get(MODE_TAG))]
    dates = {record.storage_id: _dates_of(record.dagster_run) or [day] for record in of_name}
    concerned = [record for record in of_name if day in dates[record.storage_id]]
    undone = (_undone(instance, record, of_run) for record in concerned for of_run in dates[record.storage_id])
    return bool(concerned) and not any(True for tables in undone for _ in tables)


def _was_repeated(instance: dg.DagsterInstance, record: dg.RunRecord, day: date) -> bool:
    """Whether a later run of the same job succeeded for the date; for a job without dates, whether any did."""
    run = record.dagster_run
    tags = {PARTITION_TAG: day.isoformat()} if PARTITION_TAG in run.tags else {}
    ended = dg.RunsFilter(job_name=run.job_name, tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])
    newest = instance.get_run_records(ended, limit=1)
    return bool(newest) and newest[0].storage_id > record.storage_id


def _failed_steps(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return {entry.dagster_event.step_key or "" for entry in entries if entry.dagster_event}


def _tables_of(run: dg.DagsterRun) -> set[str]:
    """Returns the selected tables of a run, or all of its job; none for a job without tables."""
    if run.asset_selection:
        return {key.path[-1] for key in run.asset_selection} - {SLATE_EXPORT}
    return set(daily_tables()) if run.job_name in DAILY_JOBS else set()


def _in_order(tables: Collection[str]) -> list[str]:
    """Returns the daily tables in pipeline order, then other tables."""
    return [*(name for name in daily_tables() if name in tables), *sorted(set(tables).difference(daily_tables()))]


def _failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Failure:
    """Returns the failure of a run, with the command that continues it if a person interrupted it."""
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=OF_STEPS) if entry.dagster_event]
    if not (is_started_by_command(run) and is_interrupted(events)):
        messages, dates = outcome_messages(events, has_succeeded=False)[0], _dates_of(run)
        reason = f"run {run.run_id[:8]} failed and no later run has succeeded ({message_of(messages, dates)})"
        return Failure(1, reason, "", next_step_of(messages), run.run_id, cause_of(messages, dates))
    reason = f"run {run.run_id[:8]} was interrupted and no later run has succeeded"
    dates, mode = _dates_of(run), run.tags.get(MODE_TAG)
    if dates and mode is None:  # only runs of a backfill have no mode
        return Failure(1, reason, f"nba-pipeline backfill --from {dates[0]} --to {dates[-1]} --resume")
    # the reconciliation does not repeat a run before it is due
    step = f"nba-pipeline run --date {dates[0]} --mode {mode}" if dates and mode in MODES else ""
    return Failure(1, reason, own_step=step)


def _dates_of(run: dg.DagsterRun) -> list[date]:
    """Returns the dates of a run; none for a training or a run without partitions."""
    if run.job_name == TRAINING_JOB:
        return []
    keys = [run.tags[tag] for tag in (PARTITION_TAG, *RANGE_TAGS) if tag in run.tags]
    return days(parse_key(min(keys)), parse_key(max(keys))) if keys else []
