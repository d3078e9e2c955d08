"""The partition files of the local warehouse: detects unreadable files and moves them aside.

A file is checked when this process first reads it, and again after it changes. An unreadable file is moved aside, and its
date counts as not written. An unreadable ledger file is kept in place and closes its date, because it cannot be rebuilt.

    with a checksum      the whole file is checked before it is read
    without a checksum   length and footer are checked; a damaged page is detected when a read fails, see `recovering`
"""

import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl

from nba_pipeline.errors import Damaged
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import StoredTable
from nba_pipeline.warehouse import checksum, damage
from nba_pipeline.warehouse.damage import Notice
from nba_pipeline.warehouse.writing import locked

READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""Polars' exceptions for a damaged page. They have other causes too, so they propagate if no damaged file is found."""
TABLES_FOLDER, QUARANTINE = "tables", "quarantine"
UNREADABLE = "part.parquet.*"

Signature = tuple[int, int, int]
Result = TypeVar("Result")

logger = logging.getLogger("nba_pipeline.damage")


@dataclass(frozen=True)
class _Check:
    """The result of checking a file. `signature` is its inode, modification time and size at the time of the check."""

    signature: Signature
    problem: str | None
    is_sealed: bool


_checked: dict[Path, _Check] = {}
"""The checked files of this process."""
_unsealed: dict[Path, "Partition"] = {}
"""The files without a checksum that this process has read."""


@dataclass(frozen=True)
class Partition:
    """The file of one table and date, or of its quarantine (`kind`)."""

    home: Path
    kind: str
    table: StoredTable
    day: date

    @cached_property
    def file(self) -> Path:
        """The path of the file, which may not exist."""
        return self.home / self.kind / self.table.name / f"game_date={self.day}" / "part.parquet"

    @property
    def is_of_a_ledger(self) -> bool:
        """Whether the file belongs to a ledger and must never be moved."""
        return self.kind == TABLES_FOLDER and self.table.is_ledger

    @property
    def closed_reason(self) -> str:
        """The reason why a ledger date can be neither read nor written."""
        return (
            f"the ledger {self.table.name} is closed for {self.day}: {self.file} is unreadable "
            f"({problem_of(self.file)}); next: {damage.RESTORE}"
        )


def problem_of(file: Path) -> str | None:
    """Why a file is unreadable; None for a readable file. Raises FileNotFoundError."""
    return _check(file).problem


def is_readable(partition: Partition) -> bool:
    """Whether the file exists and is readable. Moves an unreadable file aside; an unreadable ledger file closes its date."""
    try:
        check = _check(partition.file)
    except FileNotFoundError:
        return False
    if check.problem is None:
        if not check.is_sealed:
            _unsealed[partition.file] = partition
        return True
    if partition.is_of_a_ledger:
        _record_closed(partition, check)
        return False
    return _move_as_reader(partition)


def move_aside(partition: Partition) -> None:
    """Move an unreadable file aside. The caller holds the write lock, so no writer can replace the file meanwhile."""
    try:
        problem = problem_of(partition.file)
    except FileNotFoundError:
        return
    if problem is None:
        return
    try:
        damage.set_aside(partition.home, partition.file, problem)
    except OSError as error:
        raise Damaged(f"{partition.file} is unreadable ({problem}) and cannot be moved aside: {error.strerror}") from None


def lost(home: Path, table: StoredTable) -> dict[date, str]:
    """The dates whose file was moved aside and that were not written since, each with a message."""
    messages: dict[date, str] = {}
    if table.is_ledger:
        return messages
    for kind in (TABLES_FOLDER, QUARANTINE):
        for moved in sorted((home / damage.FOLDER / kind / table.name).glob(f"game_date=*/{UNREADABLE}")):
            day = date.fromisoformat(moved.parent.name.removeprefix("game_date="))
            at = moved_at(moved)
            if not _is_written_since(Partition(home, TABLES_FOLDER, table, day).file, at, needs_time=kind == QUARANTINE):
                name = table.name if kind == TABLES_FOLDER else f"the quarantine of {table.name}"
                messages[day] = (
                    f"{name} {day} is not rebuilt yet: its unreadable file was moved to {moved}; next: {damage.RECONCILE}"
                )
    return messages


def moved_at(moved: Path) -> datetime:
    """The instant at which a file was moved, parsed from its name."""
    return datetime.strptime(moved.name.removeprefix("part.parquet."), damage.INSTANT).replace(tzinfo=UTC)


def find_damage() -> list[Notice]:
    """Fully read every file without a checksum that this process has read, and move unreadable ones aside."""
    notices = []
    for partition in list(_unsealed.values()):
        try:
            if problem_of(partition.file) is None and (problem := _problem_in_pages(partition.file)):
                _checked[partition.file] = replace(_checked[partition.file], problem=problem)
                is_readable(partition)
                notices.append(Notice(str(partition.file), problem, datetime.now(UTC)))
        except FileNotFoundError:
            continue
    return notices


def recovering(work: Callable[[], Result]) -> Result:
    """Call a function that reads tables. If a read fails, move unreadable files aside and call it once more."""
    try:
        return work()
    except READ_ERRORS:
        if not find_damage():
            raise
    return work()


@contextmanager
def damage_named() -> Iterator[None]:
    """For work that cannot be repeated: if a read fails, move unreadable files aside and raise Damaged with their names."""
    try:
        yield
    except READ_ERRORS as error:
        notices = find_damage()
        if not notices:
            raise
        raise Damaged(
            f"{'; '.join(notice.message for notice in notices)}; moved to `{damage.FOLDER}`, run the command again"
        ) from error


def _check(file: Path) -> _Check:
    stat = os.stat(file)  # noqa: PTH116  # takes half the time of Path.stat, for thousands of files
    signature = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    check = _checked.get(file)
    if check is None or check.signature != signature:
        body = file.read_bytes()
        check = _checked[file] = _Check(signature, _first_problem(body), checksum.is_sealed(body))
    return check


def _first_problem(body: bytes) -> str | None:
    problem = checksum.problem_of(body)
    if problem or checksum.is_sealed(body):
        return problem
    try:
        pl.read_parquet_schema(io.BytesIO(body))
    except READ_ERRORS as error:
        return str(error).splitlines()[0]
    return None


def _problem_in_pages(file: Path) -> str | None:
    try:
        pl.read_parquet(file, hive_partitioning=False, glob=False)
    except READ_ERRORS as error:
        return str(error).splitlines()[0]
    return None


def _move_as_reader(partition: Partition) -> bool:
    """Move the file aside, unless a writer has replaced it. Returns whether the file is readable now."""
    locks = partition.home / "locks" / partition.table.name
    with locked(locks, partition.table.name, [partition.day], "file check", SETTINGS.warehouse.lock_wait_seconds):
        move_aside(partition)
    return partition.file.exists() and problem_of(partition.file) is None


def _record_closed(partition: Partition, check: _Check) -> None:
    subject = partition.file.as_posix().removeprefix(partition.home.as_posix() + "/")
    problem = f"{check.problem}; the date is closed"
    notice = Notice(subject, problem, datetime.now(UTC), next_command=damage.RESTORE)
    damage.record_notice(partition.home, notice, str(check.signature[1]))


def _is_written_since(file: Path, at: datetime, *, needs_time: bool) -> bool:
    if not file.exists():
        return False
    return not needs_time or file.stat().st_mtime > at.timestamp()
