"""The seconds of each step: reading, computation and writing. Measured in the step, stored with its materialization, read here.

Dagster records the duration of a step in the events of its run, which retention deletes after some days. The materialization
stays, and the newest ones of a table are one query.
"""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from nba_pipeline.instance.materializations import MATERIALIZATION

STEP_SECONDS = "step_seconds"
"""Metadata: the seconds of a step of one date. A step of several dates has none, because it is not comparable."""

NEWEST = 400
"""Number of newest materializations of a table that are searched for durations. A backfill of a season has fewer."""

_begun: dict[str, tuple[str, float]] = {}
"""Run -> its step in progress in this process, and the start of that step. The steps of a run are serial."""


@dataclass(frozen=True)
class StepRun:
    """One successful step of a table for one date."""

    run_id: str
    partition: str
    ended_at: datetime
    seconds: float


def begin_step(run_id: str, step: str) -> None:
    """Records the start of a step. Further calls for the same step change nothing."""
    if _begun.get(run_id, ("", 0.0))[0] != step:
        _begun[run_id] = (step, time.perf_counter())


def end_step(run_id: str, step: str) -> float | None:
    """Returns the seconds since the start of a step and deletes its record; None if it did not start in this process."""
    begun, began_at = _begun.pop(run_id, ("", 0.0))
    return time.perf_counter() - began_at if begun == step else None


def newest_step_runs(instance: dg.DagsterInstance, tables: Collection[str], limit: int) -> dict[str, list[StepRun]]:
    """Returns up to `limit` newest steps of one date per table, newest first. Omits tables without any.

    Reads the tables of Dagster 1.13's event log, because its own query reads and decodes every event of a backfill. Remove the
    query when Dagster filters materializations by metadata.
    """
    log = instance.event_log_storage
    if not isinstance(log, SqlEventLogStorage):
        raise TypeError(f"{type(log).__name__} is not an SQL event log")
    with log.index_connection() as connection:
        read = {table: connection.execute(_query(table, limit)).fetchall() for table in tables}
    return {table: [_step_run(*row) for row in rows] for table, rows in read.items() if rows}


def _query(table: str, limit: int) -> sqlalchemy.Select[Any]:
    columns = SqlEventLogStorageTable.c
    is_of_table = (columns.asset_key == dg.AssetKey(table).to_string(), columns.dagster_event_type == MATERIALIZATION)
    newest_unread = sqlalchemy.select(columns.id).where(*is_of_table).order_by(columns.id.desc()).offset(NEWEST).limit(1)
    is_recent = columns.id > sqlalchemy.func.coalesce(newest_unread.scalar_subquery(), 0)
    has_seconds = columns.event.contains(f'"{STEP_SECONDS}"', autoescape=True)
    query = sqlalchemy.select(columns.run_id, columns.partition, columns.timestamp, columns.event)
    return query.where(*is_of_table, is_recent, has_seconds).order_by(columns.id.desc()).limit(limit)


def _step_run(run_id: str, partition: str, at: datetime, event: str) -> StepRun:
    return StepRun(run_id, partition, at.replace(tzinfo=UTC), _seconds_of(json.loads(event)))


def _seconds_of(event: Mapping[str, Any]) -> float:
    """Returns the seconds in a stored event. Decodes only the JSON, which takes a tenth of the time of Dagster's objects."""
    entries = event["dagster_event"]["event_specific_data"]["materialization"]["metadata_entries"]
    return float(next(entry["entry_data"]["value"] for entry in entries if entry["label"] == STEP_SECONDS))
