"""Migration from format 1 to format 2: ledgers gain `market`, and their value columns get market-neutral names.

Ledgers cannot be rebuilt, so each partition is converted in place: the converted rows are written to a temporary file, read
back, compared and renamed over the old file. Converted partitions are skipped and the format number is written last, so
repeating an interrupted migration completes it. `copy` converts the rows of an old BigQuery dataset with the same
`to_format_2`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.checksum import seal
from nba_pipeline.warehouse.home_format import FORMAT, format_of, refuse_another_format, write_format
from nba_pipeline.warehouse.ledgers import ledgers, record_existing
from nba_pipeline.warehouse.manifests import FOLDER as MANIFESTS
from nba_pipeline.warehouse.manifests import Manifests
from nba_pipeline.warehouse.months import Part, scan_parts
from nba_pipeline.warehouse.writing import locked

RENAMED: Mapping[str, Mapping[str, str]] = {
    "predictions": {"predicted_points": "predicted_value"},
    "grades": {
        "predicted_points": "predicted_value",
        "points": "actual_value",
        "error_points": "error",
        "absolute_error_points": "absolute_error",
    },
}
"""Ledger -> column of format 1 -> its name in format 2."""

MARKET = "market"
MARKET_OF_FORMAT_1 = "player_points"
"""The only market of format 1."""

WRITER, TEMPORARY = "migrate", ".migrate.tmp"

LedgerFormat = Literal[1, 2]


@dataclass(frozen=True)
class Partition:
    """A file of a ledger, its row count and the format of its columns."""

    table: Table
    file: Path
    rows: int
    format: LedgerFormat

    @property
    def day(self) -> date:
        """The date in the folder's name."""
        return _day(self.file)


def ledger_format(table: str, columns: Collection[str]) -> LedgerFormat | None:
    """The format of a ledger's columns, or None if they match neither."""
    renamed, existing = RENAMED[table], set(columns)
    old, new = set(renamed), {MARKET, *renamed.values()}
    key = set(TABLES[table].key) - {MARKET}
    if not key <= existing:
        return None
    if old <= existing and not new & existing:
        return 1
    return 2 if new <= existing and not old & existing else None


def to_format_2(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Converts ledger rows from format 1 to format 2. Values, order and other columns are unchanged."""
    renamed = rows.rename(RENAMED[table])
    after = [name for name in TABLES[table].dtypes if name in renamed.columns or name == MARKET]
    place = renamed.columns.index(after[after.index(MARKET) - 1]) + 1
    return renamed.insert_column(place, pl.Series(MARKET, [MARKET_OF_FORMAT_1] * rows.height, dtype=pl.String))


def plan(home: Path) -> list[Partition]:
    """Reads and returns every partition of the ledgers that change. Empty if the home needs no migration.

    Raises BadInput for a home of a newer format, PipelineError for an unreadable partition or one of neither format.
    """
    number = format_of(home)
    if number is None or number >= FORMAT:
        refuse_another_format(home)
        return []
    return [_partition(table, file) for table in _ledgers() for file in _files(home, table)]


def summary(home: Path, partitions: Collection[Partition]) -> Iterator[str]:
    """The pending work of a migration, one line per ledger."""
    if format_of(home) != FORMAT - 1:
        yield f"nothing to do: {home} {f'has format {format_of(home)}' if format_of(home) else 'has no tables yet'}"
        return
    for table in _ledgers():
        parts = [part for part in partitions if part.table is table]
        old = [part for part in parts if part.format == 1]
        rows = sum(part.rows for part in old)
        yield f"{table.name}: {counted(len(old), 'partition')} with {counted(rows, 'row')} to convert, {len(parts) - len(old)} already converted"


def migrate(home: Path, partitions: Collection[Partition]) -> Iterator[str]:
    """Converts the partitions from `plan`, runs the other steps, then writes the format number. Yields a message per step.

    Raises BadInput for a home that cannot be written, Busy while another writer holds a date. Repeating it resumes it.
    """
    if format_of(home) != FORMAT - 1:
        return
    try:
        for step in STEPS:
            yield from step(home, partitions)
        write_format(home, FORMAT)
    except OSError as error:
        raise BadInput(f"{home} cannot be written: {error.strerror or error}; run `nba-pipeline migrate` again") from None
    yield f"{home} has format {FORMAT}"


def convert_ledgers(home: Path, partitions: Collection[Partition]) -> Iterator[str]:
    """Converts the partitions of format 1."""
    for table in _ledgers():
        old = [part for part in partitions if part.table is table and part.format == 1]
        for part in old:
            with _locked(home, table, part.day):
                _convert(table, part.file)
        rows = sum(part.rows for part in old)
        yield f"{table.name}: {counted(len(old), 'partition')} with {counted(rows, 'row')} converted"


def record_ledgers(home: Path, partitions: Collection[Partition]) -> Iterator[str]:
    """Records the rows of every ledger in the manifests, which format 1 did not have."""
    manifests = Manifests(home / MANIFESTS)
    for table in ledgers():
        recorded = 0
        for file in _files(home, table):
            day = _day(file)
            with _locked(home, table, day):
                rows = scan_parts([Part(file)], table.dtypes).collect()
                recorded += rows.height if record_existing(manifests, table, day, rows) else 0
        yield f"{table.name}: {counted(recorded, 'row')} recorded in the manifests"


STEPS: tuple[Callable[[Path, Collection[Partition]], Iterator[str]], ...] = (convert_ledgers, record_ledgers)
"""The steps from format 1 to 2, in order. A step yields messages and can be repeated after an interruption.

The format number is written after the last step. Until then the home has format 1, so a warehouse refuses it.
"""


def _locked(home: Path, table: Table, day: date) -> AbstractContextManager[None]:
    return locked(home / "locks" / table.name, table.name, [day], WRITER, SETTINGS.warehouse.lock_wait_seconds)


def _ledgers() -> list[Table]:
    return [TABLES[name] for name in RENAMED]


def _files(home: Path, table: Table) -> list[Path]:
    return sorted((home / "tables" / table.name).glob("game_date=*/part.parquet"))


def _day(file: Path) -> date:
    name = file.parent.name.removeprefix("game_date=")
    try:
        return date.fromisoformat(name)
    except ValueError:
        raise PipelineError(f"{file.parent} is not a partition: {name!r} is not a date; nothing was converted") from None


def _partition(table: Table, file: Path) -> Partition:
    rows, day = _read(file), _day(file)
    ledger_format_number = ledger_format(table.name, rows.columns)
    if ledger_format_number is None:
        raise PipelineError(
            f"{table.name} {day}: {file} has neither the columns of format 1 nor those of format 2 "
            f"({', '.join(rows.columns)}); nothing was converted"
        )
    return Partition(table, file, rows.height, ledger_format_number)


def _read(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PipelineError(f"{file} cannot be read: {str(error).splitlines()[0]}; restore it and migrate again") from None


def _convert(table: Table, file: Path) -> None:
    """Replaces a partition with its converted rows after reading them back and comparing. The caller holds the lock."""
    before = _read(file)
    if ledger_format(table.name, before.columns) != 1:
        return  # another process converted it after the plan
    converted, temporary = to_format_2(table.name, before), file.with_name(TEMPORARY)
    try:
        converted.write_parquet(temporary)
        seal(temporary)
        _refuse_difference(table, file, before, _read(temporary))
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_difference(table: Table, file: Path, before: pl.DataFrame, after: pl.DataFrame) -> None:
    """Raises PipelineError unless rows, order and values are unchanged under the new names."""
    expected = before.rename(RENAMED[table.name])
    converted = after.select(expected.columns)
    markets = after[MARKET].unique().to_list() if after.height else [MARKET_OF_FORMAT_1]
    if converted.schema != expected.schema or not converted.equals(expected) or markets != [MARKET_OF_FORMAT_1]:
        raise PipelineError(f"{file}: the converted rows differ from the original ones; the file was not changed")
