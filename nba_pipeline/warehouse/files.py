"""Files in a local folder or in an object store, behind one set of functions.

What belongs here: listing, reading, writing and renaming for both kinds of storage, logs that grow line by line, and
messages for the errors of a store. The meaning of the files does not.

    place("/srv/nba")             a pathlib path: temporary file + rename, appends
    place("gs://bucket/prefix")   a UPath: a PUT is atomic and appends are impossible, so a log is parts, then one file
"""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from nba_pipeline.errors import BadInput, Permanent, PipelineError, Transient

if TYPE_CHECKING:
    from upath import UPath

Place: TypeAlias = "Path | UPath"

SCHEMES = ("gs", "gcs", "memory")
LOG, PARTS = ".jsonl", ".parts"
READ_AT_ONCE = 256  # files
INVALID_BYTE = re.compile("[\ud800-\udfff]")
NANOSECONDS = 1_000_000_000
UNAUTHORIZED, FORBIDDEN = 401, 403
SERVER_ERRORS, TOO_MANY, TIMED_OUT = 500, 429, 408


def place(home: str) -> Place:
    """The root as a local path, or as an object store for a URL. Raises BadInput for an unsupported URL."""
    scheme, separator, rest = home.partition("://")
    if not separator:
        return Path(home)
    if scheme not in SCHEMES or not urlsplit(home).netloc:
        raise BadInput(f"{home} is neither a folder nor an address like gs://bucket/prefix")
    import fsspec  # noqa: PLC0415  # takes a quarter of a second; a local folder does not need it
    from upath import UPath  # noqa: PLC0415

    if scheme == "memory":
        return UPath(home)
    # By default gcsfs looks up the bucket type over gRPC, which needs its own permission and, if denied, is repeated per file.
    # A plain bucket does not need the lookup.
    fsspec.register_implementation("gs", "gcsfs.core.GCSFileSystem", clobber=True)
    return UPath(f"gs://{rest}", use_listings_cache=False)


@dataclass(frozen=True)
class File:
    """A file of a listing. `changed` orders the files of one listing by the time of their last write."""

    path: Place
    size: int
    changed: float

    @property
    def written_at(self) -> datetime:
        """The UTC instant of the last write: nanoseconds in a local folder, seconds in a store."""
        seconds = self.changed / NANOSECONDS if isinstance(self.path, Path) else self.changed
        return datetime.fromtimestamp(seconds, UTC)


def listing(folder: Place, *patterns: str) -> list[File]:
    """The files below a folder whose relative path matches a pattern. Empty if the folder does not exist."""
    if isinstance(folder, Path):
        stats = [(path, path.stat()) for pattern in patterns for path in folder.glob(pattern)]
        return [File(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]
    with reached(folder):
        entries = folder.fs.find(folder.path, detail=True)
    names = {name: name.removeprefix(folder.path.rstrip("/") + "/") for name in entries}
    depths = {pattern: pattern.count("/") for pattern in patterns}
    return [
        File(folder / names[name], entry["size"], _changed(entry))
        for name, entry in entries.items()
        if any(names[name].count("/") == depth and PurePosixPath(names[name]).match(p) for p, depth in depths.items())
    ]


def folders(folder: Place) -> list[str]:
    """The names of a folder's direct subfolders, sorted. Empty if the folder does not exist."""
    if isinstance(folder, Path):
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []
    try:
        with reached(folder, raises_bad_input=False):
            entries = folder.fs.ls(folder.path, detail=True)
    except FileNotFoundError:
        return []
    return sorted(PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")


def exists(path: Place) -> bool:
    """Whether the file or folder exists."""
    if isinstance(path, Path):
        return path.exists()
    try:
        with reached(path, raises_bad_input=False):
            path.fs.info(path.path)
    except FileNotFoundError:
        return False
    return True


def read(path: Place) -> bytes:
    """The bytes of a file. Raises FileNotFoundError."""
    if isinstance(path, Path):
        return path.read_bytes()
    with reached(path, raises_bad_input=False):
        return bytes(path.fs.cat_file(path.path))


def write_immutable(path: Place, make: Callable[[], bytes]) -> None:
    """Write an immutable file atomically. If it exists, only set its modification time so that it sorts last in its folder."""
    if not isinstance(path, Path):
        if not create(path, make()):
            with reached(path):
                path.fs.cp_file(path.path, path.path)  # copying onto itself updates the time without an upload
    elif path.exists():
        _mark_as_last(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        temporary.write_bytes(make())
        _mark_as_last(temporary)
        temporary.replace(path)


def write(path: Place, body: bytes) -> None:
    """Write or overwrite a file atomically. Allows one writer at a time."""
    if not isinstance(path, Path):
        put(path, body)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(body)
    temporary.replace(path)


def delete(path: Place) -> None:
    """Delete a file, if it exists."""
    if isinstance(path, Path):
        path.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError), reached(path, raises_bad_input=False):
        path.fs.rm_file(path.path)


def tree(folder: Place) -> list[File]:
    """Every file below a folder except temporary ones, sorted by time of last write, then by path."""
    if isinstance(folder, Path):
        listed = []
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError):  # renamed or deleted since the listing
                stat = path.stat()
                if S_ISREG(stat.st_mode) and not path.name.startswith("."):
                    listed.append(File(path, stat.st_size, stat.st_mtime_ns))
    else:
        with reached(folder):
            entries = folder.fs.find(folder.path, detail=True)
        prefix = folder.path.rstrip("/") + "/"
        listed = [File(folder / name.removeprefix(prefix), entry["size"], _changed(entry)) for name, entry in entries.items()]
    return sorted(listed, key=lambda file: (file.changed, file.path.as_posix()))


def _mark_as_last(path: Path) -> None:
    now = time.time_ns()  # kernel timestamps tick every 4 ms, so two files could tie
    os.utime(path, ns=(now, now))


def create(path: "UPath", body: bytes) -> bool:
    """Create an object. Returns False if it exists."""
    with reached(path):
        try:
            path.fs.pipe_file(path.path, body, mode="create")
        except FileExistsError:
            return False
    return True


def put(path: "UPath", body: bytes) -> None:
    """Create or overwrite an object."""
    with reached(path):
        path.fs.pipe_file(path.path, body)


def rename(path: Place, new: str) -> None:
    """Rename a file within its folder. Raises FileNotFoundError if it does not exist."""
    if isinstance(path, Path):
        path.replace(path.with_name(new))
        return
    with reached(path, raises_bad_input=False):
        path.fs.cp_file(path.path, path.with_name(new).path)
        path.fs.rm_file(path.path)


def move(path: Place, target: Place) -> None:
    """Move a file or folder within a home or store, overwriting an existing file. Raises FileNotFoundError."""
    if isinstance(path, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(Path(str(target)))
        return
    with reached(path, raises_bad_input=False):
        names = path.fs.find(path.path)
        if not names:
            raise FileNotFoundError(str(path))
        for name in names:
            path.fs.cp_file(name, target.path + name.removeprefix(path.path))  # type: ignore[union-attr]  # same store
            path.fs.rm_file(name)


def unused(path: Place) -> Place:
    """The path, or the path with the first free number appended if it exists."""
    candidate, number = path, 1
    while exists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}.{number}")
    return candidate


@contextmanager
def local_copy(path: Place) -> Iterator[Path]:
    """A local copy of the file for the duration of the block. Permanent errors name the original, not the copy."""
    if isinstance(path, Path):
        yield path
        return
    with TemporaryDirectory(prefix="nba-") as scratch:
        copy = Path(scratch, path.name)
        copy.write_bytes(read(path))
        try:
            yield copy
        except Permanent as error:
            raise Permanent(str(error).replace(str(copy), str(path))) from error


class Log:
    """A file with appended lines. A line is durable when `write` returns."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, line: str) -> None:
        """Append one line and flush it."""
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def close(self) -> None:
        """End the log. No lines may be written afterwards."""


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
        """Put one line as the next part. Threads only wait for the part number, not for each other's requests."""
        with self._lock:
            if self._is_closed:
                raise PipelineError(f"{self._merged} is closed and accepts no further lines")
            self._lines.append(line + "\n")
            number = len(self._lines)
        put(self._part(number), (line + "\n").encode())

    def close(self) -> None:
        """Write the merged file, then delete the parts."""
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


def logs(folder: Place) -> list[LogFile]:
    """The logs of a folder, in the order in which they began. Parts are ignored if the merged file exists."""

    def stem(file: File) -> str:
        name, above = file.path.name, file.path.parent.name
        return above.removesuffix(PARTS) if above.endswith(PARTS) else name.removesuffix(LOG)

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
        if sum(len(one.pieces) for one in batch) >= READ_AT_ONCE or log is stored[-1]:
            with reached(log.path):
                paths = [piece.path.path for one in batch for piece in one.pieces]  # type: ignore[union-attr]  # in a store
                bodies = log.path.fs.cat(paths, on_error="return")  # type: ignore[union-attr]
            for one in batch:
                yield one, _body(one, [bodies[piece.path.path] for piece in one.pieces])  # type: ignore[union-attr]
            batch.clear()


def _body(log: LogFile, bodies: Sequence[bytes | Exception]) -> bytes:
    problem = next((body for body in bodies if isinstance(body, Exception)), None)
    if isinstance(problem, FileNotFoundError):  # its writer merged the parts after the listing
        return read(log.path)
    with reached(log.path):
        if problem:
            raise problem
    return b"".join(body for body in bodies if isinstance(body, bytes))


@contextmanager
def reached(path: Place, *, raises_bad_input: bool = True) -> Iterator[None]:
    """Turn a store's errors into one message with the path. FileNotFoundError propagates unless `raises_bad_input`."""
    try:
        yield
    except FileNotFoundError as error:
        if not raises_bad_input:
            raise
        raise BadInput(f"{path} cannot be used: the bucket does not exist; create it or correct the address") from error
    except FileExistsError:
        raise
    except _store_errors() as error:
        raise _explained(path, error) from error


def _store_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a store. Looked up when an error occurs, because gcsfs is only imported for a store."""
    if "gcsfs" not in sys.modules:
        return (OSError,)
    from aiohttp import ClientError  # noqa: PLC0415
    from gcsfs.retry import ChecksumError, HttpError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    return OSError, ValueError, ClientError, HttpError, ChecksumError, GoogleAuthError


def _explained(path: Place, error: Exception) -> PipelineError:
    """The platform's error for a store's. Never Permanent, since an unreachable payload must not be rejected."""
    from google.auth.exceptions import GoogleAuthError, TransportError  # noqa: PLC0415

    code, message = int(vars(error).get("code") or 0), " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PermissionError) or code in (UNAUTHORIZED, FORBIDDEN) or message.startswith("Forbidden"):
        return BadInput(
            f"{path} is not accessible with this account: log in with `gcloud auth application-default login` or give it the role "
            f"Storage Object User on the bucket ({message})"
        )
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return BadInput(
            f"{path} needs Google credentials: run `gcloud auth application-default login` or set "
            f"GOOGLE_APPLICATION_CREDENTIALS ({message})"
        )
    if isinstance(error, ValueError) or (code and code < SERVER_ERRORS and code not in (TOO_MANY, TIMED_OUT)):
        return BadInput(f"{path} cannot be used: the store refuses the request ({message})")
    return Transient(f"{path} cannot be reached: check the network and try again ({message})")


def _changed(entry: dict[str, Any]) -> float:
    """The time of the last write in seconds. GCS returns `mtime`, an instant; the memory store returns `created`."""
    at = entry.get("mtime") or entry.get("created") or 0.0
    return at.timestamp() if isinstance(at, datetime) else float(at)
