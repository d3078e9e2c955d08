"""Dagster's runs, events and schedules in PostgreSQL, with a bounded pool of connections. Referenced by dagster.yaml only.

dagster-postgres 0.29 opens a connection for each query, except in the webserver, where each of three storages may open 21. A
server accepts 100 by default. Here all storages of a process share one pool. It keeps `IDLE` connections open and opens at most
`postgres.connections_per_process`; threads that need another one wait. Remove this module when dagster-postgres has a limit.

Dagster opens a second connection while it holds one, for example to query an index within a transaction. A limit on connections
could therefore deadlock threads that each hold one. The pool limits the number of threads instead, each with two connections.
"""

import atexit
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore, Lock, get_ident
from typing import Any, cast

import sqlalchemy
from dagster._config import Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.config import pg_config
from dagster._daemon.types import DaemonHeartbeat
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from nba_pipeline.errors import BadInput, Transient
from nba_pipeline.instance.cached_event_log import CachedEventLogStorage
from nba_pipeline.instance.only_daemon import require_advisory_lock
from nba_pipeline.instance.postgres import (
    ADDRESS_KEY,
    CONNECT_SECONDS,
    PARTS,
    PREFIX,
    URL_VARIABLE,
    place,
    reason,
    refuse_unreachable,
    url_from,
)
from nba_pipeline.instance.private_files import make_files_private

logger = logging.getLogger("nba_pipeline.postgres")

IDLE = 2
"""Connections that a process keeps open between queries."""

PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Seconds before each further attempt to connect. A server restarts within seconds."""

WAIT_SECONDS = 60
"""Time that a thread waits for the pool."""

RECYCLE_SECONDS = 1800
"""Age at which a connection is replaced, because firewalls drop old ones."""

PER_THREAD = 2
"""Connections that one thread holds at the same time."""


class Pool:
    """An engine with a limit on the threads that use it at the same time. Statements of 0 milliseconds have no time limit.

    Messages name the server and `variable`, which has its address.
    """

    def __init__(self, url: str, variable: str, connections: int, statement_milliseconds: int):
        self.url, self.server = url, f"PostgreSQL at {place(url)} ({variable})"
        self.engine = sqlalchemy.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=IDLE,
            max_overflow=-1,  # bounded by the threads
            pool_pre_ping=True,  # replaces connections that a restart of the server has closed
            pool_recycle=RECYCLE_SECONDS,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        sqlalchemy.event.listen(self.engine, "connect", _session(statement_milliseconds))
        self._turns = BoundedSemaphore(max(connections // PER_THREAD, 1))
        self._held = Counter[int]()
        self._lock = Lock()

    @contextmanager
    def connection(self) -> Iterator[sqlalchemy.Connection]:
        """Yields a connection.

        Raises Transient if the server does not respond or closes the connection, as in a restart, or if no thread finishes within
        WAIT_SECONDS.
        """
        with self._turn():
            try:
                with self._connect() as connection:
                    yield connection
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                raise Transient(f"{self.server} has closed the connection: {reason(error, self.url)}") from error

    def _connect(self) -> sqlalchemy.Connection:
        """Opens a connection. Tries again during a restart of the server, with one warning. Raises Transient."""
        for number, pause in enumerate(PAUSES):
            try:
                return self.engine.connect()
            except SQLAlchemyError as error:
                if number == 0:
                    logger.warning("%s does not respond: %s; trying again", self.server, reason(error, self.url))
            time.sleep(pause)
        try:
            return self.engine.connect()
        except SQLAlchemyError as error:
            raise Transient(f"{self.server} does not respond: {reason(error, self.url)}") from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Waits until the pool admits another thread. A thread that already uses the pool does not wait."""
        thread = get_ident()
        if not self._held[thread] and not self._turns.acquire(timeout=WAIT_SECONDS):
            raise Transient(f"{self.server}: no connection became free within {WAIT_SECONDS} seconds")
        with self._lock:
            self._held[thread] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[thread] -= 1
                is_last = not self._held[thread]
                if is_last:
                    del self._held[thread]
            if is_last:
                self._turns.release()


_POOLS: dict[tuple[str, str, int, int], Pool] = {}
_POOLS_LOCK = Lock()


def pool_of(url: str, variable: str, connections: int, statement_milliseconds: int = 0) -> Pool:
    """Returns the pool that all storages of this process share."""
    key = (url, variable, connections, statement_milliseconds)
    with _POOLS_LOCK:
        return _POOLS.setdefault(key, _POOLS.get(key) or Pool(*key))


def dispose_engines() -> None:
    """Closes the idle connections of this process."""
    with _POOLS_LOCK:
        for pool in _POOLS.values():
            pool.engine.dispose()
        _POOLS.clear()


atexit.register(dispose_engines)


def _session(statement_milliseconds: int) -> Any:
    """Returns a function that prepares a new connection. Dagster reads instants of the server as UTC."""

    def prepare(connection: Any, _: object) -> None:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"SET TIME ZONE 'UTC'; SET statement_timeout = {statement_milliseconds}")

    return prepare


class _Pooled:
    """Makes one of Dagster's storages use the connections of the pool."""

    postgres_url: str
    variable: str
    connections: int
    pool: Pool | None = None
    """None while Dagster creates the tables."""

    def use_pool(self, variable: str, connections: int) -> None:
        """Replaces the engine that Dagster made for the creation of the tables."""
        self.variable, self.connections = variable, connections
        self._use(pool_of(self.postgres_url, variable, connections))

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Limits the duration of a statement. The pool has its own limits. Called by Dagster's webserver."""
        self._use(pool_of(self.postgres_url, self.variable, self.connections, statement_timeout))

    def _use(self, pool: Pool) -> None:
        self.pool, self._engine = pool, pool.engine


class PooledRunStorage(_Pooled, PostgresRunStorage):
    """Runs, cursors and heartbeats."""

    def add_daemon_heartbeat(self, daemon_heartbeat: DaemonHeartbeat) -> None:
        """Stores that a daemon is alive. Ends the process if it is a second daemon. Raises Transient if the server does not respond."""
        require_advisory_lock(self.postgres_url, place(self.postgres_url), self.variable)
        super().add_daemon_heartbeat(daemon_heartbeat)

    def connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """Returns a connection of the pool."""
        return self.pool.connection() if self.pool else super().connect()


class PooledScheduleStorage(_Pooled, PostgresScheduleStorage):
    """States and ticks of schedules and sensors."""

    def connect(self, run_id: str | None = None) -> AbstractContextManager[sqlalchemy.Connection]:
        """Returns a connection of the pool."""
        return self.pool.connection() if self.pool else super().connect()


class PooledEventLogStorage(_Pooled, CachedEventLogStorage, PostgresEventLogStorage):
    """Events, and the states of assets and checks that Dagster derives from them."""

    def _connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        return self.pool.connection() if self.pool else super()._connect()


class PooledPostgresStorage(DagsterPostgresStorage):
    """Storage of an instance, with the same tables and rows as Dagster's own."""

    def __init__(
        self, postgres_url: str, connections: int, inst_data: ConfigurableClassData | None = None, variable: str = URL_VARIABLE
    ):
        super(DagsterPostgresStorage, self).__init__()  # type: ignore[no-untyped-call]
        # each of Dagster's processes opens this storage, and some load no other module of the platform
        make_files_private()
        self.postgres_url, self._inst_data = postgres_url, inst_data
        self._run_storage = PooledRunStorage(postgres_url)
        self._event_log_storage = PooledEventLogStorage(postgres_url)
        self._schedule_storage = PooledScheduleStorage(postgres_url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage.use_pool(variable, connections)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Returns the schema of its configuration in dagster.yaml. Called by Dagster."""
        own = {
            key: field for key, field in cast("Mapping[str, Any]", pg_config()).items() if key in ("postgres_url", "postgres_db")
        }
        return {**own, "connections": Field(int), ADDRESS_KEY: Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "PooledPostgresStorage":
        """Creates the storage from the configuration of dagster.yaml. Called by Dagster.

        Raises BadInput if the server cannot be reached. Accepts tables of another version, because `dagster instance migrate` must
        open them; the commands of the platform refuse them.
        """
        url = url_from(config_value)
        variable = URL_VARIABLE if config_value.get("postgres_url") else PREFIX + PARTS["hostname"]
        refuse_unreachable(url, variable)
        try:
            return cls(url, config_value["connections"], inst_data, variable)
        except (SQLAlchemyError, DagsterPostgresException) as error:
            problem = reason(error.__cause__ or error, url)
            raise BadInput(f"PostgreSQL at {place(url)} ({variable}) cannot store the run history: {problem}") from None
