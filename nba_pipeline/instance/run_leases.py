"""Leases of runs in PostgreSQL: whether the process of a run is alive, whichever host it is on.

The process of a run renews its lease every `runs.renewal_seconds`. A lease that was not renewed for `runs.lease_seconds` has
expired: the process, its host or its network has failed. The server's own instants determine the age of a lease, so the clocks of
the hosts do not matter. A restart of the server renews every lease.

`dead_runs` closes a run whose lease has expired, and deletes the lease. A process that finds its lease deleted ends at once, since
its run may have been started again on another host.
"""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg
import sqlalchemy as db
from sqlalchemy.exc import SQLAlchemyError

from nba_pipeline.errors import Transient
from nba_pipeline.settings import SETTINGS

if TYPE_CHECKING:
    from dagster_postgres import PostgresRunStorage

TABLE = "nba_run_leases"
CREATION_KEY = 6_177_240_025
"""Key of the advisory lock for the creation of the table. PostgreSQL fails if two sessions create a table at the same time."""

CREATE = f"""
    SELECT pg_advisory_xact_lock({CREATION_KEY});
    CREATE TABLE IF NOT EXISTS {TABLE} (run_id text PRIMARY KEY, renewed_at timestamptz NOT NULL);
"""
ADD = f"INSERT INTO {TABLE} VALUES (:run_id, now()) ON CONFLICT (run_id) DO UPDATE SET renewed_at = now()"
RENEW = f"UPDATE {TABLE} SET renewed_at = now() WHERE run_id = :run_id"
DELETE = f"DELETE FROM {TABLE} WHERE run_id = :run_id"
DELETE_OLD = f"DELETE FROM {TABLE} WHERE renewed_at < now() - make_interval(days => :days)"
READ = f"SELECT now(), pg_postmaster_start_time(), (SELECT renewed_at FROM {TABLE} WHERE run_id = :run_id)"
KEPT_DAYS = 1
"""Age at which the lease of a killed run is deleted if nothing closed the run."""

LOST = 1
"""Exit code of a process whose run was closed."""

_CREATED = set[str]()
"""URLs of the databases that have the table."""


class Lease(NamedTuple):
    """The lease of a run, by the clock of the server."""

    renewed_at: datetime | None
    """None if the run never had a lease."""
    clock_offset: timedelta
    """The clock of the server minus that of this host."""


class RenewedLease:
    """The lease of a run of this process. A thread renews it until `release`."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        self._storage, self._run_id, self._is_over = _storage(instance), run_id, Event()
        _execute(self._storage, ADD, run_id=run_id)
        Thread(target=self._renew, name=f"lease of run {run_id}", daemon=True).start()

    def release(self) -> None:
        """Stops the renewal and deletes the lease."""
        self._is_over.set()
        with suppress(Transient, SQLAlchemyError):  # the run has ended, and the lease of an ended run has no effect
            _execute(self._storage, DELETE, run_id=self._run_id)

    def _renew(self) -> None:
        while not self._is_over.wait(SETTINGS.runs.renewal_seconds):
            try:
                is_held = _execute(self._storage, RENEW, run_id=self._run_id) == 1
            except (Transient, SQLAlchemyError):  # the server restarts, which renews the lease; the next renewal tries again
                continue
            if not is_held and not self._is_over.is_set():
                _end_process(self._run_id)


def has_leases(instance: dg.DagsterInstance) -> bool:
    """Whether the runs of an instance have leases: those in PostgreSQL do. Those in SQLite are all of one machine."""
    if "dagster_postgres" not in sys.modules:
        return False
    from dagster_postgres import PostgresRunStorage  # noqa: PLC0415  of the extra `postgres`

    return isinstance(instance.run_storage, PostgresRunStorage)


def lease_of(instance: dg.DagsterInstance, run_id: str) -> Lease:
    """Returns the lease of a run."""
    with _storage(instance).connect() as connection:
        now, started_at, renewed_at = connection.execute(db.text(READ), {"run_id": run_id}).one()
    return Lease(max(started_at, renewed_at) if renewed_at else None, now - datetime.now(UTC))


def delete_lease(instance: dg.DagsterInstance, run_id: str) -> None:
    """Deletes the lease of a run that is closed, so that its process ends if it is alive after all."""
    _execute(_storage(instance), DELETE, run_id=run_id)


def delete_old_leases(instance: dg.DagsterInstance) -> None:
    """Deletes the leases of killed runs that Dagster has closed."""
    _execute(_storage(instance), DELETE_OLD, days=KEPT_DAYS)


def _storage(instance: dg.DagsterInstance) -> "PostgresRunStorage":
    """Returns the storage of the runs, with the table of leases."""
    storage: PostgresRunStorage = instance.run_storage  # type: ignore[assignment]  # `has_leases` has checked it
    if storage.postgres_url not in _CREATED:
        with storage.connect() as connection, connection.execution_options(isolation_level="READ COMMITTED").begin():
            connection.execute(db.text(CREATE))
        _CREATED.add(storage.postgres_url)
    return storage


def _execute(storage: "PostgresRunStorage", statement: str, **values: Any) -> int:
    """Executes a statement and returns the number of its rows."""
    with storage.connect() as connection:
        return connection.execute(db.text(statement), values).rowcount


def _end_process(run_id: str) -> None:
    """Ends the process at once, because an exception would let Dagster record a second outcome of the run."""
    sys.stderr.write(
        f"nba-pipeline: run {run_id} was closed by another process, because its lease had expired; this process ends\n"
    )
    sys.stderr.flush()
    os._exit(LOST)
