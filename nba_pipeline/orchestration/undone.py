"""Finds all work that is due and not done, in the order in which it is requested.

`reconciliation` finds the work of modes and reloads, `lost_partitions` the tables with unreadable files, `corrections` the
corrections.
"""

from datetime import datetime

import dagster as dg

from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.orchestration.corrections import find_corrections
from nba_pipeline.orchestration.lost_partitions import lost_work, with_lost
from nba_pipeline.orchestration.reconciliation import find_work
from nba_pipeline.orchestration.work import Work
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing


def find_missing(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    landing: Landing,
    now: datetime,
    days_back: int | None = None,
) -> list[Work]:
    """Returns the work of modes, reloads and lost partitions, oldest date first."""
    due = find_work(instance, warehouse, now, days_back, landing)
    return with_lost(due, lost_work(instance, warehouse, eastern_date(now)))


def find_undone(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    landing: Landing,
    now: datetime,
    days_back: int | None = None,
) -> list[Work]:
    """Returns the missing work, then corrections, because a slate must not wait for a re-read."""
    return [*find_missing(instance, warehouse, landing, now, days_back), *find_corrections(instance, warehouse, now)]
