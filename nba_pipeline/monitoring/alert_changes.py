"""What happened to an alert after it was raised: the ledger `alert_changes`, and the incidents that follow from it.

    escalated      its severity rose
    resolved       its cause is over
    reopened       its cause returned on the same date
    acknowledged   a person works on it

An incident is an alert with its changes. It is open until a change resolves it. The notifier writes the changes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import dataframely as dy
import polars as pl

from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.alert_rows import ALERTS, AlertKey
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

Change = Literal["escalated", "resolved", "reopened", "acknowledged"]
KINDS_OF_CHANGE: tuple[Change, ...] = ("escalated", "resolved", "reopened", "acknowledged")

CODE_VERSION = "1"
SOURCE = "nba_pipeline.monitoring.alert_changes"


class ChangeRows(Row):
    """Columns of `alert_changes`. Here `game_date`, `kind` and `subject` are those of the alert."""

    kind = dy.String(description="kind of the alert")
    subject = dy.String(description="subject of the alert")
    number = dy.Int64(min=1, description="number of the change of this alert, counted from 1")
    change = code(KINDS_OF_CHANGE, "what happened to the alert")
    severity = code(("warning", "critical"), "severity after the change")
    message = dy.String(description="one sentence that describes the change")
    author = dy.String(description="person who made the change; empty for the platform")
    changed_at = dy.Datetime(time_zone="UTC", description="when the alert changed")


CHANGES = Table(
    "alert_changes",
    grain="alert and change",
    key=("game_date", "kind", "subject", "number"),
    schema=ChangeRows,
    write="add",
    is_ledger=True,
)


@dataclass(frozen=True)
class Incident:
    """An alert with the effect of its changes."""

    game_date: date
    kind: str
    subject: str
    severity: str
    message: str
    next_command: str
    raised_at: datetime
    since: datetime
    """When it was raised, or last reopened."""
    changes: int = 0
    last_change: str = ""
    acknowledged_by: str = ""

    @property
    def key(self) -> AlertKey:
        """The key of the alert."""
        return self.game_date, self.kind, self.subject

    @property
    def is_open(self) -> bool:
        """Whether it is not resolved."""
        return self.last_change != "resolved"

    def next_change(self, change: Change, severity: str, message: str, at: datetime, author: str = "") -> dict[str, Any]:
        """Returns the row of the next change."""
        game_date, kind, subject = self.key
        return {
            "game_date": game_date,
            "kind": kind,
            "subject": subject,
            "number": self.changes + 1,
            "change": change,
            "severity": severity,
            "message": message,
            "author": author,
            "changed_at": at,
            "source": SOURCE,
        }


def incidents(warehouse: Warehouse, dates: Collection[date] | None = None) -> list[Incident]:
    """Returns the incidents of these game dates, oldest first. Without `dates`, those of every date."""
    alerts = warehouse.scan(ALERTS, dates).sort("raised_at", "kind", "subject").collect()
    changes: dict[AlertKey, list[dict[str, Any]]] = {}
    for row in warehouse.scan(CHANGES, dates).sort("number").collect().iter_rows(named=True) if alerts.height else ():
        changes.setdefault((row["game_date"], row["kind"], row["subject"]), []).append(row)
    return [
        _incident(alert, changes.get((alert["game_date"], alert["kind"], alert["subject"]), []))
        for alert in alerts.iter_rows(named=True)
    ]


def recent_incidents(warehouse: Warehouse, today: date) -> list[Incident]:
    """Returns the incidents of the last `watch.incident_days` days, today and tomorrow, oldest first."""
    return incidents(warehouse, days(today - timedelta(days=SETTINGS.watch.incident_days), today + timedelta(days=1)))


def incident_of(warehouse: Warehouse, key: AlertKey) -> Incident | None:
    """Returns the incident of an alert; None if the alert was never raised."""
    return next((one for one in incidents(warehouse, [key[0]]) if one.key == key), None)


def change_rows(row: dict[str, Any], as_of: datetime) -> pl.DataFrame:
    """Returns a change as a frame. Raises PipelineError for a value that the table cannot hold."""
    return CHANGES.row(row, as_of, CODE_VERSION)


def change_of(warehouse: Warehouse, key: AlertKey, number: int) -> dict[str, Any] | None:
    """Returns the row of a change by its number; None if it does not exist."""
    day, kind, subject = key
    is_this = (pl.col("kind") == kind) & (pl.col("subject") == subject) & (pl.col("number") == number)
    return next(iter(warehouse.scan(CHANGES, [day]).filter(is_this).collect().to_dicts()), None)


def duration(since: datetime, until: datetime) -> str:
    """Returns a duration in days, hours and minutes, as "2 h 5 min"."""
    minutes = max(0, int((until - since).total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = ((days, f"{days} d"), (hours, f"{hours} h"), (rest, f"{rest} min"))
    return " ".join(text for number, text in parts if number) or "less than a minute"


def _incident(alert: dict[str, Any], changes: list[dict[str, Any]]) -> Incident:
    """Applies the changes of an alert in their order."""
    since, acknowledged_by, severity = alert["raised_at"], "", alert["severity"]
    for change in changes:
        severity = change["severity"]
        if change["change"] == "reopened":
            since, acknowledged_by = change["changed_at"], ""
        acknowledged_by = change["author"] if change["change"] == "acknowledged" else acknowledged_by
    last = next((one["change"] for one in reversed(changes) if one["change"] != "acknowledged"), "")
    own = {name: alert[name] for name in ("game_date", "kind", "subject", "message", "next_command", "raised_at")}
    return Incident(
        **own, severity=severity, since=since, changes=len(changes), last_change=last, acknowledged_by=acknowledged_by
    )
