"""Verification of ledgers: compares the stored rows with the manifests and names every difference.

Recording rows does not belong here, see `ledgers`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from nba_pipeline.errors import Busy, Damaged
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.ledgers import for_each, hashed, recovered_manifest, rows_by_date
from nba_pipeline.warehouse.manifests import InvalidManifest, Manifest, empty_manifest
from nba_pipeline.warehouse.row_hashes import HASH

if TYPE_CHECKING:
    from nba_pipeline.warehouse import Warehouse

VERIFIER = "verification of ledgers"
DATES_AT_ONCE = 100

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


def verify(warehouse: "Warehouse", table: Table, dates: Collection[date] | None = None) -> Iterator[Verified]:
    """Compares a ledger with its manifests on these dates, or on all, and yields one result per date.

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
    """Compares one date under its write lock, after resolving a pending manifest."""
    try:
        with warehouse.locked(table, [day], VERIFIER):
            inspection = inspect(warehouse, table, day)
    except Busy as error:
        file = warehouse.partition_name(table, day)
        return Verified(table.name, day, 0, (Finding(NOT_VERIFIED, table.name, day, "", file, f"not verified: {error}"),))
    return Verified(table.name, day, inspection.height, inspection.findings)


def inspect(warehouse: "Warehouse", table: Table, day: date) -> Inspection:
    """Reads rows and manifest of a date and compares them. The caller holds the write lock."""
    file, path = warehouse.partition_name(table, day), str(warehouse.manifests.path(table, day))

    def finding(problem: str, message: str, location: str) -> tuple[Finding, ...]:
        return (Finding(problem, table.name, day, "", location, message),)

    try:
        rows = warehouse.ledger_rows(table, [day])
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Inspection(None, None, finding(PARTITION_UNREADABLE, f"the partition cannot be read: {reason}", file))
    try:
        manifest = recovered_manifest(warehouse.manifests, table, day, rows)
    except InvalidManifest as error:
        return Inspection(rows, None, finding(MANIFEST_INVALID, f"its rows cannot be verified: {error}", path))
    if manifest.rows.is_empty() and rows.height and warehouse.manifests.read(table, day) is None:
        message = f"the date has {counted(rows.height, 'row')} and no manifest: the manifest was deleted, or the rows were never recorded"
        return Inspection(rows, manifest, finding(MANIFEST_MISSING, message, path))
    if manifest.rows.height and rows.is_empty() and day not in warehouse.dates(table):
        message = f"the partition is missing; its manifest has {counted(manifest.rows.height, 'row')}"
        return Inspection(rows, manifest, finding(PARTITION_MISSING, message, file))
    differences = _differences(table, day, hashed(table, rows), manifest.rows, file, path)
    return Inspection(rows, manifest, tuple(differences))


def inspect_matching(warehouse: "Warehouse", table: Table, dates: Sequence[date]) -> dict[date, Inspection]:
    """Inspects the dates that have no pending manifest and exactly the recorded rows. Reads all dates at once."""
    pending = warehouse.manifests.dates(table)
    dates = [day for day in dates if not pending.get(day)]
    if not dates:
        return {}
    try:
        manifests = for_each(warehouse.manifests, lambda day: _recorded(warehouse, table, day), dates)
        rows = warehouse.ledger_rows(table, dates)
    except (InvalidManifest, *UNREADABLE):
        if len(dates) == 1:
            return {}
        by_date = (inspect_matching(warehouse, table, [day]) for day in dates)
        return {day: inspection for inspections in by_date for day, inspection in inspections.items()}
    recorded = pl.concat(manifest.rows.with_columns(pl.lit(manifest.game_date).alias("game_date")) for manifest in manifests)
    on = list(dict.fromkeys(("game_date", *table.key, HASH)))
    matched = recorded.join(hashed(table, rows), on=on, how="semi", nulls_equal=True)
    matches = dict(matched.group_by("game_date").len().iter_rows())
    parts = dict(rows_by_date(rows))
    inspections = {
        manifest.game_date: Inspection(parts.get(manifest.game_date, rows.clear()), manifest, ()) for manifest in manifests
    }
    # recorded keys are unique, so each row has its entry if there are as many matches as rows and as entries
    return {
        day: inspection
        for day, inspection in inspections.items()
        if inspection.height == matches.get(day, 0) == (inspection.manifest.rows.height if inspection.manifest else 0)
    }


def _recorded(warehouse: "Warehouse", table: Table, day: date) -> Manifest:
    return warehouse.manifests.read(table, day) or empty_manifest(table, day)


def _differences(table: Table, day: date, rows: pl.DataFrame, recorded: pl.DataFrame, file: str, path: str) -> Iterator[Finding]:
    """Yields one finding per key whose row differs from the manifest."""
    key = list(table.key)
    unmatched = rows.join(recorded, on=[*key, HASH], how="anti", nulls_equal=True)
    altered = unmatched.join(recorded, on=key, how="semi", nulls_equal=True)
    unrecorded = unmatched.join(recorded, on=key, how="anti", nulls_equal=True)
    missing = recorded.join(rows, on=key, how="anti", nulls_equal=True)
    copies = rows.filter(pl.struct(key).is_duplicated())
    for problem, differing, message in (
        (ROW_ALTERED, altered, f"the row was altered: its hash differs from the one in manifest {path}"),
        (ROW_MISSING, missing, f"the row is missing; manifest {path}"),
        (ROW_UNRECORDED, unrecorded, f"the row is not recorded: it was added by hand, or manifest {path} is older"),
        (ROW_DUPLICATED, copies, "the key has more than one row"),
    ):
        for values in differing.select(key).unique(maintain_order=True).iter_rows(named=True):
            yield Finding(problem, table.name, day, key_text(values), file, message)


def key_text(values: Mapping[str, object]) -> str:
    """A key for messages, without the date, which messages contain anyway."""
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "game_date")
