"""Writes the published files into an object store: data first, then pages, the index and the manifest last.

One export writes at a time. The object `export.lock` names its host and process, and is created only if it does not exist. A lock
that is older than `publishing.lock_minutes` is stale: its export has died. Exactly one other export takes it over, the one that
creates the object `export.lock.<id>`, the claim. A claim can become stale too, and is then taken over in the same way:

    export.lock                   of export 1, which died
    export.lock.<id 1>            claim of export 2, which died before it replaced the lock
    export.lock.<id 1>.<id 2>     claim of export 3, which replaces the lock and deletes the claims
"""

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nba_pipeline.errors import Busy, PipelineError
from nba_pipeline.publishing.export import INDEX, LOCK, MANIFEST, recorded_hashes, without_older_index
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.store_errors import reached

if TYPE_CHECKING:
    from upath import UPath

CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".csv": "text/csv; charset=utf-8"}
CACHE_SECONDS = 60
"""Age up to which browsers and caches may show a file without asking again. A slate changes every few minutes before tip-off."""


def write_store(place: "UPath", changed: Mapping[str, bytes], today: date = date.max) -> None:
    """Writes the files. Raises Busy while another export writes, and PipelineError if the store refuses; then see `docs/publishing.md`."""
    with _locked(place):
        before = recorded_hashes(files.read(place / MANIFEST)) if files.exists(place / MANIFEST) else {}
        if before is None:
            raise PipelineError(f"{place / MANIFEST} is not a manifest; move it away, then publish again. Nothing was written")
        changed = without_older_index(today, changed, place)
        hashes = before | {name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}
        for name in sorted(changed, key=lambda name: (name == INDEX, name.endswith(".html"), name)):
            _put(place / name, changed[name])
        _put(place / MANIFEST, json.dumps({"version": 1, "sha256": dict(sorted(hashes.items()))}, indent=1).encode())


def _put(path: "UPath", body: bytes) -> None:
    """Writes an object with the headers that a browser needs."""
    headers: dict[str, Any] = {}
    if path.protocol == "gs":
        cache = f"public, max-age={CACHE_SECONDS}"
        headers = {"content_type": CONTENT_TYPES[path.suffix], "fixed_key_metadata": {"cache_control": cache}}
    with reached(path):
        path.fs.pipe_file(path.path, body, **headers)


@contextmanager
def _locked(place: "UPath") -> Iterator[None]:
    """Holds the lock of the store for the duration of the block. Raises Busy while another export holds it."""
    lock, owner = place / LOCK, {"id": uuid4().hex, "host": socket.gethostname(), "process": os.getpid()}
    body = json.dumps(owner | {"since": datetime.now(UTC).isoformat()}).encode()
    if not files.create(lock, body):
        _take_over(lock, body)
    try:
        yield
    finally:
        if _holder(lock).get("id") == owner["id"]:  # an export that outlives its lock must not release that of another
            files.delete(lock)


def _take_over(lock: "UPath", body: bytes) -> None:
    """Replaces a stale lock. Raises Busy for a lock in use, and for one that another export takes over."""
    holder = _holder(lock)
    claims = _claim(lock, holder, body)
    try:
        if _holder(lock).get("id") != holder["id"]:  # taken over and released between the two reads
            raise _busy(lock, holder)
        files.delete(lock)
        if not files.create(lock, body):
            raise _busy(lock, _holder(lock))
    finally:
        for claim in claims:
            files.delete(claim)


def _claim(held: "UPath", holder: Mapping[str, Any], body: bytes) -> list["UPath"]:
    """Claims a stale lock or claim. Returns the stale claims before the new one, and the new one. Raises Busy if it is in use."""
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(str(holder["since"]))
        claim = held.with_name(f"{held.name}.{holder['id']}")
    except (KeyError, ValueError):
        if not files.exists(held):  # released since it was read
            raise _busy(held, holder) from None
        raise Busy(f"{held} is unreadable; delete it if no export is running, then publish again") from None
    if age <= timedelta(minutes=SETTINGS.publishing.lock_minutes):
        raise _busy(held, holder)
    return [claim] if files.create(claim, body) else [claim, *_claim(claim, _holder(claim), body)]


def _busy(held: "UPath", holder: Mapping[str, Any]) -> Busy:
    by = f"{holder.get('host', 'unknown')} since {holder.get('since', 'unknown')}"
    return Busy(f"another export writes {held.parent}: {by}; try again when it has ended")


def _holder(lock: "UPath") -> dict[str, Any]:
    """Returns the content of a lock; empty if it was released or is unreadable."""
    try:
        content = json.loads(files.read(lock))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
