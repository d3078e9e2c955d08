"""The last materialization of a date of a table, from Dagster's events."""

from collections.abc import Collection
from datetime import UTC, date, datetime

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

MATERIALIZATION = dg.DagsterEventType.ASSET_MATERIALIZATION.value

MATERIALIZATIONS = 1000
"""Maximum number of materializations of one date that are read."""


def materialized_at(instance: dg.DagsterInstance, table: str, day: date) -> datetime | None:
    """Returns when a date of a table was last materialized, UTC; None if never."""
    record = latest_materialization(instance, table, day)
    return datetime.fromtimestamp(record.timestamp, UTC) if record else None


def latest_materialization(instance: dg.DagsterInstance, table: str, day: date) -> dg.EventLogRecord | None:
    """Returns Dagster's record of the last materialization of a date of a table; None without one."""
    records_filter = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table), asset_partitions=[day.isoformat()])
    return next(iter(instance.fetch_materializations(records_filter, limit=1).records), None)


def materialization_instants(instance: dg.DagsterInstance, table: str, day: date) -> list[datetime]:
    """Returns when a date of a table was materialized, UTC, oldest first. Retention may have deleted older events."""
    records_filter = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table), asset_partitions=[day.isoformat()])
    records = instance.fetch_materializations(records_filter, limit=MATERIALIZATIONS, ascending=True).records
    return [datetime.fromtimestamp(record.timestamp, UTC) for record in records]


def materialized_dates(
    instance: dg.DagsterInstance, tables: Collection[str], dates: Collection[date]
) -> dict[date, dict[str, datetime]]:
    """Returns by date and table when it was last materialized, UTC. Omits what was never materialized, or wiped since.

    Sends one query instead of two per table and date, which take a third of the time of `nba-pipeline status`. It reads the
    tables of Dagster 1.13's event log. Remove it when Dagster returns the last materializations of several assets.
    """
    log, instants = instance.event_log_storage, dict[date, dict[str, datetime]]()
    if not isinstance(log, SqlEventLogStorage):
        raise TypeError(f"{type(log).__name__} is not an SQL event log")
    keys, columns = [dg.AssetKey(table) for table in tables], SqlEventLogStorageTable.c
    newest = (
        sqlalchemy.select(sqlalchemy.func.max(columns.id))
        .where(
            columns.dagster_event_type == MATERIALIZATION,
            columns.asset_key.in_([key.to_string() for key in keys]),
            columns.partition.in_([day.isoformat() for day in dates]),
        )
        .group_by(columns.asset_key, columns.partition)
    )
    newest = log._add_assets_wipe_filter_to_query(newest, log._get_assets_details(keys), keys)
    query = sqlalchemy.select(columns.asset_key, columns.partition, columns.timestamp).where(columns.id.in_(newest))
    with log.index_connection() as connection:
        for key, partition, at in connection.execute(query):
            table = dg.AssetKey.from_db_string(key)
            instants.setdefault(date.fromisoformat(partition), {})[table.path[-1] if table else key] = at.replace(tzinfo=UTC)
    return instants
