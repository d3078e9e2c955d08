"""The documents that each sink of alerts receives: Slack, PagerDuty and any other webhook."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nba_pipeline.errors import BadInput
from nba_pipeline.instance import webhook_variables
from nba_pipeline.instance.secret_manager import resolved
from nba_pipeline.monitoring.deliveries import Sink
from nba_pipeline.monitoring.kinds import runbook
from nba_pipeline.monitoring.webhook import head, post_document, slack_document, text
from nba_pipeline.tables.wording import with_step

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
VARIABLES: Mapping[Sink, str] = {
    "slack": webhook_variables.SLACK,
    "pagerduty": webhook_variables.PAGERDUTY,
    "webhook": webhook_variables.ALERTS,
}
"""Sink -> variable with its secret."""

MAX_SUMMARY_LENGTH = 1024
"""PagerDuty's limit in characters (https://developer.pagerduty.com/docs/send-alert-event)."""

MAX_IN_DIGEST = 20
"""Maximum alerts listed in a digest. `nba-pipeline alerts list` has all."""

ACTIONS = {"resolved": "resolve", "acknowledged": "acknowledge"}
"""Change of an alert -> PagerDuty's action. The action of every other message is `trigger`."""


def sinks_for(severity: str, configured: Iterable[Sink]) -> list[Sink]:
    """Returns the configured sinks that receive a message, or Slack if there are none. PagerDuty receives only critical ones."""
    return [sink for sink in configured if sink != "pagerduty" or severity == "critical"] or ["slack"]


def document_for(sink: Sink, alerts: Sequence[Mapping[str, Any]], pagerduty_key: str, is_late: bool) -> dict[str, Any]:
    """Returns the document about one alert. Only Slack receives several in one message."""
    if sink == "slack":
        return slack_document(text(alerts[0], is_late) if len(alerts) == 1 else digest(alerts))
    return _pagerduty_document(alerts[0], pagerduty_key) if sink == "pagerduty" else _webhook_document(alerts[0])


def send(sink: Sink, url: str, document: Mapping[str, Any], deadline_seconds: float) -> str:
    """Sends a document to a sink. Returns the reason if it was not delivered, else an empty string.

    URL and routing key may name a secret of Secret Manager.
    """
    try:
        if sink == "pagerduty":
            document = {**document, "routing_key": resolved(document["routing_key"], VARIABLES[sink])}
        else:
            url = resolved(url, VARIABLES[sink])
    except BadInput as error:  # an alert is also logged and retried if its secret cannot be read
        return str(error)
    return post_document(url, document, deadline_seconds)


def digest(alerts: Sequence[Mapping[str, Any]]) -> str:
    """Returns one message about several alerts of a kind."""
    lines = [f"{head(alert)}: {alert['message']}" for alert in alerts[:MAX_IN_DIGEST]]
    more = [f"and {len(alerts) - MAX_IN_DIGEST} more: nba-pipeline alerts list"] if len(alerts) > MAX_IN_DIGEST else []
    return "\n".join([f"digest: {len(alerts)} more messages about {alerts[0]['kind']}", *lines, *more])


def log_line(alert: Mapping[str, Any]) -> str:
    """Returns the message of an alert as one line of the log."""
    return f"{head(alert)}: {with_step(alert['message'], alert['next_command'])}"


def _dedup_key(alert: Mapping[str, Any]) -> str:
    return f"nba_pipeline/{alert['game_date']}/{alert['kind']}/{alert['subject']}"[:255]


def _pagerduty_document(alert: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Returns an event of PagerDuty's Events API v2."""
    return {
        "routing_key": key,
        "event_action": ACTIONS.get(alert.get("change", ""), "trigger"),
        "dedup_key": _dedup_key(alert),
        "payload": {
            "summary": f"{head(alert)}: {alert['message']}"[:MAX_SUMMARY_LENGTH],
            "source": "nba_pipeline",
            "severity": alert["severity"],
            "timestamp": alert["raised_at"].isoformat(),
            "class": alert["kind"],
            "component": alert["subject"],
            "custom_details": {"next_command": alert["next_command"], "runbook": runbook(alert["kind"])},
        },
    }


def _webhook_document(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the alert as JSON. `event` is raised or the change."""
    return {
        "event": alert.get("change", "raised"),
        "key": _dedup_key(alert),
        "game_date": alert["game_date"].isoformat(),
        "kind": alert["kind"],
        "subject": alert["subject"],
        "severity": alert["severity"],
        "message": alert["message"],
        "next_command": alert["next_command"],
        "runbook": runbook(alert["kind"]),
        "at": alert["raised_at"].isoformat(),
    }
