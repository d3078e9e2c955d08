"""The table `alerts`, and the notifier that adds its rows and sends their messages.

Delivery attempts belong in `deliveries.py`, alerts for failed runs in `failed_runs.py`. The caller decides what raises an
alert.
"""

import logging
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

import dagster as dg
import dataframely as dy
import polars as pl
from pydantic import Field

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.deliveries import NO_OUTCOME, PAUSED, AlertKey, Delivery, record, unsent, waiting
from nba_pipeline.monitoring.webhook import head, post, text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

Severity = Literal["warning", "critical"]

CODE_VERSION = "1"
SOURCE = "nba_pipeline.monitoring.alerts"

logger = logging.getLogger(SOURCE)


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


_unrecorded: dict[AlertKey, Delivery] = {}
"""Delivery outcomes that the warehouse could not record. This process does not repeat them."""

_paused_until: dict[str, float] = {}
"""Webhook -> end of its pause on the monotonic clock. Until then this process leaves new messages to the retry."""


class Notifier(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Adds a row to `alerts` once and sends its message to a Slack webhook at least once. Without a webhook, logs it.

    Each attempt is claimed in `alert_deliveries` before sending and recorded afterwards. A delivered message is repeated only
    if the process died in between, or if the webhook answered after the deadline.
    """

    webhook_url: str = Field(default="", repr=False)
    """A secret: it allows anyone to post to the channel."""
    warehouse: dg.ResourceDependency[Warehouse]
    clock: dg.ResourceDependency[Clock]
    timeout_seconds: float = Field(default_factory=lambda: SETTINGS.deliveries.deadline_seconds)
    """Total deadline of one message."""

    def raise_alert(
        self, game_date: date, kind: str, subject: str, message: str, severity: Severity = "warning", next_command: str = ""
    ) -> bool:
        """Adds an alert and sends its message. Returns False if its date, kind and subject exist; then nothing is sent.

        `retry_deliveries` repeats undelivered messages, including those of processes without a webhook. An alert is sent even
        if the warehouse cannot store it. Raises PipelineError for a value that the table cannot hold.
        """
        alert = {
            "game_date": game_date,
            "kind": kind,
            "subject": subject,
            "severity": severity,
            "message": message,
            "next_command": next_command,
            "raised_at": self.clock.now(),
            "source": SOURCE,
        }
        rows, key = _conformed(alert, self.clock.as_of), (game_date, kind, subject)
        before = _unrecorded.get(key)
        delivery = before or self._first(key)
        try:
            if _alerts_of(self.warehouse, key):
                return False
            # record the claim first: after a crash in between, the alert is raised again; an alert without a claim is never sent
            is_claimed = record(self.warehouse, delivery, self.clock.as_of)
            is_new = bool(self.warehouse.add(ALERTS, [game_date], rows, f"alert {kind} {subject}"))
        except (PipelineError, OSError) as error:
            return self._send_without_a_row(delivery, alert, error, is_first=before is None)
        if before:  # sent or logged while the warehouse could not store it
            _unrecorded.pop(key, None)
        elif not delivery.attempt and is_new:
            self._log(alert)
        elif delivery.attempt and is_claimed:
            self._send(delivery, alert)
        return is_new

    def retry_deliveries(self) -> str:
        """Retries due messages, longest due first, until the first failure. Returns a summary; empty if none was due."""
        now, today, settings = self.clock.now(), self.clock.today, SETTINGS.deliveries
        until, retried = time.monotonic() + settings.look_seconds, 0
        try:
            for outcome in list(_unrecorded.values()):
                if _alerts_of(self.warehouse, outcome.alert):
                    self._record(outcome)
            if not self.webhook_url:
                return ""
            deliveries = unsent(self.warehouse, days(today - timedelta(days=settings.retry_days), today))
            due = [delivery for delivery in deliveries if delivery.is_due(now) and delivery.alert not in _unrecorded]
            for delivery in due[: settings.most_per_look]:
                retried += 1
                if not self._retry(delivery, now) or time.monotonic() > until:
                    break
        except (PipelineError, OSError) as error:
            return f"undelivered messages cannot be retried: {error}"
        return f"retried {retried} of {len(due)} undelivered {'message' if len(due) == 1 else 'messages'}" if due else ""

    def _retry(self, delivery: Delivery, now: datetime) -> bool:
        """Claims the next attempt and sends the message. Returns False if the webhook did not accept it."""
        if delivery.attempt >= SETTINGS.deliveries.attempts:  # the process of the last one died
            self._record(delivery.ended(NO_OUTCOME, now))
            return True
        alerts, claim = _alerts_of(self.warehouse, delivery.alert), delivery.claimed(now)
        if not alerts or not record(self.warehouse, claim, self.clock.as_of):  # not raised yet, or claimed by another process
            return True
        return self._send(claim, alerts[0], is_late=True)

    @property
    def _is_ready(self) -> bool:
        """Whether a webhook is configured and not paused after a failure."""
        return bool(self.webhook_url) and time.monotonic() >= _paused_until.get(self.webhook_url, 0.0)

    def _first(self, key: AlertKey) -> Delivery:
        """Returns the delivery of a new alert: its first attempt, or a waiting one."""
        now = self.clock.now()
        delivery = waiting(self.clock.today, key, now, PAUSED if self.webhook_url and not self._is_ready else "")
        return delivery.claimed(now) if self._is_ready else delivery

    def _send(self, delivery: Delivery, alert: Mapping[str, Any], is_late: bool = False) -> bool:
        """Sends the message of an attempt and records the outcome. Returns whether the webhook accepted it."""
        reason = self._post(alert, is_late)
        self._record(delivery.ended(reason, self.clock.now()))
        return not reason

    def _post(self, alert: Mapping[str, Any], is_late: bool = False) -> str:
        """Sends a message. Returns the reason if it was not delivered.

        A failure pauses new messages, so that many alerts together wait for one deadline only.
        """
        reason = post(self.webhook_url, text(alert, is_late), self.timeout_seconds)
        if reason:
            _paused_until[self.webhook_url] = time.monotonic() + SETTINGS.deliveries.pause_seconds
            logger.error("%s: %s Not delivered to the webhook: %s", head(alert), alert["message"], reason)
        return reason

    def _record(self, outcome: Delivery) -> None:
        """Records an outcome. Keeps it in memory if the warehouse cannot store it, so that this process does not send again."""
        if outcome.state == "given_up":
            logger.error("%s", outcome.message)
        try:
            record(self.warehouse, outcome, self.clock.as_of)
            _unrecorded.pop(outcome.alert, None)
        except (PipelineError, OSError) as error:
            _unrecorded[outcome.alert] = outcome
            logger.error(
                "the delivery of alert %s %s (%s) cannot be recorded: %s", outcome.kind, outcome.subject, outcome.state, error
            )

    def _send_without_a_row(self, delivery: Delivery, alert: Mapping[str, Any], error: Exception, is_first: bool) -> bool:
        """Sends an alert that the warehouse cannot store, perhaps because the alert is about the warehouse.

        Later calls for the same alert retry an undelivered message.
        """
        now = self.clock.now()
        if not is_first and (not delivery.is_due(now) or not self._is_ready):
            return False
        unstored = {**alert, "message": f"{alert['message']} (The table alerts cannot store this alert: {error})"}
        attempt = delivery if is_first else delivery.claimed(now)
        if attempt.attempt:
            attempt = attempt.ended(self._post(unstored), self.clock.now())
        else:
            self._log(unstored)
        _unrecorded[delivery.alert] = attempt
        return is_first

    def _log(self, alert: Mapping[str, Any]) -> None:
        level = logging.CRITICAL if alert["severity"] == "critical" else logging.WARNING
        command = f" Next: {alert['next_command']}" if alert["next_command"] else ""
        logger.log(level, "%s: %s%s", head(alert), alert["message"], command)


def _conformed(alert: Mapping[str, Any], as_of: datetime) -> pl.DataFrame:
    """Returns the row of an alert. Raises PipelineError for a value that the table cannot hold."""
    rows, rejected = ALERTS.conform(pl.DataFrame([alert]), as_of, CODE_VERSION)
    if rejected.height:
        raise PipelineError(f"the alert {alert['kind']} {alert['subject']} is invalid: {rejected['problem'][0]}")
    return rows


def _alerts_of(warehouse: Warehouse, key: AlertKey) -> list[dict[str, Any]]:
    """Returns the alert of a date, kind and subject as a list of at most one row."""
    day, kind, subject = key
    of_alert = (pl.col("kind") == kind) & (pl.col("subject") == subject)
    return warehouse.scan(ALERTS, [day]).filter(of_alert).collect().to_dicts()
