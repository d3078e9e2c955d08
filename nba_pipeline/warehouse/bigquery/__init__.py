"""The BigQuery warehouse: one atomic load per date, one MERGE for long ranges and added rows, column-pruned reads.

Every write is a job with a deterministic id, derived from the table, dates, rows and the job that it replaces. Repeating a
write after a lost response or a killed process submits the same job, which BigQuery runs once. The record of writes
(`loads`) is updated after the job.
"""

import atexit
import hashlib
import re
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster_gcp import BigQueryResource
from google.cloud import bigquery
from polars.io.plugins import register_io_source
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import QUARANTINE_SCHEMA, Table
from nba_pipeline.warehouse import Warehouse, files
from nba_pipeline.warehouse.bigquery import journal
from nba_pipeline.warehouse.bigquery.format_1 import is_format_1, refusal
from nba_pipeline.warehouse.bigquery.loads import Load, Loads
from nba_pipeline.warehouse.bigquery.parts import Parts
from nba_pipeline.warehouse.bigquery.plan import everything
from nba_pipeline.warehouse.bigquery.session import Job, Session, day_parameters, identity, parquet
from nba_pipeline.warehouse.bigquery.shapes import (
    LABELS,
    STAGING_PREFIX,
    Shape,
    difference,
    quarantine_of,
    shape_of,
)
from nba_pipeline.warehouse.landing import DIRECT, Landing
from nba_pipeline.warehouse.ledgers import Recorder
from nba_pipeline.warehouse.manifests import FOLDER as MANIFESTS
from nba_pipeline.warehouse.manifests import Manifests
from nba_pipeline.warehouse.migration import RENAMED
from nba_pipeline.warehouse.writing import by_date, locked, partitioned, refuse_to_shrink, under_a_date

ADDED_NOTHING = "nothing_to_add"
"""Replaces the job id when a date is first written without any rows to add."""


class BigQueryWarehouse(Warehouse):
    """The tables in a BigQuery dataset. Write locks are files below the home, so they only cover the runs of one machine.

    `store` is the location of the landing whose journal `sql` can query. It defaults to the home.
    """

    bigquery: dg.ResourceDependency[BigQueryResource]
    dataset: str
    location: str = ""
    home: str
    store: str = ""
    storage_host: str = ""
    lock_wait_seconds: float = SETTINGS.warehouse.lock_wait_seconds
    _run_id: str = PrivateAttr(default=DIRECT)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["BigQueryWarehouse"]:
        """Share one client with all resources of the run, and close it with the last of them."""
        self._run_id = context.run.run_id if context.run else DIRECT
        _holders.hold(self._key)
        try:
            yield self
        finally:
            _holders.let_go(self._key)

    def preflight(self) -> None:
        """Raises BadInput for missing credentials, project, dataset or permission, and for tables of another shape."""
        self.refuse_missing_names()
        for shape in everything():
            self._refuse_another_shape(shape)

    def refuse_missing_names(self) -> None:
        """Raises BadInput if the project or the dataset is not configured."""
        wanted = [
            name for name, value in (("BIGQUERY_PROJECT", self.bigquery.project), ("BIGQUERY_DATASET", self.dataset)) if not value
        ]
        if wanted:
            raise BadInput(
                f"NBA_PIPELINE_ENV=production needs {' and '.join(wanted)}; set {'it' if len(wanted) == 1 else 'them'}"
            )

    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        parts, shape, loads = by_date(table, dates, frame), shape_of(table), self._held.loads
        if not dates:
            return
        self._refuse_another_shape(shape)
        with self._locked(table, dates, writer):
            self._held.parts.forget(table.name, loads.renew(table.name, dates))
            for day in dates:
                before, rows = loads.get(table.name, day), parts.get(day)
                if before:
                    refuse_to_shrink(table, day, rows.height if rows is not None else 0, before.rows, (excused or {}).get(day, 0))
            self._replace(shape, table.key, {day: parts.get(day, table.empty()) for day in dates})

    def _add(
        self, table: Table, dates: Sequence[date], parts: Mapping[date, pl.DataFrame], writer: str, recorder: Recorder
    ) -> int:
        shape, loads = shape_of(table), self._held.loads
        if not dates:
            return 0
        self._refuse_another_shape(shape)
        with self._locked(table, dates, writer):
            self._held.parts.forget(table.name, loads.renew(table.name, dates))
            # queried even if the record has no rows: a killed run may have added some
            there = self._read(shape, table.key, table.dtypes, sorted(set(dates)), is_whole=False)
            new = {
                day: rows.join(there.filter(pl.col("game_date") == day), on=list(table.key), how="anti", nulls_equal=True)
                for day, rows in parts.items()
            }
            new = {day: rows for day, rows in new.items() if rows.height}
            with recorder.recording(dates, there, new):
                if new:
                    self._merge_added(table, shape, new, there)
            first_time = [day for day in dates if day not in new and not loads.get(table.name, day)]
            held = dict(there.group_by("game_date").len().iter_rows())
            loads.acknowledge([(Load(table.name, day, ADDED_NOTHING, None, held.get(day, 0)), None) for day in first_time])
        return sum(rows.height for rows in new.values())

    @property
    def manifests(self) -> Manifests:
        return Manifests(files.place(self.store or self.home) / MANIFESTS / self._dataset_name)

    def locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        return self._locked(table, dates, writer)

    def partition_name(self, table: Table, day: date) -> str:
        return f"BigQuery {self._dataset_name}.{table.name}${day:%Y%m%d}"

    def ledger_rows(self, table: Table, dates: Sequence[date]) -> pl.DataFrame:
        # queried even if the record has no rows: a killed run may have added some
        if not dates:
            return table.empty()
        self._held.parts.forget(table.name, list(dates))
        return self._read(shape_of(table), table.key, table.dtypes, sorted(set(dates)), is_whole=False)

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        self._refuse_format_1(table)
        return self._scan(shape_of(table), table.key, table.dtypes, dates)

    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        return self._scan(quarantine_of(table), ("problem", "row"), QUARANTINE_SCHEMA, dates)

    def dates(self, table: Table) -> set[date]:
        self._refuse_format_1(table)
        return set(self._held.loads.of(table.name))

    def quarantine(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        shape, loads = quarantine_of(table), self._held.loads
        parts = partitioned(shape.name, dates, under_a_date(rejected, dates))
        empty = pl.DataFrame(schema=dict(QUARANTINE_SCHEMA))
        held = {day: load.rows for day in dates if (load := loads.get(shape.name, day))}
        touched = {day: parts.get(day, empty) for day in dates if day in parts or held.get(day)}
        if touched:
            self._refuse_another_shape(shape)
            self._replace(shape, ("problem", "row"), touched)

    def drop(self, table: Table) -> None:
        if table.is_ledger:
            raise PipelineError(f"{table.name} is a record of decisions and is never deleted")
        session, names = self._held.session, (table.name, quarantine_of(table).name)
        # removed from the record first: if the process is killed before the truncation, the dates count as never written
        self._held.loads.forget(names)
        for name in names:
            session.query(f"TRUNCATE TABLE `{name}`", asset=table.name)
        self._held.parts.forget_tables(names)

    def last_write(self, table: Table) -> dict[str, Any]:
        return self._held.receipts.get(table.name, {})

    def sql(self, query: str) -> pl.DataFrame:
        self._held.session.require_select(query)  # first, because a refused query must not load the journal
        if journal.VIEWS.keys() & set(re.findall(r"[a-z_]+", query.lower())):
            landing = Landing(home=self.store or self.home, clock=Clock())
            journal.sync(self._held.session, self._held.loads, landing)
        return self._held.session.answer(query)

    @property
    def session(self) -> Session:
        """The session of this run, or of work outside of one."""
        return self._held.session

    def _replace(self, shape: Shape, key: Sequence[str], parts: Mapping[date, pl.DataFrame]) -> None:
        """Make each date hold exactly its rows, with no job, one load per date, or one MERGE for many dates."""
        writes = [self._write(shape, key, day, rows) for day, rows in parts.items()]
        writes = [write for write in writes if not self._is_there(write)]
        if len(writes) > SETTINGS.bigquery.dates_by_load:
            self._merge_replaced(shape, writes)
        else:
            self._load_each(shape, writes)

    def _write(self, shape: Shape, key: Sequence[str], day: date, rows: pl.DataFrame) -> "Write":
        content = parquet(rows.sort(key))
        before = self._held.loads.get(shape.name, day)
        return Write(shape, tuple(key), day, rows, content, hashlib.sha256(content).hexdigest(), before)

    def _is_there(self, write: "Write") -> bool:
        """Whether the record lists these rows for the date and the table holds them."""
        return bool(write.before and write.before.content == write.digest) and self._holds(write)

    def _holds(self, write: "Write") -> bool:
        """Whether the table holds exactly these rows for the date. Reads them back and compares."""
        self._held.parts.forget(write.shape.name, [write.day])
        there = self._read(write.shape, write.key, dict(write.rows.schema), [write.day])
        return there.sort(write.key).equals(write.rows.select(there.columns).sort(write.key))

    def _load_each(self, shape: Shape, writes: Sequence["Write"]) -> None:
        """Load dates in parallel, one job each. Successful loads are recorded even if others fail."""
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
                written.append((write.done_by(job.job_id), write.replaces))
        self._acknowledge(shape, written, jobs)
        if errors:
            raise errors[0]

    def _load(self, write: "Write") -> Job:
        session, name = self._held.session, write.shape.name
        destination = f"{name}${write.day:%Y%m%d}"
        return session.carry_out(
            lambda job_id: session.load(write.content, write.shape, destination, job_id, name),
            identity("load", name, write.day, write.digest, write.replaces),
            lambda: self._holds(write),
            f"loading {name} {write.day}",
        )

    def _merge_replaced(self, shape: Shape, writes: Sequence["Write"]) -> None:
        """Load the rows of many dates into a staging table and replace the dates with one statement."""
        rows = pl.concat([write.rows for write in writes]).sort("game_date", *writes[0].key)
        dates = [write.day for write in writes]
        names = ", ".join(f"`{column.name}`" for column in shape.columns)
        job_identity = identity("merge", shape.name, *((write.day, write.digest, write.replaces) for write in writes))
        statement = (
            f"MERGE `{shape.name}` T USING (SELECT * FROM `{{staging}}` WHERE game_date BETWEEN @first AND @last) S ON FALSE "
            "WHEN NOT MATCHED BY SOURCE AND T.game_date BETWEEN @first AND @last AND T.game_date IN UNNEST(@dates) THEN DELETE "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({names})"
        )
        job = self._merge(shape, rows, dates, statement, job_identity, lambda: all(self._holds(write) for write in writes))
        self._acknowledge(shape, [(write.done_by(job.job_id), write.replaces) for write in writes], [job])

    def _merge_added(self, table: Table, shape: Shape, new: Mapping[date, pl.DataFrame], there: pl.DataFrame) -> None:
        """Load new rows into a staging table and insert those whose key is still missing."""
        rows = pl.concat(list(new.values())).sort("game_date", *table.key)
        loads, held = self._held.loads, dict(there.group_by("game_date").len().iter_rows())
        before = {day: loads.get(table.name, day) for day in new}
        nullable = {column.name for column in shape.columns if not column.is_required}
        same = " AND ".join(
            f"T.`{name}` {'IS NOT DISTINCT FROM' if name in nullable else '='} S.`{name}`"
            for name in dict.fromkeys(("game_date", *table.key))
        )
        names = ", ".join(f"`{column.name}`" for column in shape.columns)
        statement = (
            f"MERGE `{shape.name}` T USING (SELECT * FROM `{{staging}}` WHERE game_date BETWEEN @first AND @last) S "
            f"ON {same} AND T.game_date BETWEEN @first AND @last "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({names})"
        )
        content = hashlib.sha256(parquet(rows)).hexdigest()
        job_identity = identity("add", shape.name, content, *(load.job_id if load else None for load in before.values()))

        def holds() -> bool:
            self._held.parts.forget(shape.name, list(new))
            now = self._read_dates(shape, table.key, table.dtypes, list(new))
            keys = list(dict.fromkeys(("game_date", *table.key)))
            return rows.join(now, on=keys, how="anti", nulls_equal=True).is_empty()

        job = self._merge(shape, rows, list(new), statement, job_identity, holds)
        written = [
            (
                Load(table.name, day, job.job_id, None, held.get(day, 0) + part.height),
                load.job_id if (load := before[day]) else None,
            )
            for day, part in new.items()
        ]
        self._acknowledge(shape, written, [job])

    def _merge(
        self, shape: Shape, rows: pl.DataFrame, dates: Sequence[date], statement: str, job_identity: str, holds: Any
    ) -> Job:
        session = self._held.session
        parameters = [*day_parameters(min(dates), max(dates))]
        if "@dates" in statement:
            parameters.append(bigquery.ArrayQueryParameter("dates", "DATE", list(dates)))
        with self._staged(shape, rows, job_identity) as staging:
            text = statement.format(staging=staging)
            return session.carry_out(
                lambda job_id: session.statement(text, parameters, job_id, shape.name),
                job_identity,
                holds,
                f"merging into {shape.name}",
            )

    @contextmanager
    def _staged(self, shape: Shape, rows: pl.DataFrame, job_identity: str) -> Iterator[str]:
        """Yields the name of a staging table that holds the rows. It expires by itself if it is never deleted."""
        session, name = self._held.session, f"{STAGING_PREFIX}{shape.name}_{job_identity[-16:]}"
        limits = SETTINGS.bigquery
        staging = bigquery.Table(session.dataset.reference.table(name), shape.fields)
        staging.expires, staging.labels = datetime.now(UTC) + timedelta(hours=limits.staging_hours), LABELS
        with session.explained(f"staging {shape.name}"):
            session.client.create_table(staging, exists_ok=True, retry=session.retry, timeout=limits.submit_seconds)
        content = parquet(rows)
        digest = hashlib.sha256(content).hexdigest()

        def holds() -> bool:
            there = session.frame(f"SELECT * FROM `{name}`", asset=shape.name).select(
                pl.col(c).cast(t) for c, t in rows.schema.items()
            )
            return there.sort(rows.columns).equals(rows.sort(rows.columns))

        try:
            session.carry_out(
                lambda job_id: session.load(content, shape, name, job_id, shape.name),
                identity("stage", name, digest), holds, f"staging {shape.name}",
            )  # fmt: skip
            yield name
        finally:
            # a leftover table expires; a failed deletion must not hide an earlier error
            with suppress(PipelineError), session.explained(f"deleting {name}"):
                session.client.delete_table(staging, not_found_ok=True, retry=session.retry, timeout=limits.submit_seconds)

    def _acknowledge(self, shape: Shape, written: Sequence[tuple[Load, str | None]], jobs: Sequence[Job]) -> None:
        self._held.parts.forget(shape.name, [load.day for load, _ in written])
        self._held.loads.acknowledge(written)
        self._held.receipts[shape.name] = _receipt(jobs)

    def _scan(
        self, shape: Shape, key: Sequence[str], schema: Mapping[str, pl.DataType], dates: Collection[date] | None
    ) -> pl.LazyFrame:
        def source(
            with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            # a row count selects no columns
            wanted = {name: schema[name] for name in with_columns} if with_columns else schema
            if with_columns is not None and not with_columns:
                wanted = {"game_date": pl.Date()}
            frame = self._read_dates(shape, key, wanted, dates)
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if n_rows is None else frame.head(n_rows)

        return register_io_source(source, schema=dict(schema))

    def _read_dates(
        self, shape: Shape, key: Sequence[str], schema: Mapping[str, pl.DataType], dates: Collection[date] | None
    ) -> pl.DataFrame:
        """The rows of these dates, sorted by date and key. Queries only dates for which the record has rows."""
        held = {day for day, load in self._held.loads.of(shape.name).items() if load.rows}
        asked = sorted(held if dates is None else held & set(dates))
        if not asked:
            return pl.DataFrame(schema=dict(schema))
        is_whole = all(day in asked for day in held if asked[0] <= day <= asked[-1])
        return self._read(shape, key, schema, asked, is_whole)

    def _read(
        self, shape: Shape, key: Sequence[str], schema: Mapping[str, pl.DataType], dates: Sequence[date], is_whole: bool = True
    ) -> pl.DataFrame:
        """The rows of sorted dates. `is_whole`: no other dates lie between them. A single date is read whole, once per run."""
        names = (
            [column.name for column in shape.columns] if len(dates) == 1 else list(dict.fromkeys(("game_date", *key, *schema)))
        )
        kept = self._held.parts.get(shape.name, dates, names)
        if kept is None:
            parameters = day_parameters(dates[0], dates[-1])
            some = "" if is_whole else " AND game_date IN UNNEST(@dates)"
            if some:
                parameters.append(bigquery.ArrayQueryParameter("dates", "DATE", list(dates)))
            columns = ", ".join(f"`{name}`" for name in names)
            statement = f"SELECT {columns} FROM `{shape.name}` WHERE game_date BETWEEN @first AND @last{some}"
            kept = self._held.session.frame(statement, parameters, shape.name).sort("game_date", *key)
            self._held.parts.keep(shape.name, dates, names, kept)
        return kept.select(pl.col(name).cast(kind) for name, kind in schema.items())

    def _refuse_another_shape(self, shape: Shape) -> None:
        """Raise BadInput, before any data moves, if the table is missing or its shape differs from the schema."""
        session = self._held.session
        existing = session.describe().get(shape.name)
        if existing is None:
            raise BadInput(f"BigQuery {session.name} has no table {shape.name}; make it with `nba-pipeline bigquery apply`")
        if is_format_1(shape.name, existing):
            raise BadInput(refusal(session.name, shape.name))
        found = difference(shape, existing)
        if found.refused:
            raise BadInput(
                f"BigQuery {session.name}.{shape.name} differs from what the platform writes: {found}; nothing was written"
            )
        if found.added:
            raise BadInput(
                f"BigQuery {session.name}.{shape.name}: {found}; add it with `nba-pipeline bigquery apply`; nothing was written"
            )

    def _refuse_format_1(self, table: Table) -> None:
        """Raise BadInput for a ledger in the shape of format 1. Other tables have the same shape in both formats."""
        if table.name in RENAMED:
            session = self._held.session
            if is_format_1(table.name, session.describe().get(table.name, ())):
                raise BadInput(refusal(session.name, table.name))

    def _locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        folder = Path(self.home, "locks", self._dataset_name, table.name)
        return locked(folder, table.name, dates, writer, self.lock_wait_seconds)

    @property
    def _dataset_name(self) -> str:
        return f"{self.bigquery.project}.{self.dataset}"

    @property
    def _key(self) -> tuple[str, ...]:
        return (self.bigquery.project or "", self.dataset, self.location, self.storage_host, self._run_id)

    @property
    def _held(self) -> "Held":
        def opened() -> Held:
            in_a_run = self._run_id != DIRECT
            session = Session(self.bigquery, self.dataset, self.location, self.storage_host, self._run_id, asks_anew=not in_a_run)
            return Held(session, Loads(session, is_cached=in_a_run), Parts(is_cached=in_a_run))

        return _holders.get(self._key, opened)


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

    def done_by(self, job_id: str) -> Load:
        """The record of this write."""
        return Load(self.shape.name, self.day, job_id, self.digest, self.rows.height)


@dataclass(frozen=True)
class Held:
    """What the resources of one run share."""

    session: Session
    loads: Loads
    parts: Parts
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)


class Holders:
    """Reference counts of shared clients. Dagster instantiates a resource once per dependent resource; a run needs one client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, ...], Held] = {}
        self._count: dict[tuple[str, ...], int] = {}

    def get(self, key: tuple[str, ...], opened: Callable[[], Held]) -> Held:
        """The shared objects of a key, opened on first use."""
        with self._lock:
            if key not in self._held:
                self._held[key] = opened()
            return self._held[key]

    def hold(self, key: tuple[str, ...]) -> None:
        """Increment the reference count."""
        with self._lock:
            self._count[key] = self._count.get(key, 0) + 1

    def let_go(self, key: tuple[str, ...]) -> None:
        """Decrement the reference count. The last release closes the client."""
        with self._lock:
            self._count[key] -= 1
            held = self._held.pop(key, None) if not self._count[key] else None
        if held:
            held.session.close()

    def close(self) -> None:
        """Close the remaining clients, which were used outside of runs."""
        with self._lock:
            left, self._held = list(self._held.values()), {}
        for held in left:
            held.session.close()


_holders = Holders()
atexit.register(_holders.close)


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
