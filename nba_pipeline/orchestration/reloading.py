"""Reloads: runs that fill source tables from the landing without requests (`nba/offline`), and their downstream tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import dagster as dg

from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.instance.materializations import materialized_dates
from nba_pipeline.instance.run_tags import MODE_TAG, OFFLINE_TAG
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.monitoring.landed_dates import READS, loaded_before, missing_sources
from nba_pipeline.tables.declarations import WITHIN_DAYS, daily_tables, followers
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

RELOAD: Literal["reload"] = "reload"
"""Value of the tag `nba/mode` of a run that reloads a date from the landing."""

RELOAD_TAGS = {MODE_TAG: RELOAD, OFFLINE_TAG: "true"}

SNAPSHOTS = tuple(name for name in tables_of_mode("same_day") if READS.get(name))
"""Sources that are captured repeatedly. A payload newer than the last load is a capture that was not loaded."""


@dataclass(frozen=True)
class Reload:
    """Source tables of a date that are landed but not loaded. `tables` are the tables of the run."""

    game_date: date
    sources: tuple[str, ...]
    tables: tuple[str, ...]
    due_at: datetime

    @property
    def why(self) -> str:
        """The reason, for messages."""
        return f"landed but not loaded: {', '.join(self.sources)}"


def rebuildable(sources: Collection[str]) -> tuple[str, ...]:
    """Returns the derived tables downstream of some sources, without predictions: past slates are not predicted again."""
    return followers(sources, without=["predictions"])


def find_reloads(
    instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, now: datetime, window: Sequence[date]
) -> list[Reload]:
    """Returns the due reloads, oldest date first: missing sources on any date, and unloaded captures on the dates of `window`."""
    today = eastern_date(now)
    before = loaded_before(instance)
    missing = missing_sources(warehouse, landing, today + timedelta(days=1), before)
    loaded, before = _loaded_and_before(instance, warehouse, before) if missing else ({}, before)
    reloads = []
    for day, sources in missing.items():
        tables = sources if is_automated(day, today) else (*sources, *_to_rebuild(day, sources, before, loaded))
        reloads.append(Reload(day, sources, tables, eastern(day, 0)))
    reloads += unloaded_captures(instance, warehouse, landing, [day for day in window if day not in missing])
    return sorted(reloads, key=lambda reload: reload.game_date)


def is_automated(day: date, today: date) -> bool:
    """Whether the automation conditions propagate updates of the date downstream."""
    return day > today + timedelta(days=1) - timedelta(days=WITHIN_DAYS)


def _to_rebuild(
    day: date, sources: Collection[str], before: Mapping[str, Collection[date]], loaded: Mapping[str, Collection[date]]
) -> list[str]:
    """Returns the downstream tables that are missing, or that were materialized before one of the sources was ever loaded.

    Missing summaries are always included, other missing tables only if they existed before. Grades require predictions.
    """
    of_new_sources = rebuildable([name for name in sources if day not in before[name]])
    is_predicted = day in loaded["predictions"]

    def is_to_rebuild(name: str) -> bool:
        if name == "grades" and not is_predicted:
            return False
        if day in loaded[name]:
            return name in of_new_sources
        return name in daily_tables("summaries") or day in before[name]

    return [name for name in rebuildable(sources) if is_to_rebuild(name)]


def _loaded_and_before(
    instance: dg.DagsterInstance, warehouse: Warehouse, sources: Mapping[str, set[date]]
) -> tuple[dict[str, set[date]], dict[str, set[date]]]:
    """Returns per daily table the dates that the warehouse holds, and the dates that were ever loaded."""
    derived = [name for name in daily_tables() if name not in READS]
    loaded = {name: warehouse.dates(TABLES[name]) for name in daily_tables()}
    return loaded, {**sources, **loaded_before(instance, derived)}


def unloaded_captures(
    instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, window: Sequence[date]
) -> list[Reload]:
    """Returns reloads of the snapshot tables with a payload newer than their last materialization.

    The time of its file says when a payload was landed. If a home was copied without file times, every payload looks newer.
    Its reload repeats the same rows.
    """
    loaded = {name: warehouse.dates(TABLES[name]) for name in SNAPSHOTS}
    materialized, reloads = materialized_dates(instance, SNAPSHOTS, window), []
    for day in window:
        instants = materialized.get(day, {})
        landed_at = {name: landing.last_landed_at(READS[name], day) for name in SNAPSHOTS if day in loaded[name]}
        unloaded = {name: at for name, at in landed_at.items() if at and not (name in instants and instants[name] >= at)}
        if unloaded:
            reloads.append(Reload(day, tuple(unloaded), tuple(unloaded), max(unloaded.values())))
    return reloads
