"""Results of checks per date in a range run, stored in one transaction per step.

Dagster 1.13 plans the checks of a range run per date, but records the result without a date, so that no date passes and the
pages show "Skipped". This workaround stores a result for each date, which requires private modules of Dagster (see the tests of
this module). It can be removed when range runs report partitioned checks.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import sqlalchemy as db
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

MAX_RECORDS = 10_000
Context = dg.AssetCheckExecutionContext | dg.AssetExecutionContext
"""The context of a step that only runs checks, or of an asset that yields its own check results."""


@dataclass(frozen=True)
class DatedResult:
    """The result of one check on one date."""

    check: str
    game_date: date
    passed: bool
    is_blocking: bool
    severity: dg.AssetCheckSeverity
    metadata: Mapping[str, Any]


def report_per_date(context: Context, table: dg.AssetKey, results: Sequence[DatedResult]) -> None:
    """Stores the results of a range run per date. If this fails, the checks stay planned, which the pages show as failed."""
    dates = sorted({result.game_date for result in results})
    newest = newest_materializations(context.instance, table, dates)
    judged_at = time.time()
    plotted_at = _plot_instants(context, dates, judged_at)
    entries = [
        dg.EventLogEntry(  # type: ignore[no-untyped-call]
            error_info=None,
            level=logging.INFO,
            user_message="",
            run_id=context.run.run_id,
            timestamp=plotted_at[result.game_date],
            job_name=context.run.job_name,
            dagster_event=dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
                job_name=context.run.job_name,
                event_specific_data=_evaluation(table, result, newest.get(result.game_date.isoformat()), judged_at),
            ),
        )
        for result in results
    ]
    log = context.instance.event_log_storage
    if isinstance(log, SqlEventLogStorage):
        store_evaluations(log, context.run.run_id, table, entries)
        return
    for entry in entries:
        log.store_event(entry)


def _plot_instants(context: Context, dates: Sequence[date], judged_at: float) -> dict[date, float]:
    """Returns date -> instant at which the pages plot its result, in order over the duration of the run.

    These instants are not measured: a check judges all dates at once, and the plots, whose axis is the instant of a result,
    would be one vertical line. The description of each result says so and has the measured instant.
    """
    record = context.instance.get_run_record_by_id(context.run.run_id)
    began = record.start_time if record and record.start_time else judged_at
    step = max(judged_at - began, 0.0) / len(dates)
    return {day: began + step * number for number, day in enumerate(dates, start=1)}


def _evaluation(
    table: dg.AssetKey, result: DatedResult, record: dg.EventLogRecord | None, judged_at: float
) -> dg.AssetCheckEvaluation:
    """Returns Dagster's evaluation of a result. Without a record, it names no materialization."""
    at = datetime.fromtimestamp(judged_at, UTC).isoformat(timespec="seconds")
    target = record and AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )
    return dg.AssetCheckEvaluation(
        asset_key=table,
        check_name=result.check,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=f"Judged with all dates of the run at {at}. The instant of this result only orders the plots.",
        blocking=result.is_blocking,
        partition=result.game_date.isoformat(),
        target_materialization_data=target,
    )


def store_evaluations(log: SqlEventLogStorage, run_id: str, table: dg.AssetKey, entries: Sequence[dg.EventLogEntry]) -> None:
    """Stores the evaluations of one table and run as `store_event` does, with one insert per database instead of four per event."""
    events = [log._event_to_row(entry) for entry in entries]
    insert = db.insert(SqlEventLogStorageTable)
    if log.is_run_sharded:
        with log.run_connection(run_id) as connection:
            connection.execute(insert, events)
    with log.index_transaction() as connection:
        with_ids = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
        ids = connection.execute(with_ids, events).scalars().all()
        _store_executions(connection, run_id, table, list(zip(ids, events, entries, strict=True)))


def _store_executions(
    connection: db.Connection, run_id: str, table: dg.AssetKey, stored: Iterable[tuple[int, Mapping[str, Any], dg.EventLogEntry]]
) -> None:
    """Replaces the planned rows of the checks by their results, or adds rows where none were planned."""
    columns = AssetCheckExecutionsTable.c
    of_run = db.and_(columns.asset_key == table.to_string(), columns.run_id == run_id)
    evaluated = [
        (event_id, event, entry, entry.get_dagster_event().asset_check_evaluation_data) for event_id, event, entry in stored
    ]
    rows = connection.execute(db.select(columns.check_name, columns.partition, columns.id).where(of_run)).all()
    planned = {(check, partition): row_id for check, partition, row_id in rows}
    updated, inserted = [], []
    for event_id, event, entry, evaluation in evaluated:
        target = evaluation.target_materialization_data
        values = {
            "execution_status": (Status.SUCCEEDED if evaluation.passed else Status.FAILED).value,
            "evaluation_event": event["event"],
            "evaluation_event_timestamp": datetime.fromtimestamp(entry.timestamp, UTC).replace(tzinfo=None),
            "evaluation_event_storage_id": event_id,
            "materialization_event_storage_id": target.storage_id if target else None,
        }
        if row_id := planned.get((evaluation.check_name, evaluation.partition)):
            updated.append({"row_id": row_id, **values})
        else:
            of_date = {"check_name": evaluation.check_name, "partition": evaluation.partition}
            inserted.append({"asset_key": table.to_string(), "run_id": run_id, **of_date, **values})
    if updated:
        connection.execute(db.update(AssetCheckExecutionsTable).where(columns.id == db.bindparam("row_id")), updated)
    if inserted:
        connection.execute(db.insert(AssetCheckExecutionsTable), inserted)


def delete_undated(context: Context, table: dg.AssetKey) -> None:
    """Deletes the results of a range run for all dates, which the pages would show as the newest of each check.

    They stay in the log of the run.
    """
    log, columns = context.instance.event_log_storage, AssetCheckExecutionsTable.c
    if isinstance(log, SqlEventLogStorage):
        of_run = db.and_(columns.asset_key == table.to_string(), columns.run_id == context.run.run_id)
        with log.index_transaction() as connection:
            connection.execute(db.delete(AssetCheckExecutionsTable).where(of_run, columns.partition.is_(None)))


def newest_materializations(
    instance: dg.DagsterInstance, table: dg.AssetKey, dates: Sequence[date]
) -> dict[str | None, dg.EventLogRecord]:
    """Returns partition key -> newest materialization, for the dates."""
    records_filter = dg.AssetRecordsFilter(asset_key=table, asset_partitions=[day.isoformat() for day in dates])
    records = instance.fetch_materializations(records_filter, limit=MAX_RECORDS).records
    return {record.partition_key: record for record in reversed(records)}
