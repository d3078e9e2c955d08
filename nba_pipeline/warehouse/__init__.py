"""Where tables are kept: one interface, a local warehouse and BigQuery behind it.

Also here: the IO manager between assets and the warehouse, the landing of provider payloads, the model store.
Not here: what a table means (that is its module under `assets`).
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.ledgers import Recorder, recorder_of
from nba_pipeline.warehouse.manifests import Manifests
from nba_pipeline.warehouse.writing import by_date

if TYPE_CHECKING:
    from nba_pipeline.warehouse.damage import Notice


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

    def add(self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str) -> int:
        """Insert the rows whose key is not there yet and return how many. A date without rows becomes a partition.

        The rows of a ledger are recorded in its manifests, see `ledgers`.
        """
        parts = by_date(table, dates, frame)
        return self._add(table, dates, parts, writer, recorder_of(self.manifests, table, parts))

    def add_recorded(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, recorded: Mapping[date, pl.DataFrame]
    ) -> int:
        """As `add`, for rows of a ledger whose hashes were recorded earlier: key and hash per date. Hashes nothing."""
        recorder = Recorder(self.manifests, table, recorded, records_all=True)
        return self._add(table, dates, by_date(table, dates, frame), writer, recorder)

    @abstractmethod
    def _add(
        self, table: Table, dates: Sequence[date], parts: Mapping[date, pl.DataFrame], writer: str, recorder: Recorder
    ) -> int:
        """Insert missing rows under the write lock of the dates, inside of the recorder's block."""

    @property
    @abstractmethod
    def manifests(self) -> Manifests:
        """The manifests of the ledgers."""

    @abstractmethod
    def locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        """Hold the write lock of a table and dates. Raises Busy."""

    @abstractmethod
    def partition_name(self, table: Table, day: date) -> str:
        """Where the rows of a date are, for messages."""

    def ledger_rows(self, table: Table, dates: Sequence[date]) -> pl.DataFrame:
        """The rows of a ledger on these dates as they are stored, also those whose writer was killed before it ended.

        Raises what polars raises for a partition that cannot be read.
        """
        return self.scan(table, dates).collect()

    def replace_unreadable(self, table: Table, day: date, frame: pl.DataFrame) -> str:
        """Copy a ledger's unreadable partition aside and replace it; returns the copy. The caller holds the write lock."""
        raise PipelineError(f"{self.partition_name(table, day)} cannot be read and is not a file that could be replaced")

    @abstractmethod
    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The rows of these dates, or all; a date never written has none."""

    @abstractmethod
    def dates(self, table: Table) -> set[date]:
        """The dates that were written, empty ones included."""

    @abstractmethod
    def quarantine(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        """Make the quarantine of these dates hold exactly the rejected rows."""

    @abstractmethod
    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The parked rows of a table."""

    def check(self, tables: Iterable[Table], dates: Collection[date]) -> None:
        """Move unreadable files of these tables and dates aside, so that `dates` does not name them."""
        return

    def closed(self, table: Table, dates: Collection[date]) -> dict[date, str]:
        """The dates of a ledger whose rows are unreadable, each with the reason: nothing is written to them."""
        return {}

    def lost(self, table: Table) -> dict[date, str]:
        """The dates whose rows were unreadable and are not rebuilt yet, each with a sentence. Never of a ledger."""
        return {}

    def notices(self) -> "list[Notice]":
        """What was found unreadable, the oldest first."""
        return []

    def last_write(self, table: Table) -> dict[str, Any]:
        """Numbers about the newest write of a table in this run, for Dagster's metadata."""
        return {}

    @abstractmethod
    def drop(self, table: Table) -> None:
        """Delete a table and its quarantine, never a record of decisions. No command does this: `rebuild` replaces tables."""

    @abstractmethod
    def sql(self, query: str) -> pl.DataFrame:
        """Answer one read-only statement; tables go by their plain names. Raises BadInput with the reason."""
