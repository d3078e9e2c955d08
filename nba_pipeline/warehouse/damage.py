"""Unreadable files of a home: moved aside and recorded in a notice, never deleted. Checking files does not belong here.

    <home>/damaged/tables/boxscores/game_date=2026-01-14/part.parquet.20260115T110000.123456Z     the unchanged file
    <home>/damaged/notices/<its path, quoted>@<instant or version>.json                            problem and next command

A home is a local folder or an object store. A notice is written before its file is moved, and never changes. Alerts, `status`
and the reconciliation read the notices. Files that must not be moved (ledgers, journals) only get a notice.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place

FOLDER = "damaged"
NOTICES = "notices"
INSTANT = "%Y%m%dT%H%M%S.%fZ"
RECONCILE = "nba-pipeline reconcile"
RESTORE = "nba-pipeline restore <folder of a backup>"
LONGEST_NAME = 180
"""The maximum length of a notice's file name in characters; file systems allow 255 bytes."""

logger = logging.getLogger("nba_pipeline.damage")


@dataclass(frozen=True)
class Notice:
    """One unreadable file or line. `subject` is the path of the file below the home; a line adds its number."""

    subject: str
    problem: str
    found_at: datetime
    moved_to: str = ""
    """Path below the home; empty if the file was not moved."""
    next_command: str = RECONCILE

    @property
    def message(self) -> str:
        """File, problem and new location of the file."""
        return f"{self.subject} is unreadable: {self.problem}" + (f"; moved to <home>/{self.moved_to}" if self.moved_to else "")


def with_next_step(message: str) -> str:
    """Returns the message about a lost date with the command that rebuilds it."""
    return f"{message}; next: {RECONCILE}"


def set_aside(home: Place, path: Place, problem: str, next_command: str = RECONCILE) -> Notice | None:
    """Moves an unreadable file or folder below `damaged`, with a notice and a log message. None if it is already moved."""
    at = datetime.now(UTC)
    subject = _below(home, path)
    moved_to = moved_name(subject, at)
    notice = Notice(subject, problem, at, moved_to, next_command)
    if not files.exists(path):
        return None
    record_notice(home, notice, at.strftime(INSTANT))
    try:
        files.move(path, home / moved_to)
    except FileNotFoundError:
        return None
    return notice


def moved_name(subject: str, at: datetime) -> str:
    """The path below the home to which an unreadable file is moved."""
    return f"{FOLDER}/{subject}.{at.strftime(INSTANT)}"


def record_notice(home: Place, notice: Notice, version: str) -> None:
    """Writes and logs a notice, once per version of the unreadable file."""
    name = quote(notice.subject, safe="=-_")[-LONGEST_NAME:]
    path = home / FOLDER / NOTICES / f"{name}@{version}.json"
    if files.exists(path):
        return
    body = json.dumps({**asdict(notice), "found_at": notice.found_at.isoformat()}, indent=1).encode()
    files.write_immutable(path, lambda: body)
    logger.warning("%s. Next: %s", notice.message, notice.next_command)


def notices(home: Place) -> list[Notice]:
    """Every notice of a home, oldest first. Skips unreadable notices."""
    results = []
    for file in files.listing(home / FOLDER / NOTICES, "*.json"):
        try:
            values = json.loads(files.read(file.path))
            results.append(Notice(**{**values, "found_at": datetime.fromisoformat(values["found_at"])}))
        except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
            logger.warning("%s cannot be read as a damage notice: %s", file.path, error)
    return sorted(results, key=lambda notice: (notice.found_at, notice.subject))


def _below(home: Place, path: Place) -> str:
    return path.as_posix().removeprefix(home.as_posix().rstrip("/") + "/")
