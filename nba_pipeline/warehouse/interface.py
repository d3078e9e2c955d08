"""The interface of a warehouse: writes, reads and read-only SQL. Its implementations are `local` and `bigquery`."""

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
        """Checks the preconditions of all writes before the first one. Raises BadInput with the next step."""
        return

    @abstractmethod
    def replace(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, excused: Mapping[date, int] | None = None
    ) -> None:
        """Replaces the rows of these dates with the rows of the frame. A date without rows becomes an empty partition.

        Raises PipelineError for a row outside the dates, a duplicate key, and columns or types that differ from the table's.
        Raises it also for a date that would keep less than the fraction `coverage.shrink_floor` of its rows. `excused` is
        the number of rows per date that may be removed and are not counted as lost. Raises Busy while another writer holds a
        date.
        """

    def add(self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str) -> int:
        """Inserts the rows whose key does not exist yet and returns their number. A date without rows becomes an empty partition.

        The rows of a ledger are recorded in its manifests, see `ledgers`.
        """
        parts = by_date(table, dates, frame)
        return self._add(table, dates, parts, writer, recorder_of(self.manifests, table, parts))

    def add_recorded(
        self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str, recorded: Mapping[date, pl.DataFrame]
    ) -> int:
        """Like `add`, for ledger rows that already have hashes. `recorded` has the key and hash of each row, by date."""
        recorder = Recorder(self.manifests, table, recorded, records_all=True)
        return self._add(table, dates, by_date(table, dates, frame), writer, recorder)

    @abstractmethod
    def _add(
        self, table: Table, dates: Sequence[date], parts: Mapping[date, pl.DataFrame], writer: str, recorder: Recorder
    ) -> int:
        """Inserts missing rows inside the recorder's block, under the write lock of the dates."""

    @property
    @abstractmethod
    def manifests(self) -> Manifests:
        """The manifests of the ledgers."""

    @abstractmethod
    def locked(self, table: Table, dates: Sequence[date], writer: str) -> AbstractContextManager[None]:
        """Holds the write lock of a table and dates. Raises Busy."""

    @abstractmethod
    def partition_name(self, table: Table, day: date) -> str:
        """The location of a date's rows, for messages."""

    def ledger_rows(self, table: Table, dates: Sequence[date]) -> pl.DataFrame:
        """The stored rows of a ledger on these dates, including rows of a writer that was killed before it finished.

        Raises polars' exceptions for an unreadable partition.
        """
        return self.scan(table, dates).collect()

    def replace_unreadable(self, table: Table, day: date, frame: pl.DataFrame) -> str:
        """Replaces a ledger's unreadable partition and returns the path of its copy. The caller holds the write lock."""
        raise PipelineError(f"{self.partition_name(table, day)} cannot be read; a restore can only replace partition files")

    @abstractmethod
    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The rows of these dates, or of all dates. A date that was never written has no rows."""

    @abstractmethod
    def dates(self, table: Table) -> set[date]:
        """The dates that were written, including empty ones."""

    @abstractmethod
    def quarantine(self, table: Table, dates: Sequence[date], rejected: pl.DataFrame) -> None:
        """Replaces the quarantine of these dates with the rejected rows."""

    @abstractmethod
    def scan_quarantine(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The quarantined rows of a table."""

    def check(self, tables: Iterable[Table], dates: Collection[date]) -> None:
        """Moves unreadable files of these tables and dates aside, so that `dates` excludes them."""
        return

    def closed(self, table: Table, dates: Collection[date]) -> dict[date, str]:
        """The closed dates of a ledger, each with the reason. Their rows are unreadable, and writes are refused."""
        return {}

    def lost(self, table: Table) -> dict[date, str]:
        """The dates with unreadable rows that are not rebuilt yet, each with a message. Always empty for a ledger."""
        return {}

    def notices(self) -> "list[Notice]":
        """The recorded damage, oldest first."""
        return []

    def last_write(self, table: Table) -> dict[str, Any]:
        """Metrics of the table's latest write in this run, for Dagster's metadata."""
        return {}

    def compact(self, tables: Iterable[Table], today: date) -> str:
        """Stores the closed months of these tables in fewer files, with the same rows. Returns a summary, or an empty text."""
        return ""

    @abstractmethod
    def drop(self, table: Table) -> None:
        """Deletes a table and its quarantine. Refuses ledgers. No command calls it: `rebuild` replaces tables."""

    @abstractmethod
    def sql(self, query: str) -> pl.DataFrame:
        """Runs one read-only statement, with plain table names. Raises BadInput with the reason."""
