"""The last materialization of a date of a table, from Dagster's events."""

from datetime import UTC, date, datetime

import dagster as dg

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
