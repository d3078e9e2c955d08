"""The message of an alert, sent to a Slack webhook within a total deadline; how that ended, in words that never show the URL."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import httpx

REFUSED_FROM = 300

logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO line shows the whole URL, which is the webhook's secret


def head(alert: Mapping[str, Any]) -> str:
    """What happened to what, and when."""
    return f"{alert['severity']}: {alert['kind']} {alert['subject']} ({alert['game_date']})"


def text(alert: Mapping[str, Any], is_late: bool = False) -> str:
    """The message of an alert; a late one says when it was raised."""
    raised = f"Raised at {alert['raised_at']:%Y-%m-%d %H:%M} UTC." if is_late else ""
    command = f"Next: {alert['next_command']}" if alert["next_command"] else ""
    return "\n".join(part for part in (head(alert), alert["message"], raised, command) if part)


def post(url: str, message: str, deadline_seconds: float) -> str:
    """Send a message; the reason when it was not delivered, else empty.

    The deadline counts name resolution, connection, TLS and the answer's head together: the timeouts of httpx count each
    read alone, so that a server which sends a byte now and then would hold them for ever. The answer's body is not read.
    """
    # not asyncio.run: at its end that waits for a name resolution that hangs
    loop = asyncio.new_event_loop()
    try:
        status = loop.run_until_complete(_status_within(url, message, deadline_seconds))
    except TimeoutError:
        return f"no answer within {deadline_seconds:g} seconds"
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # their messages may show the URL, their names do not
        return type(error).__name__
    finally:
        loop.close()
    return f"it answered {status}" if status >= REFUSED_FROM else ""


async def _status_within(url: str, message: str, deadline_seconds: float) -> int:
    async with asyncio.timeout(deadline_seconds), httpx.AsyncClient(timeout=None) as client:  # see `post`
        async with client.stream("POST", url, json={"text": _escaped(message)}) as answer:
            return answer.status_code


def _escaped(text: str) -> str:
    """The three characters that mean something to Slack (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
