"""Files of the local warehouse with the rows of several dates, and the choice of the file with the rows of a date.

    <home>/tables/boxscores/month=2024-01/part.parquet              the rows of a closed month, sorted by date
    <home>/tables/boxscores/game_date=2024-01-14/part.parquet       a date file

A month file names its dates, each with the signature of the date file that it was copied from. A date file with that
signature is a copy and is not read. A date file with another signature was written later and takes precedence. One rename
replaces a month file, so a reader sees either the old or the new rows of each date.

Deciding which months are written, and deleting copies, belong in `compaction`. Checking files belongs in `partitions`.
"""

import json
import os
import threading
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from nba_pipeline.warehouse.checksum import seal

MONTH = "month="
DATES = "nba_pipeline.dates"
"""Key of the parquet metadata: a JSON object of ISO date -> signature of the copied date file."""


class Signature(NamedTuple):
    """Inode, time of the last write in nanoseconds, and size of a file."""

    inode: int
    written_ns: int
    size: int


class Part(NamedTuple):
    """Rows to read: a file, and the dates to take from it. None takes every row, which is much faster."""

    path: Path
    dates: Sequence[date] | None = None


@dataclass(frozen=True)
class Month:
    """A month file and its dates, each with the signature of the date file that was copied."""

    file: Path
    copied: Mapping[date, Signature]


_months: dict[Path, tuple[Signature, Month]] = {}
"""The month files that this process has read, by path."""


def signature_of(file: Path | str) -> Signature | None:
    """The signature of a file; None if it does not exist."""
    try:
        stat = os.stat(file)  # noqa: PTH116  # takes half the time of Path.stat, for thousands of files
    except FileNotFoundError:
        return None
    return Signature(stat.st_ino, stat.st_mtime_ns, stat.st_size)


def month_file(folder: Path, day: date) -> Path:
    """The path of the month file of a date below the folder of its table. It may not exist."""
    return folder / f"{MONTH}{day:%Y-%m}" / "part.parquet"


def days_of(file: Path) -> list[date]:
    """Every day of the month of a month file, from the name of its folder."""
    first = date.fromisoformat(f"{file.parent.name.removeprefix(MONTH)}-01")
    return [first + timedelta(days=number) for number in range(monthrange(first.year, first.month)[1])]


def read_month(file: Path) -> Month | None:
    """The dates of a month file, from its footer alone. None if it does not exist. Raises ValueError if it names no dates."""
    signature = signature_of(file)
    if signature is None:
        return None
    cached = _months.get(file)
    if cached is None or cached[0] != signature:
        try:
            copied = json.loads(pl.read_parquet_metadata(file)[DATES])
            month = Month(file, {date.fromisoformat(day): Signature(*values) for day, values in copied.items()})
        except FileNotFoundError:  # moved aside since
            return None
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} has no readable list of its dates: {error}") from error
        cached = _months[file] = signature, month
    return cached[1]


def write_month(file: Path, rows: pl.DataFrame, copied: Mapping[date, Signature]) -> None:
    """Writes a month file atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{os.getpid()}.{threading.get_ident()}.tmp")
    dates = json.dumps({day.isoformat(): signature for day, signature in sorted(copied.items())})
    rows.write_parquet(temporary, metadata={DATES: dates})
    seal(temporary)
    temporary.replace(file)


def scan_parts(parts: Iterable[Part], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """The rows of the parts, in order. Columns that were added to the table later are null."""
    frames, paths = list[pl.LazyFrame](), list[Path]()
    for part in parts:
        if part.dates is None:
            paths.append(part.path)
            continue
        if paths:
            frames.append(_scan(paths, schema))
            paths = []
        frames.append(_scan([part.path], schema).filter(pl.col("game_date").is_in(list(part.dates))))
    if paths:
        frames.append(_scan(paths, schema))
    return pl.concat(frames) if frames else _no_rows(tuple(schema.items()))


@cache
def _no_rows(columns: Sequence[tuple[str, pl.DataType]]) -> pl.LazyFrame:
    """A lazy frame without rows. Kept, because creating one takes 5 microseconds per column."""
    return pl.LazyFrame(schema=dict(columns))


def _scan(files: Sequence[Path], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    return pl.scan_parquet(
        list(files), schema=dict(schema), missing_columns="insert", extra_columns="ignore", hive_partitioning=False, glob=False
    )
