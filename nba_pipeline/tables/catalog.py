"""The catalog of all tables, views and checks, readable without importing the asset modules.

`catalog.json` is generated from the definitions by `python -m nba_pipeline_tests.tables.test_catalog`, and tested to agree.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

FILE = "catalog.json"


@dataclass(frozen=True)
class CatalogTable:
    """One table of the catalog. `types` maps each column to the text of its polars type."""

    name: str
    summary: str
    key: tuple[str, ...]
    is_ledger: bool
    types: Mapping[str, str] = field(hash=False)

    @property
    def dtypes(self) -> "dict[str, pl.DataType]":
        """Column -> polars type."""
        return {name: _dtypes()[kind] for name, kind in self.types.items()}


@dataclass(frozen=True)
class CatalogCheck:
    """One check of the catalog. `summaries` maps each description to its tables; `blocking` lists the tables that it blocks."""

    name: str
    summaries: Mapping[str, tuple[str, ...]] = field(hash=False)
    blocking: tuple[str, ...]


@cache
def tables() -> dict[str, CatalogTable]:
    """Every table by name, in pipeline order."""
    return {
        name: CatalogTable(name, entry["summary"], tuple(entry["key"]), entry["is_ledger"], entry["columns"])
        for name, entry in _content()["tables"].items()
    }


@cache
def checks() -> dict[str, CatalogCheck]:
    """Every check by name, in alphabetical order."""
    return {
        name: CatalogCheck(name, {text: tuple(of) for text, of in entry["summaries"].items()}, tuple(entry["blocking"]))
        for name, entry in _content()["checks"].items()
    }


@cache
def views() -> dict[str, str]:
    """Every view that a query may name, with its meaning."""
    return dict(_content()["views"])


@cache
def _content() -> dict[str, Any]:
    return dict(json.loads((files("nba_pipeline.tables") / FILE).read_text(encoding="utf-8")))


@cache
def _dtypes() -> "dict[str, pl.DataType]":
    import polars as pl  # noqa: PLC0415  # names and summaries need no polars

    kinds = (pl.String(), pl.Float64(), pl.Int64(), pl.Boolean(), pl.Date(), pl.Datetime("us", "UTC"), pl.List(pl.String()))
    return {str(kind): kind for kind in kinds}
