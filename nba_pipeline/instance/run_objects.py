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

Value = TypeVar("Value")
Key = tuple[str, ...]
"""The kind of an object, then the values that identify it, such as the run id and a folder."""


@dataclass
class _Shared:
    users: int = 0
    value: Any = None
    is_created: bool = False
    close: Callable[[Any], object] | None = None


class RunObjects:
    """Shared objects with reference counts. An object is created on its first use and closed by the last release."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shared: dict[Key, _Shared] = {}

    def acquire(self, key: Key) -> None:
        """Adds a user of an object, which may not exist yet."""
        with self._lock:
            self._shared.setdefault(key, _Shared()).users += 1

    def get(self, key: Key, make: Callable[[], Value], close: Callable[[Value], object] | None = None) -> Value:
        """Returns the object of a key, created on first use. `close` is called after the last release, or at the end of the process."""
        with self._lock:
            shared = self._shared.setdefault(key, _Shared())
            if not shared.is_created:
                shared.value, shared.close, shared.is_created = make(), close, True
            return cast(Value, shared.value)

    def acquired(self, key: Key, make: Callable[[], Value], close: Callable[[Value], object] | None = None) -> Value:
        """Adds a user of an object and returns the object. If its creation fails, no user is added."""
        self.acquire(key)
        try:
            return self.get(key, make, close)
        except BaseException:
            self.release(key)
            raise

    def release(self, key: Key) -> None:
        """Removes a user. The last one closes the object."""
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
    def shared(self, key: Key, make: Callable[[], Value], close: Callable[[Value], object] | None = None) -> Iterator[Value]:
        """Yields the object of a key, with this block as a user."""
        value = self.acquired(key, make, close)
        try:
            yield value
        finally:
            self.release(key)

    def keys(self) -> set[Key]:
        """Returns the keys of the existing objects."""
        with self._lock:
            return set(self._shared)

    def close(self) -> None:
        """Closes the remaining objects, which were used outside of runs."""
        with self._lock:
            remaining, self._shared = list(self._shared.values()), {}
        for shared in remaining:
            _close(shared)


def _close(shared: _Shared) -> None:
    if shared.is_created and shared.close:
        shared.close(shared.value)


RUN_OBJECTS = RunObjects()
atexit.register(RUN_OBJECTS.close)
