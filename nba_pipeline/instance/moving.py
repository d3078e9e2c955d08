"""Moves the history of a home from SQLite to PostgreSQL: runs, events, and states and ticks of schedules and sensors.

One transaction writes everything, so a killed move leaves an empty database and an unchanged home. Indexed events keep their ids,
because the cursors of sensors and the results of checks refer to them. The other events of a run have ids of their own SQLite
file. They get new ids, so the log of a moved run shows them last. Reads the tables of Dagster 1.13.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as db
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata, SqlEventLogStorageTable
from dagster._core.storage.runs import RunStorageSqlMetadata
from dagster._core.storage.runs.schema import BulkActionsTable, KeyValueStoreTable, RunsTable
from dagster._core.storage.schedules import ScheduleStorageSqlMetadata
from dagster._core.storage.schedules.schema import InstigatorsTable

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.opening import ENVIRONMENT_KEY, RUNS, is_edited, write_settings
from nba_pipeline.instance.postgres import Database
from nba_pipeline.instance.postgres_storage import PooledPostgresStorage, pool_of
from nba_pipeline.instance.run_retention import INDEXED

ROWS = 500
"""Rows per statement."""

OF_SERVER = ("secondary_indexes", "instance_info", "daemon_heartbeats")
"""Tables that describe the storage itself or living processes."""

MOVED = ".moved"
"""Suffix of the folders of SQLite after the move."""

FOLDERS = ("history", "schedules")
SCHEDULES = Path("schedules", "schedules.db")


@dataclass
class MovedRows:
    """The result of a move, per table."""

    rows: dict[str, int] = field(default_factory=dict)
    """Table -> number of copied rows."""
    left: dict[str, int] = field(default_factory=dict)
    """Table -> number of rows that were not copied, if any."""


def move(home: Path, database: Database, *, dry_run: bool) -> MovedRows:
    """Copies the history of a home to an empty database, and makes the home use it. The daemon must be stopped.

    An interrupted move can be repeated. Raises BadInput if the database holds another history, or dagster.yaml was edited.
    """
    file = home / "dagster" / "dagster.yaml"
    if file.exists() and is_edited(file.read_text()):
        raise BadInput(f"{file} was edited and would be replaced; move your changes aside and delete it, then repeat")
    database.refuse_unusable()
    PooledPostgresStorage(database.url(), connections=2, variable=database.variable)  # creates the tables
    moved = MovedRows()
    with pool_of(database.url(), database.variable, connections=2).connection() as connection:
        target = connection.execution_options(isolation_level="READ COMMITTED")
        with target.begin() as transaction:
            _refuse_another_history(home, target)
            _copy(home, target, database, moved)
            if dry_run:
                transaction.rollback()
    if not dry_run:
        write_settings(home, database)
        keep_files_aside(home)
    return moved


def keep_files_aside(home: Path) -> None:
    """Renames the folders of SQLite, which nothing reads after the move."""
    for name in FOLDERS:
        folder = home / "dagster" / name
        if folder.exists():
            folder.rename(folder.with_name(name + MOVED))


def _refuse_another_history(home: Path, target: db.Connection) -> None:
    """Raises BadInput if the database has a run, schedule or sensor that the home lacks. An interrupted move leaves none."""
    of_the_home = {RunsTable.c.run_id: home / RUNS, InstigatorsTable.c.selector_id: home / "dagster" / SCHEDULES}
    for column, path in of_the_home.items():
        with _source(path) as source:
            own = set(source.execute(db.select(column)).scalars())
        others = set(target.execute(db.select(column)).scalars()) - own
        if others:
            raise BadInput(
                f"the database has {len(others)} rows of {column.table.name} that the home {home} lacks; use an empty one"
            )


def _copy(home: Path, target: db.Connection, database: Database, moved: MovedRows) -> None:
    folder = home / "dagster"
    logs = folder / "history" / "runs"
    files = {
        home / RUNS: RunStorageSqlMetadata,
        logs / "index.db": SqlEventLogStorageMetadata,
        folder / SCHEDULES: ScheduleStorageSqlMetadata,
    }
    for metadata in files.values():
        for table in reversed(_tables(metadata)):
            target.execute(db.delete(table))
    for path, metadata in files.items():
        with _source(path) as source:
            for table in _tables(metadata):
                moved.rows[table.name] = _copy_table(source, target, table, moved)
    for path in sorted(logs.glob("*-*.db")):
        with _source(path) as source:
            moved.rows["event_logs"] += _copy_log(source, target)
    target.execute(db.delete(KeyValueStoreTable).where(KeyValueStoreTable.c.key == ENVIRONMENT_KEY))
    target.execute(db.insert(KeyValueStoreTable).values(key=ENVIRONMENT_KEY, value=database.environment))


def _tables(metadata: db.MetaData) -> list[db.Table]:
    """Returns the tables to move, each after the tables that it references."""
    return [table for table in metadata.sorted_tables if table.name not in OF_SERVER]


@contextmanager
def _source(path: Path) -> Iterator[db.Connection]:
    engine = db.create_engine(f"sqlite:///{path}", poolclass=db.NullPool)
    with closing(engine.connect()) as connection:
        yield connection


def _copy_table(source: db.Connection, target: db.Connection, table: db.Table, moved: MovedRows) -> int:
    """Copies the rows of a table with their ids, and returns their number.

    SQLite does not enforce foreign keys. Tags of deleted runs are not copied, because PostgreSQL would reject them.
    """
    query = db.select(table)
    if table.name == "run_tags":
        query = query.where(table.c.run_id.in_(db.select(RunsTable.c.run_id)))
    elif table.name == "backfill_tags":
        query = query.where(table.c.backfill_id.in_(db.select(BulkActionsTable.c.key)))
    copied = 0
    for rows in source.execute(query).mappings().partitions(ROWS):
        target.execute(db.insert(table), [dict(row) for row in rows])
        copied += len(rows)
    stored = source.execute(db.select(db.func.count()).select_from(table)).scalar_one()
    if stored > copied:
        moved.left[table.name] = stored - copied
    if "id" in table.c and copied:
        sequence = db.func.pg_get_serial_sequence(table.name, "id")
        target.execute(db.select(db.func.setval(sequence, db.select(db.func.max(table.c.id)).scalar_subquery())))
    return copied


def _copy_log(source: db.Connection, target: db.Connection) -> int:
    """Copies the events of a run that the index lacks, in their order, with new ids."""
    columns = SqlEventLogStorageTable.c
    if not db.inspect(source).has_table(SqlEventLogStorageTable.name):  # a file that was created and never written
        return 0
    is_other = db.or_(columns.dagster_event_type.is_(None), columns.dagster_event_type.not_in(INDEXED))
    copied = 0
    query = db.select(SqlEventLogStorageTable).where(is_other).order_by(columns.id)
    for rows in source.execute(query).mappings().partitions(ROWS):
        target.execute(db.insert(SqlEventLogStorageTable), [_without_id(row) for row in rows])
        copied += len(rows)
    return copied


def _without_id(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
