"""Copying: transfers the rows of a date range between warehouses in chunks, reads each chunk back and compares it.

Uses only the `Warehouse` interface, so source and target may be of any kind. Rows are copied unchanged, including lineage.
Dates that already match are skipped, so repeating an interrupted copy resumes it.
"""

import hashlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.league.calendar import days, week_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.verification import verify
from nba_pipeline.warehouse.writing import refuse_to_shrink

WRITER = "copy"
WEEKLY_TABLE = "points_model"
"""A table whose dates are Mondays. A copy that begins within a week includes that week's Monday."""


@dataclass(frozen=True)
class Difference:
    """A date of a table or quarantine on which the warehouses differ after the copy."""

    name: str
    day: date
    source_rows: int
    target_rows: int | None
    """None if the target was never written."""
    reason: str = ""

    def __str__(self) -> str:
        """The difference as a message."""
        target = "never written" if self.target_rows is None else counted(self.target_rows, "row")
        values = ", with other values" if self.source_rows == self.target_rows else ""
        rows = f"{counted(self.source_rows, 'row')} in the source, {target} in the target{values}"
        return f"{self.name} {self.day}: {rows}{self.reason and f'; {self.reason}'}"


@dataclass(frozen=True)
class Copied:
    """The result of copying one chunk of dates. In a dry run `written` and `rows` are what a copy would write."""

    name: str
    first: date
    last: date
    matching: int
    """The number of dates that already matched."""
    written: int
    rows: int
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        """The result as a progress message."""
        written = f"{counted(self.written, 'date')} with {counted(self.rows, 'row')}"
        message = f"{self.name} {self.first} to {self.last}: {written}, {counted(self.matching, 'date')} matched before"
        return f"{message}, {counted(len(self.differences), 'difference')}" if self.differences else message


@dataclass(frozen=True)
class Part:
    """The row count and checksum of one date in a warehouse."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Rows:
    """Reads, writes and compares the rows of a table."""

    table: Table

    @property
    def name(self) -> str:
        """The name for messages."""
        return self.table.name

    def dates(self, warehouse: Warehouse, requested: Collection[date]) -> set[date]:
        """The requested dates that were written."""
        return warehouse.dates(self.table) & set(requested)

    def readable_dates(self, warehouse: Warehouse, requested: Collection[date]) -> list[date]:
        """The requested dates whose content the warehouse can read."""
        return sorted(self.dates(warehouse, requested))

    def read(self, warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
        """The rows of these dates."""
        return warehouse.scan(self.table, dates).collect()

    def write(self, warehouse: Warehouse, dates: Sequence[date], frame: pl.DataFrame) -> None:
        """Replaces the dates, or adds to a ledger."""
        if self.table.write == "add":
            warehouse.add(self.table, dates, frame, WRITER)
        else:
            warehouse.replace(self.table, dates, frame, WRITER)

    def refusal(self, day: date, source_part: Part, target_part: Part | None) -> str:
        """Why the target would refuse a date; empty if it would not. Checked first, so that other dates are still copied."""
        if target_part and self.table.write != "add":
            try:
                refuse_to_shrink(self.table, day, source_part.rows, target_part.rows, 0)
            except PipelineError as error:
                return str(error)
        return ""

    def altered(self, warehouse: Warehouse, dates: Sequence[date]) -> dict[date, str]:
        """The ledger dates that differ from the manifests, each with a finding. A copy would record the altered rows."""
        if not self.table.is_ledger or not warehouse.manifests.dates(self.table):
            return {}
        verified = verify(warehouse, self.table, dates)
        return {result.game_date: f"not copied: {result.findings[0]}" for result in verified if result.findings}

    def parts(self, frame: pl.DataFrame, dates: Collection[date]) -> dict[date, Part]:
        """The row count and checksum of each date."""
        by_day = {key[0]: rows for key, rows in frame.partition_by("game_date", as_dict=True).items()}
        frames = {day: by_day.get(day, frame.clear()) for day in dates}
        return {day: Part(rows.height, self.checksum(rows)) for day, rows in frames.items()}

    def checksum(self, frame: pl.DataFrame) -> str:
        """The checksum of the rows of one date."""
        return checksum(self.table, frame)


class Replaced(Rows):
    """A table whose dates are always replaced, even by fewer rows and even if writes normally only add rows."""

    def write(self, warehouse: Warehouse, dates: Sequence[date], frame: pl.DataFrame) -> None:
        """Replaces the dates."""
        warehouse.replace(self.table, dates, frame, WRITER, dict.fromkeys(dates, sys.maxsize))

    def refusal(self, day: date, source_part: Part, target_part: Part | None) -> str:
        """Always empty: the caller has already decided that the rows may be replaced."""
        return ""


class Quarantine(Rows):
    """The quarantined rows of a table. Covers dates that the table has, or that a failed run quarantined rows for."""

    @property
    def name(self) -> str:
        """The name for messages."""
        return f"quarantine of {self.table.name}"

    def dates(self, warehouse: Warehouse, requested: Collection[date]) -> set[date]:
        """The requested dates that the table has, or for which rows are quarantined."""
        quarantined = warehouse.scan_quarantine(self.table, requested).select(pl.col("game_date").unique()).collect()["game_date"]
        return super().dates(warehouse, requested) | set(quarantined)

    def readable_dates(self, warehouse: Warehouse, requested: Collection[date]) -> list[date]:
        """All requested dates: a date without quarantined rows has an empty quarantine."""
        return sorted(requested)

    def read(self, warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
        """The quarantined rows of these dates."""
        return warehouse.scan_quarantine(self.table, dates).collect()

    def write(self, warehouse: Warehouse, dates: Sequence[date], frame: pl.DataFrame) -> None:
        """Replaces the quarantine of these dates."""
        warehouse.quarantine(self.table, dates, frame)

    def refusal(self, day: date, source_part: Part, target_part: Part | None) -> str:
        """Always empty: a quarantine may shrink."""
        return ""

    def altered(self, warehouse: Warehouse, dates: Sequence[date]) -> dict[date, str]:
        """Always empty: a quarantine has no manifest."""
        return {}

    def checksum(self, frame: pl.DataFrame) -> str:
        """The checksum of one date's quarantined rows, which have no key."""
        return _digest(frame, QUARANTINE_SCHEMA, tuple(QUARANTINE_SCHEMA))


def copy(
    source: Warehouse,
    target: Warehouse,
    dates: Sequence[date],
    names: Sequence[str],
    *,
    dry_run: bool = False,
    dates_per_chunk: int | None = None,
    rows: type[Rows] = Rows,
) -> Iterator[Copied]:
    """Copies tables, in this order, from the first date to the last, and yields a result per chunk.

    Dates that were never written in the source are left unchanged in the target. Ledger rows are added. Other rows replace
    existing ones, unless a date would lose too many rows. With `rows=Replaced`, rows always replace existing ones. A dry run
    only compares.
    Raises BadInput for an unknown table.
    """
    unknown = sorted(set(names) - TABLES.keys())
    if unknown:
        raise BadInput(f"unknown table {', '.join(unknown)}; choose from {', '.join(sorted(TABLES))}")
    size = SETTINGS.warehouse.dates_per_run if dates_per_chunk is None else dates_per_chunk
    for name in names:
        first = week_of(min(dates)) if name == WEEKLY_TABLE else min(dates)
        # the quarantine first, as in a run, so that a written date always has its quarantine
        for side in (Quarantine(TABLES[name]), rows(TABLES[name])):
            existing = sorted(side.dates(source, days(first, max(dates))))
            for start in range(0, len(existing), size):
                yield _copy_chunk(source, target, side, existing[start : start + size], dry_run)


def checksum(table: Table, frame: pl.DataFrame) -> str:
    """The checksum of every cell, in order of date and key. It is the same in every process and for every warehouse."""
    return _digest(frame, table.dtypes, ("game_date", *table.key))


def _copy_chunk(source: Warehouse, target: Warehouse, side: Rows, chunk: Sequence[date], dry_run: bool) -> Copied:
    frame = side.read(source, chunk)
    source_parts, target_parts = side.parts(frame, chunk), _parts(side, target, chunk)
    differing = [day for day in chunk if source_parts[day] != target_parts.get(day)]
    refused = {day: reason for day in differing if (reason := side.refusal(day, source_parts[day], target_parts.get(day)))}
    refused |= side.altered(source, differing)
    written = [day for day in differing if day not in refused]
    result = Copied(
        side.name, chunk[0], chunk[-1], len(chunk) - len(differing), len(written), sum(source_parts[day].rows for day in written)
    )
    if dry_run or not differing:
        return result
    if written:
        side.write(target, written, frame.filter(pl.col("game_date").is_in(written)))
    source_parts, target_parts = _parts(side, source, differing), _parts(side, target, differing)
    differences = tuple(
        Difference(
            side.name, day, part.rows, existing.rows if (existing := target_parts.get(day)) else None, refused.get(day, "")
        )
        for day, part in source_parts.items()
        if part != target_parts.get(day)
    )
    return Copied(result.name, result.first, result.last, result.matching, result.written, result.rows, differences)


def _parts(side: Rows, warehouse: Warehouse, dates: Sequence[date]) -> dict[date, Part]:
    """The current row counts and checksums of the dates that a warehouse can read."""
    known_dates = side.readable_dates(warehouse, dates)
    return side.parts(side.read(warehouse, known_dates), known_dates)


def _digest(frame: pl.DataFrame, schema: Mapping[str, pl.DataType], order: Sequence[str]) -> str:
    ordered = frame.select(pl.col(name).cast(kind) for name, kind in schema.items()).sort(list(dict.fromkeys(order)))
    digest = hashlib.sha256(str(ordered.height).encode())
    for column in ordered:
        digest.update(f"\0{column.name}\0".encode())
        _add_cells(digest, column)
    return digest.hexdigest()


def _add_cells(digest: "hashlib._Hash", column: pl.Series) -> None:
    """Hash the cells of a column: the null mask, then the values. Text and lists are preceded by their lengths."""
    if isinstance(column.dtype, pl.List):
        lengths = column.list.len().fill_null(0)  # BigQuery has no null lists, only empty ones
        digest.update(lengths.cast(pl.Int64).to_numpy().tobytes())
        _add_cells(digest, column.filter(lengths > 0).explode())
        return
    digest.update(column.is_null().to_numpy().tobytes())
    if column.dtype == pl.String:
        column = column.fill_null("")
        digest.update(column.str.len_bytes().cast(pl.Int64).to_numpy().tobytes())
        digest.update("".join(column).encode())
    elif column.dtype.is_float():
        # normalizes zeros and NaNs to one bit pattern each
        values = column.cast(pl.Float64).fill_null(0.0).fill_nan(float("nan")).to_numpy()
        digest.update((values + 0.0).tobytes())
    else:
        digest.update(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy().tobytes())
