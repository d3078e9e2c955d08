"""The BigQuery warehouse: one atomic load per date, one MERGE for long ranges and added rows, column-pruned reads.

Repeating a write after a lost response or a killed process submits the same job, which BigQuery runs once. The record of
writes (`loads`) is updated after the job. Submitting jobs does not belong here, see `writes`, `reads` and `session`.
"""

import re
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster_gcp import BigQueryResource
from pydantic import Field, PrivateAttr

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse, files
from nba_pipeline.warehouse.bigquery import journal
from nba_pipeline.warehouse.bigquery.connections import Connection
from nba_pipeline.warehouse.bigquery.format_1 import is_format_1, refusal
from nba_pipeline.warehouse.bigquery.loads import Load, Loads
from nba_pipeline.warehouse.bigquery.parts import Parts
from nba_pipeline.warehouse.bigquery.plan import all_shapes
from nba_pipeline.warehouse.bigquery.reads import Reader, lazy_frame
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import Shape, difference, quarantine_of, shape_of
from nba_pipeline.warehouse.bigquery.writes import Writer
from nba_pipeline.warehouse.journal import DIRECT
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.ledgers import Recorder
from nba_pipeline.warehouse.manifests import FOLDER as MANIFESTS
from nba_pipeline.warehouse.manifests import Manifests
from nba_pipeline.warehouse.migration import RENAMED
from nba_pipeline.warehouse.write_leases import leased
from nba_pipeline.warehouse.writing import by_date, locked, partitioned, refuse_to_shrink, with_date

ADDED_NOTHING = "nothing_to_add"
"""Replaces the job id when a date is first written without any rows to add."""


class BigQueryWarehouse(Warehouse):
    """The tables in a BigQuery dataset.

    `store` is the location of the landing whose journal `sql` can query, and of the write leases. It defaults to the home, which
    only the runs of one machine can share. With `has_several_hosts` it must be a bucket.
    """

    bigquery: dg.ResourceDependency[BigQueryResource]
    dataset: str
    location: str = ""
    home: str
    store: str = ""
    storage_host: str = ""
    has_several_hosts: bool = False
    lock_wait_seconds: float = Field(default_factory=lambda: SETTINGS.warehouse.lock_wait_seconds)
    _run_id: str = PrivateAttr(default=DIRECT)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["BigQueryWarehouse"]:
        """Shares one client with all resources of the run. The last resource to exit closes it."""
        self._run_id = context.run.run_id if context.run else DIRECT
        RUN_OBJECTS.acquire(self._key)
        try:
            yield self
        finally:
            RUN_OBJECTS.release(self._key)

    def preflight(self) -> None:
        """Raises BadInput for missing credentials, project, dataset or permission, and for tables of another shape."""
        self.refuse_missing_names()
        for shape in all_shapes():
            self._refuse_another_shape(shape)

    def refuse_missing_names(self) -> None:
        """Raises BadInput if the project or the dataset is not configured."""
        missing = [
            name for name, value in (("BIGQUERY_PROJECT", self.bigquery.project), ("BIGQUERY_DATASET", self.dataset)) if not value
        ]
        if missing:
            raise BadInput(
                f"NBA_PIPELINE_ENV=production needs {' and '.join(missing)}; set {'it' if len(missing) == 1 else 'them'}"
            )
        self._refuse_local_locks()

    def _refuse_local_locks(self) -> None:
        """Raises BadInput if several hosts may share the run history and their writers could not exclude one another."""
        if self.has_several_hosts and isinstance(files.place(self.store or self.home), Path):
            raise BadInput(
                "production with its run history in PostgreSQL needs NBA_PIPELINE_STORE=gs://bucket/prefix, in which several hosts "
                "share landing, models and write leases; set it"
            )

    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        parts, shape, loads = by_date(table, dates, frame), shape_of(table), self._connection.loads
        if not dates:
            return
        self._refuse_another_shape(shape)
        with self._locked(table, dates, writer):
            self._connection.parts.forget(table.name, loads.renew(table.name, dates))
            for day in dates:
                before, rows = loads.get(table.name, day), parts.get(day)
                if before:
                    refuse_to_shrink(table, day, rows.height if rows is not None else 0, before.rows, (excused or {}).get(day, 0))
            Writer(self._connection).replace(shape, table.key, {day: parts.get(day, table.empty()) for day in dates})

    def _add(
        self, table: Table, dates: Sequence[date], parts: Mapping[date, pl.DataFrame], writer: str, recorder: Recorder
    ) -> int:
        shape, loads = shape_of(table), self._connection.loads
        if not dates:
            return 0
        self._refuse_another_shape(shape)
        with self._locked(table, dates, writer):
            self._connection.parts.forget(table.name, loads.renew(table.name, dates))
            # queried even if the record has no rows: a killed run may have added some
            existing = Reader(self._connection).read(shape, table.key, table.dtypes, sorted(set(dates)), is_contiguous=False)
            new = {
                day: rows.join(existing.filter(pl.col("game_date") == day), on=list(table.key), how="anti", nulls_equal=True)
                for day, rows in parts.items()
            }
            new = {day: rows for day, rows in new.items() if rows.height}
            with recorder.recording(dates, existing, new):
                if new:
                    Writer(self._connection).add(table, shape, new, existing)
            first_time = [day for day in dates if day not in new and not loads.get(table.name, day)]
            rows_before = dict(existing.group_by("game_date").len().iter_rows())
            loads.acknowledge([(Load(table.name, day, ADDED_NOTHING, None, rows_before.get(day, 0)), None) for day in first_time])
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
        self._connection.parts.forget(table.name, list(dates))
        return Reader(self._connection).read(shape_of(table), table.key, table.dtypes, sorted(set(dates)), is_contiguous=False)

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        self._refuse_format_1(table)
        return self._scan(shape_of(table), table.key, table.dtypes, dates)

    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        return self._scan(quarantine_of(table), ("problem", "row"), QUARANTINE_SCHEMA, dates)

    def dates(self, table: Table) -> set[date]:
        self._refuse_format_1(table)
        return set(self._connection.loads.of(table.name))

    def quarantine(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        shape, loads = quarantine_of(table), self._connection.loads
        parts = partitioned(shape.name, dates, with_date(rejected, dates))
        empty = pl.DataFrame(schema=dict(QUARANTINE_SCHEMA))
        rows_before = {day: load.rows for day in dates if (load := loads.get(shape.name, day))}
        rows_to_replace = {day: parts.get(day, empty) for day in dates if day in parts or rows_before.get(day)}
        if rows_to_replace:
            self._refuse_another_shape(shape)
            Writer(self._connection).replace(shape, ("problem", "row"), rows_to_replace)

    def drop(self, table: Table) -> None:
        if table.is_ledger:
            raise PipelineError(f"{table.name} is a ledger and is never deleted")
        session, names = self._connection.session, (table.name, quarantine_of(table).name)
        # removed from the record first: if the process is killed before the truncation, the dates count as never written
        self._connection.loads.forget(names)
        for name in names:
            session.query(f"TRUNCATE TABLE `{name}`", asset=table.name)
        self._connection.parts.forget_tables(names)

    def last_write(self, table: Table) -> dict[str, Any]:
        return self._connection.receipts.get(table.name, {})

    def sql(self, query: str) -> pl.DataFrame:
        self._connection.session.require_select(query)  # first, because a refused query must not load the journal
        if journal.VIEWS.keys() & set(re.findall(r"[a-z_]+", query.lower())):
            landing = Landing(home=self.store or self.home, clock=Clock())
            journal.sync(self._connection.session, self._connection.loads, landing)
        return self._connection.session.select(query)

    @property
    def session(self) -> Session:
        """The session of this run, or of work outside of one."""
        return self._connection.session

    def _scan(
        self, shape: Shape, key: Sequence[str], schema: Mapping[str, pl.DataType], dates: Collection[date] | None
    ) -> pl.LazyFrame:
        return lazy_frame(schema, lambda selected: Reader(self._connection).read_dates(shape, key, selected, dates))

    def _refuse_another_shape(self, shape: Shape) -> None:
        """Raises BadInput, before any data moves, if the table is missing or its shape differs from the schema."""
        session = self._connection.session
        existing = session.describe().get(shape.name)
        if existing is None:
            raise BadInput(f"BigQuery {session.name} has no table {shape.name}; create it with `nba-pipeline bigquery apply`")
        if is_format_1(shape.name, existing):
            raise BadInput(refusal(session.name, shape.name))
        differences = difference(shape, existing)
        if differences.refused:
            raise BadInput(
                f"BigQuery {session.name}.{shape.name} differs from the expected schema: {differences}; nothing was written"
            )
        if differences.added:
            raise BadInput(
                f"BigQuery {session.name}.{shape.name}: {differences}; add it with `nba-pipeline bigquery apply`; nothing was written"
            )

    def _refuse_format_1(self, table: Table) -> None:
        """Raises BadInput for a ledger in the shape of format 1. Other tables have the same shape in both formats."""
        if table.name in RENAMED:
            session = self._connection.session
            if is_format_1(table.name, session.describe().get(table.name, ())):
                raise BadInput(refusal(session.name, table.name))

    def _locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        self._refuse_local_locks()
        folder = files.place(self.store or self.home) / "locks" / self._dataset_name / table.name
        if not isinstance(folder, Path):
            return leased(folder, table.name, dates, writer, self.lock_wait_seconds)
        return locked(folder, table.name, dates, writer, self.lock_wait_seconds)

    @property
    def _dataset_name(self) -> str:
        return f"{self.bigquery.project}.{self.dataset}"

    @property
    def _key(self) -> tuple[str, ...]:
        return ("bigquery", self.bigquery.project or "", self.dataset, self.location, self.storage_host, self._run_id)

    @property
    def _connection(self) -> Connection:
        def open_connection() -> Connection:
            in_a_run = self._run_id != DIRECT
            session = Session(
                self.bigquery, self.dataset, self.location, self.storage_host, self._run_id, reads_fresh=not in_a_run
            )
            return Connection(session, Loads(session, is_cached=in_a_run), Parts(is_cached=in_a_run))

        return RUN_OBJECTS.get(self._key, open_connection, Connection.close)
