"""Storage of tables: one interface with two implementations, a local warehouse and BigQuery.

Also here: the IO manager between assets and the warehouse, the landing of provider payloads, the model store.
Not here: the meaning of a table, which its module below `assets` documents.

`Warehouse` is loaded when it is first used: its module imports Dagster and dataframely, and a query needs neither.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nba_pipeline.warehouse.interface import Warehouse

__all__ = ["Warehouse"]


def __getattr__(name: str) -> Any:
    """Returns `Warehouse`."""
    if name != "Warehouse":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nba_pipeline.warehouse.interface import Warehouse  # noqa: PLC0415

    return Warehouse
