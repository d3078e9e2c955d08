"""Logs that grow line by line, in a local folder or in an object store. The meaning of the lines does not belong here.

A local log is one file. In a store, appends are impossible: a log is one object per line until `close` merges them into one.
"""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from nba_pipeline.errors import PipelineError
from nba_pipeline.warehouse.files import NANOSECONDS, File, Place, listing, put, read
from nba_pipeline.warehouse.store_errors import reached

if TYPE_CHECKING:
    from upath import UPath

LOG, PARTS = ".jsonl", ".parts"
READ_AT_ONCE = 256  # files
INVALID_BYTE = re.compile("[\ud800-\udfff]")


class Log:
    """A file with appended lines. A line is durable when `write` returns."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, line: str) -> None:
        """Appends one line and flushes it."""
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def close(self) -> None:
        """Ends the log. No lines may be written afterwards."""


class PartedLog(Log):
    """A log in a store: each line is an object, and `close` merges them into one.

    A process killed before `close` leaves the parts. A process killed during `close` may leave both the merged file and
    parts; the merged file then contains every line of the parts.
    """

    def __init__(self, path: "UPath"):
        self._merged, self._lock = path, threading.Lock()
        self._lines: list[str] = []
        self._is_closed = False

    def write(self, line: str) -> None:
        """Writes one line as the next part. Threads only wait for the part number, not for each other's requests."""
        with self._lock:
            if self._is_closed:
                raise PipelineError(f"{self._merged} is closed and accepts no further lines")
            self._lines.append(line + "\n")
            number = len(self._lines)
        put(self._part(number), (line + "\n").encode())

    def close(self) -> None:
        """Writes the merged file, then deletes the parts."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        put(self._merged, "".join(self._lines).encode())
        with reached(self._merged), suppress(FileNotFoundError):
            self._merged.fs.rm([self._part(number).path for number in range(1, len(self._lines) + 1)])

    def _part(self, number: int) -> "UPath":
        return self._merged.with_name(self._merged.name.removesuffix(LOG) + PARTS) / f"{number:08d}{LOG}"


@dataclass(frozen=True)
class LogFile:
    """A stored log: one file, or the ordered parts of a log that was not closed."""

    path: Place
    pieces: tuple[File, ...]

    @property
    def owner(self) -> str:
        """The owner of the log: the part of its name after the instant."""
        return self.path.name.removesuffix(LOG).partition("_")[2]

    @property
    def day(self) -> date:
        """The UTC date on which the log began."""
        return datetime.fromtimestamp(int(self.path.name.partition("_")[0]) // NANOSECONDS, UTC).date()


def resumed_log(folder: Place, owner: str, earlier: Sequence[LogFile]) -> Log:
    """The owner's earlier log, or a new one named after the current instant and the owner.

    In a store it is always a new log, so that no other process writes the parts that this process merges.
    """
    path = folder / f"{time.time_ns():020d}_{owner}{LOG}"
    if isinstance(path, Path):
        return Log(Path(str(earlier[0].path)) if earlier else path)
    return PartedLog(path)


def list_logs(folder: Place) -> list[LogFile]:
    """The logs of a folder, in the order in which they began. Parts are ignored if the merged file exists."""

    def stem(file: File) -> str:
        name, folder_name = file.path.name, file.path.parent.name
        return folder_name.removesuffix(PARTS) if folder_name.endswith(PARTS) else name.removesuffix(LOG)

    listed = sorted(listing(folder, f"*{LOG}", f"*{PARTS}/*{LOG}"), key=lambda file: (stem(file), file.path.name))
    results = []
    for name, files in groupby(listed, key=stem):
        parts = list(files)
        merged = [file for file in parts if file.path.name == name + LOG]
        results.append(LogFile(folder / (name + LOG), tuple(merged or parts)))
    return results


def numbered_lines(stored: Sequence[LogFile]) -> Iterator[tuple[LogFile, int, str]]:
    """Yields every line of the logs of one folder, in order, with its line number in the log, counted from 1.

    Skips an incomplete last line of a killed process. Replaces each byte that is not UTF-8 with a NUL character, which no
    JSON parser accepts.
    """
    if stored and not isinstance(stored[0].path, Path):
        for log, body in _bodies(stored):
            yield from ((log, number, line) for number, line in enumerate(_decoded(body), 1))
        return
    for log in stored:
        number = 0
        for piece in log.pieces:
            for line in _decoded(Path(str(piece.path)).read_bytes()):
                number += 1
                yield log, number, line


def _decoded(body: bytes) -> list[str]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = INVALID_BYTE.sub("\0", body.decode(errors="surrogateescape"))
    return text.split("\n")[:-1]


def _bodies(stored: Sequence[LogFile]) -> Iterator[tuple[LogFile, bytes]]:
    """The bytes of each log. Objects of a store are fetched in parallel."""
    batch = list[LogFile]()
    for log in stored:
        batch.append(log)
        if sum(len(waiting.pieces) for waiting in batch) >= READ_AT_ONCE or log is stored[-1]:
            with reached(log.path):
                paths = [piece.path.path for waiting in batch for piece in waiting.pieces]  # type: ignore[union-attr]  # in a store
                bodies = log.path.fs.cat(paths, on_error="return")  # type: ignore[union-attr]
            for waiting in batch:
                yield waiting, _body(waiting, [bodies[piece.path.path] for piece in waiting.pieces])  # type: ignore[union-attr]
            batch.clear()


def _body(log: LogFile, bodies: Sequence[bytes | Exception]) -> bytes:
    problem = next((body for body in bodies if isinstance(body, Exception)), None)
    if isinstance(problem, FileNotFoundError):  # its writer merged the parts after the listing
        return read(log.path)
    with reached(log.path):
        if problem:
            raise problem
    return b"".join(body for body in bodies if isinstance(body, bytes))
