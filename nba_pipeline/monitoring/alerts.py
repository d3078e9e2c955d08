"""The notifier, which adds the rows of `alerts` and sends their messages.

The table belongs in `alert_rows.py`, changes of alerts in `alert_changes.py`, delivery attempts in `deliveries.py`, the
documents of each sink in `sinks.py`, and alerts for failed runs in `failed_runs.py`. The caller decides what raises or resolves
an alert.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.alert_changes import (
    CHANGES,
    Change,
    Incident,
    change_of,
    change_rows,
    duration,
    incident_of,
)
from nba_pipeline.monitoring.alert_rows import ALERTS as ALERTS  # noqa: PLC0414  # mypy requires the alias of a re-export
from nba_pipeline.monitoring.alert_rows import CODE_VERSION as CODE_VERSION  # noqa: PLC0414
from nba_pipeline.monitoring.alert_rows import SOURCE as SOURCE  # noqa: PLC0414
from nba_pipeline.monitoring.alert_rows import AlertKey, Severity, alert_of, conformed
from nba_pipeline.monitoring.deliveries import (
    HELD,
    NO_OUTCOME,
    PAUSED,
    Delivery,
    MessageKey,
    Sink,
    messages_since,
    record,
    unsent,
    waiting,
)
from nba_pipeline.monitoring.sinks import PAGERDUTY_URL, document_for, log_line, send, sinks_for
from nba_pipeline.monitoring.webhook import head
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse

logger = logging.getLogger(SOURCE)


_unrecorded: dict[MessageKey, Delivery] = {}
"""Message -> its outcome that the warehouse could not record, so that this process does not send it twice."""

_paused_until: dict[str, float] = {}
"""Webhook -> end of its pause on the monotonic clock. Until then this process leaves new messages to `retry_deliveries`."""


class Notifier(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Adds a row to `alerts` once and sends its message at least once to each configured sink. Without a sink, logs it.

    Sinks are a Slack webhook, PagerDuty (critical alerts only) and any other webhook. Each attempt is claimed in its ledger
    before sending and recorded afterwards. A delivered message is repeated only if the process died in between, or if the sink
    answered after the deadline. Every URL and key is a secret: it allows anyone to post.
    """

    webhook_url: str = Field(default="", repr=False)
    pagerduty_key: str = Field(default="", repr=False)
    pagerduty_url: str = PAGERDUTY_URL
    alert_webhook_url: str = Field(default="", repr=False)
    warehouse: dg.ResourceDependency[Warehouse]
    clock: dg.ResourceDependency[Clock]
    timeout_seconds: float = Field(default_factory=lambda: SETTINGS.deliveries.deadline_seconds)
    """Total deadline of one message."""

    def raise_alert(
        self, game_date: date, kind: str, subject: str, message: str, severity: Severity = "warning", next_command: str = ""
    ) -> bool:
        """Adds an alert and sends its message. Returns False, without sending, if one with its key is open.

        A resolved alert is reopened, and a higher severity escalates an open one; both are sent. `retry_deliveries` repeats
        undelivered messages, including those of processes without a sink. An alert is sent even if the warehouse cannot store
        it. Raises PipelineError for a value that the table cannot hold.
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
        rows, key = conformed(alert, self.clock.as_of), (game_date, kind, subject)
        deliveries = [_unrecorded.get(one) or self._first(one) for one in self._messages(key, 0, severity)]
        try:
            if incident := incident_of(self.warehouse, key):
                return self._raise_again(incident, severity, message)
            # record the claim first: an alert without a claim would never be sent, but a claim without an alert is harmless,
            # because the alert is raised again
            claimed = [one for one in deliveries if record(self.warehouse, one, self.clock.as_of)]
            is_new = bool(self.warehouse.add(ALERTS, [game_date], rows, f"alert {kind} {subject}"))
        except (PipelineError, OSError) as error:
            # a list, because `any` would stop a generator at the first message that was sent
            return any([self._send_without_a_row(one, alert, error) for one in deliveries])
        self._send_first(deliveries, claimed, alert, is_new)
        return is_new

    def resolve(self, incident: Incident, reason: str = "") -> bool:
        """Resolves an incident and sends how long it lasted. Returns False if another process has changed it."""
        lasted = f"It lasted {duration(incident.since, self.clock.now())}."
        return self._change(incident, "resolved", incident.severity, f"{lasted} {reason}".strip())

    def acknowledge(self, incident: Incident, author: str) -> bool:
        """Records that a person works on an incident. Returns False if another process has changed it."""
        return self._change(incident, "acknowledged", incident.severity, f"{author} works on it.", author)

    def retry_deliveries(self) -> str:
        """Retries due messages, longest due first, until the first failure of a sink. Returns a summary; empty if none was due."""
        now, today, settings = self.clock.now(), self.clock.today, SETTINGS.deliveries
        until, retried, failing = time.monotonic() + settings.look_seconds, 0, set[Sink]()
        try:
            for outcome in list(_unrecorded.values()):
                if incident_of(self.warehouse, outcome.alert):
                    self._record(outcome)
            if not self.sinks:
                return ""
            deliveries = unsent(self.warehouse, days(today - timedelta(days=settings.retry_days), today))
            due = [one for one in deliveries if one.is_due(now) and one.id not in _unrecorded and one.sink in self.sinks]
            for group in _groups(due)[: settings.most_per_look]:
                if group[0].sink in failing:
                    continue
                retried += len(group)
                failing |= set() if self._retry(group, now) else {group[0].sink}
                if time.monotonic() > until:
                    break
        except (PipelineError, OSError) as error:
            return f"undelivered messages cannot be retried: {error}"
        return f"retried {retried} of {counted(len(due), 'undelivered message')}" if due else ""

    def _retry(self, group: Sequence[Delivery], now: datetime) -> bool:
        """Claims the next attempt of messages and sends them as one. Returns False if the sink did not accept it."""
        claims = list[tuple[Delivery, dict[str, Any]]]()
        for delivery in group:
            if delivery.is_last_attempt:  # the process of the last attempt died
                self._record(delivery.ended(NO_OUTCOME, now))
                continue
            content, claim = self._content(delivery), delivery.claimed(now)
            if content and record(self.warehouse, claim, self.clock.as_of):  # else not raised yet, or claimed by another process
                claims.append((claim, content))
        if not claims:
            return True
        reason = self._post(claims[0][0].sink, [content for _, content in claims], is_late=True)
        for claim, _ in claims:
            self._record(claim.ended(reason, self.clock.now()))
        return not reason

    def _raise_again(self, incident: Incident, severity: Severity, message: str) -> bool:
        """Reopens a resolved incident, or escalates an open one. Returns False if neither applies."""
        if not incident.is_open:
            return self._change(incident, "reopened", severity, message)
        if incident.severity == "warning" and severity == "critical":
            return self._change(incident, "escalated", severity, message)
        return False

    def _change(self, incident: Incident, change: Change, severity: str, message: str, author: str = "") -> bool:
        """Adds a change and sends its message. Returns False if another process added a change of the same number."""
        row, as_of = incident.next_change(change, severity, message, self.clock.now(), author), self.clock.as_of
        deliveries = [self._first(one) for one in self._messages(incident.key, row["number"], severity)]
        claimed = [one for one in deliveries if record(self.warehouse, one, as_of)]
        writer = f"alert {incident.kind} {incident.subject}"
        is_new = bool(self.warehouse.add(CHANGES, [incident.game_date], change_rows(row, as_of), writer))
        if content := self._content(deliveries[0]):  # as stored, perhaps by another process
            self._send_first(deliveries, claimed, content, is_new)
        return is_new

    @property
    def sinks(self) -> Mapping[Sink, str]:
        """Configured sink -> its URL."""
        urls: Mapping[Sink, str] = {
            "slack": _secret(self.webhook_url),
            "pagerduty": self.pagerduty_url if self.pagerduty_key else "",
            "webhook": _secret(self.alert_webhook_url),
        }
        return {sink: url for sink, url in urls.items() if url}

    def _messages(self, key: AlertKey, number: int, severity: str) -> list[MessageKey]:
        """Returns the messages about an alert, one per sink; one for Slack if there is no sink."""
        return [(*key, number, sink) for sink in sinks_for(severity, self.sinks)]

    def _first(self, message: MessageKey) -> Delivery:
        """Returns the delivery of a new message: the claim of its first attempt, or a waiting delivery."""
        *_, number, sink = message
        url, now, hour = self.sinks.get(sink, ""), self.clock.now(), timedelta(hours=1)
        is_ready = _is_ready(url)
        delivery = waiting(self.clock.today, message[:3], now, PAUSED if url and not is_ready else "", number, sink)
        if is_ready and sink == "slack" and self._sent_since(message[1], now - hour) >= SETTINGS.deliveries.most_per_hour:
            return delivery.held(now + hour)
        return delivery.claimed(now) if is_ready else delivery

    def _sent_since(self, kind: str, since: datetime) -> int:
        """Returns the number of messages about a kind that were sent to Slack since an instant; 0 if it cannot be read."""
        try:
            return messages_since(self.warehouse, days(self.clock.today - timedelta(days=1), self.clock.today), kind, since)
        except (PipelineError, OSError):  # an alert about the warehouse must be sent
            return 0

    def _content(self, delivery: Delivery) -> dict[str, Any] | None:
        """Returns what a message says: the alert, or a change of it; None if it does not exist."""
        alert = alert_of(self.warehouse, delivery.alert)
        if alert is None or not delivery.number:
            return alert
        change = change_of(self.warehouse, delivery.alert, delivery.number)
        return {**alert, **change, "raised_at": change["changed_at"]} if change else None

    def _send_first(
        self, deliveries: Sequence[Delivery], claimed: Sequence[Delivery], alert: Mapping[str, Any], is_new: bool
    ) -> None:
        """Sends the claimed messages. Logs a new alert for which no attempt is made."""
        if is_new and not any(one.attempt for one in deliveries):
            _log(alert)
        for one in deliveries:
            if _unrecorded.pop(one.id, None) is None and one.attempt and one in claimed:
                self._record(one.ended(self._post(one.sink, [alert]), self.clock.now()))

    def _post(self, sink: Sink, alerts: Sequence[Mapping[str, Any]], is_late: bool = False) -> str:
        """Sends one message about one or more alerts. Returns the reason if it was not delivered.

        A failure pauses new messages, so that many alerts together wait for one deadline only.
        """
        url = self.sinks[sink]
        reason = send(sink, url, document_for(sink, alerts, _secret(self.pagerduty_key), is_late), self.timeout_seconds)
        if reason:
            _paused_until[url] = time.monotonic() + SETTINGS.deliveries.pause_seconds
            to = "webhook" if sink == "slack" else sink
            for alert in alerts:
                logger.error("%s: %s Not delivered to the %s: %s", head(alert), alert["message"], to, reason)
        return reason

    def _record(self, outcome: Delivery) -> None:
        """Records an outcome. Keeps it in memory if the warehouse cannot store it, so that this process does not send again."""
        if outcome.state == "given_up":
            logger.error("%s", outcome.message)
        try:
            record(self.warehouse, outcome, self.clock.as_of)
            _unrecorded.pop(outcome.id, None)
        except (PipelineError, OSError) as error:
            _unrecorded[outcome.id] = outcome
            logger.error(
                "the delivery of alert %s %s (%s) cannot be recorded: %s", outcome.kind, outcome.subject, outcome.state, error
            )

    def _send_without_a_row(self, delivery: Delivery, alert: Mapping[str, Any], error: Exception) -> bool:
        """Sends an alert that the warehouse cannot store, perhaps because the alert is about the warehouse.

        Later calls for the same alert retry an undelivered message.
        """
        now, is_first, url = self.clock.now(), delivery.id not in _unrecorded, self.sinks.get(delivery.sink, "")
        is_ready = _is_ready(url)
        if not is_first and (not delivery.is_due(now) or not is_ready):
            return False
        unstored = {**alert, "message": f"{alert['message']} (The table alerts cannot store this alert: {error})"}
        attempt = delivery if is_first else delivery.claimed(now)
        if attempt.attempt:
            attempt = attempt.ended(self._post(delivery.sink, [unstored]), self.clock.now())
        else:
            _log(unstored)
        _unrecorded[delivery.id] = attempt
        return is_first


def _is_ready(url: str) -> bool:
    """Whether a sink is configured and not paused."""
    return bool(url) and time.monotonic() >= _paused_until.get(url, 0.0)


def _log(alert: Mapping[str, Any]) -> None:
    logger.log(logging.CRITICAL if alert["severity"] == "critical" else logging.WARNING, "%s", log_line(alert))


def _secret(value: str) -> str:
    """Returns the value of a secret. Outside of a run, Dagster passes its EnvVar instead of the value."""
    return (value.get_value() or "") if isinstance(value, dg.EnvVar) else value


def _groups(due: Sequence[Delivery]) -> list[list[Delivery]]:
    """Groups the due deliveries: those held for a digest by kind and sink, each other one alone."""
    groups: dict[Any, list[Delivery]] = {}
    for one in due:
        groups.setdefault((one.kind, one.sink) if one.reason == HELD else one.id, []).append(one)
    return list(groups.values())
