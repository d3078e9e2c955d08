"""Reads of the local warehouse: dates, readable files, closed and lost dates, SQL. Imports neither Dagster nor dataframely.

Writing and validating rows belong in `local.py`.
"""

import shutil
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile

import polars as pl

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES, StoredTable
from nba_pipeline.warehouse import local_sql, swap
from nba_pipeline.warehouse.damage import with_next_step
from nba_pipeline.warehouse.home_format import refuse_another_format
from nba_pipeline.warehouse.ledgers import missing_rows
from nba_pipeline.warehouse.manifests import FOLDER as MANIFESTS
from nba_pipeline.warehouse.manifests import InvalidManifest, Manifest, Manifests
from nba_pipeline.warehouse.months import Part, scan_parts
from nba_pipeline.warehouse.partitions import QUARANTINE, TABLES_FOLDER, Partition, is_readable, recovering
from nba_pipeline.warehouse.stored_dates import StoredDates, lost


class LocalReading:
    """Reads of `<home>/tables/<table>`: one file per date, and per closed month. Moves unreadable files aside."""

    home: str

    @property
    def _tables(self) -> Mapping[str, StoredTable]:
        """The tables that a query may name."""
        return TABLES

    @property
    def manifests(self) -> Manifests:
        """The manifests of the ledgers."""
        return Manifests(Path(self.home, MANIFESTS))

    def dates(self, table: StoredTable) -> set[date]:
        """The dates that were written, including empty ones."""
        refuse_another_format(Path(self.home))
        return StoredDates(Path(self.home), TABLES_FOLDER, table).dates()

    def scan(self, table: StoredTable, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The rows of these dates, or of all dates. A date that was never written has no rows."""
        return self._scan(TABLES_FOLDER, table, dates, table.dtypes)

    def scan_quarantine(self, table: StoredTable, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """The quarantined rows of a table."""
        return self._scan(QUARANTINE, table, dates, QUARANTINE_SCHEMA)

    def closed(self, table: StoredTable, dates: Collection[date]) -> dict[date, str]:
        """The closed dates of a ledger, each with the reason."""
        reasons = self._unreadable(table, dates)
        for day in dates if table.is_ledger else ():
            if not self._file(TABLES_FOLDER, table, day).exists() and (manifest := self._manifest(table, day)):
                reasons[day] = missing_rows(table, day, manifest.rows.height)
        return reasons

    def lost(self, table: StoredTable) -> dict[date, str]:
        """The dates with unreadable rows that are not rebuilt yet, each with a message. Always empty for a ledger."""
        return lost(Path(self.home), table)

    def sql(self, query: str) -> pl.DataFrame:
        """Runs one read-only statement, with plain table names. Raises BadInput with the reason."""
        home = Path(self.home)
        refuse_another_format(home)
        return recovering(
            lambda: local_sql.run_query(home, query, lambda kind, table: self._parts(kind, table, None), self._tables)
        )

    def _unreadable(self, table: StoredTable, dates: Collection[date]) -> dict[date, str]:
        """The dates of a ledger with an unreadable file, each with a message."""
        if not table.is_ledger:
            return {}
        partitions = [self._partition(TABLES_FOLDER, table, day) for day in dates]
        return {
            partition.day: partition.closed_reason
            for partition in partitions
            if not is_readable(partition) and partition.file.exists()
        }

    def _manifest(self, table: StoredTable, day: date) -> Manifest | None:
        try:
            return self.manifests.read(table, day)
        except InvalidManifest:
            return None  # reported by the verification

    def _partition(self, kind: str, table: StoredTable, day: date) -> Partition:
        return Partition(Path(self.home), kind, table, day)

    def _file(self, kind: str, table: StoredTable, day: date) -> Path:
        return self._partition(kind, table, day).file

    def _parts(self, kind: str, table: StoredTable, dates: Collection[date] | None) -> list[Part]:
        """The readable files of these dates, or of all, sorted by date. Unreadable ones are moved aside or close their date."""
        stored = StoredDates(Path(self.home), kind, table)
        return stored.parts(stored.dates() if dates is None else dates)

    def _scan(
        self, kind: str, table: StoredTable, dates: Collection[date] | None, schema: Mapping[str, pl.DataType]
    ) -> pl.LazyFrame:
        refuse_another_format(Path(self.home))
        return scan_parts(self._parts(kind, table, dates), schema)


class LocalTables(LocalReading):
    """The tables of a home, for commands that only read. `tables` replaces the registry, which is empty without Dagster."""

    def __init__(self, home: Path, tables: Mapping[str, StoredTable]):
        check_home(home, SETTINGS.warehouse.least_free_mib)
        self.home, self._tables_by_name = str(home), tables

    @property
    def _tables(self) -> Mapping[str, StoredTable]:
        return self._tables_by_name

    def unreadable_dates(self, tables: Iterable[StoredTable], dates: Collection[date] | None = None) -> list[str]:
        """Returns a message per date of these tables that lacks rows because a file is unreadable. `dates` limits the dates."""
        messages = list[str]()
        for table in tables:
            lost_dates = {day: with_next_step(message) for day, message in self.lost(table).items()}
            by_date = self.closed(table, self.dates(table) if dates is None else dates) | lost_dates
            messages += [by_date[day] for day in sorted(by_date) if dates is None or day in dates]
        return messages


def check_home(home: Path, least_free_mib: int) -> None:
    """Checks format, free space and permissions of a home, and finishes an interrupted replacement of its tables.

    Raises BadInput with the next step.
    """
    refuse_another_format(home)
    if swap.is_pending(home):
        swap.finish(home)
    tables = home / "tables"
    existing = next(folder for folder in (tables, *tables.absolute().parents) if folder.exists())
    try:
        with TemporaryFile(dir=existing):  # unnamed, so a check leaves no file behind
            free = shutil.disk_usage(existing).free / 1024**2
    except OSError as error:
        raise BadInput(f"the tables below {home} cannot be written: {error.strerror}") from None
    if free < least_free_mib:
        raise BadInput(f"the disk of {home} has {free:.0f} MiB free; writing requires {least_free_mib} MiB")
