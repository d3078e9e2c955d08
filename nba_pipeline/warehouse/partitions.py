"""The partition files of the local warehouse: detects unreadable files and moves them aside.

A file is checked when this process first reads it, and again after it changes. An unreadable file is moved aside, and its
date counts as not written. An unreadable ledger file is kept in place and closes its date, because it cannot be rebuilt.

    with a checksum      the whole file is checked before it is read
    without a checksum   length and footer are checked; a damaged page is detected when a read fails, see `recovering`
"""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
from nba_pipeline.warehouse.months import Signature, signature_of
from nba_pipeline.warehouse.writing import locked

READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""Polars' exceptions for a damaged page. They have other causes too, so they propagate if no damaged file is found."""
TABLES_FOLDER, QUARANTINE = "tables", "quarantine"
UNREADABLE = "part.parquet.*"

PARTITION = "game_date="
Result = TypeVar("Result")

logger = logging.getLogger("nba_pipeline.damage")


@dataclass(frozen=True)
class _Check:
    """The result of checking a file. `signature` is its state at the time of the check."""

    signature: Signature
    problem: str | None
    is_sealed: bool


_checked: dict[str, _Check] = {}
"""Path -> check, for the checked files of this process. A run looks up thousands of files, and a text is hashed faster than a Path."""
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
        # one text takes a third of the time of joining paths
        return Path(f"{self.home}/{self.kind}/{self.table.name}/{PARTITION}{self.day}/part.parquet")

    @property
    def days(self) -> list[date]:
        """The dates whose write locks protect the file."""
        return [self.day]

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
    """Moves an unreadable file aside. The caller holds the write lock, so no writer can replace the file meanwhile."""
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


def moved_at(moved: Path) -> datetime:
    """The instant at which a file was moved, parsed from its name."""
    return datetime.strptime(moved.name.removeprefix("part.parquet."), damage.INSTANT).replace(tzinfo=UTC)


def find_damage() -> list[Notice]:
    """Reads each file without a checksum in full, if this process has read it before. Moves unreadable files aside."""
    notices = []
    for partition in list(_unsealed.values()):
        try:
            if problem_of(partition.file) is None and (problem := _problem_in_pages(partition.file)):
                path = str(partition.file)
                _checked[path] = replace(_checked[path], problem=problem)
                is_readable(partition)
                notices.append(Notice(str(partition.file), problem, datetime.now(UTC)))
        except FileNotFoundError:
            continue
    return notices


def recovering(work: Callable[[], Result]) -> Result:
    """Calls a function that reads tables. If a read fails, moves unreadable files aside and calls it once more."""
    try:
        return work()
    except READ_ERRORS:
        if not find_damage():
            raise
    return work()


@contextmanager
def damage_named() -> Iterator[None]:
    """For work that cannot be repeated: if a read fails, moves unreadable files aside and raises Damaged with their names."""
    try:
        yield
    except READ_ERRORS as error:
        notices = find_damage()
        if not notices:
            raise
        raise Damaged(
            f"{'; '.join(notice.message for notice in notices)}; moved to `{damage.FOLDER}`; run the command again"
        ) from error


def _check(file: Path) -> _Check:
    path = str(file)
    signature = signature_of(path)
    if signature is None:
        raise FileNotFoundError(file)
    check = _checked.get(path)
    if check is None or check.signature != signature:
        body = file.read_bytes()
        check = _checked[path] = _Check(signature, _first_problem(body), checksum.is_sealed(body))
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
    """Moves the file aside, unless a writer has replaced it. Returns whether the file is readable now."""
    with lock_of(partition):
        move_aside(partition)
    return partition.file.exists() and problem_of(partition.file) is None


def lock_of(partition: Partition) -> AbstractContextManager[None]:
    """The write locks of the dates of a file."""
    locks, wait_seconds = partition.home / "locks" / partition.table.name, SETTINGS.warehouse.lock_wait_seconds
    return locked(locks, partition.table.name, partition.days, "file check", wait_seconds)


def day_of(file: Path) -> date:
    """The date of a date file, from the name of its folder."""
    return date.fromisoformat(file.parent.name.removeprefix(PARTITION))


def _record_closed(partition: Partition, check: _Check) -> None:
    subject = partition.file.as_posix().removeprefix(partition.home.as_posix() + "/")
    problem = f"{check.problem}; the date is closed"
    notice = Notice(subject, problem, datetime.now(UTC), next_command=damage.RESTORE)
    damage.record_notice(partition.home, notice, str(check.signature[1]))
