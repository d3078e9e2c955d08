"""The audit of the published record: recomputes the manifests of a date from the ledgers and the landing."""

import hashlib
from datetime import date
from typing import Any

import polars as pl

from nba_pipeline.assets.predictions.publications import NUMBER, TABLE
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.governance.publication import PUBLISHED, entries_in, entries_of
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.row_hashes import HASH


def audit_record(warehouse: Warehouse, landing: Landing, day: date) -> dict[str, Any]:
    """Returns the publications of a date and every difference from the ledgers. Raises BadInput for a date without any.

    Each of these is a difference:

    - a manifest is missing or was altered
    - a row is missing, or differs from its hash
    - a row was published after its tip-off
    - a pick is in no manifest
    - a ledger is closed for the date
    """
    publications = warehouse.scan(TABLE, [day]).sort(NUMBER).collect()
    picks = warehouse.scan(TABLES["picks"], [day]).filter("is_pick", pl.col("run_kind") == "live").collect()
    tables = (TABLE, *(TABLES[name] for name in PUBLISHED))
    differences = [reason for table in tables for reason in warehouse.closed(table, [day]).values()]
    if publications.is_empty() and picks.is_empty() and not differences:
        raise BadInput(f"nothing was published on {day}")
    stored = {"predictions": warehouse.scan(TABLES["predictions"], [day]).collect(), "picks": picks}
    in_manifests = list[pl.DataFrame]()
    for row in publications.iter_rows(named=True):
        name = f"{row[NUMBER]} of {day}"
        try:
            body = landing.body_of(row["source"])
            if hashlib.sha256(body).hexdigest() != row["manifest_sha256"]:
                raise PipelineError(f"manifest {name} was altered: its SHA-256 is not that of the ledger publications")
            entries = entries_in(body, day, name)
        except PipelineError as error:
            differences.append(str(error))
            continue
        in_manifests.append(entries["picks"])
        for table in PUBLISHED:
            differences += _differences(table, entries[table], stored[table], row)
    key = list(TABLES["picks"].key)
    unpublished = picks.join(pl.concat(in_manifests), on=key, how="anti") if in_manifests else picks
    differences += [f"picks: {_name(key, row)} is in no readable manifest" for row in unpublished.sort(key).iter_rows(named=True)]
    return {
        "game_date": str(day),
        "publications": publications.height,
        **{table: int(publications[table].sum()) for table in PUBLISHED},
        "differences": differences,
        "passed": not differences,
    }


def _differences(table: str, entries: pl.DataFrame, stored: pl.DataFrame, publication: dict[str, Any]) -> list[str]:
    """Returns a message per entry whose row is missing, altered or published too late."""
    key = list(TABLES[table].key)
    tipoffs = stored.select(*key, "tipoff_at")
    current = entries_of(table, stored).join(tipoffs, on=key)
    compared = entries.join(current, on=key, how="left", suffix="_now").sort(key)
    published_at, number = publication["published_at"], publication[NUMBER]
    messages = []
    for row in compared.iter_rows(named=True):
        name = f"{table}: {_name(key, row)} of publication {number}"
        if row[f"{HASH}_now"] is None:
            messages.append(f"{name} is missing in the ledger")
        elif row[f"{HASH}_now"] != row[HASH]:
            messages.append(f"{name} differs from its hash in the manifest")
        elif row["tipoff_at"] is None or row["tipoff_at"] <= published_at:
            messages.append(f"{name} was published at {eastern_text(published_at)}, not before its tip-off")
    return messages


def _name(key: list[str], row: dict[str, Any]) -> str:
    return " ".join(str(row[column]) for column in key)
