"""Checks before every write: dates, columns, unique keys and shrinkage; and the write locks of one machine."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from filelock import FileLock, Timeout

from nba_pipeline.errors import Busy, PipelineError, wrong_columns
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    from nba_pipeline.tables.table import Table


def by_date(table: Table, dates: Sequence[date], frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """The rows of each non-empty date. Raises PipelineError for other dates, columns or types, and for a duplicate key."""
    _refuse_wrong_columns(table, frame)
    copies = frame.filter(pl.struct(*dict.fromkeys(("game_date", *table.key))).is_duplicated())
    if copies.height:
        key = ", ".join(f"{name} {value}" for name, value in copies.select(table.key).row(0, named=True).items())
        raise PipelineError(f"{table.name}: {copies.height} rows share a key; first: {key}; nothing was written")
    return partitioned(table.name, dates, frame.select(list(table.dtypes)))


def partitioned(name: str, dates: Sequence[date], frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """The rows of each non-empty date. Raises PipelineError for rows of another date."""
    parts = {key[0]: rows for key, rows in frame.partition_by("game_date", as_dict=True).items()} if frame.height else {}
    outside = sorted(str(day) for day in parts.keys() - set(dates))
    if outside:
        raise PipelineError(f"{name}: rows of {', '.join(outside)} are outside the dates of the write")
    return parts


def with_date(rejected: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Rejected rows, with the first date of the run in place of a missing `game_date`."""
    return rejected.with_columns(pl.col("game_date").fill_null(min(dates))) if dates else rejected


def refuse_to_shrink(table: Table, day: date, rows: int, before: int, excused: int) -> None:
    """Raises PipelineError if fewer than `coverage.shrink_floor` of the rows that are not excused would remain."""
    if not table.may_shrink and rows < SETTINGS.coverage.shrink_floor * (before - excused):
        raise PipelineError(
            f"{table.name} {day}: {counted(rows, 'row')} would replace {before - excused}, "
            f"fewer than the required {SETTINGS.coverage.shrink_floor:.0%}; nothing was written"
        )


@contextmanager
def locked(folder: Path, name: str, dates: Sequence[date], writer: str, wait_seconds: float) -> Iterator[None]:
    """Holds the write lock of each date on this machine. The operating system releases it when the process dies.

    The lock file names its writer and is removed before the release. A writer that waited on a removed file opens a new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for day in sorted(set(dates)):
            file = folder / f"{day}.lock"
            try:
                stack.enter_context(FileLock(file, timeout=wait_seconds))
            except Timeout:
                raise busy(f"{name} {day}", _owner_in(file), wait_seconds) from None
            stack.callback(file.unlink, missing_ok=True)
            file.write_text(json.dumps(owner_of(writer)))
        yield


def owner_of(writer: str) -> dict[str, Any]:
    """Returns what a lock or a lease records of its writer."""
    return {"writer": writer, "process": os.getpid(), "host": socket.gethostname()}


def busy(name: str, owner: Mapping[str, Any], wait_seconds: float) -> Busy:
    """Returns the error for a table and date, or a place, that another writer holds. It names the writer with its process and host, if they are known."""
    is_known = owner.keys() >= {"writer", "process", "host"}
    who = f"{owner['writer']} (process {owner['process']} on {owner['host']})" if is_known else "an unnamed writer"
    return Busy(f"{name} is being written by {who}; gave up after {wait_seconds:.0f} s")


def _owner_in(file: Path) -> Mapping[str, Any]:
    """Returns the owner that a lock file records; empty if it was released or is not yet written."""
    try:
        owner = json.loads(file.read_text(errors="replace"))
    except (FileNotFoundError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _refuse_wrong_columns(table: Table, frame: pl.DataFrame) -> None:
    expected: Mapping[str, pl.DataType] = table.dtypes
    missing, unknown = expected.keys() - set(frame.columns), set(frame.columns) - expected.keys()
    if missing or unknown:
        raise PipelineError(f"{table.name}: {wrong_columns(sorted(missing), sorted(unknown))}; nothing was written")
    schema = frame.schema  # polars builds it at each access
    for name, kind in expected.items():
        if schema[name] != kind:
            raise PipelineError(f"{table.name}.{name} is {schema[name]} and should be {kind}; nothing was written")
