"""The heartbeat of the daemon: pings to a monitor outside of this machine, which alerts when they stop.

The URL follows the convention of healthchecks.io and Uptime Kuma: a GET of the URL means that the work was done, and a GET of
`<url>/fail` that it failed. The URL is a secret: it allows anyone to report success.
"""

import logging

import dagster as dg
from pydantic import Field

from nba_pipeline.errors import BadInput
from nba_pipeline.instance import webhook_variables
from nba_pipeline.instance.secret_manager import resolved
from nba_pipeline.monitoring.webhook import ping
from nba_pipeline.settings import SETTINGS

logger = logging.getLogger(__name__)


class Heartbeat(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Pings a monitor. Without a URL it does nothing. A failed ping is logged and never fails the work."""

    url: str = Field(default="", repr=False)

    def done(self) -> None:
        """Reports that a pass did its work."""
        self._ping("")

    def failed(self) -> None:
        """Reports that a pass failed."""
        self._ping("/fail")

    def _ping(self, suffix: str) -> None:
        if not self.url:
            return
        try:
            url = resolved(self.url, webhook_variables.HEARTBEAT)
        except BadInput as error:
            logger.error("the heartbeat%s was not delivered: %s", suffix, error)
            return
        address, separator, query = url.partition("?")  # Uptime Kuma's URL has a query
        reason = ping(f"{address.rstrip('/')}{suffix}{separator}{query}", SETTINGS.watch.heartbeat_seconds)
        if reason:
            logger.error("the heartbeat%s was not delivered: %s", suffix, reason)
