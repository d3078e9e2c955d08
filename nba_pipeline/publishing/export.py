"""Writes the published files. A reader sees the old set of files or the new one, never a mixture.

    <home>/public              a link to the newest complete set
    <home>/public.sets/000012  a set: index.html, <date>.html, v1/..., manifest.json
    manifest.json              SHA-256 of every other file of the set

`store.py` writes into an object store, which has no links.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from nba_pipeline.errors import Busy, PipelineError
from nba_pipeline.publishing.documents import Document, Record, Slate
from nba_pipeline.publishing.performance import PerformanceDocument
from nba_pipeline.publishing.record import csv_problem, record_table_schema
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place

PUBLIC, SETS = "public", "public.sets"
MANIFEST = "manifest.json"
LOCK = "export.lock"
"""The lock of an export to a bucket, and the beginning of the names of its claims; see `store.py`."""
INDEX, LATEST = "index.html", "v1/latest.json"
"""The files of the latest slate."""
KEPT_SETS = 2
"""Number of sets that an export keeps, so that a reader of the previous set can finish."""
LOCK_SECONDS = 10
MODELS: Mapping[str, type[Document]] = {"slate": Slate, "record": Record, "performance": PerformanceDocument}
"""Name of a schema -> the model of its documents."""
RECORD_CSV = "v1/record.csv"


def slate_files(slate: Slate, html: str) -> dict[str, bytes]:
    """Returns path -> content of the files about a slate, and of the index."""
    text, content = slate.model_dump_json(indent=1).encode(), html.encode()
    return {f"v1/slate/{slate.game_date}.json": text, f"{slate.game_date}.html": content, LATEST: text, INDEX: content}


def record_files(record: Record, csv: bytes, performance: PerformanceDocument) -> dict[str, bytes]:
    """Returns path -> content of the files about the record, and the schemas of all documents."""
    return {
        "v1/record.json": record.model_dump_json(indent=1).encode(),
        RECORD_CSV: csv,
        "v1/performance.json": performance.model_dump_json().encode(),
        **{f"v1/schema/{name}.json": _schema(model) for name, model in MODELS.items()},
        "v1/schema/record.csv.json": json.dumps(record_table_schema(), indent=1).encode(),
    }


def without_older_index(today: date, changed: Mapping[str, bytes], place: Place) -> Mapping[str, bytes]:
    """Returns the changed files, without the index if the published one is newer.

    The index is the latest slate up to today. The slate of tomorrow is the index only while no other slate is published.
    """
    path = place / LATEST
    published = _date_of(files.read(path)) if LATEST in changed and files.exists(path) else None
    new = _date_of(changed[LATEST]) if published else None
    if published is None or new is None or (new <= today and (new >= published or published > today)):
        return changed
    return {name: content for name, content in changed.items() if name not in (LATEST, INDEX)}


def _date_of(document: bytes) -> date | None:
    """Returns the date of the document of a slate; None if it is unreadable."""
    try:
        return date.fromisoformat(json.loads(document)["game_date"])
    except (ValueError, KeyError, TypeError):
        return None


@cache
def _schema(model: type[BaseModel]) -> bytes:
    return json.dumps(model.model_json_schema(), indent=1).encode()


def write_local(home: Path, changed: Mapping[str, bytes], today: date = date.max) -> Path:
    """Writes a new set with the changed files and the other files of the present set, and makes it public. Returns its folder.

    Raises Busy while another export runs, and PipelineError if the folder cannot be written; the present set then stays public.
    """
    public, sets = home / PUBLIC, home / SETS
    try:
        sets.mkdir(parents=True, exist_ok=True)
        with FileLock(sets / "lock", timeout=LOCK_SECONDS):
            return _publish(public, sets, without_older_index(today, changed, public))
    except Timeout:
        raise Busy(f"another export writes {public}; try again when it has ended") from None
    except OSError as error:
        raise PipelineError(f"{public} cannot be written: {error.strerror or error}; the earlier files stay public") from None


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
    hashes = {name: _sha256((folder / name).read_bytes()) for name in names if name != MANIFEST}
    return json.dumps({"version": 1, "sha256": hashes}, indent=1).encode()


def recorded_hashes(manifest: bytes) -> dict[str, str] | None:
    """Returns file -> SHA-256 of a manifest; None if it is unreadable."""
    try:
        return dict(json.loads(manifest)["sha256"])
    except (ValueError, KeyError, TypeError):
        return None


def problems(folder: Place) -> list[str]:
    """Returns a message per file of a folder or bucket that is missing, differs from the manifest or does not fit its schema."""
    try:
        recorded = recorded_hashes(files.read(folder / MANIFEST))
    except FileNotFoundError:
        return [f"{folder / MANIFEST} does not exist; first: `nba-pipeline publish`"]
    if recorded is None:
        return [f"{folder / MANIFEST} is not a manifest"]
    messages = []
    for name, digest in recorded.items():
        try:
            content = files.read(folder / name)
        except FileNotFoundError:
            messages.append(f"{name} is missing")
            continue
        messages += _invalid(name, content) if _sha256(content) == digest else [f"{name} differs from the manifest"]
    return messages + [f"{name} is not in the manifest" for name in sorted(_published(folder) - recorded.keys() - {MANIFEST})]


def _published(folder: Place) -> set[str]:
    """Returns the names of all files except the locks of exports."""
    paths: list[Any] = [file.path for file in files.tree(folder)]  # of the same kind as the folder
    return {path.relative_to(folder).as_posix() for path in paths if not path.name.startswith(LOCK)}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _invalid(name: str, content: bytes) -> list[str]:
    """Returns why a document does not fit its schema; empty if it does."""
    if name == RECORD_CSV:
        problem = csv_problem(content)
        return [f"{name}: {problem}"] if problem else []
    is_slate = name.startswith("v1/slate/") or name == LATEST
    kind = "slate" if is_slate else name.removeprefix("v1/").removesuffix(".json")
    try:
        if kind in MODELS:
            MODELS[kind].model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        return [f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"]
    return []
