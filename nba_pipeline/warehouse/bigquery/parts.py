"""What a run has read: it asks BigQuery once for the rows of some dates, and again after it has written one of them."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import polars as pl

from nba_pipeline.settings import SETTINGS

Key = tuple[str, tuple[date, ...], tuple[str, ...]]


class Parts:
    """Rows by table, dates and columns, the oldest let go first. Outside of a run nothing is kept."""

    def __init__(self, is_kept: bool):
        self.is_kept = is_kept
        self._lock = threading.Lock()
        self._frames: OrderedDict[Key, pl.DataFrame] = OrderedDict()
        self._bytes = 0

    def get(self, table: str, dates: Sequence[date], columns: Sequence[str]) -> pl.DataFrame | None:
        """What was read before, or None."""
        key = (table, tuple(dates), tuple(columns))
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
            return self._frames.get(key)

    def keep(self, table: str, dates: Sequence[date], columns: Sequence[str], frame: pl.DataFrame) -> None:
        """Remember what was read."""
        if not self.is_kept:
            return
        with self._lock:
            self._drop([(table, tuple(dates), tuple(columns))])
            self._frames[table, tuple(dates), tuple(columns)] = frame
            self._bytes += int(frame.estimated_size())
            while self._bytes > SETTINGS.bigquery.cached_bytes and self._frames:
                self._drop([next(iter(self._frames))])

    def forget(self, table: str, dates: Collection[date]) -> None:
        """These dates of a table are written: whatever holds one of them is old."""
        gone = set(dates)
        with self._lock:
            self._drop([key for key in self._frames if key[0] == table and not gone.isdisjoint(key[1])])

    def forget_tables(self, tables: Collection[str]) -> None:
        """Everything about these tables is old."""
        with self._lock:
            self._drop([key for key in self._frames if key[0] in tables])

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            frame = self._frames.pop(key, None)
            if frame is not None:
                self._bytes -= int(frame.estimated_size())
