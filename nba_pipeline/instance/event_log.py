"""Dagster's event log on SQLite with persistent connections. Referenced by dagster.yaml only.

Dagster 1.13 creates and discards an engine, including its compiled statements, for every stored event. With persistent engines
an event takes 5 ms instead of 13 (100 dates of one asset, two cores). Remove this module when Dagster keeps its engines.

Events do not wait for the disk: 7 ms instead of 17 on a busy machine. The files have a write-ahead log, so a killed process
loses nothing. A power failure may lose the last events, never the file (https://sqlite.org/pragma.html#pragma_synchronous).

The events that Dagster passes as a batch are stored with one insert per database, see `event_batches`.

The file of a new run gets the tables and the revision of the index. Dagster 1.13 reads all its migrations for each file that a
process opens, which takes 0.03 CPU seconds.
"""

import os
import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData

from nba_pipeline.instance.cached_event_log import CachedEventLogStorage
from nba_pipeline.instance.event_batches import BATCH_SIZE, can_store, store_batch
from nba_pipeline.instance.private_files import make_files_private

INDEX = "index"
MAX_ENGINES = 8
"""One engine per run and one for the index. With the limit, a web page of many runs does not hold all files open."""

BUSY_SECONDS = 60
OF_TABLES_AND_RUNS = {*ASSET_EVENTS, *EVENT_TYPE_TO_PIPELINE_RUN_STATUS}
"""The types of events that Dagster also stores in the index, with the newest event of a table and the status of a run."""
INSERT = sqlalchemy.insert(SqlEventLogStorageTable)
SCHEMA = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'index'"
"""Reads the statements that create the tables of a file, and then their indexes."""
REVISIONS = "SELECT version_num FROM alembic_version"


class KeptSqliteEventLogStorage(CachedEventLogStorage, SqliteEventLogStorage):
    """Event log storage with the same files and rows as Dagster's own."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        self._engines_lock = Lock()
        # also closes the files of a command, which exits without freeing its objects
        weakref.finalize(self, _dispose_all, self._engines)
        # each of Dagster's processes opens this storage, and some load no other module of the platform
        make_files_private()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "KeptSqliteEventLogStorage":
        """Creates the storage from the configuration of dagster.yaml. Called by Dagster."""
        return cls(inst_data=inst_data, **config_value)

    def run_connection(self, run_id: str | None = None) -> Any:
        """Returns a transaction on the events of a run."""
        file = Path(self.path_for_shard(str(run_id)))
        if str(run_id) not in self._engines and not file.exists():
            self._create(file)
        return self._transaction(str(run_id), super().run_connection(run_id))

    def index_connection(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """Returns a transaction on the index across runs."""
        return self._transaction(INDEX, super().index_connection())

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Enables batches, which are an environment variable of each process in Dagster 1.13."""
        super().register_instance(instance)
        vars(instance)["_get_event_batch_size"] = lambda: BATCH_SIZE

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Stores an event with the rows of Dagster's own storage. Dagster builds the statement anew for each database and event."""
        if event.dagster_event_type in OF_TABLES_AND_RUNS:
            super().store_event(event)
            return
        row = self._event_to_row(event)
        with self.run_connection(event.run_id) as connection:
            connection.execute(INSERT, row)
        if event.dagster_event_type in ASSET_CHECK_EVENTS:
            with self.index_connection() as index:
                event_id = index.execute(INSERT, row).lastrowid
            self.store_asset_check_event(event, event_id)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Stores events of one run. Called by Dagster for the planned events of a run and the dates of a table."""
        if can_store(events):
            store_batch(self, events)
        else:
            super().store_event_batch(events)

    def wipe(self) -> None:
        """Deletes every event."""
        self._dispose_oldest(0)
        self._tables.clear()
        super().wipe()

    def dispose(self) -> None:
        """Closes every connection."""
        self._dispose_oldest(0)
        super().dispose()

    def _create(self, file: Path) -> None:
        """Creates the file of a new run. Keeps the file if another process has created it."""
        with self.index_connection() as index:
            schema = index.execute(sqlalchemy.text(SCHEMA)).scalars().all()
            revisions = index.execute(sqlalchemy.text(REVISIONS)).all()
        temporary = file.with_name(f".{file.stem}.{os.getpid()}.{threading.get_ident()}.tmp")
        with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(";".join(["BEGIN", *schema]))
            connection.executemany("INSERT INTO alembic_version VALUES (?)", [tuple(row) for row in revisions])
            connection.execute("COMMIT")
        with suppress(FileExistsError):
            os.link(temporary, file)
        temporary.unlink()

    @contextmanager
    def _transaction(self, shard: str, first: AbstractContextManager[sqlalchemy.Connection]) -> Iterator[sqlalchemy.Connection]:
        with self._engines_lock:
            engine = self._engines.pop(shard, None)
            if engine is None:
                address = self.conn_string_for_shard(shard)
                engine = sqlalchemy.create_engine(address, connect_args={"timeout": BUSY_SECONDS})
                sqlalchemy.event.listen(engine, "connect", _set_synchronous_normal)
                if not _is_complete(engine):
                    with first:  # Dagster's own connection creates the tables
                        pass
            self._engines[shard] = engine
        self._dispose_oldest(MAX_ENGINES)
        with engine.begin() as connection:
            yield connection

    def _dispose_oldest(self, limit: int) -> None:
        """Closes the least recently used engines and keeps `limit`. Connections in use close when they are released."""
        with self._engines_lock:
            while len(self._engines) > limit:
                self._engines.popitem(last=False)[1].dispose()


def _is_complete(engine: sqlalchemy.Engine) -> bool:
    """Whether a file has all its tables: Dagster adds the revision last."""
    try:
        with engine.connect() as connection:
            return bool(connection.execute(sqlalchemy.text(REVISIONS)).all())
    except sqlalchemy.exc.OperationalError:
        return False


def _dispose_all(engines: Mapping[str, sqlalchemy.Engine]) -> None:
    """Closes the connections, which writes the write-ahead log back into the files."""
    for engine in engines.values():
        engine.dispose()


def _set_synchronous_normal(connection: sqlite3.Connection, _: object) -> None:
    """Lets only SQLite's checkpoints wait for the disk."""
    connection.execute("PRAGMA synchronous=NORMAL")
