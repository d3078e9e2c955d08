"""Messages to readers about published slates, to an incoming webhook of Slack or Discord. Alerts go to other sinks.

The first publication of a date and each later one with new picks has one message. It is claimed in `alert_message_deliveries`
before it is sent. A refused message is sent again later. A message without an answer is not: readers may have received it.
"""

import re
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from pydantic import ValidationError

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.deliveries import MESSAGE_DELIVERIES, PUBLIC_SINK, SLATE_PUBLISHED, Delivery, record, unsent, waiting
from nba_pipeline.monitoring.webhook import is_refused, post_document, slack_document
from nba_pipeline.publishing.documents import Slate
from nba_pipeline.publishing.message import message_lines
from nba_pipeline.publishing.place import PublicFiles
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

SUBJECT = "publication"
DISCORD_PATH = "/api/webhooks/"
MARKDOWN = re.compile(r"([\\*_~`|<>\[\]])")
SUPERSEDED, PAST = "a later publication has a message", "the date of the slate has passed"


def announce(public: PublicFiles, warehouse: Warehouse, clock: Clock, slates: Collection[Slate] = ()) -> list[str]:
    """Sends the messages that are due about published slates. Returns a message per problem; a problem stops no export."""
    try:
        if not public.webhook:
            return []
        problems = [_retry(one, public, warehouse, clock) for one in unsent(warehouse, _dates(clock)) if one.sink == PUBLIC_SINK]
        return [problem for problem in [*problems, *(_first(one, public, warehouse, clock) for one in slates)] if problem]
    except (PipelineError, OSError, ValidationError) as error:  # a published document may be damaged
        return [f"the messages about slates cannot be sent: {error}"]


def message_document(webhook: str, slate: Slate, link: str) -> dict[str, Any]:
    """Returns the document for the webhook: Discord's if its path is one of Discord, else Slack's."""
    lines = message_lines(slate)
    if not urlsplit(webhook).path.startswith(DISCORD_PATH):
        return slack_document("\n".join(filter(None, [*lines, link])))
    text = "\n".join(filter(None, [*(MARKDOWN.sub(r"\\\1", line) for line in lines), link]))
    return {"content": text, "allowed_mentions": {"parse": []}}


def _first(slate: Slate, public: PublicFiles, warehouse: Warehouse, clock: Clock) -> str:
    """Sends the message about the newest publication of a slate, unless it was claimed before. Returns a problem, or nothing."""
    day, now = slate.game_date, clock.now()
    number = _newest(warehouse, day) if day >= clock.today else None
    if number is None:
        return ""
    # the date of the slate, so that exports before and after midnight have the same claim
    claim = waiting(day, (day, SLATE_PUBLISHED, SUBJECT), now, number=number, sink=PUBLIC_SINK).claimed(now)
    return _send(claim, slate, public, warehouse, clock) if record(warehouse, claim, clock.as_of) else ""


def _retry(failed: Delivery, public: PublicFiles, warehouse: Warehouse, clock: Clock) -> str:
    """Sends a refused message again if it is due. Gives up one that is no longer news. Returns a problem, or nothing."""
    now = clock.now()
    if failed.state != "failed" or not failed.is_due(now):
        return ""
    reason = PAST if failed.game_date < clock.today else SUPERSEDED if failed.number < _last_claimed(warehouse, failed) else ""
    if reason:
        record(warehouse, failed.given_up(f"{failed.reason}; {reason}", now), clock.as_of)
        return ""
    slate, claim = Slate.model_validate_json(public.read(f"v1/slate/{failed.game_date}.json")), failed.claimed(now)
    return _send(claim, slate, public, warehouse, clock) if record(warehouse, claim, clock.as_of) else ""


def _send(claim: Delivery, slate: Slate, public: PublicFiles, warehouse: Warehouse, clock: Clock) -> str:
    """Sends a claimed message and records the outcome. Returns why it was not delivered, or nothing."""
    document = message_document(public.webhook, slate, public.link(slate.game_date))
    reason, now = post_document(public.webhook, document, SETTINGS.deliveries.deadline_seconds), clock.now()
    outcome = claim.given_up(reason, now) if reason and not is_refused(reason) else claim.ended(reason, now)
    record(warehouse, outcome, clock.as_of)
    return outcome.message if reason else ""


def _newest(warehouse: Warehouse, day: date) -> int | None:
    """Returns the number of the newest publication of a date that is news; None without a publication."""
    is_news = (pl.col("publication_number") == 1) | (pl.col("picks") > 0)
    number = warehouse.scan(TABLES["publications"], [day]).filter(is_news).select(pl.col("publication_number").max())
    newest: int | None = number.collect().item()
    return newest


def _last_claimed(warehouse: Warehouse, one: Delivery) -> int:
    of_date = warehouse.scan(MESSAGE_DELIVERIES, [one.game_date]).filter(pl.col("kind") == SLATE_PUBLISHED)
    return int(of_date.select(pl.col("number").max()).collect().item())


def _dates(clock: Clock) -> list[date]:
    """Returns the dates of slates whose messages may be unsent: yesterday's are given up, tomorrow's slate may be published."""
    return days(clock.today - timedelta(days=1), clock.today + timedelta(days=1))
