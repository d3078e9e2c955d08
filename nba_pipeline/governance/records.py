"""Records of decisions: numbered rows of a ledger. One of two concurrent decisions is refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from nba_pipeline.errors import BadInput, Damaged
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse

NUMBER = "decision_number"
CODE_VERSION = "1"


def refuse_empty(**options: str) -> None:
    """Raises BadInput, naming the option and its value, for an option without text."""
    for name, text in options.items():
        if not text.strip():
            raise BadInput(f"--{name} must not be empty, it is {text!r}")


def closed_reason(warehouse: Warehouse, table: Table) -> str:
    """Returns why a date of the ledger is closed, so that its decisions are missing; empty if no date is."""
    closed = warehouse.closed(table, warehouse.dates(table) | warehouse.manifests.dates(table).keys())
    return closed[min(closed)] if closed else ""


def read_ledger(warehouse: Warehouse, table: Table) -> pl.DataFrame:
    """Returns every decision in order. Raises Damaged if a date is closed: the last readable decision may be outdated."""
    if reason := closed_reason(warehouse, table):
        raise Damaged(reason)
    return warehouse.scan(table).sort(NUMBER).collect()


def record(warehouse: Warehouse, table: Table, now: datetime, after: pl.DataFrame, row: Mapping[str, Any], source: str) -> None:
    """Adds a decision that is based on the decisions `after`.

    Raises BadInput if another decision was recorded since these were read, and if a date of the ledger is closed.
    """
    if reason := closed_reason(warehouse, table):
        raise BadInput(reason)
    newest = after[NUMBER].max() if after.height else 0
    values = {**row, NUMBER: int(str(newest)) + 1, "source": source, "game_date": eastern_date(now)}
    if not warehouse.add(table, [eastern_date(now)], table.row(values, now, CODE_VERSION), source):
        raise BadInput(f"another decision was recorded in {table.name} at the same time; review it and repeat the command")
