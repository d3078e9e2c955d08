"""Retention of Dagster's run records.

Dagster 1.13 purges ticks (dagster.yaml), but never runs. A run of a slate takes one to two megabytes, mostly for the log of its
steps. This workaround can be removed when Dagster has a retention for runs.
"""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS

LATEST_MATERIALIZATION_RUNS = sqlalchemy.text(
    "SELECT run_id FROM event_logs WHERE id IN (SELECT max(id) FROM event_logs "
    "WHERE dagster_event_type = 'ASSET_MATERIALIZATION' GROUP BY asset_key, partition)"
)
MAX_RUNS_PER_CALL = 500
INDEXED = sorted(kind.value for kind in (*ASSET_EVENTS, *ASSET_CHECK_EVENTS, *EVENT_TYPE_TO_PIPELINE_RUN_STATUS))
"""Types of events in Dagster's SQLite index across runs: events of assets and checks, and changes of a run's status."""


def prune(instance: dg.DagsterInstance, now: datetime) -> tuple[int, int]:
    """Deletes old runs that own no latest materialization, and the step logs of the other old runs.

    Returns the numbers of deleted runs and deleted step logs. Dagster derives the materialized dates from the latest
    materializations, so the runs that own them and their index events are kept. Deletes at most `MAX_RUNS_PER_CALL` per call, oldest
    first. Raises BadInput for a storage without SQL.
    """
    log = instance.event_log_storage
    if not isinstance(log, SqlEventLogStorage):
        raise BadInput(f"only events in an SQL database can be pruned; this instance uses {type(log).__name__}")
    with log.index_connection() as connection:
        owners = {run_id for (run_id,) in connection.execute(LATEST_MATERIALIZATION_RUNS)}
    old = dg.RunsFilter(
        created_before=now - timedelta(days=SETTINGS.runs.kept_days),
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    deleted = emptied = 0
    for run in instance.get_runs(old, ascending=True):
        if run.run_id not in owners:
            instance.delete_run(run.run_id)
            deleted += 1
        has_log = _delete_file(log, run.run_id) if isinstance(log, SqliteEventLogStorage) else _delete_rows(log, run.run_id)
        emptied += has_log and run.run_id in owners
        if deleted + emptied == MAX_RUNS_PER_CALL:
            break
    return deleted, emptied


def _delete_file(log: SqliteEventLogStorage, run_id: str) -> bool:
    """Deletes the file with the log of a run, and returns whether it existed. The index keeps the events of `INDEXED`."""
    file = Path(log.path_for_shard(run_id))
    has_log = file.exists()
    for shard in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        shard.unlink(missing_ok=True)
    return has_log


def _delete_rows(log: SqlEventLogStorage, run_id: str) -> bool:
    """Deletes the events of a run except those of `INDEXED`, and returns whether there were any."""
    columns = SqlEventLogStorageTable.c
    is_other = sqlalchemy.or_(columns.dagster_event_type.is_(None), columns.dagster_event_type.not_in(INDEXED))
    with log.run_connection(run_id) as connection:
        of_run = sqlalchemy.delete(SqlEventLogStorageTable).where(columns.run_id == run_id, is_other)
        return connection.execute(of_run).rowcount > 0
