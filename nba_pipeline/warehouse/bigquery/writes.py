"""Writes to the tables of a dataset: one load per date, or one MERGE from a staging table for many dates and added rows.

Every write is a job with a deterministic id, derived from the table, dates, rows and the job that it replaces. Locks and
recording rows of ledgers do not belong here.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
from google.cloud import bigquery

from nba_pipeline.errors import PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery.connections import Connection
from nba_pipeline.warehouse.bigquery.jobs import Job, day_parameters, identity, parquet
from nba_pipeline.warehouse.bigquery.loads import Load
from nba_pipeline.warehouse.bigquery.reads import Reader
from nba_pipeline.warehouse.bigquery.shapes import LABELS, STAGING_PREFIX, Shape


@dataclass(frozen=True)
class Write:
    """The rows of one partition to write. `before` is the write that they replace."""

    shape: Shape
    key: tuple[str, ...]
    day: date
    rows: pl.DataFrame
    content: bytes
    digest: str
    before: Load | None

    @property
    def replaces(self) -> str | None:
        """The id of the job whose rows are replaced."""
        return self.before.job_id if self.before else None

    def record_for(self, job_id: str) -> Load:
        """The record of this write."""
        return Load(self.shape.name, self.day, job_id, self.digest, self.rows.height)


class Writer:
    """Writes rows through a connection and records the writes. The caller holds the write lock of the dates."""

    def __init__(self, connection: Connection):
        self.connection, self.reader = connection, Reader(connection)

    def replace(self, shape: Shape, key: Sequence[str], parts: Mapping[date, pl.DataFrame]) -> None:
        """Replaces the rows of each date that is not current: by one load per date, or by one MERGE for many dates."""
        writes = [self._write(shape, key, day, rows) for day, rows in parts.items()]
        writes = [write for write in writes if not self._is_current(write)]
        if len(writes) > SETTINGS.bigquery.dates_by_load:
            self._merge_replaced(shape, writes)
        else:
            self._load_each(shape, writes)

    def _write(self, shape: Shape, key: Sequence[str], day: date, rows: pl.DataFrame) -> Write:
        content = parquet(rows.sort(key))
        before = self.connection.loads.get(shape.name, day)
        return Write(shape, tuple(key), day, rows, content, hashlib.sha256(content).hexdigest(), before)

    def _is_current(self, write: Write) -> bool:
        """Whether the record lists these rows for the date and the table holds them."""
        return bool(write.before and write.before.content == write.digest) and self._is_stored(write)

    def _is_stored(self, write: Write) -> bool:
        """Whether the table holds exactly these rows for the date. Reads them back and compares."""
        self.connection.parts.forget(write.shape.name, [write.day])
        stored = self.reader.read(write.shape, write.key, dict(write.rows.schema), [write.day])
        return stored.sort(write.key).equals(write.rows.select(stored.columns).sort(write.key))

    def _load_each(self, shape: Shape, writes: Sequence[Write]) -> None:
        """Loads dates in parallel, one job each. Successful loads are recorded even if others fail."""
        written: list[tuple[Load, str | None]] = []
        errors: list[Exception] = []
        jobs: list[Job] = []
        with ThreadPoolExecutor(SETTINGS.bigquery.parallel_loads) as pool:
            futures = {pool.submit(self._load, write): write for write in writes}
            for future in as_completed(futures):
                write = futures[future]
                try:
                    job = future.result()
                except PipelineError as error:
                    errors.append(error)
                    continue
                jobs.append(job)
                written.append((write.record_for(job.job_id), write.replaces))
        self._acknowledge(shape, written, jobs)
        if errors:
            raise errors[0]

    def _load(self, write: Write) -> Job:
        session, name = self.connection.session, write.shape.name
        destination = f"{name}${write.day:%Y%m%d}"
        return session.run_once(
            lambda job_id: session.load(write.content, write.shape, destination, job_id, name),
            identity("load", name, write.day, write.digest, write.replaces),
            lambda: self._is_stored(write),
            f"loading {name} {write.day}",
        )

    def _merge_replaced(self, shape: Shape, writes: Sequence[Write]) -> None:
        """Loads the rows of many dates into a staging table and replaces the dates with one statement."""
        rows = pl.concat([write.rows for write in writes]).sort("game_date", *writes[0].key)
        dates = [write.day for write in writes]
        names = ", ".join(f"`{column.name}`" for column in shape.columns)
        job_identity = identity("merge", shape.name, *((write.day, write.digest, write.replaces) for write in writes))
        statement = (
            f"MERGE `{shape.name}` T USING (SELECT * FROM `{{staging}}` WHERE game_date BETWEEN @first AND @last) S ON FALSE "
            "WHEN NOT MATCHED BY SOURCE AND T.game_date BETWEEN @first AND @last AND T.game_date IN UNNEST(@dates) THEN DELETE "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({names})"
        )
        job = self._merge(shape, rows, dates, statement, job_identity, lambda: all(self._is_stored(write) for write in writes))
        self._acknowledge(shape, [(write.record_for(job.job_id), write.replaces) for write in writes], [job])

    def add(self, table: Table, shape: Shape, new: Mapping[date, pl.DataFrame], existing: pl.DataFrame) -> None:
        """Loads new rows into a staging table and inserts those whose key is still missing."""
        rows = pl.concat(list(new.values())).sort("game_date", *table.key)
        loads, rows_before = self.connection.loads, dict(existing.group_by("game_date").len().iter_rows())
        before = {day: loads.get(table.name, day) for day in new}
        nullable = {column.name for column in shape.columns if not column.is_required}
        condition = " AND ".join(
            f"T.`{name}` {'IS NOT DISTINCT FROM' if name in nullable else '='} S.`{name}`"
            for name in dict.fromkeys(("game_date", *table.key))
        )
        names = ", ".join(f"`{column.name}`" for column in shape.columns)
        statement = (
            f"MERGE `{shape.name}` T USING (SELECT * FROM `{{staging}}` WHERE game_date BETWEEN @first AND @last) S "
            f"ON {condition} AND T.game_date BETWEEN @first AND @last "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({names})"
        )
        content = hashlib.sha256(parquet(rows)).hexdigest()
        job_identity = identity("add", shape.name, content, *(load.job_id if load else None for load in before.values()))

        def is_stored() -> bool:
            self.connection.parts.forget(shape.name, list(new))
            stored = self.reader.read_dates(shape, table.key, table.dtypes, list(new))
            keys = list(dict.fromkeys(("game_date", *table.key)))
            return rows.join(stored, on=keys, how="anti", nulls_equal=True).is_empty()

        job = self._merge(shape, rows, list(new), statement, job_identity, is_stored)
        written = [
            (
                Load(table.name, day, job.job_id, None, rows_before.get(day, 0) + part.height),
                load.job_id if (load := before[day]) else None,
            )
            for day, part in new.items()
        ]
        self._acknowledge(shape, written, [job])

    def _merge(
        self, shape: Shape, rows: pl.DataFrame, dates: Sequence[date], statement: str, job_identity: str, is_stored: Any
    ) -> Job:
        session = self.connection.session
        parameters = [*day_parameters(min(dates), max(dates))]
        if "@dates" in statement:
            parameters.append(bigquery.ArrayQueryParameter("dates", "DATE", list(dates)))
        with self._staged(shape, rows, job_identity) as staging:
            text = statement.format(staging=staging)
            return session.run_once(
                lambda job_id: session.statement(text, parameters, job_id, shape.name),
                job_identity,
                is_stored,
                f"merging into {shape.name}",
            )

    @contextmanager
    def _staged(self, shape: Shape, rows: pl.DataFrame, job_identity: str) -> Iterator[str]:
        """Yields the name of a staging table that holds the rows. It expires if it is never deleted."""
        session, name = self.connection.session, f"{STAGING_PREFIX}{shape.name}_{job_identity[-16:]}"
        limits = SETTINGS.bigquery
        staging = bigquery.Table(session.dataset.reference.table(name), shape.fields)
        staging.expires, staging.labels = datetime.now(UTC) + timedelta(hours=limits.staging_hours), LABELS
        with session.explained(f"staging {shape.name}"):
            session.client.create_table(staging, exists_ok=True, retry=session.retry, timeout=limits.submit_seconds)
        content = parquet(rows)
        digest = hashlib.sha256(content).hexdigest()

        def is_stored() -> bool:
            stored = session.frame(f"SELECT * FROM `{name}`", asset=shape.name).select(
                pl.col(c).cast(t) for c, t in rows.schema.items()
            )
            return stored.sort(rows.columns).equals(rows.sort(rows.columns))

        try:
            session.run_once(
                lambda job_id: session.load(content, shape, name, job_id, shape.name),
                identity("stage", name, digest),
                is_stored,
                f"staging {shape.name}",
            )
            yield name
        finally:
            # a leftover table expires; a failed deletion must not hide an earlier error
            with suppress(PipelineError), session.explained(f"deleting {name}"):
                session.client.delete_table(staging, not_found_ok=True, retry=session.retry, timeout=limits.submit_seconds)

    def _acknowledge(self, shape: Shape, written: Sequence[tuple[Load, str | None]], jobs: Sequence[Job]) -> None:
        self.connection.parts.forget(shape.name, [load.day for load, _ in written])
        self.connection.loads.acknowledge(written)
        self.connection.receipts[shape.name] = _receipt(jobs)


def _receipt(jobs: Sequence[Job]) -> dict[str, Any]:
    """Metrics of a write for Dagster's metadata: jobs, bytes, rows and, if reported, slot time."""
    if not jobs:
        return {}
    loads = [job for job in jobs if isinstance(job, bigquery.LoadJob)]
    queries = [job for job in jobs if isinstance(job, bigquery.QueryJob)]
    slots = [job.slot_millis for job in queries if job.slot_millis]
    return {
        "bigquery/job_id": jobs[-1].job_id,
        "bigquery/jobs": len(jobs),
        "bigquery/bytes_loaded": sum(job.output_bytes or 0 for job in loads),
        "bigquery/rows_loaded": sum(job.output_rows or 0 for job in loads)
        + sum(job.num_dml_affected_rows or 0 for job in queries),
        "bigquery/bytes_processed": sum(job.total_bytes_processed or 0 for job in queries),
        **({"bigquery/slot_milliseconds": sum(slots)} if slots else {}),
    }
