"""Writes the published files into an object store: data first, then pages, the index and the manifest last.

One export writes at a time. The object `export.lock` names its host and process, and is created only if it does not exist. A lock
that is older than `publishing.lock_minutes` is stale: its export has died. Exactly one other export takes it over, the one that
creates the object `export.lock.<id>`, the claim.
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
from nba_pipeline.publishing.export import INDEX, MANIFEST, recorded_hashes, without_older_index
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.store_errors import reached

if TYPE_CHECKING:
    from upath import UPath

LOCK = "export.lock"
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
    claim = None if files.create(lock, body) else _claim_stale(lock)
    try:
        if claim is not None:
            files.delete(lock)
            if not files.create(lock, body):
                raise Busy(f"another export writes {place}; try again when it has ended")
        try:
            yield
        finally:
            if _holder(lock).get("id") == owner["id"]:  # an export that outlives its lock must not release that of another
                files.delete(lock)
    finally:
        if claim is not None:
            files.delete(claim)


def _claim_stale(lock: "UPath") -> "UPath":
    """Claims a stale lock. Returns the claim. Raises Busy for a lock in use, and for one that another export has claimed."""
    holder = _holder(lock)
    limit = timedelta(minutes=SETTINGS.publishing.lock_minutes)
    busy = f"another export writes {lock.parent}: {holder.get('host', 'unknown')} since {holder.get('since', 'unknown')}; "
    try:
        is_stale = datetime.now(UTC) - datetime.fromisoformat(str(holder["since"])) > limit
        claim = lock.with_name(f"{LOCK}.{holder['id']}")
    except (KeyError, ValueError):
        raise Busy(f"{lock} is unreadable; delete it if no export is running, then publish again") from None
    if not is_stale or not files.create(claim, b"{}"):
        raise Busy(busy + "try again when it has ended")
    try:
        if _holder(lock).get("id") != holder["id"]:  # taken over and released between the two reads
            raise Busy(busy + "try again when it has ended")
    except BaseException:  # a claim that stays would keep every later export from taking over the lock
        files.delete(claim)
        raise
    return claim


def _holder(lock: "UPath") -> dict[str, Any]:
    """Returns the content of a lock; empty if it was released or is unreadable."""
    try:
        content = json.loads(files.read(lock))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
