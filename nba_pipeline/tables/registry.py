"""The tables by name, and the properties of a table that its storage needs. Imports neither Dagster nor dataframely.

Schemas, validation and quarantine belong in `table.py`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import polars as pl

if TYPE_CHECKING:
    from nba_pipeline.tables.table import Table

TABLES: dict[str, "Table"] = {}
"""Every table by name. Filled when the modules of the tables are imported."""

QUARANTINE_SCHEMA: Mapping[str, pl.DataType] = {
    "table": pl.String(), "game_date": pl.Date(), "problem": pl.String(), "row": pl.String(), "source": pl.String(),
    "as_of": pl.Datetime("us", "UTC"),
}  # fmt: skip


class StoredTable(Protocol):
    """A table as its storage sees it: a `Table`, or an entry of the catalog."""

    @property
    def name(self) -> str:
        """The name of the table and of its folder."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row."""

    @property
    def is_ledger(self) -> bool:
        """Whether rows are only added and cannot be rebuilt."""

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        """Column -> polars type."""
