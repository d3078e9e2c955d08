"""Events that Dagster passes as a batch, stored with one insert per database. Referenced by the event log on SQLite.

Dagster 1.13 stores the events of a batch one by one, each in two or three transactions. A game day plans 170 events, and a
backfill of a season materializes 180 dates of each table. Remove this module when Dagster's storage on SQLite inserts batches.
"""

from collections.abc import Mapping, Sequence

import dagster as dg
import sqlalchemy
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

BATCH_SIZE = 10_000
"""Largest number of events in a batch. Dagster stores a larger one in parts."""

OF_TABLES = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED}
PLANNED_CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


def can_store(events: Sequence[dg.EventLogEntry]) -> bool:
    """Whether all events belong to one run and have a type that this module stores."""
    types = {event.dagster_event_type for event in events}
    return len({event.run_id for event in events}) == 1 and types <= {*OF_TABLES, PLANNED_CHECK}


def store_batch(log: SqlEventLogStorage, events: Sequence[dg.EventLogEntry]) -> None:
    """Stores events with the rows that Dagster's `store_event` writes for each of them."""
    rows, insert = [log._event_to_row(event) for event in events], sqlalchemy.insert(SqlEventLogStorageTable)
    # both transactions end together: after an error, Dagster stores the events one by one
    with log.run_connection(events[0].run_id) as of_run, log.index_transaction() as index:
        of_run.execute(insert, rows)
        with_ids = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
        stored = list(zip(events, index.execute(with_ids, rows).scalars().all(), strict=True))
        of_tables = [(event, event_id) for event, event_id in stored if event.dagster_event_type in OF_TABLES]
        log._store_asset_event_tags(index, [event for event, _ in of_tables], [event_id for _, event_id in of_tables])
        newest = {(event.get_dagster_event().asset_key, event.dagster_event_type): (event, number) for event, number in of_tables}
        for event, event_id in newest.values():  # each event replaces the row of its table
            log._store_asset_event(index, event, event_id)
        checks = [
            check for (event, event_id), row in zip(stored, rows, strict=True) for check in _planned_checks(event, row, event_id)
        ]
        if checks:
            index.execute(sqlalchemy.insert(AssetCheckExecutionsTable), checks)


def _planned_checks(event: dg.EventLogEntry, row: Mapping[str, object], event_id: int) -> list[dict[str, object]]:
    """Returns one row per date of a planned check; none for another event. `row` is that of the event."""
    if event.dagster_event_type is not PLANNED_CHECK:
        return []
    planned = event.get_dagster_event().event_specific_data
    assert isinstance(planned, AssetCheckEvaluationPlanned)
    of_check = {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "run_id": event.run_id,
        "execution_status": Status.PLANNED.value,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": event_id,
    }
    keys = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else [None]
    return [of_check | {"partition": key} for key in keys]
