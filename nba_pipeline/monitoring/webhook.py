"""Sends a message to a webhook within a total deadline. Error messages never contain the URL."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx

from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.monitoring.kinds import KINDS, runbook
from nba_pipeline.providers.certificates import trusted_authorities

REFUSED_FROM = 300
REFUSED = "the webhook answered"
UNCONNECTED = ("ConnectError", "InvalidURL", "UnsupportedProtocol")
"""Errors before a connection exists."""
Request = Callable[[httpx.AsyncClient], AbstractAsyncContextManager[httpx.Response]]

# the INFO messages of httpx contain the whole URL, which is the webhook's secret; so does the target of a redirect, which
# httpcore logs with the other headers of a response
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def head(alert: Mapping[str, Any]) -> str:
    """Returns the first line of a message: severity, kind, subject and date. A change is named before them."""
    change = f"{alert['change']}, " if alert.get("change") else ""
    return f"{change}{alert['severity']}: {alert['kind']} {alert['subject']} ({alert['game_date']})"


def text(alert: Mapping[str, Any], is_late: bool = False) -> str:
    """Returns the message of an alert. A late message has the instant at which the alert was raised or changed."""
    verb = "Changed" if alert.get("change") else "Raised"
    raised = f"{verb} at {eastern_text(alert['raised_at'])}." if is_late else ""
    is_over = alert.get("change") == "resolved"
    command = f"Next: {alert['next_command']}" if alert["next_command"] and not is_over else ""
    page = f"Runbook: {runbook(alert['kind'])}" if alert["kind"] in KINDS and not is_over else ""
    return "\n".join(part for part in (head(alert), alert["message"], raised, command, page) if part)


def post(url: str, message: str, deadline_seconds: float) -> str:
    """Sends a message to Slack. Returns the reason if it was not delivered, else an empty string."""
    return post_document(url, slack_document(message), deadline_seconds)


def slack_document(message: str) -> dict[str, Any]:
    """Returns the document of an incoming webhook of Slack."""
    return {"text": _escaped(message)}


def post_document(url: str, document: Mapping[str, Any], deadline_seconds: float) -> str:
    """Sends a document. Returns the reason if it was not delivered, else an empty string.

    The deadline covers name resolution, connection, TLS and the response headers together. The timeouts of httpx apply to
    each read, so that a server that sends single bytes could delay them forever. The response body is not read.
    """
    return _answer(lambda client: client.stream("POST", url, json=dict(document)), deadline_seconds)


def ping(url: str, deadline_seconds: float) -> str:
    """Sends a GET. Returns the reason if the answer is not a success, else an empty string."""
    return _answer(lambda client: client.stream("GET", url), deadline_seconds)


def _answer(request: Request, deadline_seconds: float) -> str:
    """Sends a request. Returns the reason if there is no successful answer within the deadline."""
    # not asyncio.run: on exit it waits for a hanging name resolution
    loop = asyncio.new_event_loop()
    try:
        status = loop.run_until_complete(_status_within(request, deadline_seconds))
    except TimeoutError:
        return f"no answer within {deadline_seconds:g} seconds"
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # their messages may contain the URL, their class names do not
        return type(error).__name__
    finally:
        loop.close()
    return f"{REFUSED} {status}" if status >= REFUSED_FROM else ""


def is_refused(reason: str) -> bool:
    """Whether a message with this reason was certainly not accepted. After a timeout or a lost connection it may have been."""
    return reason.startswith(REFUSED) or reason in UNCONNECTED


async def _status_within(request: Request, deadline_seconds: float) -> int:
    client = httpx.AsyncClient(verify=trusted_authorities(), timeout=None)  # see `post_document`
    async with asyncio.timeout(deadline_seconds), client, request(client) as response:
        return response.status_code


def _escaped(text: str) -> str:
    """Escapes Slack's three control characters (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
