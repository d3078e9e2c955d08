"""Where tables are kept: one interface, a local warehouse and BigQuery behind it.

Also here: the IO manager between assets and the warehouse, the landing of provider payloads, the model store.
Not here: what a table means (that is its module under `assets`).
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.table import Table


class Warehouse(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Tables in daily partitions. Every write is atomic per table and date."""

    def preflight(self) -> None:
        """Find what would stop every write before any begins. Raises BadInput with what to do."""
        return

    @abstractmethod
    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        """Make exactly these dates hold exactly these rows; a date without rows becomes an empty partition.

        Raises PipelineError for a row outside the dates, and where fewer than `coverage.shrink_floor` of the replaced
        rows would remain, not counting the rows that `excused` lets go on a date, for a key that comes twice and for other
        columns or types than the table's; Busy when another writer holds a date.
        """

    @abstractmethod
    def add(self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str) -> int:
        """Insert the rows whose key is not there yet and return how many. A date without rows becomes a partition."""

    @abstractmethod
    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The rows of these dates, or all; a date never written has none."""

    @abstractmethod
    def dates(self, table: Table) -> set[date]:
        """The dates that were written, empty ones included."""

    @abstractmethod
    def park(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        """Make the quarantine of these dates hold exactly the rejected rows."""

    @abstractmethod
    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The parked rows of a table."""

    def last_write(self, table: Table) -> dict[str, Any]:
        """Numbers about the newest write of a table in this run, for Dagster's metadata."""
        return {}

    @abstractmethod
    def drop(self, table: Table) -> None:
        """Delete a table and its quarantine, never a record of decisions. No command does this: `rebuild` replaces tables."""

    @abstractmethod
    def sql(self, query: str) -> pl.DataFrame:
        """Answer one read-only statement; tables go by their plain names. Raises BadInput with the reason."""
