"""A dataset of format 1 as the read-only source of a copy to a local warehouse. Ledgers are converted when read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NoReturn

import polars as pl

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.bigquery.format_1 import is_format_1, shape_of_format_1
from nba_pipeline.warehouse.bigquery.plan import all_shapes
from nba_pipeline.warehouse.bigquery.shapes import Shape, difference, shape_of
from nba_pipeline.warehouse.migration import MARKET, RENAMED, to_format_2


class Format1Source(BigQueryWarehouse):
    """Reads a dataset with a ledger of format 1.

    Tables and nullable columns that the dataset lacks were added to the platform later. They are read as empty and null.
    """

    def preflight(self) -> None:
        """Raises BadInput for a table with other differences than later additions."""
        self.refuse_missing_names()
        for shape in all_shapes():
            existing = self._connection.session.describe().get(shape.name)
            expected = shape_of_format_1(shape.name) if self._is_format_1(shape.name) else shape
            if existing and (refused := difference(expected, existing).refused):
                raise BadInput(f"BigQuery {self._connection.session.name}.{shape.name} cannot be copied: {'; '.join(refused)}")

    def dates(self, table: Table) -> set[date]:
        """The dates that were written."""
        return set(self._connection.loads.of(table.name))

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The rows of these dates, or of all dates, in the current shape."""
        is_old = self._is_format_1(table.name)
        shape = self._with_existing_columns(shape_of_format_1(table.name) if is_old else shape_of(table))
        if not shape.columns:
            return table.empty().lazy()
        present = RENAMED[table.name] if is_old else {}
        names = [column.name for column in shape.columns]
        schema = {name: table.dtypes[present.get(name, name)] for name in names}
        key = [name for name in table.key if not (is_old and name == MARKET)]
        rows = self._scan(shape, key, schema, dates).collect()
        rows = to_format_2(table.name, rows) if is_old else rows
        later = [pl.lit(None, kind).alias(name) for name, kind in table.dtypes.items() if name not in rows.columns]
        return rows.with_columns(later).select(list(table.dtypes)).lazy()

    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        """Raises PipelineError."""
        self._refuse_write(table)

    def add(self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str) -> int:
        """Raises PipelineError."""
        self._refuse_write(table)

    def quarantine(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        """Raises PipelineError."""
        self._refuse_write(table)

    def drop(self, table: Table) -> None:
        """Raises PipelineError."""
        self._refuse_write(table)

    def _refuse_write(self, table: Table) -> NoReturn:
        raise PipelineError(f"BigQuery {self._connection.session.name} has the shape of format 1: {table.name} can only be read")

    def _is_format_1(self, name: str) -> bool:
        return is_format_1(name, self._connection.session.describe().get(name, ()))

    def _with_existing_columns(self, shape: Shape) -> Shape:
        existing = {row["column_name"] for row in self._connection.session.describe().get(shape.name, ())}
        return replace(shape, columns=tuple(column for column in shape.columns if column.name in existing))


def source_of_copy(warehouse: Warehouse) -> Warehouse:
    """The warehouse itself, or a `Format1Source` for a dataset of format 1."""
    if not isinstance(warehouse, BigQueryWarehouse):
        return warehouse
    warehouse.refuse_missing_names()
    described = warehouse.session.describe()
    if not any(is_format_1(name, described.get(name, ())) for name in TABLES):
        return warehouse
    return Format1Source(
        bigquery=warehouse.bigquery,
        dataset=warehouse.dataset,
        location=warehouse.location,
        home=warehouse.home,
        store=warehouse.store,
        storage_host=warehouse.storage_host,
        lock_wait_seconds=warehouse.lock_wait_seconds,
    )
