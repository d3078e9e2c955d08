"""The table `alerts`: one row per alert that was raised."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import dataframely as dy
import polars as pl

from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

Severity = Literal["warning", "critical"]
AlertKey = tuple[date, str, str]

CODE_VERSION = "1"
SOURCE = "nba_pipeline.monitoring.alerts"


class AlertRows(Row):
    """Columns of `alerts`."""

    kind = dy.String(description="kind of the event, such as run_failed")
    subject = dy.String(description="what the event concerns: a table, a source or a run")
    severity = code(("warning", "critical"), "severity when the alert was raised")
    message = dy.String(description="one sentence that describes the event")
    next_command = dy.String(description="command to run next; empty if none helps")
    raised_at = dy.Datetime(time_zone="UTC", description="when the alert was first raised")


ALERTS = Table(
    "alerts",
    grain="date, kind and subject",
    key=("game_date", "kind", "subject"),
    schema=AlertRows,
    write="add",
    is_ledger=True,
)


def conformed(alert: Mapping[str, Any], as_of: datetime) -> pl.DataFrame:
    """Returns the row of an alert. Raises PipelineError for a value that the table cannot hold."""
    return ALERTS.row(alert, as_of, CODE_VERSION)


def alert_of(warehouse: Warehouse, key: AlertKey) -> dict[str, Any] | None:
    """Returns the row of an alert; None if it was never raised."""
    day, kind, subject = key
    of_alert = (pl.col("kind") == kind) & (pl.col("subject") == subject)
    return next(iter(warehouse.scan(ALERTS, [day]).filter(of_alert).collect().to_dicts()), None)
