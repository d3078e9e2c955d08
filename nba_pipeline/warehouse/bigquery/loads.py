"""The record of writes in the table `loads`: which job wrote which partition, with how many rows.

A partition counts as written once its row is here; the row is added after the job that wrote it. A run reads the record
once, and reads it again for the dates of each write. Rows are only added, and only those of dropped tables
are deleted, so concurrent runs do not conflict.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from nba_pipeline.errors import Permanent
from nba_pipeline.league.calendar import FIRST_DATE
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.bigquery.jobs import Parameter, day_parameters
from nba_pipeline.warehouse.bigquery.session import Session

EARLIEST_PARTITION = FIRST_DATE.replace(month=1, day=1)
"""Earlier than every partition, including the weekly ones."""

CURRENT = """
SELECT game_date, table_name, job_id, content, row_count FROM loads WHERE {condition}
QUALIFY row_number() OVER (PARTITION BY table_name, game_date ORDER BY loaded_at DESC, job_id) = 1
"""

ADD = """
INSERT INTO loads (game_date, table_name, job_id, replaces_job_id, content, row_count, run_id, loaded_at)
SELECT new.game_date, new.table_name, new.job_id, new.replaces_job_id, new.content, new.row_count, new.run_id, @now
FROM UNNEST(@rows) AS new
LEFT JOIN (SELECT game_date, table_name, job_id FROM loads WHERE game_date BETWEEN @first AND @last) AS there
  ON there.game_date = new.game_date AND there.table_name = new.table_name AND there.job_id = new.job_id
WHERE there.job_id IS NULL
"""


@dataclass(frozen=True)
class Load:
    """The latest write of a partition. `content` is null if rows were added to it."""

    table: str
    day: date
    job_id: str
    content: str | None
    rows: int


_changes: list[None] = []
"""One entry per change of the record by this process. It invalidates the records cached by sessions outside of runs."""


class Loads:
    """The record as seen by a session. In a run: its state at the start, plus the run's own writes."""

    def __init__(self, session: Session, is_cached: bool):
        self.session, self.is_cached = session, is_cached
        self._lock = threading.RLock()
        self._record: dict[tuple[str, date], Load] | None = None
        self._read_at, self._changes = 0.0, 0

    def of(self, table: str) -> dict[date, Load]:
        """Every written date of a table."""
        return {day: load for (name, day), load in self._current().items() if name == table}

    def get(self, table: str, day: date) -> Load | None:
        """The latest write of a partition."""
        return self._current().get((table, day))

    def renew(self, table: str, dates: Sequence[date]) -> list[date]:
        """Reads the record of these dates again, and returns the dates that another run has written since."""
        condition = "game_date BETWEEN @first AND @last AND table_name = @table"
        parameters = [*day_parameters(min(dates), max(dates)), bigquery.ScalarQueryParameter("table", "STRING", table)]
        now = self._read(condition, parameters)
        with self._lock:
            record = self._current()
            changed = [day for day in dates if record.get((table, day)) != now.get((table, day))]
            record.update({(table, day): now[table, day] for day in changed if (table, day) in now})
        return changed

    def acknowledge(self, written: Sequence[tuple[Load, str | None]]) -> None:
        """Records writes, each with the job that it replaced. Repeating adds nothing."""
        if not written:
            return
        rows = [
            bigquery.StructQueryParameter(
                None,
                bigquery.ScalarQueryParameter("game_date", "DATE", load.day),
                bigquery.ScalarQueryParameter("table_name", "STRING", load.table),
                bigquery.ScalarQueryParameter("job_id", "STRING", load.job_id),
                bigquery.ScalarQueryParameter("replaces_job_id", "STRING", replaced),
                bigquery.ScalarQueryParameter("content", "STRING", load.content),
                bigquery.ScalarQueryParameter("row_count", "INT64", load.rows),
                bigquery.ScalarQueryParameter("run_id", "STRING", self.session.run_id),
            )
            for load, replaced in written
        ]
        dates = [load.day for load, _ in written]
        parameters = [
            *day_parameters(min(dates), max(dates)),
            bigquery.ArrayQueryParameter("rows", "STRUCT", rows),
            bigquery.ScalarQueryParameter("now", "TIMESTAMP", datetime.now(UTC)),
        ]
        try:
            self.session.query(ADD, parameters, asset="loads")
        except Permanent as error:
            if not isinstance(error.__cause__, Conflict):
                raise
            # a lost response made the retry conflict; the statement only adds missing rows, so it is safe to repeat
            self.session.query(ADD, parameters, asset="loads")
        with self._lock:
            self._changes += self._changes == len(_changes)  # own changes do not make the cached record stale
            _changes.append(None)
            if self._record is not None:
                self._record |= {(load.table, load.day): load for load, _ in written}

    def forget(self, tables: Iterable[str]) -> None:
        """Deletes every row of dropped tables from the record."""
        self.session.query(
            f"DELETE FROM loads WHERE game_date >= DATE '{EARLIEST_PARTITION}' AND table_name IN UNNEST(@tables)",
            [bigquery.ArrayQueryParameter("tables", "STRING", list(tables))],
            asset="loads",
        )
        with self._lock:
            _changes.append(None)
            self._record = None

    def _current(self) -> dict[tuple[str, date], Load]:
        with self._lock:
            age = time.monotonic() - self._read_at
            is_old = not self.is_cached and (self._changes != len(_changes) or age > SETTINGS.bigquery.record_seconds)
            if self._record is None or is_old:
                self._read_at, self._changes = time.monotonic(), len(_changes)
                self._record = self._read(f"game_date >= DATE '{EARLIEST_PARTITION}'", [])
            return self._record

    def _read(self, condition: str, parameters: Sequence[Parameter]) -> dict[tuple[str, date], Load]:
        rows = self.session.frame(CURRENT.format(condition=condition), parameters, asset="loads").with_columns(
            pl.col("row_count").cast(pl.Int64)
        )
        return {
            (row["table_name"], row["game_date"]): Load(
                row["table_name"], row["game_date"], row["job_id"], row["content"], row["row_count"]
            )
            for row in rows.iter_rows(named=True)
        }
