"""Retention of Dagster's run records.

Dagster 1.13 purges ticks (dagster.yaml), but never runs. A run of a slate takes one to two megabytes, mostly for the log of its
steps. This workaround can be removed when Dagster has a retention for runs.
"""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS

LATEST_MATERIALIZATION_RUNS = sqlalchemy.text(
    "SELECT run_id FROM event_logs WHERE id IN (SELECT max(id) FROM event_logs "
    "WHERE dagster_event_type = 'ASSET_MATERIALIZATION' GROUP BY asset_key, partition)"
)
MAX_RUNS_PER_CALL = 500


def prune(instance: dg.DagsterInstance, now: datetime) -> tuple[int, int]:
    """Deletes old runs that own no latest materialization, and the step logs of the other old runs.

    Returns the numbers of deleted runs and deleted step logs. Dagster derives the materialized dates from the latest
    materializations, so the runs that own them and their index events are kept. Deletes at most `MAX_RUNS_PER_CALL` per call, oldest
    first. Raises BadInput for a storage other than SQLite.
    """
    log = instance.event_log_storage
    if not isinstance(log, SqliteEventLogStorage):
        raise BadInput(f"only events in SQLite can be pruned; this instance uses {type(log).__name__}")
    with log.index_connection() as connection:
        owners = {run_id for (run_id,) in connection.execute(LATEST_MATERIALIZATION_RUNS)}
    old = dg.RunsFilter(
        created_before=now - timedelta(days=SETTINGS.runs.kept_days),
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    deleted = emptied = 0
    for run in instance.get_runs(old, ascending=True):
        file = Path(log.path_for_shard(run.run_id))
        if run.run_id not in owners:
            instance.delete_run(run.run_id)
            deleted += 1
        elif file.exists():
            emptied += 1
        for shard in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            shard.unlink(missing_ok=True)
        if deleted + emptied == MAX_RUNS_PER_CALL:
            break
    return deleted, emptied
