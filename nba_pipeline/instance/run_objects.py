"""Objects that all resources of a run share in this process: its instant, journal, HTTP session, BigQuery client, league.

Dagster builds a resource again for each resource that depends on it, so a resource cannot hold such an object itself. What
the objects do belongs in their own modules.
"""

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

Made = TypeVar("Made")
Key = tuple[str, ...]
"""The kind of an object, then what distinguishes it: the run id, and for example a folder."""


@dataclass
class _Shared:
    users: int = 0
    value: Any = None
    is_made: bool = False
    close: Callable[[Any], object] | None = None


class RunObjects:
    """Shared objects with reference counts. An object is made on its first use and closed by the last release."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shared: dict[Key, _Shared] = {}

    def acquire(self, key: Key) -> None:
        """Add a user of an object, which need not be made yet."""
        with self._lock:
            self._shared.setdefault(key, _Shared()).users += 1

    def get(self, key: Key, make: Callable[[], Made], close: Callable[[Made], object] | None = None) -> Made:
        """The object of a key, made on first use. `close` is called after the last release, or at the end of the process."""
        with self._lock:
            shared = self._shared.setdefault(key, _Shared())
            if not shared.is_made:
                shared.value, shared.close, shared.is_made = make(), close, True
            return cast(Made, shared.value)

    def release(self, key: Key) -> None:
        """Remove a user. The last one closes the object."""
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:
                return
            shared.users -= 1
            if shared.users > 0:
                return
            del self._shared[key]
        _close(shared)

    @contextmanager
    def shared(self, key: Key, make: Callable[[], Made], close: Callable[[Made], object] | None = None) -> Iterator[Made]:
        """The object of a key within the block."""
        self.acquire(key)
        try:
            yield self.get(key, make, close)
        finally:
            self.release(key)

    def keys(self) -> set[Key]:
        """The keys of the objects that exist."""
        with self._lock:
            return set(self._shared)

    def close(self) -> None:
        """Close the remaining objects, which were used outside of runs."""
        with self._lock:
            remaining, self._shared = list(self._shared.values()), {}
        for shared in remaining:
            _close(shared)


def _close(shared: _Shared) -> None:
    if shared.is_made and shared.close:
        shared.close(shared.value)


RUN_OBJECTS = RunObjects()
atexit.register(RUN_OBJECTS.close)
