"""The work that schedules, sensors and conditions requested, with the instants of its first failure and of its completion.

Runs with the same mode, partition and due instant, and retries of a run, are attempts at one item of work. Work is done when an
attempt succeeds, or when later runs have written all of its tables. A run that only waits for late box scores has not failed.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from nba_pipeline.instance.command_runs import is_manual
from nba_pipeline.instance.run_outcomes import failure_reasons
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, PARTITION_TAG
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.monitoring.failed_runs import span_of, waits_for_box_scores
from nba_pipeline.monitoring.objectives import WORK
from nba_pipeline.monitoring.run_facts import superseded_at

FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


def read_work(instance: dg.DagsterInstance, since: datetime) -> pl.DataFrame:
    """Returns the work that was requested since an instant, one row per item, oldest first."""
    items: dict[tuple[str, ...], list[dg.RunRecord]] = {}
    for record in instance.get_run_records(dg.RunsFilter(created_after=since), ascending=True):
        if not is_manual(record.dagster_run):
            items.setdefault(_key(record.dagster_run), []).append(record)
    return pl.DataFrame([_item(instance, attempts) for attempts in items.values()], schema=WORK, orient="row")


def _key(run: dg.DagsterRun) -> tuple[str, ...]:
    """Returns the key that all attempts at one item of work share."""
    if DUE_TAG in run.tags:
        return run.tags.get(MODE_TAG, ""), run.tags.get(PARTITION_TAG, ""), run.tags[DUE_TAG]
    return (run.root_run_id or run.run_id,)


def _item(instance: dg.DagsterInstance, attempts: Sequence[dg.RunRecord]) -> dict[str, object]:
    """Returns the row of an item of work."""
    first = attempts[0]
    decided_at = first.create_timestamp.replace(tzinfo=UTC)
    run = first.dagster_run
    name = " of ".join(filter(None, (run.tags.get(MODE_TAG) or run.job_name, run.tags.get(PARTITION_TAG))))
    ends = [datetime.fromtimestamp(one.end_time, UTC) for one in attempts if one.dagster_run.status == SUCCESS and one.end_time]
    last, done_at = attempts[-1], min(ends, default=None)
    if done_at is None and last.dagster_run.is_finished:
        done_at = superseded_at(instance, last)
    failures = _failures(instance, attempts)
    failed_at = next((at for at in failures if done_at is None or at < done_at), None)  # done work needs no repair
    return {"game_date": eastern_date(decided_at), "at": decided_at, "name": name, "done_at": done_at, "failed_at": failed_at}


def _failures(instance: dg.DagsterInstance, attempts: Sequence[dg.RunRecord]) -> Iterator[datetime]:
    """Yields the instants at which attempts failed, oldest first."""
    for record in attempts:
        run = record.dagster_run
        if run.status != FAILURE or not record.end_time:
            continue
        ended = datetime.fromtimestamp(record.end_time, UTC)
        events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)]
        failure = next((event for event in reversed(events) if event), None)
        reasons = failure_reasons(instance, run.run_id, failure) if failure else []
        if not waits_for_box_scores(reasons, span_of(run), ended):
            yield ended
