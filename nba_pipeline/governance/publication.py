"""The manifest of a publication: key and hash of every published row, as a landed payload whose SHA-256 is in `publications`.

    {"format": 1, "game_date": "2026-01-15", "published_at": "...", "predictions": {"game_id": [...], ..., "sha256": [...]},
     "picks": {...}}

The hash of a row is that of the ledgers, see `warehouse.row_hashes`.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.ledgers import hashed
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline.warehouse.row_hashes import HASH

FORMAT = 1
PUBLISHED = ("predictions", "picks")
"""The tables with published rows."""


def slot_of(day: date, number: int) -> Slot:
    """Returns the place of a manifest in the landing."""
    return Slot("nba_pipeline", "publication", entity=str(number), game_date=day)


def manifest_of(day: date, published_at: datetime, rows: Mapping[str, pl.DataFrame]) -> bytes:
    """Returns the manifest of the rows of each table of PUBLISHED."""
    document: dict[str, Any] = {"format": FORMAT, "game_date": str(day), "published_at": published_at.isoformat()}
    for name in PUBLISHED:
        document[name] = entries_of(name, rows[name]).to_dict(as_series=False)
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def entries_of(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns key and hash of each row, sorted by key."""
    key = TABLES[table].key
    return hashed(TABLES[table], rows).select(*key, HASH).sort(key)


def entries_in(body: bytes, day: date, name: str) -> dict[str, pl.DataFrame]:
    """Returns the entries of a manifest by table. Raises PipelineError if it is unreadable or of another date."""
    try:
        document = json.loads(body)
        if document["format"] != FORMAT or document["game_date"] != str(day):
            raise PipelineError(f"manifest {name} has format {document['format']!r} and belongs to {document['game_date']}")
        return {table: _typed(table, document[table]) for table in PUBLISHED}
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise PipelineError(f"manifest {name} cannot be read ({type(error).__name__}: {error})") from None


def _typed(table: str, columns: Mapping[str, Any]) -> pl.DataFrame:
    schema = {name: TABLES[table].dtypes[name] for name in TABLES[table].key} | {HASH: pl.String()}
    return pl.DataFrame(columns, schema=schema)
