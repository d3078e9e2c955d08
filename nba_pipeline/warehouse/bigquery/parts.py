"""A cache of the rows that a run has read, invalidated per date by its writes."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import polars as pl

from nba_pipeline.settings import SETTINGS

Key = tuple[str, tuple[date, ...], tuple[str, ...]]


class Parts:
    """Cached rows by table, dates and columns, with the least recently used evicted first. Caches nothing outside of a run."""

    def __init__(self, is_cached: bool):
        self.is_cached = is_cached
        self._lock = threading.Lock()
        self._frames: OrderedDict[Key, pl.DataFrame] = OrderedDict()
        self._bytes = 0

    def get(self, table: str, dates: Sequence[date], columns: Sequence[str]) -> pl.DataFrame | None:
        """The cached rows, or None."""
        key = (table, tuple(dates), tuple(columns))
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
            return self._frames.get(key)

    def keep(self, table: str, dates: Sequence[date], columns: Sequence[str], frame: pl.DataFrame) -> None:
        """Caches rows."""
        if not self.is_cached:
            return
        with self._lock:
            self._drop([(table, tuple(dates), tuple(columns))])
            self._frames[table, tuple(dates), tuple(columns)] = frame
            self._bytes += int(frame.estimated_size())
            while self._bytes > SETTINGS.bigquery.cached_bytes and self._frames:
                self._drop([next(iter(self._frames))])

    def forget(self, table: str, dates: Collection[date]) -> None:
        """Drops every cached frame that includes one of these dates of a table."""
        changed = set(dates)
        with self._lock:
            self._drop([key for key in self._frames if key[0] == table and not changed.isdisjoint(key[1])])

    def forget_tables(self, tables: Collection[str]) -> None:
        """Drops every cached frame of these tables."""
        with self._lock:
            self._drop([key for key in self._frames if key[0] in tables])

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            frame = self._frames.pop(key, None)
            if frame is not None:
                self._bytes -= int(frame.estimated_size())
