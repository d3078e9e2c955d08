"""The re-reads of a date, and the last change of its stored box scores, from Dagster's records.

A re-read is an observation of `boxscores`. A change is in the metadata of the materialization that wrote it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

READ_AT = "read_at"
"""Metadata of a re-read: its instant; absent if a source did not respond."""

CORRECTIONS = "corrected"
"""Metadata of a re-read: the responses that differ from landed ones. Metadata of a materialization: the changed games by date."""

PROBLEMS_MET = "problems_met"
"""Metadata of a re-read and of a materialization: the problems of its requests and responses."""
MAX_RECORDS = 100


@dataclass(frozen=True)
class Reread:
    """One run of the job `recheck`.

    `recorded_at` is Dagster's instant, `read_at` the clock's. `read_at` is None if the re-read must be repeated.
    """

    run_id: str
    recorded_at: datetime
    read_at: datetime | None
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def rereads(instance: dg.DagsterInstance, day: date) -> list[Reread]:
    """Returns the re-reads of a date, newest first."""
    records = instance.fetch_observations(_of_boxscores(day), limit=MAX_RECORDS).records
    return [_reread(record) for record in records]


def unloaded_reread(newest_first: Sequence[Reread], materialized_at: datetime | None) -> Reread | None:
    """Returns the newest re-read with news that `boxscores` has not loaded yet; None without one."""
    unloaded = (reread for reread in newest_first if materialized_at is None or reread.recorded_at > materialized_at)
    return next((reread for reread in unloaded if reread.changes), None)


def changed_at(instance: dg.DagsterInstance, day: date) -> datetime | None:
    """Returns when the source data of a date last changed in the warehouse; None if never.

    This is the later of two instants: when `boxscores` was last replaced by different rows, and when it was first written
    after the newest re-read with news. The second covers news of another source, and a process that died between writing the
    rows and recording them.
    """
    records = instance.fetch_materializations(_of_boxscores(day), limit=MAX_RECORDS).records
    instants = [(datetime.fromtimestamp(record.timestamp, UTC), record.asset_materialization) for record in records]
    replaced = [at for at, event in instants if event and str(day) in (_value(event.metadata, CORRECTIONS) or {})]
    news_at = next((reread.recorded_at for reread in rereads(instance, day) if reread.changes), None)
    loads_after_news = [at for at, _ in instants if news_at is not None and at > news_at]
    return max([*replaced[:1], *loads_after_news[-1:]], default=None)


def _of_boxscores(day: date) -> dg.AssetRecordsFilter:
    return dg.AssetRecordsFilter(asset_key=dg.AssetKey("boxscores"), asset_partitions=[day.isoformat()])


def _reread(record: dg.EventLogRecord) -> Reread:
    observation = record.event_log_entry.asset_observation
    observed = observation.metadata if observation else {}
    read_at = _value(observed, READ_AT)
    return Reread(
        record.run_id,
        datetime.fromtimestamp(record.timestamp, UTC),
        datetime.fromisoformat(read_at) if read_at else None,
        tuple(_value(observed, CORRECTIONS) or ()),
        tuple(_value(observed, PROBLEMS_MET) or ()),
    )


def _value(metadata: Any, name: str) -> Any:
    entry = metadata.get(name)
    return entry.value if entry is not None else None
