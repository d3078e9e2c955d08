"""Files in a local folder or in an object store, under the same names.

What belongs here: listing, reading, writing and renaming as each kind does it, logs that grow line by line, and the
errors of a store in one sentence. What the files mean does not.

    place("/srv/nba")             a pathlib path: temporary file + rename, appends
    place("gs://bucket/prefix")   a UPath: one PUT is atomic and nothing can be appended, so a log is parts, then one file
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
WRONG_BYTE = re.compile("[\ud800-\udfff]")
NANOSECONDS = 1_000_000_000
UNAUTHORIZED, FORBIDDEN = 401, 403
SERVER_ERRORS, TOO_MANY, TIMED_OUT = 500, 429, 408


def place(home: str) -> Place:
    """The root of a local folder, or of an object store when it is a URL. Raises BadInput for a URL of another kind."""
    scheme, separator, rest = home.partition("://")
    if not separator:
        return Path(home)
    if scheme not in SCHEMES or not urlsplit(home).netloc:
        raise BadInput(f"{home} is neither a folder nor an address like gs://bucket/prefix")
    import fsspec  # noqa: PLC0415  # a quarter of a second, which a local folder does not need
    from upath import UPath  # noqa: PLC0415

    if scheme == "memory":
        return UPath(home)
    # By default gcsfs asks over gRPC, with a permission of its own, what kind of bucket it has, again for each file when
    # it is not told. A plain bucket needs none of that.
    fsspec.register_implementation("gs", "gcsfs.core.GCSFileSystem", clobber=True)
    return UPath(f"gs://{rest}", use_listings_cache=False)


@dataclass(frozen=True)
class File:
    """A file as a listing shows it. `changed` orders the files of one listing by the time they were written."""

    path: Place
    size: int
    changed: float

    @property
    def written_at(self) -> datetime:
        """The UTC instant of the last write: nanoseconds in a local folder, seconds in a store."""
        seconds = self.changed / NANOSECONDS if isinstance(self.path, Path) else self.changed
        return datetime.fromtimestamp(seconds, UTC)


def listing(folder: Place, *patterns: str) -> list[File]:
    """The files below a folder whose path from there matches a pattern. None when there is no such folder."""
    if isinstance(folder, Path):
        found = [(path, path.stat()) for pattern in patterns for path in folder.glob(pattern)]
        return [File(path, stat.st_size, stat.st_mtime_ns) for path, stat in found]
    with reached(folder):
        entries = folder.fs.find(folder.path, detail=True)
    names = {name: name.removeprefix(folder.path.rstrip("/") + "/") for name in entries}
    depths = {pattern: pattern.count("/") for pattern in patterns}
    return [
        File(folder / names[name], entry["size"], _changed(entry)) for name, entry in entries.items()
        if any(names[name].count("/") == depth and PurePosixPath(names[name]).match(p) for p, depth in depths.items())
    ]  # fmt: skip


def folders(folder: Place) -> list[str]:
    """The names of the folders directly below a folder, sorted. None when there is no such folder."""
    if isinstance(folder, Path):
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []
    try:
        with reached(folder, absent_is_wrong=False):
            entries = folder.fs.ls(folder.path, detail=True)
    except FileNotFoundError:
        return []
    return sorted(PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")


def exists(path: Place) -> bool:
    """Whether there is such a file or folder."""
    if isinstance(path, Path):
        return path.exists()
    try:
        with reached(path, absent_is_wrong=False):
            path.fs.info(path.path)
    except FileNotFoundError:
        return False
    return True


def read(path: Place) -> bytes:
    """The bytes of a file. Raises FileNotFoundError."""
    if isinstance(path, Path):
        return path.read_bytes()
    with reached(path, absent_is_wrong=False):
        return bytes(path.fs.cat_file(path.path))


def keep(path: Place, make: Callable[[], bytes]) -> None:
    """Write a file that never changes, whole or not at all; one that is there becomes the last written of its folder."""
    if not isinstance(path, Path):
        if not create(path, make()):
            with reached(path):
                path.fs.cp_file(path.path, path.path)  # onto itself: a new time, and the bytes stay where they are
    elif path.exists():
        _mark_as_last(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        temporary.write_bytes(make())
        _mark_as_last(temporary)
        temporary.replace(path)


def write(path: Place, body: bytes) -> None:
    """Write a file in the place of one of the same name, whole or not at all. One writer at a time."""
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
    with suppress(FileNotFoundError), reached(path, absent_is_wrong=False):
        path.fs.rm_file(path.path)


def tree(folder: Place) -> list[File]:
    """Every file below a folder but temporary ones, in order of the time they were written, then by path."""
    if isinstance(folder, Path):
        found = []
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError):  # renamed or deleted since it was listed
                stat = path.stat()
                if S_ISREG(stat.st_mode) and not path.name.startswith("."):
                    found.append(File(path, stat.st_size, stat.st_mtime_ns))
    else:
        with reached(folder):
            entries = folder.fs.find(folder.path, detail=True)
        above = folder.path.rstrip("/") + "/"
        found = [File(folder / name.removeprefix(above), entry["size"], _changed(entry)) for name, entry in entries.items()]
    return sorted(found, key=lambda file: (file.changed, file.path.as_posix()))


def _mark_as_last(path: Path) -> None:
    now = time.time_ns()  # of its own accord the kernel dates files by its tick, so two of the same 4 ms would be equal
    os.utime(path, ns=(now, now))


def create(path: "UPath", body: bytes) -> bool:
    """Put an object that is not there yet; False when it is."""
    with reached(path):
        try:
            path.fs.pipe_file(path.path, body, mode="create")
        except FileExistsError:
            return False
    return True


def put(path: "UPath", body: bytes) -> None:
    """Put an object, in the place of one of the same name."""
    with reached(path):
        path.fs.pipe_file(path.path, body)


def rename(path: Place, new: str) -> None:
    """Give a file another name in its folder. Raises FileNotFoundError when it is not there."""
    if isinstance(path, Path):
        path.replace(path.with_name(new))
        return
    with reached(path, absent_is_wrong=False):
        path.fs.cp_file(path.path, path.with_name(new).path)
        path.fs.rm_file(path.path)


def move(path: Place, target: Place) -> None:
    """Move a file or a folder within a home or store; a file replaces one of the same name. Raises FileNotFoundError."""
    if isinstance(path, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(Path(str(target)))
        return
    with reached(path, absent_is_wrong=False):
        names = path.fs.find(path.path)
        if not names:
            raise FileNotFoundError(str(path))
        for name in names:
            path.fs.cp_file(name, target.path + name.removeprefix(path.path))  # type: ignore[union-attr]  # of the same store
            path.fs.rm_file(name)


def unused(path: Place) -> Place:
    """The path, or with a number appended the first at which there is no file."""
    candidate, number = path, 1
    while exists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}.{number}")
    return candidate


@contextmanager
def local_copy(path: Place) -> Iterator[Path]:
    """The file on this machine, while the block runs. A refusal of its content names the file, not the copy."""
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
    """A file that is appended to line by line. A line is kept when `write` returns."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, line: str) -> None:
        """Append one line and flush it."""
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def close(self) -> None:
        """Nothing more will be written."""


class PartedLog(Log):
    """A log in a store: each line is an object of its own, and `close` makes one of them all.

    Whoever is killed before leaves the parts, and between writing the whole and deleting the parts leaves both: the
    whole then holds every line of the parts.
    """

    def __init__(self, path: "UPath"):
        self._whole, self._lock = path, threading.Lock()
        self._lines: list[str] = []
        self._is_closed = False

    def write(self, line: str) -> None:
        """Put one line as the next part. Threads wait for the number only, not for each other's requests."""
        with self._lock:
            if self._is_closed:
                raise PipelineError(f"{self._whole} has been closed and takes no further line")
            self._lines.append(line + "\n")
            number = len(self._lines)
        put(self._part(number), (line + "\n").encode())

    def close(self) -> None:
        """Write the whole, then delete the parts."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        put(self._whole, "".join(self._lines).encode())
        with reached(self._whole), suppress(FileNotFoundError):
            self._whole.fs.rm([self._part(number).path for number in range(1, len(self._lines) + 1)])

    def _part(self, number: int) -> "UPath":
        return self._whole.with_name(self._whole.name.removesuffix(LOG) + PARTS) / f"{number:08d}{LOG}"


@dataclass(frozen=True)
class LogFile:
    """A log as it lies there: one file, or the parts of one that was not closed, in order."""

    path: Place
    pieces: tuple[File, ...]

    @property
    def owner(self) -> str:
        """Who wrote it: what follows the instant in its name."""
        return self.path.name.removesuffix(LOG).partition("_")[2]

    @property
    def day(self) -> date:
        """The UTC date on which it was begun."""
        return datetime.fromtimestamp(int(self.path.name.partition("_")[0]) // NANOSECONDS, UTC).date()


def resumed_log(folder: Place, owner: str, earlier: Sequence[LogFile]) -> Log:
    """The log that its owner began earlier, or one of its own, named after the instant and the owner.

    In a store it is always one of its own: nobody else then writes the parts that this process makes one.
    """
    path = folder / f"{time.time_ns():020d}_{owner}{LOG}"
    if isinstance(path, Path):
        return Log(Path(str(earlier[0].path)) if earlier else path)
    return PartedLog(path)


def logs(folder: Place) -> list[LogFile]:
    """The logs of a folder, in the order in which they were begun. Where the whole is there, its parts do not count."""

    def stem(file: File) -> str:
        name, above = file.path.name, file.path.parent.name
        return above.removesuffix(PARTS) if above.endswith(PARTS) else name.removesuffix(LOG)

    found = sorted(listing(folder, f"*{LOG}", f"*{PARTS}/*{LOG}"), key=lambda file: (stem(file), file.path.name))
    answer = []
    for name, files in groupby(found, key=stem):
        parts = list(files)
        whole = [file for file in parts if file.path.name == name + LOG]
        answer.append(LogFile(folder / (name + LOG), tuple(whole or parts)))
    return answer


def numbered_lines(found: Sequence[LogFile]) -> Iterator[tuple[LogFile, int, str]]:
    """Every line of the logs of one folder, in order, with its number in its log, counted from 1.

    A last line that a killed process left half-written is passed over. In a line that is not UTF-8 each wrong byte is a zero
    character, which no parser of JSON accepts.
    """
    if found and not isinstance(found[0].path, Path):
        for log, body in _bodies(found):
            yield from ((log, number, line) for number, line in enumerate(_decoded(body), 1))
        return
    for log in found:
        number = 0
        for piece in log.pieces:
            for line in _decoded(Path(str(piece.path)).read_bytes()):
                number += 1
                yield log, number, line


def _decoded(body: bytes) -> list[str]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = WRONG_BYTE.sub("\0", body.decode(errors="surrogateescape"))
    return text.split("\n")[:-1]


def _bodies(found: Sequence[LogFile]) -> Iterator[tuple[LogFile, bytes]]:
    """Each log as bytes; many objects are asked for at the same time."""
    waiting = list[LogFile]()
    for log in found:
        waiting.append(log)
        if sum(len(one.pieces) for one in waiting) >= READ_AT_ONCE or log is found[-1]:
            with reached(log.path):
                paths = [piece.path.path for one in waiting for piece in one.pieces]  # type: ignore[union-attr]  # of a store
                bodies = log.path.fs.cat(paths, on_error="return")  # type: ignore[union-attr]
            for one in waiting:
                yield one, _body(one, [bodies[piece.path.path] for piece in one.pieces])  # type: ignore[union-attr]
            waiting.clear()


def _body(log: LogFile, bodies: Sequence[bytes | Exception]) -> bytes:
    problem = next((body for body in bodies if isinstance(body, Exception)), None)
    if isinstance(problem, FileNotFoundError):  # its writer made the parts one since they were listed
        return read(log.path)
    with reached(log.path):
        if problem:
            raise problem
    return b"".join(body for body in bodies if isinstance(body, bytes))


@contextmanager
def reached(path: Place, *, absent_is_wrong: bool = True) -> Iterator[None]:
    """Turn what a store raises into one sentence about its address. FileNotFoundError passes where absence is an answer."""
    try:
        yield
    except FileNotFoundError as error:
        if not absent_is_wrong:
            raise
        raise BadInput(f"{path} cannot be used: there is no such bucket; create it or correct the address") from error
    except FileExistsError:
        raise
    except _store_errors() as error:
        raise _explained(path, error) from error


def _store_errors() -> tuple[type[Exception], ...]:
    """What a store raises. gcsfs is loaded only by whoever uses it, so its errors are named when one happens."""
    if "gcsfs" not in sys.modules:
        return (OSError,)
    from aiohttp import ClientError  # noqa: PLC0415
    from gcsfs.retry import ChecksumError, HttpError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    return OSError, ValueError, ClientError, HttpError, ChecksumError, GoogleAuthError


def _explained(path: Place, error: Exception) -> PipelineError:
    """Never Permanent: a payload that the store keeps back is not a payload to be rejected."""
    from google.auth.exceptions import GoogleAuthError, TransportError  # noqa: PLC0415

    code, said = int(vars(error).get("code") or 0), " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PermissionError) or code in (UNAUTHORIZED, FORBIDDEN) or said.startswith("Forbidden"):
        return BadInput(
            f"{path} is refused to this account: log in with `gcloud auth application-default login` or give it the role "
            f"Storage Object User on the bucket ({said})"
        )
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return BadInput(
            f"{path} needs Google credentials: run `gcloud auth application-default login` or set "
            f"GOOGLE_APPLICATION_CREDENTIALS ({said})"
        )
    if isinstance(error, ValueError) or (code and code < SERVER_ERRORS and code not in (TOO_MANY, TIMED_OUT)):
        return BadInput(f"{path} cannot be used: the store refuses the request ({said})")
    return Transient(f"{path} cannot be reached: check the network and try again ({said})")


def _changed(entry: dict[str, Any]) -> float:
    """GCS tells `mtime`, an instant; the store in memory tells `created`, in seconds."""
    at = entry.get("mtime") or entry.get("created") or 0.0
    return at.timestamp() if isinstance(at, datetime) else float(at)
