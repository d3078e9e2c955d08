"""Tamper-evident ledgers: records written rows in manifests, and verifies rows against them.

What belongs here: the write protocol, recovery after a killed writer, verification. Row hashes, the manifest file format
and the storage of rows do not.

A write to a ledger holds the write lock of its dates. For each date it

    1. writes the manifest with the new rows as a pending file beside the old one
    2. writes the rows
    3. replaces the old manifest with the pending one

A killed writer leaves a pending manifest. The next writer or verification settles it under the lock: it adopts new entries
whose rows are in the ledger, with the hash recorded before the write, and drops the others.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from nba_pipeline.errors import Busy, Closed, Damaged
from nba_pipeline.tables.table import TABLES, Table
from nba_pipeline.warehouse.damage import RESTORE
from nba_pipeline.warehouse.manifests import InvalidManifest, Manifest, Manifests, empty_manifest
from nba_pipeline.warehouse.row_hashes import HASH, row_hashes

if TYPE_CHECKING:
    from nba_pipeline.warehouse import Warehouse

VERIFIER = "verification of ledgers"
DATES_AT_ONCE = 100
FILES_AT_ONCE = 16
KEYS_SHOWN = 5
Answer = TypeVar("Answer")

UNREADABLE = (Damaged, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""Exceptions from reading a damaged partition."""

ROW_ALTERED = "row_altered"
ROW_MISSING = "row_missing"
ROW_UNRECORDED = "row_unrecorded"
ROW_DUPLICATED = "row_duplicated"
PARTITION_MISSING = "partition_missing"
PARTITION_UNREADABLE = "partition_unreadable"
MANIFEST_MISSING = "manifest_missing"
MANIFEST_INVALID = "manifest_invalid"
NOT_VERIFIED = "not_verified"


@dataclass(frozen=True)
class Finding:
    """One difference between a ledger and its manifest. `key` is empty if it concerns the whole date."""

    problem: str
    table: str
    game_date: date
    key: str
    file: str
    message: str

    def __str__(self) -> str:
        """Table, date, key, message and file."""
        where = f"{self.table} {self.game_date}" + (f", {self.key}" if self.key else "")
        return f"{where}: {self.message} ({self.file})"


@dataclass(frozen=True)
class Verified:
    """The verification of one date of a ledger."""

    table: str
    game_date: date
    rows: int
    findings: tuple[Finding, ...] = ()


def ledgers() -> list[Table]:
    """Every ledger, sorted by name."""
    return sorted((table for table in TABLES.values() if table.is_ledger), key=lambda table: table.name)


class Recorder:
    """Records the rows of one write. Does nothing for a table that is not a ledger."""

    def __init__(self, manifests: Manifests, table: Table, hashed: Mapping[date, pl.DataFrame], *, records_all: bool = False):
        self._manifests, self._table, self._hashed, self._records_all = manifests, table, hashed, records_all

    @contextmanager
    def recording(self, dates: Sequence[date], existing: pl.DataFrame, new: Mapping[date, pl.DataFrame]) -> Iterator[None]:
        """Record the new rows, which are written inside this block. The caller holds the write lock of the dates.

        `existing` has `game_date` and key of every row of the dates. Before any date is written, raises InvalidManifest, or
        Closed if recorded rows of a date are missing; those can only be restored from a backup.
        """
        if not self._table.is_ledger:
            yield
            return
        key, pending = list(self._table.key), list[date]()

        def prepare(day: date) -> None:
            of_day = existing.filter(pl.col("game_date") == day) if len(dates) > 1 else existing
            manifest = settle(self._manifests, self._table, day, of_day)
            if not self._records_all and (lost := manifest.rows.join(of_day, on=key, how="anti", nulls_equal=True).height):
                raise Closed(missing_rows(self._table, day, lost))
            rows = self._hashed.get(day)
            if rows is not None and not self._records_all:
                added = new.get(day, rows.clear())
                rows = rows.join(added, on=key, how="semi", nulls_equal=True) if added.height < rows.height else rows
            if rows is not None and (extended := manifest.plus(rows)).rows.height > manifest.rows.height:
                self._manifests.prepare(extended)
                pending.append(day)

        _for_each(self._manifests, prepare, sorted(set(dates)))
        yield
        _for_each(self._manifests, lambda day: self._manifests.commit(self._table, day), sorted(pending))


def missing_rows(table: Table, day: date, number: int) -> str:
    """The reason why a date with missing recorded rows is closed."""
    recorded = f"{number} recorded {'rows are' if number > 1 else 'row is'}"
    return f"the ledger {table.name} is closed for {day}: {recorded} missing; next: {RESTORE}"


def recorder_of(manifests: Manifests, table: Table, parts: Mapping[date, pl.DataFrame]) -> Recorder:
    """A recorder for rows that are written for the first time. Hashes them."""
    if not parts or not table.is_ledger:
        return Recorder(manifests, table, {})
    return Recorder(manifests, table, dict(_by_date(hashed(table, pl.concat(list(parts.values()))))))


def hashed(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """`game_date`, key and hash of each row."""
    return rows.select(list(dict.fromkeys(("game_date", *table.key)))).with_columns(row_hashes(rows, table.dtypes))


def settle(manifests: Manifests, table: Table, day: date, existing: pl.DataFrame) -> Manifest:
    """The manifest of a date, after adopting or dropping a pending one. The caller holds the write lock.

    `existing` has the key of every row of the date in the ledger. Raises InvalidManifest.
    """
    manifest = manifests.read(table, day) or empty_manifest(table, day)
    pending = manifests.read_pending(table, day)
    if pending is None:
        return manifest
    written = pending.rows.join(existing, on=list(table.key), how="semi", nulls_equal=True)
    settled = manifest.plus(written)
    if settled.rows.height > manifest.rows.height:
        manifests.prepare(settled)
        manifests.commit(table, day)
    else:
        manifests.discard(table, day)
    return settled


def verify(warehouse: "Warehouse", table: Table, dates: Collection[date] | None = None) -> Iterator[Verified]:
    """Compare a ledger with its manifests on these dates, or on all, and yield one result per date.

    Matching dates are read in batches without a lock. A date with a difference is read again under its lock, so that a
    write in progress is not reported as an alteration.
    """
    manifests = warehouse.manifests
    recorded = manifests.dates(table)
    existing = sorted(warehouse.dates(table) | recorded.keys())
    requested = existing if dates is None else [day for day in existing if day in set(dates)]
    for start in range(0, len(requested), DATES_AT_ONCE):
        chunk = requested[start : start + DATES_AT_ONCE]
        matching = inspect_matching(warehouse, table, chunk)
        for day in chunk:
            inspection = matching.pop(day, None)
            yield verify_date(warehouse, table, day) if inspection is None else Verified(table.name, day, inspection.height)


@dataclass(frozen=True)
class Inspection:
    """The stored state of one ledger date. `rows` and `manifest` are None if unreadable."""

    rows: pl.DataFrame | None
    manifest: Manifest | None
    findings: tuple[Finding, ...]

    @property
    def height(self) -> int:
        """The number of readable rows."""
        return 0 if self.rows is None else self.rows.height


def verify_date(warehouse: "Warehouse", table: Table, day: date) -> Verified:
    """Compare one date under its write lock, after settling a pending manifest."""
    try:
        with warehouse.locked(table, [day], VERIFIER):
            inspection = inspect(warehouse, table, day)
    except Busy as error:
        file = warehouse.partition_name(table, day)
        return Verified(table.name, day, 0, (Finding(NOT_VERIFIED, table.name, day, "", file, f"not verified: {error}"),))
    return Verified(table.name, day, inspection.height, inspection.findings)


def inspect(warehouse: "Warehouse", table: Table, day: date) -> Inspection:
    """Read rows and manifest of a date and compare them. The caller holds the write lock."""
    file, path = warehouse.partition_name(table, day), str(warehouse.manifests.path(table, day))

    def finding(problem: str, message: str, location: str) -> tuple[Finding, ...]:
        return (Finding(problem, table.name, day, "", location, message),)

    try:
        rows = warehouse.ledger_rows(table, [day])
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Inspection(None, None, finding(PARTITION_UNREADABLE, f"the partition cannot be read: {reason}", file))
    try:
        manifest = settle(warehouse.manifests, table, day, rows)
    except InvalidManifest as error:
        return Inspection(rows, None, finding(MANIFEST_INVALID, f"its rows cannot be verified: {error}", path))
    if manifest.rows.is_empty() and rows.height and warehouse.manifests.read(table, day) is None:
        message = f"{rows.height} rows have no manifest: it was deleted, or the rows were not recorded"
        return Inspection(rows, manifest, finding(MANIFEST_MISSING, message, path))
    if manifest.rows.height and rows.is_empty() and day not in warehouse.dates(table):
        message = f"the partition is missing; its manifest has {manifest.rows.height} rows"
        return Inspection(rows, manifest, finding(PARTITION_MISSING, message, file))
    differences = _differences(table, day, hashed(table, rows), manifest.rows, file, path)
    return Inspection(rows, manifest, tuple(differences))


def inspect_matching(warehouse: "Warehouse", table: Table, dates: Sequence[date]) -> dict[date, Inspection]:
    """The dates that have no pending manifest and exactly the recorded rows. Reads all dates at once."""
    pending = warehouse.manifests.dates(table)
    dates = [day for day in dates if not pending.get(day)]
    if not dates:
        return {}
    try:
        manifests = _for_each(warehouse.manifests, lambda day: _recorded(warehouse, table, day), dates)
        rows = warehouse.ledger_rows(table, dates)
    except (InvalidManifest, *UNREADABLE):
        if len(dates) == 1:
            return {}
        apart = (inspect_matching(warehouse, table, [day]) for day in dates)
        return {day: inspection for inspections in apart for day, inspection in inspections.items()}
    recorded = pl.concat(manifest.rows.with_columns(pl.lit(manifest.game_date).alias("game_date")) for manifest in manifests)
    on = list(dict.fromkeys(("game_date", *table.key, HASH)))
    matched = recorded.join(hashed(table, rows), on=on, how="semi", nulls_equal=True)
    matches = dict(matched.group_by("game_date").len().iter_rows())
    parts = dict(_by_date(rows))
    inspections = {
        manifest.game_date: Inspection(parts.get(manifest.game_date, rows.clear()), manifest, ()) for manifest in manifests
    }
    # recorded keys are unique: if matches, rows and entries are equal in number, they pair up
    return {
        day: one
        for day, one in inspections.items()
        if one.height == matches.get(day, 0) == (one.manifest.rows.height if one.manifest else 0)
    }


def record_existing(manifests: Manifests, table: Table, day: date, rows: pl.DataFrame) -> bool:
    """Record the rows of a date without a manifest and return whether there were any. The caller holds the write lock.

    Only for ledgers that are older than manifests: the existing rows are trusted.
    """
    if rows.is_empty() or day in manifests.dates(table):
        return False
    manifests.prepare(empty_manifest(table, day).plus(hashed(table, rows)))
    manifests.commit(table, day)
    return True


def _recorded(warehouse: "Warehouse", table: Table, day: date) -> Manifest:
    return warehouse.manifests.read(table, day) or empty_manifest(table, day)


def _differences(table: Table, day: date, rows: pl.DataFrame, recorded: pl.DataFrame, file: str, path: str) -> Iterator[Finding]:
    """Yields one finding per key whose row differs from the manifest."""
    key = list(table.key)
    suspect = rows.join(recorded, on=[*key, HASH], how="anti", nulls_equal=True)
    altered = suspect.join(recorded, on=key, how="semi", nulls_equal=True)
    unrecorded = suspect.join(recorded, on=key, how="anti", nulls_equal=True)
    missing = recorded.join(rows, on=key, how="anti", nulls_equal=True)
    copies = rows.filter(pl.struct(key).is_duplicated())
    for problem, rows_found, message in (
        (ROW_ALTERED, altered, f"the row was altered: its hash is not the recorded one; manifest {path}"),
        (ROW_MISSING, missing, f"the row is missing; manifest {path}"),
        (ROW_UNRECORDED, unrecorded, f"the row is not recorded: it was added by hand, or manifest {path} is older"),
        (ROW_DUPLICATED, copies, "the key has more than one row"),
    ):
        for values in rows_found.select(key).unique(maintain_order=True).iter_rows(named=True):
            yield Finding(problem, table.name, day, key_text(values), file, message)


def key_text(values: Mapping[str, object]) -> str:
    """A key for messages, without the date, which messages contain anyway."""
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "game_date")


def _by_date(rows: pl.DataFrame) -> Iterable[tuple[date, pl.DataFrame]]:
    return ((key[0], part) for key, part in rows.partition_by("game_date", as_dict=True).items())


def _for_each(manifests: Manifests, function: Callable[[date], Answer], dates: Sequence[date]) -> list[Answer]:
    """Call a function per date; in parallel for a store, where file operations are slow."""
    if isinstance(manifests.root, Path) or len(dates) <= 1:
        return [function(day) for day in dates]
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        return list(pool.map(function, dates))
