"""Files in a local folder or in an object store, behind one set of functions.

What belongs here: listing, reading, writing and renaming for both kinds of storage. Logs and the meaning of the files do
not.

    place("/srv/nba")             a pathlib path: a rename makes a write atomic, and appends are possible
    place("gs://bucket/prefix")   a UPath: a PUT is atomic and appends are impossible, so an open log is several parts

The two kinds differ in more than their paths, so most functions have a branch for each kind. A UPath's own methods are not
sufficient: `exists` is False for every error, also for a missing permission; `read_bytes` and `unlink` send several requests
instead of one; a write to a local UPath is not atomic.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from nba_pipeline.errors import BadInput, Permanent
from nba_pipeline.warehouse.store_errors import reached

if TYPE_CHECKING:
    from upath import UPath

Place: TypeAlias = "Path | UPath"

SCHEMES = ("gs", "gcs", "memory")
NANOSECONDS = 1_000_000_000


def place(home: str) -> Place:
    """The root of a home: a local path, or a UPath for a URL. Raises BadInput for an unsupported URL."""
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
    """A file of a listing. `changed` is the time of the last write in nanoseconds since the epoch; it orders a listing."""

    path: Place
    size: int
    changed: int

    @property
    def written_at(self) -> datetime:
        """The UTC instant of the last write."""
        return datetime.fromtimestamp(self.changed / NANOSECONDS, UTC)


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
    """Writes an immutable file atomically. If it exists, only sets its modification time, so that it sorts last."""
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
    """Writes or overwrites a file atomically. Allows one writer at a time."""
    if not isinstance(path, Path):
        put(path, body)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(body)
    temporary.replace(path)


def delete(path: Place) -> None:
    """Deletes a file, if it exists."""
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
    """Creates an object. Returns False if it exists."""
    with reached(path):
        try:
            path.fs.pipe_file(path.path, body, mode="create")
        except FileExistsError:
            return False
    return True


def put(path: "UPath", body: bytes) -> None:
    """Creates or overwrites an object."""
    with reached(path):
        path.fs.pipe_file(path.path, body)


def rename(path: Place, new: str) -> None:
    """Renames a file within its folder. Raises FileNotFoundError if it does not exist."""
    if isinstance(path, Path):
        path.replace(path.with_name(new))
        return
    with reached(path, raises_bad_input=False):
        path.fs.cp_file(path.path, path.with_name(new).path)
        path.fs.rm_file(path.path)


def move(path: Place, target: Place) -> None:
    """Moves a file or folder within a home or store, overwriting an existing file. Raises FileNotFoundError."""
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


def _changed(entry: dict[str, Any]) -> int:
    """The time of the last write in nanoseconds. GCS returns `mtime`, an instant; the memory store returns `created`."""
    at = entry.get("mtime") or entry.get("created") or 0.0
    return int((at.timestamp() if isinstance(at, datetime) else float(at)) * NANOSECONDS)
