"""Connections that the resources of one run share: the session, the record of writes and the cached rows.

Submitting jobs does not belong here, see `session`.
"""

import atexit
import threading
from collections.abc import Callable
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


class Connections:
    """Reference counts of shared connections. Dagster instantiates a resource once per dependent resource; a run needs one client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: dict[tuple[str, ...], Connection] = {}
        self._count: dict[tuple[str, ...], int] = {}

    def get(self, key: tuple[str, ...], open_connection: Callable[[], Connection]) -> Connection:
        """The connection of a key, opened on first use."""
        with self._lock:
            if key not in self._connections:
                self._connections[key] = open_connection()
            return self._connections[key]

    def acquire(self, key: tuple[str, ...]) -> None:
        """Increment the reference count."""
        with self._lock:
            self._count[key] = self._count.get(key, 0) + 1

    def release(self, key: tuple[str, ...]) -> None:
        """Decrement the reference count. The last release closes the client."""
        with self._lock:
            self._count[key] -= 1
            connection = self._connections.pop(key, None) if not self._count[key] else None
        if connection:
            connection.session.close()

    def close(self) -> None:
        """Close the remaining clients, which were used outside of runs."""
        with self._lock:
            remaining, self._connections = list(self._connections.values()), {}
        for connection in remaining:
            connection.session.close()


CONNECTIONS = Connections()
atexit.register(CONNECTIONS.close)
