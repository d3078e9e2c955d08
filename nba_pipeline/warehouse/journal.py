"""The landing's journal: one file per run, with a header and one line per request.

    <home>/landing/journal/01710237601123456789_<run id>.jsonl     {"kind": "run", ...} then {"kind": "request", ...}
    <home>/landing/journal/01710237601123456789_<run id>.parts/00000001.jsonl     in a store, until the run ends

What belongs here: writing and reading journals. The fields of a line and the payloads do not.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.warehouse import damage, files
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.journal_lines import (
    FAILURE,
    REUSED,
    breaker_refusals,
    fetched_at_of,
    looks_complete,
    missing_fields,
    problem_of,
)
from nba_pipeline.warehouse.logs import LOG, Log, LogFile, list_logs, numbered_lines, resumed_log
from nba_pipeline.warehouse.payloads import HASH_DIGITS

JOURNAL = "journal"
"""The only folder of the landing that does not belong to a provider."""

DIRECT = "direct"
"""The run id of work outside of a run."""

INSTANT_DIGITS = 20
"""The length of the instant at the start of a journal's file name."""


@dataclass(frozen=True)
class JournalDay:
    """The journals of the runs that began on a UTC date. `signature` changes whenever one of them grows."""

    day: date
    logs: tuple[LogFile, ...]

    @property
    def signature(self) -> str:
        """Hash of the names and sizes of the files."""
        sizes = [(log.path.name, piece.path.name, piece.size) for log in self.logs for piece in log.pieces]
        return hashlib.sha256(json.dumps(sizes).encode()).hexdigest()


@dataclass(frozen=True)
class DamagedLine:
    """An unreadable line of a run's journal. `place` is the file and the line number, counted from 1."""

    run_id: str
    number: int
    place: str
    problem: str

    @property
    def is_header(self) -> bool:
        """Whether the line is the header that identifies the run. A run without its header cannot be replayed."""
        return self.number == 1


class Journal:
    """The journal of one run, shared by all resources of the run in this process."""

    def __init__(self, log: Log, header: Mapping[str, Any] | None):
        self._log = log
        if header is not None:
            self.write(header)

    def write(self, line: Mapping[str, Any]) -> None:
        """Appends one line and flushes it."""
        self._log.write(json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str))

    def close(self) -> None:
        """Closes the log. No lines may be written afterwards."""
        self._log.close()


def open_journal(folder: Place, run_id: str, header: Mapping[str, Any]) -> Journal:
    """The journal of a run, which is released by `release_journal`. Work outside of runs gets a new journal each time."""
    if run_id == DIRECT:
        return Journal(resumed_log(folder, run_id, []), header)

    def resumed() -> Journal:
        earlier = [log for log in list_logs(folder) if log.owner == run_id]
        return Journal(resumed_log(folder, run_id, earlier), None if earlier else header)

    return RUN_OBJECTS.acquired(_key(folder, run_id), resumed, Journal.close)


def release_journal(journal: Journal, folder: Place, run_id: str) -> None:
    """Releases a journal for one resource. The last release closes it."""
    if run_id == DIRECT:
        journal.close()
        return
    RUN_OBJECTS.release(_key(folder, run_id))


def _key(folder: Place, run_id: str) -> tuple[str, ...]:
    return "journal", run_id, str(folder)


@dataclass(frozen=True)
class JournalReader:
    """Reads the journals of a home. Each damaged line is recorded once and skipped."""

    home: Place

    @property
    def folder(self) -> Place:
        """The folder of the journals."""
        return self.home / "landing" / JOURNAL

    def logs(self) -> list[LogFile]:
        """Every journal, in the order in which the runs began."""
        return list_logs(self.folder)

    def days(self) -> dict[date, JournalDay]:
        """The journals by the UTC date on which their runs began. Lists the folder once and reads no file."""
        return {day: JournalDay(day, tuple(logs)) for day, logs in groupby(self.logs(), key=lambda log: log.day)}

    def damaged_lines(self) -> list[DamagedLine]:
        """Every damaged line of every journal, in order. The first line of a journal is the header of its run."""
        return [
            DamagedLine(log.owner, number, f"{log.path}:{number}", problem)
            for log, number, line in numbered_lines(self.logs())
            if (problem := problem_of(line)) is not None
        ]

    def lines(self, logs: Sequence[LogFile] | None = None) -> Iterator[tuple[LogFile, dict[str, Any]]]:
        """The parsed lines of these journals, or of all. Damaged lines are reported and skipped."""
        for log, number, line in numbered_lines(self.logs() if logs is None else logs):
            if (document := self._parsed(log, number, line)) is not None:
                yield log, document

    def incidents(self, dates: Collection[date] | None, run_id: str | None) -> list[dict[str, Any]]:
        """Request lines with a retry, a failure or a rejection, in order; optionally of some dates or one run only."""
        selected = None if dates is None else {day.isoformat() for day in dates}
        return [
            line
            for _, line in self.lines([log for log in self.logs() if run_id in (None, log.owner)])
            if line["kind"] == "request"
            and (line["outcome"] in ("failed", "rejected") or (line["attempts"] or 0) > 1)
            and (selected is None or line["game_date"] in selected)
        ]

    def recent_requests(self, now: datetime, window: timedelta) -> list[dict[str, Any]]:
        """The provider requests within the trailing `window`, see `Landing.recent_requests`."""
        lines = [
            (log, line)
            for log, number, line in numbered_lines(self._recent_logs(now, window))
            if looks_complete(line) or self._record_damage(log, number, line)
        ]
        first, end = (now - window).isoformat(), now.isoformat()  # ISO instants of one time zone sort chronologically as text
        failures = [fetched_at_of(line) for _, line in lines if FAILURE.search(line)]
        failures += breaker_refusals(line for _, line in lines)
        first = min((at for at in failures if first <= at <= end), default="")
        requests = [(fetched_at_of(line), log, line) for log, line in lines if REUSED not in line] if first else []
        selected = sorted((entry for entry in requests if first <= entry[0] <= end), key=lambda entry: entry[0])
        return [request for _, log, line in selected if (request := self._parsed(log, None, line)) is not None]

    def newest_run(self) -> dict[str, Any] | None:
        """The header of the newest run, or None if no run is recorded. A damaged header is reported and skipped."""
        for log in reversed(self.logs()):
            if log.owner == DIRECT:
                continue
            for header in (line for _, line in self.lines([log]) if line["kind"] == "run"):
                return header
        return None

    def _parsed(self, log: LogFile, number: int | None, line: str) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(line)
        except ValueError:
            document = {}
        if missing_fields(document):
            self._record_damage(log, number or _line_number(log, line), line)
            return None
        return document

    def _record_damage(self, log: LogFile, number: int, line: str) -> bool:
        """Reports a damaged line once and returns False. The journal is evidence, so it is neither moved nor changed."""
        subject = f"landing/journal/{log.path.name}:{number}"
        version = hashlib.sha256(line.encode(errors="replace")).hexdigest()[:HASH_DIGITS]
        problem = f"{problem_of(line)}; reports, circuit breakers and rebuilds ignore it"
        notice = damage.Notice(subject, problem, datetime.now(UTC), next_command="nba-pipeline status")
        damage.record_notice(self.home, notice, version)
        return False

    def _recent_logs(self, now: datetime, window: timedelta) -> list[LogFile]:
        """The journals that began within `window` before `now`, or within `window` before the newest journal.

        File names use the real clock and lines use the platform's clock. If the platform's clock is stopped, the newest
        journals may still contain lines of the window.
        """
        folder = self.folder
        if not isinstance(folder, Path):
            logs = self.logs()
            recent = _recent_names([log.path.name for log in logs], now, window)
            return [log for log in logs if log.path.name in recent]
        try:
            with os.scandir(folder) as entries:  # names only: with sizes, as in `logs`, 3,000 files take 50 ms
                names = [entry.name for entry in entries if entry.name.endswith(LOG)]
        except FileNotFoundError:
            return []
        listed = files.listing(folder, *sorted(_recent_names(names, now, window)))
        return [LogFile(file.path, (file,)) for file in listed]


def _recent_names(names: Sequence[str], now: datetime, window: timedelta) -> set[str]:
    """The journals that began within `window` before `now` or before the newest. A name begins with 20 digits, its instant."""

    def name_at(seconds: float) -> str:
        return f"{int(seconds) * files.NANOSECONDS:0{INSTANT_DIGITS}d}"

    length, newest = window.total_seconds(), int(max(names, default="0")[:INSTANT_DIGITS]) / files.NANOSECONDS
    first, end = name_at(now.timestamp() - length), name_at(now.timestamp() + 1)
    latest = name_at(newest - length)
    return {name for name in names if name >= latest or first <= name <= end}


def _line_number(log: LogFile, line: str) -> int:
    return next((number for _, number, text in numbered_lines([log]) if text == line), 0)
