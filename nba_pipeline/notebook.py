"""notebook: tables as checked pandas frames, for analysts. Reads the warehouse of NBA_PIPELINE_ENV and NBA_PIPELINE_HOME.

No other module of the platform imports this module.
"""

from datetime import timedelta
from typing import Any

from nba_pipeline.environments import clock, environment, resources_for
from nba_pipeline.errors import BadInput, Damaged
from nba_pipeline.league.calendar import days, parse_date
from nba_pipeline.orchestration.lost_partitions import unreadable_dates
from nba_pipeline.tables.pandas_types import checked, typed_frame
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering


def frame(name: str, first: str, last: str) -> Any:
    """Returns the rows of a table from the first to the last US Eastern date, both included, as a pandas.DataFrame.

    A date that was never written has no rows. Raises BadInput for an unknown table or an invalid date, Permanent for rows that
    violate the table's schema, Damaged for a date with an unreadable file.
    """
    warehouse: Warehouse = resources_for(environment())["warehouse"]
    from nba_pipeline import definitions  # noqa: F401, PLC0415  # asset modules register their tables

    if name not in TABLES:
        raise BadInput(f"unknown table {name!r}; choose one of {', '.join(sorted(TABLES))}")
    start, end, tomorrow = parse_date(first, "first"), parse_date(last, "last"), clock().today + timedelta(days=1)
    if start > end:
        raise BadInput(f"first {start} is after last {end}")
    if end > tomorrow:
        raise BadInput(f"last {end} is after tomorrow, {tomorrow}")
    table = TABLES[name]
    dates = days(start, end)
    rows = recovering(lambda: warehouse.scan(table, dates).collect()).sort("game_date", *table.key)
    if unreadable := unreadable_dates(warehouse, [table], dates):
        raise Damaged("; ".join(unreadable))
    return checked(rows, typed_frame(table))[0]
