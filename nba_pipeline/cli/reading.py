"""The tables for commands that only read. A local home is read without Dagster, production through its warehouse."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from nba_pipeline.cli.app import open_runner
from nba_pipeline.environments import ENVIRONMENTS, environment, home
from nba_pipeline.tables import catalog

if TYPE_CHECKING:
    import polars as pl

    from nba_pipeline.warehouse import Warehouse
    from nba_pipeline.warehouse.local_reading import LocalTables


@dataclass(frozen=True)
class LocalHome:
    """The tables of a local home."""

    tables: "LocalTables"

    def sql(self, query: str) -> "pl.DataFrame":
        """Returns the rows of a query."""
        return self.tables.sql(query)

    def scan(self, name: str, dates: Collection[date]) -> "pl.LazyFrame":
        """Returns the rows of a table on these dates."""
        return self.tables.scan(catalog.tables()[name], dates)

    def dates(self, name: str) -> set[date]:
        """Returns the dates that were written."""
        return self.tables.dates(catalog.tables()[name])

    def unreadable(self, query: str) -> list[str]:
        """Returns a message per date that the query may lack because a file is unreadable."""
        from nba_pipeline.warehouse.views import tables_in

        return self.tables.unreadable_dates(tables_in(query, catalog.tables()))

    def unreadable_on(self, names: Sequence[str], day: date) -> list[str]:
        """Returns a message per table that lacks the rows of a date because its file is unreadable."""
        return self.tables.unreadable_dates([catalog.tables()[name] for name in names], [day])


@dataclass(frozen=True)
class Production:
    """The tables of a warehouse that Dagster has opened: the production warehouse, or that of a run."""

    warehouse: "Warehouse"

    def sql(self, query: str) -> "pl.DataFrame":
        """Returns the rows of a query."""
        return self.warehouse.sql(query)

    def scan(self, name: str, dates: Collection[date]) -> "pl.LazyFrame":
        """Returns the rows of a table on these dates."""
        from nba_pipeline.tables.registry import TABLES

        return self.warehouse.scan(TABLES[name], dates)

    def dates(self, name: str) -> set[date]:
        """Returns the dates that were written."""
        from nba_pipeline.tables.registry import TABLES

        return self.warehouse.dates(TABLES[name])

    def unreadable(self, query: str) -> list[str]:
        """Returns nothing: BigQuery has no unreadable files."""
        return []

    def unreadable_on(self, names: Sequence[str], day: date) -> list[str]:
        """Returns a message per table that lacks the rows of a date because its file is unreadable."""
        from nba_pipeline.orchestration.lost_partitions import unreadable_dates
        from nba_pipeline.tables.registry import TABLES

        return unreadable_dates(self.warehouse, [TABLES[name] for name in names], [day])


Reading = LocalHome | Production


def reading() -> Reading:
    """Returns the tables of the configured environment, for reading. Raises BadInput for an unusable home."""
    if environment() == "production":
        return Production(open_runner().warehouse)
    from nba_pipeline.warehouse.home_format import refuse_another_league
    from nba_pipeline.warehouse.local_reading import LocalTables

    refuse_another_league(home(), ENVIRONMENTS[environment()])
    return LocalHome(LocalTables(home(), catalog.tables()))
