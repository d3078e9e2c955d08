"""When a date of a table was last materialized, as Dagster's events have it."""

from datetime import UTC, date, datetime

import dagster as dg


def made_at(instance: dg.DagsterInstance, table: str, day: date) -> datetime | None:
    """When a date of a table was last materialised, UTC."""
    record = last_made(instance, table, day)
    return datetime.fromtimestamp(record.timestamp, UTC) if record else None


def last_made(instance: dg.DagsterInstance, table: str, day: date) -> dg.EventLogRecord | None:
    """Dagster's record of the last materialisation of a date of a table."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table), asset_partitions=[day.isoformat()])
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)
