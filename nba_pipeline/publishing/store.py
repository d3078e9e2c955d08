"""Writes the published files into an object store: data first, then pages, the index and the manifest last.

One export writes at a time. Its write lease is the object `export.lock`, see `write_leases`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from nba_pipeline.errors import PipelineError
from nba_pipeline.publishing.export import INDEX, LOCK, LOCK_SECONDS, MANIFEST, recorded_hashes, without_older_index
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.store_errors import reached
from nba_pipeline.warehouse.write_leases import WriteLease, held

if TYPE_CHECKING:
    from upath import UPath

CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".csv": "text/csv; charset=utf-8"}
CACHE_SECONDS = 60
"""Age up to which browsers and caches may show a file without asking again. A slate changes every few minutes before tip-off."""


def write_store(place: "UPath", changed: Mapping[str, bytes], today: date = date.max) -> None:
    """Writes the files. Raises Busy while another export writes, and PipelineError if the store refuses; then see `docs/publishing.md`."""
    lease = WriteLease(place / LOCK, "another export", SETTINGS.publishing.lock_minutes * 60)
    with held({str(place): lease}, LOCK_SECONDS, "files"):
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
