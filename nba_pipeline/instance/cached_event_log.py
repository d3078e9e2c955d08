"""What the event logs in SQLite and in PostgreSQL have in common: two reads that Dagster 1.13 repeats for each check result.

The connections belong in `event_log.py` and `postgres_storage.py`. Remove this module when Dagster keeps the names of its tables
and the states of checks.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import dagster as dg
from dagster._core.storage.asset_check_state import AssetCheckState
from dagster._core.storage.event_log import SqlEventLogStorage

from nba_pipeline.instance.check_states import Key, check_states


class CachedEventLogStorage(SqlEventLogStorage):
    """A base class for a storage of Dagster, before Dagster's class in the list of bases."""

    @cached_property
    def _tables(self) -> set[str]:
        """The tables that exist."""
        return set()

    def has_table(self, table_name: str) -> bool:
        """Whether a table exists. Caches existing tables, because Dagster asks for each check result."""
        if table_name not in self._tables and super().has_table(table_name):  # type: ignore[safe-super]  # Dagster's storage
            self._tables.add(table_name)
        return table_name in self._tables

    def get_asset_check_state(self, keys: Sequence[Key]) -> Mapping[dg.AssetCheckKey, AssetCheckState]:
        """Returns the state of checks on all their dates."""
        return check_states(self._instance, keys)
