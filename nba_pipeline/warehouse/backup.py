"""Backups: a verified copy of everything that cannot be rebuilt. Restoring is in `restore`.

    FOLDER/ledgers/predictions/game_date=2026-01-15.parquet     the rows of a ledger on a date
    FOLDER/manifests/predictions/game_date=2026-01-15.json      their manifest, read under the same lock
    FOLDER/landing/...                                          unchanged payloads and journals of the landing
    FOLDER/evaluations/...                                      manifests of evaluations, and the ledger of searches
    FOLDER/backup.json                                          written last: without it a backup is incomplete

Every other table is rebuilt from the landing.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse, files
from nba_pipeline.warehouse.files import File, Place
from nba_pipeline.warehouse.ledgers import FILES_AT_ONCE, ledgers
from nba_pipeline.warehouse.logs import LOG
from nba_pipeline.warehouse.manifests import ENDING, PARTITION
from nba_pipeline.warehouse.payload_limits import TooLarge, gunzip, most_bytes
from nba_pipeline.warehouse.verification import Inspection, inspect, inspect_matching

FORMAT = 1
RECEIPT = "backup.json"
LEDGERS, MANIFESTS, LANDING, JOURNAL, EVALUATIONS = "ledgers", "manifests", "landing", "journal", "evaluations"
WRITER = "backup"
FILES_PER_MESSAGE = 5_000
DATES_AT_ONCE = 50
MAX_LISTINGS = 5

Report = Callable[[str], object]


@dataclass(frozen=True)
class Entry:
    """A file of a backup."""

    bytes: int
    sha256: str
    modified_ns: int = 0
    """The modification time of a landing file, which orders payloads of the same instant."""


@dataclass(frozen=True)
class Receipt:
    """The content of `backup.json`. `findings` lists the altered ledger rows and damaged payloads that it contains."""

    made_at: str
    environment: str
    files: dict[str, Entry]
    findings: list[str] = field(default_factory=list)
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """The content of the file, including its own digest."""
        document = asdict(self)
        return json.dumps({**document, "sha256": digest_of(document)}, indent=1).encode()


def digest_of(document: dict[str, object]) -> str:
    """Hash of a receipt without its digest."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def back_up(
    warehouse: Warehouse, landing: Place, folder: Path, *, home: Path, environment: str, made_at: datetime, report: Report
) -> Receipt:
    """Copies ledgers, manifests and landing to a new or empty folder, verifies the copy, and writes its receipt.

    Safe while writers are active: each date is read under its write lock, and journals are copied before the payloads that
    they reference. Raises BadInput for an unusable folder, PipelineError if the copy differs.
    """
    refuse_folder(folder, home)
    with explained(folder):
        entries, findings = dict[str, Entry](), list[str]()
        for table in ledgers():
            findings += _back_up_ledger(warehouse, table, folder, entries)
            dates = sum(name.startswith(f"{LEDGERS}/{table.name}/") for name in entries)
            report(f"{table.name}: {counted(dates, 'date')}")
        _back_up_landing(landing, folder, entries, report)
        _back_up_evaluations(home, folder, entries)
        findings += damaged_payloads(folder, entries)
        report(f"verifying {counted(len(entries), 'file')}")
        for name, entry in entries.items():
            if problem := mismatch(folder / name, entry):
                raise PipelineError(f"the backup is not usable: {problem}")
        receipt = Receipt(made_at.isoformat(), environment, dict(sorted(entries.items())), findings)
        files.write(folder / RECEIPT, receipt.to_bytes())
    return receipt


def refuse_folder(folder: Path, home: Path) -> None:
    """Creates the folder. Raises BadInput if it is inside the home, not empty or not writable."""
    if folder.resolve().is_relative_to(home.resolve()):
        raise BadInput(f"{folder} is inside the home {home}; choose a folder outside it, preferably on another disk")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        entry = next(folder.iterdir(), None)
        if entry is None:
            probe = folder / ".probe"
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}") from None
    if entry is not None:
        advice = "" if (folder / RECEIPT).exists() else "; an interrupted backup has no backup.json and can be deleted"
        raise BadInput(f"{folder} is not empty (it contains {entry.name}); choose a new folder{advice}")


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Converts an OSError to a PipelineError that names the file."""
    try:
        yield
    except OSError as error:
        raise PipelineError(f"{error.filename or folder} cannot be read or written: {error.strerror or error}") from error


def mismatch(path: Path, entry: Entry) -> str:
    """How a file differs from its entry; empty if it does not."""
    if not path.is_file():
        return f"{path} is missing"
    if path.stat().st_size != entry.bytes:
        return f"{path} has {path.stat().st_size} bytes instead of {entry.bytes}"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if digest == entry.sha256 else f"{path} was altered: its SHA-256 differs from the one in {RECEIPT}"


def _back_up_ledger(warehouse: Warehouse, table: Table, folder: Path, entries: dict[str, Entry]) -> list[str]:
    """Copies every date of a ledger and returns the findings as messages. Unreadable files are skipped and reported."""
    findings = list[str]()
    dates = sorted(warehouse.dates(table) | warehouse.manifests.dates(table).keys())
    for start in range(0, len(dates), DATES_AT_ONCE):
        chunk = dates[start : start + DATES_AT_ONCE]
        with warehouse.locked(table, chunk, WRITER):
            matching = inspect_matching(warehouse, table, chunk)
            inspections = {day: matching.get(day) or inspect(warehouse, table, day) for day in chunk}
        for day, inspection in inspections.items():
            _write_date(table, day, inspection, folder, entries)
            findings += [str(finding) for finding in inspection.findings]
    return findings


def _write_date(table: Table, day: date, inspection: Inspection, folder: Path, entries: dict[str, Entry]) -> None:
    if inspection.rows is not None:
        name = f"{LEDGERS}/{table.name}/{PARTITION}{day}.parquet"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        inspection.rows.sort(table.key).write_parquet(folder / name)
        entries[name] = _entry((folder / name).read_bytes())
    if inspection.manifest is not None and inspection.manifest.rows.height:
        name = f"{MANIFESTS}/{table.name}/{PARTITION}{day}{ENDING}"
        body = inspection.manifest.to_bytes()
        files.write(folder / name, body)
        entries[name] = _entry(body)


def _back_up_landing(landing: Place, folder: Path, entries: dict[str, Entry], report: Report) -> None:
    """Copies the journals, then the payloads. Payloads are stored before a journal references them, so every ref has its file."""

    def copied(file: File) -> tuple[str, Entry] | None:
        name = f"{LANDING}/{_below(file.path, landing)}"
        try:
            body = files.read(file.path)
        except FileNotFoundError:
            return None
        files.write(folder / name, body)
        os.utime(folder / name, ns=(file.changed, file.changed))
        return name, _entry(body, file.changed)

    def missing(is_journal: bool) -> list[File]:
        listed_files = {f"{LANDING}/{_below(file.path, landing)}": file for file in files.tree(landing)}
        journal = f"{LANDING}/{JOURNAL}/"
        return [f for name, f in listed_files.items() if name.startswith(journal) == is_journal and name not in entries]

    with ThreadPoolExecutor(1 if isinstance(landing, Path) else FILES_AT_ONCE) as pool:
        for is_journal in (True, False):
            for _ in range(MAX_LISTINGS):  # a file renamed after the listing is in the next one
                listed = missing(is_journal)
                done = 0
                for start in range(0, len(listed), FILES_PER_MESSAGE):
                    results = [result for result in pool.map(copied, listed[start : start + FILES_PER_MESSAGE]) if result]
                    entries.update(results)
                    done += len(results)
                    report(f"landing: {done} of {len(listed)} {'journals' if is_journal else 'payloads'}")
                if done == len(listed):
                    break
            else:
                raise PipelineError(f"the files below {landing} change faster than they can be copied; try again later")


def _back_up_evaluations(home: Path, folder: Path, entries: dict[str, Entry]) -> None:
    """Copies the files of complete evaluations, and the ledger of searches, which only grows."""
    for file in sorted((home / EVALUATIONS).rglob(f"*{LOG}")):
        name, body = file.relative_to(home).as_posix(), file.read_bytes()
        files.write(folder / name, body)
        entries[name] = _entry(body, file.stat().st_mtime_ns)


def damaged_payloads(folder: Path, entries: Mapping[str, Entry]) -> list[str]:
    """A message per payload that is unreadable or differs from the hash in its name. Such payloads are still copied."""
    messages = []
    for name in entries:
        if name.startswith(f"{LANDING}/") and name.endswith(".gz"):
            digest = PurePosixPath(name).name.partition("_")[2].partition(".")[0]
            provider, endpoint, extension = *name.split("/")[1:3], name.removesuffix(".gz").rpartition(".")[2]
            try:
                body = gunzip((folder / name).read_bytes(), most_bytes(provider, endpoint, extension))
            except (OSError, EOFError, zlib.error, TooLarge) as error:
                messages.append(f"{name} is unreadable: {error}")
                continue
            if not hashlib.sha256(body).hexdigest().startswith(digest):
                messages.append(f"{name} was altered: its SHA-256 differs from the one in its name")
    return messages


def _below(path: Place, root: Place) -> str:
    return path.as_posix().removeprefix(root.as_posix() + "/")


def _entry(body: bytes, modified_ns: int = 0) -> Entry:
    return Entry(len(body), hashlib.sha256(body).hexdigest(), modified_ns)


def names_below(receipt: Receipt, *folders: str) -> Sequence[str]:
    """The files of a backup below a folder, in order."""
    return [name for name in receipt.files if name.startswith("/".join(folders) + "/")]
