"""Writes the published files. A reader sees the old set of files or the new one, never a mixture.

    <home>/public              a link to the newest complete set
    <home>/public.sets/000012  a set: index.html, <date>.html, v1/..., manifest.json
    manifest.json              SHA-256 of every other file of the set

In an object store, the files are written in place: data first, then pages, the index and the manifest last.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from nba_pipeline.errors import Busy, PipelineError
from nba_pipeline.publishing.documents import Record, Slate
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place

PUBLIC, SETS = "public", "public.sets"
MANIFEST = "manifest.json"
KEPT_SETS = 2
"""Number of sets that stay, so that a reader of the previous set can finish."""
LOCK_SECONDS = 10


def slate_files(slate: Slate, html: str, *, is_latest: bool) -> dict[str, bytes]:
    """Returns path -> content of the files about a slate and the record. Only the latest slate is the index."""
    text = slate.model_dump_json(indent=1)
    latest = {"v1/latest.json": text.encode(), "index.html": html.encode()} if is_latest else {}
    return {
        f"v1/slate/{slate.game_date}.json": text.encode(),
        "v1/record.json": slate.record.model_dump_json(indent=1).encode(),
        "v1/schema/slate.json": _schema(Slate),
        "v1/schema/record.json": _schema(Record),
        f"{slate.game_date}.html": html.encode(),
        **latest,
    }


def latest_date(place: Place) -> date | None:
    """Returns the date of the slate that is the index; None if nothing is published, or the document cannot be read."""
    path = place / "v1" / "latest.json"
    if not files.exists(path):
        return None
    try:
        return Slate.model_validate_json(files.read(path)).game_date
    except ValidationError:
        return None


def _schema(model: type[BaseModel]) -> bytes:
    return json.dumps(model.model_json_schema(), indent=1).encode()


def write_local(home: Path, changed: Mapping[str, bytes]) -> Path:
    """Writes a new set with the changed files and the other files of the present set, and makes it public. Returns its folder.

    Raises Busy while another export runs, and PipelineError if the folder cannot be written; the present set then stays public.
    """
    public, sets = home / PUBLIC, home / SETS
    try:
        sets.mkdir(parents=True, exist_ok=True)
        with FileLock(sets / "lock", timeout=LOCK_SECONDS):
            return _publish(public, sets, changed)
    except Timeout:
        raise Busy(f"another export writes {public}; try again when it has ended") from None
    except OSError as error:
        raise PipelineError(f"{public} cannot be written: {error.strerror or error}; the files before stay public") from None


def _publish(public: Path, sets: Path, changed: Mapping[str, bytes]) -> Path:
    if public.exists() and not public.is_symlink():
        raise PipelineError(f"{public} is not a link that an export made; move it away, then export again")
    numbers = sorted(int(folder.name) for folder in sets.iterdir() if folder.name.isdigit())
    folder = sets / f"{(numbers[-1] if numbers else 0) + 1:06}"
    present = public.resolve() if public.exists() else None
    if present:  # files are never changed in place, so a hard link is enough
        shutil.copytree(present, folder, copy_function=os.link)
    else:
        folder.mkdir()
    for name, content in changed.items():
        _replace(folder / name, content)
    _replace(folder / MANIFEST, _manifest(folder))
    link = sets / f"link.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(SETS, folder.name))
    link.replace(public)
    for number in numbers:
        old = sets / f"{number:06}"
        if old != present and number <= int(folder.name) - KEPT_SETS:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be a link to a file of the present set
    path.write_bytes(content)


def _manifest(folder: Path) -> bytes:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names if name != MANIFEST}
    return json.dumps({"version": 1, "sha256": hashes}, indent=1).encode()


def _recorded(manifest: bytes) -> dict[str, str] | None:
    """Returns file -> SHA-256 of a manifest; None if it is unreadable."""
    try:
        return dict(json.loads(manifest)["sha256"])
    except (ValueError, KeyError, TypeError):
        return None


def write_store(place: Place, changed: Mapping[str, bytes]) -> None:
    """Writes the files into an object store: data first, then pages, index and manifest. Raises PipelineError.

    No lock covers the store. Of two concurrent exports, the manifest may lack the files of one: see docs/publishing.md.
    """
    before = _recorded(files.read(place / MANIFEST)) if files.exists(place / MANIFEST) else {}
    if before is None:
        raise PipelineError(f"{place / MANIFEST} is not a manifest; move it away, then publish again. Nothing was written")
    hashes = before | {name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}
    for name in sorted(changed, key=lambda name: (name == "index.html", name.endswith(".html"), name)):
        files.write(place / name, changed[name])
    files.write(place / MANIFEST, json.dumps({"version": 1, "sha256": dict(sorted(hashes.items()))}, indent=1).encode())


def problems(folder: Path) -> list[str]:
    """Returns a message per file of a set that is missing, differs from the manifest or does not fit its schema."""
    try:
        recorded = _recorded((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return [f"{folder / MANIFEST} does not exist; first: `nba-pipeline publish`"]
    if recorded is None:
        return [f"{folder / MANIFEST} is not a manifest"]
    messages = []
    for name, digest in recorded.items():
        path = folder / name
        if not path.exists():
            messages.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            messages.append(f"{name} differs from the manifest")
        else:
            messages += _invalid(name, path)
    unrecorded = (
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - recorded.keys() - {MANIFEST}
    )
    return messages + [f"{name} is not in the manifest" for name in sorted(unrecorded)]


def _invalid(name: str, path: Path) -> list[str]:
    """Returns why a document does not fit its schema; empty if it does."""
    model: type[BaseModel] | None = None
    if name.startswith("v1/slate/") or name == "v1/latest.json":
        model = Slate
    elif name == "v1/record.json":
        model = Record
    try:
        if model:
            model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        return [f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"]
    return []
