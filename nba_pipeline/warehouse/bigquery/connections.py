"""Connections that the resources of one run share: the session, the record of writes and the cached rows.

Submitting jobs does not belong here, see `session`.
"""

from dataclasses import dataclass, field
from typing import Any

from nba_pipeline.warehouse.bigquery.loads import Loads
from nba_pipeline.warehouse.bigquery.parts import Parts
from nba_pipeline.warehouse.bigquery.session import Session


@dataclass(frozen=True)
class Connection:
    """The objects that all resources of one run share."""

    session: Session
    loads: Loads
    parts: Parts
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def close(self) -> None:
        """Closes the client."""
        self.session.close()
