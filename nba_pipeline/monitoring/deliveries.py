"""Deliveries of messages about alerts: the ledgers of all attempts, and the deliveries that are due.

The content of an alert is in `alerts`, that of a change in `alert_changes`. The notifier sends the messages.
`alert_deliveries` has the messages to Slack about raised alerts. `alert_message_deliveries` has the messages about changes,
those to other sinks, and those to readers about published slates, which `orchestration/slate_messages.py` sends.

    pending    attempt n is claimed and has no outcome yet; attempt 0: the message waits for its first attempt
    sent       the webhook accepted the message
    failed     the webhook did not accept it; the next attempt is due at `next_at`
    given_up   the webhook did not accept it, and no attempt is left
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

import dataframely as dy
import polars as pl

from nba_pipeline.monitoring.alert_rows import AlertKey
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse

State = Literal["pending", "sent", "failed", "given_up"]
STATES: tuple[State, ...] = ("pending", "sent", "failed", "given_up")
"""In the order of an attempt; the outcome comes last."""

Sink = Literal["slack", "pagerduty", "webhook", "public_webhook"]
SINKS: tuple[Sink, ...] = ("slack", "pagerduty", "webhook")
"""The sinks of alerts."""
PUBLIC_SINK: Sink = "public_webhook"
"""The sink of the messages to readers about published slates."""

OPEN: tuple[State, ...] = ("pending", "failed")

CODE_VERSION = "1"
SOURCE = "nba_pipeline.monitoring.deliveries"
PAUSED = "the webhook has just failed"
HELD = "many messages of this kind were sent within an hour; a digest follows"
SUMMARY = "morning_summary"
"""Kind and subject of the deliveries of the morning summary. It belongs to no alert, and has one attempt."""
SLATE_PUBLISHED = "slate_published"
"""Kind of the deliveries of messages to readers. They belong to no alert: `alert_date` is the date of the slate."""
NO_OUTCOME = "the process that sent it ended without an outcome"


class DeliveryRows(Row):
    """Columns of `alert_deliveries`. Here `game_date` is the US Eastern date on which the alert was raised."""

    alert_date = dy.Date(description="game_date of the alert")
    kind = dy.String(description="kind of the alert")
    subject = dy.String(description="subject of the alert")
    attempt = dy.Int64(min=0, description="number of the attempt, counted from 1; 0 before the first")
    state = code(STATES, "outcome of the attempt; pending until it is known")
    reason = dy.String(description="why the message was not delivered; empty without a failure")
    recorded_at = dy.Datetime(time_zone="UTC", description="when the row was written")
    next_at = dy.Datetime(time_zone="UTC", nullable=True, description="when the next attempt is due; null after the last")


DELIVERIES = Table(
    "alert_deliveries",
    grain="alert, attempt and state",
    key=("game_date", "alert_date", "kind", "subject", "attempt", "state"),
    schema=DeliveryRows,
    write="add",
    is_ledger=True,
)


class MessageDeliveryRows(DeliveryRows):
    """Columns of `alert_message_deliveries`. Here `game_date` is the US Eastern date on which the message was due."""

    number = dy.Int64(min=0, description="number of the change of the alert, 0 for the first message; or of the publication")
    sink = code((*SINKS, PUBLIC_SINK), "where the message is sent")


MESSAGE_DELIVERIES = Table(
    "alert_message_deliveries",
    grain="alert, change, sink, attempt and state",
    key=("game_date", "alert_date", "kind", "subject", "number", "sink", "attempt", "state"),
    schema=MessageDeliveryRows,
    write="add",
    is_ledger=True,
)

MessageKey = tuple[date, str, str, int, Sink]
"""The alert, the number of the change (0: it was raised) and the sink."""


@dataclass(frozen=True)
class Delivery:
    """One row of `alert_deliveries` or `alert_message_deliveries`."""

    game_date: date
    alert_date: date
    kind: str
    subject: str
    attempt: int
    state: State
    reason: str
    recorded_at: datetime
    next_at: datetime | None
    number: int = 0
    sink: Sink = "slack"

    @property
    def table(self) -> Table:
        """The ledger of this delivery."""
        return MESSAGE_DELIVERIES if self.number or self.sink != "slack" else DELIVERIES

    @property
    def id(self) -> MessageKey:
        """The key of the message."""
        return *self.alert, self.number, self.sink

    @property
    def alert(self) -> AlertKey:
        """The key of the alert."""
        return self.alert_date, self.kind, self.subject

    def is_due(self, now: datetime) -> bool:
        """Whether an attempt is due now."""
        return self.state in OPEN and self.next_at is not None and self.next_at <= now

    @property
    def is_last_attempt(self) -> bool:
        """Whether no further attempt is permitted."""
        return self.attempt >= (1 if self.kind == SUMMARY else SETTINGS.deliveries.attempts)

    def claimed(self, now: datetime) -> "Delivery":
        """Returns the claim of the next attempt. The claim lapses after a while, because its process may have died."""
        lapses = now + timedelta(minutes=SETTINGS.deliveries.claim_minutes)
        return replace(self, attempt=self.attempt + 1, state="pending", reason="", recorded_at=now, next_at=lapses)

    def held(self, until: datetime) -> "Delivery":
        """Returns the delivery that waits for a digest."""
        return replace(self, reason=HELD, next_at=until)

    def ended(self, reason: str, now: datetime) -> "Delivery":
        """Returns the outcome of this attempt. The delay before the next one doubles with each attempt."""
        settings = SETTINGS.deliveries
        if not reason:
            return replace(self, state="sent", reason="", recorded_at=now, next_at=None)
        if self.is_last_attempt:
            return self.given_up(reason, now)
        minutes = min(settings.first_wait_minutes * 2 ** (self.attempt - 1), settings.longest_wait_minutes)
        return replace(self, state="failed", reason=reason, recorded_at=now, next_at=now + timedelta(minutes=minutes))

    def given_up(self, reason: str, now: datetime) -> "Delivery":
        """Returns the outcome of a delivery that is not attempted again."""
        return replace(self, state="given_up", reason=reason, recorded_at=now, next_at=None)

    @property
    def message(self) -> str:
        """The message about an undelivered alert, summary or message to readers."""
        contents = {
            SUMMARY: f"the morning summary of {self.alert_date}",
            SLATE_PUBLISHED: f"the message about the published slate of {self.alert_date}",
        }
        content = contents.get(self.kind, f"alert {self.kind} {self.subject} ({self.alert_date})")
        reason, attempts = self.reason or NO_OUTCOME, counted(self.attempt, "attempt")
        if self.state == "given_up":
            return f"{content} was not delivered: given up after {attempts}, last reason: {reason}"
        return f"{content} is not delivered yet after {attempts}: {reason}"


def waiting(game_date: date, alert: AlertKey, now: datetime, reason: str = "", number: int = 0, sink: Sink = "slack") -> Delivery:
    """Returns a delivery without an attempt, for a process without a webhook or while the webhook is paused."""
    return Delivery(game_date, *alert, 0, "pending", reason, recorded_at=now, next_at=now, number=number, sink=sink)


def record(warehouse: Warehouse, delivery: Delivery, as_of: datetime) -> bool:
    """Adds the row of a delivery. Returns False if it exists; a claim then belongs to another process."""
    table = delivery.table
    values = {name: value for name, value in asdict(delivery).items() if name in table.dtypes}
    rows = table.row({**values, "source": SOURCE}, as_of, CODE_VERSION)
    return bool(warehouse.add(table, [delivery.game_date], rows, f"delivery {delivery.kind} {delivery.subject}"))


def unsent(warehouse: Warehouse, dates: Collection[date]) -> list[Delivery]:
    """Returns the newest state of each unsent delivery of these dates, longest due first, given-up ones last."""
    rank = pl.col("state").replace_strict(list(STATES), list(range(len(STATES))))
    raised = warehouse.scan(DELIVERIES, dates).with_columns(number=pl.lit(0, pl.Int64), sink=pl.lit("slack")).select(_FIELDS)
    rows = pl.concat([raised.collect(), warehouse.scan(MESSAGE_DELIVERIES, dates).select(_FIELDS).collect()])
    message = ("game_date", "alert_date", "kind", "subject", "number", "sink")
    newest = rows.sort("attempt", rank, maintain_order=True).group_by(message).last().filter(pl.col("state") != "sent")
    ordered = newest.sort("next_at", "recorded_at", *message, nulls_last=True)
    return [Delivery(**row) for row in ordered.select(_FIELDS).iter_rows(named=True)]


def messages_since(warehouse: Warehouse, dates: Collection[date], kind: str, since: datetime) -> int:
    """Returns the number of messages about a kind of alert that were first sent to Slack since an instant."""
    is_first = (pl.col("kind") == kind) & (pl.col("attempt") == 1) & (pl.col("state") == "pending")
    is_recent = is_first & (pl.col("recorded_at") > since)
    raised = warehouse.scan(DELIVERIES, dates).filter(is_recent).collect().height
    return raised + warehouse.scan(MESSAGE_DELIVERIES, dates).filter(is_recent & (pl.col("sink") == "slack")).collect().height


def undelivered_messages(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, list[str]]:
    """Returns messages about undelivered alerts, by the date of the delivery. Omits deliveries without an attempt or a reason."""
    messages: dict[date, list[str]] = {}
    for delivery in unsent(warehouse, dates):
        if delivery.attempt or delivery.reason:
            messages.setdefault(delivery.game_date, []).append(delivery.message)
    return messages


_FIELDS = list(Delivery.__dataclass_fields__)
