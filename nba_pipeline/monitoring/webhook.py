"""Sends the message of an alert to a Slack webhook within a total deadline. Error messages never contain the URL."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import httpx

REFUSED_FROM = 300

logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO message contains the whole URL, which is the webhook's secret


def head(alert: Mapping[str, Any]) -> str:
    """Returns the first line of a message: severity, kind, subject and date."""
    return f"{alert['severity']}: {alert['kind']} {alert['subject']} ({alert['game_date']})"


def text(alert: Mapping[str, Any], is_late: bool = False) -> str:
    """Returns the message of an alert. A late message has the instant at which the alert was raised."""
    raised = f"Raised at {alert['raised_at']:%Y-%m-%d %H:%M} UTC." if is_late else ""
    command = f"Next: {alert['next_command']}" if alert["next_command"] else ""
    return "\n".join(part for part in (head(alert), alert["message"], raised, command) if part)


def post(url: str, message: str, deadline_seconds: float) -> str:
    """Sends a message. Returns the reason if it was not delivered, else an empty string.

    The deadline covers name resolution, connection, TLS and the response headers together. The timeouts of httpx apply to
    each read, so that a server that sends single bytes could delay them forever. The response body is not read.
    """
    # not asyncio.run: on exit it waits for a hanging name resolution
    loop = asyncio.new_event_loop()
    try:
        status = loop.run_until_complete(_status_within(url, message, deadline_seconds))
    except TimeoutError:
        return f"no answer within {deadline_seconds:g} seconds"
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # their messages may contain the URL, their class names do not
        return type(error).__name__
    finally:
        loop.close()
    return f"the webhook answered {status}" if status >= REFUSED_FROM else ""


async def _status_within(url: str, message: str, deadline_seconds: float) -> int:
    async with asyncio.timeout(deadline_seconds), httpx.AsyncClient(timeout=None) as client:  # see `post`
        async with client.stream("POST", url, json={"text": _escaped(message)}) as response:
            return response.status_code


def _escaped(text: str) -> str:
    """Escapes Slack's three control characters (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
