"""Landed against loaded: the dates of source tables that are in the landing but not in the warehouse.

Compares folder names of the landing, Dagster's materialized partitions and the dates of the warehouse. Reads no payload.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import dagster as dg

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.league.calendar import FIRST_DATE
from nba_pipeline.providers import archive_files
from nba_pipeline.tables.declarations import daily_tables, declared
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

Endpoint = tuple[str, str]
"""Provider and endpoint, the first two folders of a payload."""


def _endpoint(text: str) -> Endpoint:
    """Returns provider and endpoint of `provider/endpoint`."""
    provider, _, endpoint = text.partition("/")
    return provider, endpoint


READS: Mapping[str, tuple[Endpoint, ...]] = {
    name: tuple(_endpoint(one) for one in declared()[name].endpoints) for name in daily_tables("sources")
}
"""Source table -> the endpoints whose payloads it is loaded from.

The schedule of a season is one payload. It is expected on every date with another landed payload.
"""


def landed_dates(periods: Mapping[Endpoint, Collection[str]]) -> dict[str, set[date]]:
    """Returns per source table the dates with landed payloads. `periods` is the result of `Landing.periods`."""
    by_endpoint = {endpoint: _dates_of(names) for endpoint, names in periods.items()}
    landed = {name: set[date]().union(*(by_endpoint.get(one, ()) for one in endpoints)) for name, endpoints in READS.items()}
    if (archive_files.PROVIDER, "players") in periods:
        landed["players"].add(FIRST_DATE)
    landed["schedule"] = set[date]().union(*landed.values())
    return landed


def loaded_before(instance: dg.DagsterInstance, names: Collection[str] = tuple(READS)) -> dict[str, set[date]]:
    """Returns per table the dates that a run ever loaded, from Dagster's records. Includes archived and empty dates."""
    return {name: _dates_of(instance.get_materialized_partitions(dg.AssetKey(name))) for name in names}


def not_loaded(
    expected: Sequence[Mapping[str, Collection[date]]], loaded: Mapping[str, Collection[date]], last: date
) -> dict[date, tuple[str, ...]]:
    """Returns per date, oldest first, the source tables that any mapping expects and that are not loaded."""
    missing: dict[date, tuple[str, ...]] = {}
    for name in READS:
        dates = set[date]().union(*(one.get(name, ()) for one in expected))
        for day in dates - set(loaded[name]):
            if FIRST_DATE <= day <= last:
                missing[day] = (*missing.get(day, ()), name)
    return dict(sorted(missing.items()))


def missing_sources(
    warehouse: Warehouse, landing: Landing, last: date, before: Mapping[str, Collection[date]] | None = None
) -> dict[date, tuple[str, ...]]:
    """Returns per date the source tables that are landed, or were loaded `before`, and are not in the warehouse."""
    loaded = {name: warehouse.dates(TABLES[name]) for name in READS}
    return not_loaded([landed_dates(landing.periods()), before or {}], loaded, last)


def _dates_of(names: Collection[str]) -> set[date]:
    """Returns the dates among the names of periods or partitions."""
    dates = set[date]()
    for name in names:
        try:
            dates.add(date.fromisoformat(name))
        except ValueError:  # a season, or "all"
            continue
    return dates
