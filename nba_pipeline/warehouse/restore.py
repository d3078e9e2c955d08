"""Restoring a backup: verifies the whole backup before any change, then adds what is missing.

Existing rows, manifest entries and files are never overwritten or deleted; differences from the backup are reported. An
unreadable ledger partition or manifest is copied to `damaged` and replaced. An interrupted restore can be repeated.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse, files, logs
from nba_pipeline.warehouse.backup import (
    EVALUATIONS,
    FORMAT,
    JOURNAL,
    LANDING,
    LEDGERS,
    MANIFESTS,
    RECEIPT,
    Entry,
    Receipt,
    Report,
    digest_of,
    mismatch,
    names_below,
)
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.ledgers import hashed
from nba_pipeline.warehouse.manifests import ENDING, PARTITION, InvalidManifest, Manifest, empty_manifest, parse_manifest
from nba_pipeline.warehouse.payloads import REJECTED
from nba_pipeline.warehouse.row_hashes import HASH
from nba_pipeline.warehouse.verification import PARTITION_UNREADABLE, inspect, key_text, verify_date

WRITER = "restore"
SANDBOX = "sandbox"
PARTS_PER_MESSAGE = 100
PARQUET = ".parquet"


@dataclass
class Restored:
    """The additions of a restore, or of its dry run, and the differences from the backup."""

    rows: dict[str, int] = field(default_factory=dict)
    """The number of rows by ledger."""
    files: int = 0
    """The number of files in the landing."""
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A date of a ledger in a backup."""

    table: Table
    game_date: date
    rows: pl.DataFrame
    manifest: Manifest


def restore(
    warehouse: Warehouse,
    landing: Place,
    folder: Path,
    *,
    environment: str,
    dry_run: bool = False,
    report: Report,
    home: Path | None = None,
) -> Restored:
    """Adds what the home lacks from the backup; the evaluations only if `home` is given.

    Raises BadInput for an unusable backup, before any change.
    """
    receipt = read_receipt(folder)
    report(f"verifying {counted(len(receipt.files), 'file')} of the backup of {receipt.made_at}")
    refuse_unusable(folder, receipt, environment)
    restored = Restored()
    for part in parts_of(folder, receipt):  # parse all first, so that an unreadable part fails before any change
        restored.rows.setdefault(part.table.name, 0)
    restored.differences += [f"in the backup: {finding}" for finding in receipt.findings]
    try:
        _restore_landing(landing, folder, receipt, restored, dry_run)
        if home is not None:
            _restore_evaluations(home, folder, receipt, restored, dry_run)
        report(f"landing: {counted(restored.files, 'file')} {'missing' if dry_run else 'added'}")
        for number, part in enumerate(parts_of(folder, receipt), 1):
            restored.rows[part.table.name] += _restore_part(warehouse, part, restored.differences, dry_run)
            if number % PARTS_PER_MESSAGE == 0:
                report(f"compared {number} ledger partitions, most recently {part.table.name} {part.game_date}")
    except OSError as error:
        raise PipelineError(f"{error.filename or folder} cannot be read or written: {error.strerror or error}") from error
    for name, rows in restored.rows.items():
        report(f"{name}: {counted(rows, 'row')} {'missing' if dry_run else 'added'}")
    return restored


def read_receipt(folder: Path) -> Receipt:
    """The receipt of a backup. Raises BadInput if it is missing, edited, unreadable or of another format."""
    path = folder / RECEIPT
    if not folder.is_dir():
        raise BadInput(f"backup folder {folder} does not exist")
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        digest, version = document.pop("sha256"), document["format"]
    except FileNotFoundError:
        raise BadInput(f"the backup {folder} is incomplete: it has no {RECEIPT}, which is written last") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} cannot be read ({type(error).__name__}: {error})") from None
    if version != FORMAT:
        raise BadInput(f"{path} has format {version!r}, and this version of the platform reads {FORMAT}")
    if digest != digest_of(document):
        raise BadInput(f"{path} was edited: its digest does not match its content")
    entries = {name: Entry(**entry) for name, entry in document["files"].items()}
    return Receipt(document["made_at"], document["environment"], entries, document["findings"], version)


def refuse_unusable(folder: Path, receipt: Receipt, environment: str) -> None:
    """Raises BadInput for a missing, altered, unlisted or misplaced file, or for a mix of sandbox and real data."""
    if (receipt.environment == SANDBOX) != (environment == SANDBOX):
        raise BadInput(
            f"the backup {folder} was made in the environment {receipt.environment}; NBA_PIPELINE_ENV is {environment}"
        )
    for name, entry in receipt.files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.parts[0] not in (LEDGERS, MANIFESTS, LANDING, EVALUATIONS):
            raise BadInput(f"{folder / RECEIPT} lists {name}, which does not belong in a backup")
        if problem := mismatch(folder / name, entry):
            raise BadInput(f"the backup cannot be restored: {problem}")
    existing = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if unlisted := sorted(existing - receipt.files.keys() - {RECEIPT}):
        raise BadInput(f"the backup cannot be restored: {folder / unlisted[0]} is not listed in {RECEIPT}")


def parts_of(folder: Path, receipt: Receipt) -> Iterator[Part]:
    """Each ledger and date of a backup. Raises BadInput for one that this version of the platform cannot read."""
    names = {(PurePosixPath(n).parts[1], _date_of(n)) for n in [*names_below(receipt, LEDGERS), *names_below(receipt, MANIFESTS)]}
    for table_name, day in sorted(names):
        table = TABLES.get(table_name)
        if table is None or not table.is_ledger:
            raise BadInput(f"the backup {folder} has a ledger {table_name}, which does not exist in this version of the platform")
        yield Part(table, day, _rows(folder, receipt, table, day), _manifest(folder, receipt, table, day))


def _date_of(name: str) -> date:
    stem = PurePosixPath(name).name.removesuffix(PARQUET).removesuffix(ENDING)
    try:
        return date.fromisoformat(stem.removeprefix(PARTITION))
    except ValueError:
        raise BadInput(f"{RECEIPT} lists {name}, which is not a partition of a ledger") from None


def _rows(folder: Path, receipt: Receipt, table: Table, day: date) -> pl.DataFrame:
    name = f"{LEDGERS}/{table.name}/{PARTITION}{day}{PARQUET}"
    if name not in receipt.files:
        return table.empty()
    try:
        scan = pl.scan_parquet(folder / name, schema=table.dtypes, missing_columns="insert", hive_partitioning=False, glob=False)
        return scan.collect()
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{folder / name} cannot be read by this version of the platform: {reason}") from None


def _manifest(folder: Path, receipt: Receipt, table: Table, day: date) -> Manifest:
    name = f"{MANIFESTS}/{table.name}/{PARTITION}{day}{ENDING}"
    if name not in receipt.files:
        return empty_manifest(table, day)
    try:
        return parse_manifest((folder / name).read_bytes(), table, day, folder / name)
    except InvalidManifest as error:
        raise BadInput(f"the backup cannot be restored: {error}") from None


def _restore_part(warehouse: Warehouse, part: Part, differences: list[str], dry_run: bool) -> int:
    """Adds the missing rows of a date and returns their number. Appends differences to `differences`."""
    table, day, key = part.table, part.game_date, list(part.table.key)
    with warehouse.locked(table, [day], WRITER):
        replaced = 0 if dry_run else _replace_damaged(warehouse, part, differences)
        inspection = inspect(warehouse, table, day)
    if inspection.rows is None or inspection.manifest is None:  # only in a dry run
        differences += [str(finding) for finding in inspection.findings]
        return part.rows.height if inspection.rows is None else 0
    existing, saved = hashed(table, inspection.rows), hashed(table, part.rows)
    missing = part.rows.join(existing, on=key, how="anti", nulls_equal=True)
    compared = (
        (saved, existing, "the row differs from the backup; it was not changed"),
        (part.manifest.rows, inspection.manifest.rows, "the recorded hash differs from the backup; it was not changed"),
    )
    for from_backup, in_home, message in compared:
        both = from_backup.join(in_home, on=key, how="inner", nulls_equal=True, suffix="_here").filter(
            pl.col(HASH) != pl.col(f"{HASH}_here")
        )
        named = [f"{table.name} {day}, {key_text(values)}: {message}" for values in both.select(key).iter_rows(named=True)]
        differences += named
        # a row that differs from its recorded hash would count as altered
        missing = missing.join(both, on=key, how="anti", nulls_equal=True)
    if dry_run:
        return missing.height
    added = warehouse.add_recorded(table, [day], missing, WRITER, {day: part.manifest.rows})
    differences += [str(finding) for finding in verify_date(warehouse, table, day).findings]
    return replaced + added


def _replace_damaged(warehouse: Warehouse, part: Part, differences: list[str]) -> int:
    """Sets aside an unreadable manifest or partition. Returns the number of restored rows. The caller holds the write lock."""
    table, day = part.table, part.game_date
    for moved in warehouse.manifests.set_aside(table, day):
        differences.append(
            f"{table.name} {day}: the manifest was invalid and is now {moved}; rows newer than the backup are not recorded"
        )
    inspection = inspect(warehouse, table, day)
    if any(finding.problem == PARTITION_UNREADABLE for finding in inspection.findings):
        copy = warehouse.replace_unreadable(table, day, part.rows)
        differences.append(f"{table.name} {day}: the partition could not be read and was replaced; the old file is {copy}")
        return part.rows.height
    return 0


def _restore_landing(landing: Place, folder: Path, receipt: Receipt, restored: Restored, dry_run: bool) -> None:
    """Adds missing payloads, then missing journals, in the order of their modification times."""
    names = sorted(
        names_below(receipt, LANDING),
        key=lambda name: (name.startswith(f"{LANDING}/{JOURNAL}/"), receipt.files[name].modified_ns, name),
    )
    existing = {file.path.as_posix(): file for file in files.tree(landing)}
    for name in names:
        target = landing / name.removeprefix(f"{LANDING}/")
        if target.as_posix() not in existing:
            if _rejected_twin(target).as_posix() not in existing:
                restored.files += 1
                if not dry_run:
                    _copy(folder / name, target, receipt.files[name])
        elif not _matches(target, existing[target.as_posix()].size, folder / name, receipt.files[name]):
            restored.differences.append(f"{target} differs from the backup; it was not changed")


def _restore_evaluations(home: Path, folder: Path, receipt: Receipt, restored: Restored, dry_run: bool) -> None:
    """Adds the missing files of evaluations and searches."""
    for name in names_below(receipt, EVALUATIONS):
        target, entry = home / name, receipt.files[name]
        if not target.exists():
            restored.files += 1
            if not dry_run:
                _copy(folder / name, target, entry)
        elif not _matches(target, target.stat().st_size, folder / name, entry):
            restored.differences.append(f"{target} differs from the backup; it was not changed")


def _copy(source: Path, target: Place, entry: Entry) -> None:
    files.write(target, source.read_bytes())
    if isinstance(target, Path):
        os.utime(target, ns=(entry.modified_ns, entry.modified_ns))


def _matches(target: Place, size: int, source: Path, entry: Entry) -> bool:
    """Whether a file equals the backup's, or is a journal that has grown since."""
    if size < entry.bytes or (size > entry.bytes and not target.name.endswith(logs.LOG)):
        return False
    return files.read(target)[: entry.bytes] == source.read_bytes()


def _rejected_twin(path: Place) -> Place:
    """The path of a payload after its rejection. A restore does not add a payload that was rejected."""
    stem, _, extension = path.name.removesuffix(".gz").rpartition(".")
    return path.with_name(f"{stem}{REJECTED}{extension}.gz")
