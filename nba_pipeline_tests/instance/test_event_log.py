"""The event log stores the same events as Dagster's own storage, which can read them."""

import os
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage

from nba_pipeline.instance import event_log
from nba_pipeline.instance.event_log import KeptSqliteEventLogStorage
from nba_pipeline.instance.private_files import GROUP_AND_OTHERS
from nba_pipeline_tests.instances import open_instance

DATES = dg.DailyPartitionsDefinition("2024-03-01", end_date="2024-03-04")

pytestmark = [pytest.mark.platform, pytest.mark.sqlite]


@dg.asset(partitions_def=DATES, backfill_policy=dg.BackfillPolicy.single_run())
def toys() -> None:
    """An asset to materialize."""


@dg.asset_check(asset=toys, partitions_def=DATES)
def toys_are_good() -> dg.AssetCheckResult:
    """A check with a result."""
    return dg.AssetCheckResult(passed=True, metadata={"toys": 3})


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return open_instance(tmp_path)


def materialise(instance: dg.DagsterInstance) -> str:
    span = {"dagster/asset_partition_range_start": "2024-03-01", "dagster/asset_partition_range_end": "2024-03-03"}
    job = dg.Definitions(assets=[toys], jobs=[dg.define_asset_job("play")]).resolve_job_def("play")
    return job.execute_in_process(instance=instance, tags=span).run_id


def test_the_home_uses_it(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, KeptSqliteEventLogStorage)


def test_dagsters_own_storage_reads_the_stored_events(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run_id = materialise(instance)
    own = SqliteEventLogStorage(str(tmp_path / "dagster" / "history" / "runs"))
    stored = [record.event_log_entry for record in instance.get_records_for_run(run_id).records]
    assert len(stored) > 5 and stored == [record.event_log_entry for record in own.get_records_for_run(run_id).records]
    assert own.get_materialized_partitions(toys.key) == {"2024-03-01", "2024-03-02", "2024-03-03"}


def test_the_file_of_a_run_has_the_tables_and_the_revision_of_dagsters_own(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    own = SqliteEventLogStorage(str(tmp_path / "own"))
    contents = []
    for storage in (instance.event_log_storage, own):
        assert isinstance(storage, SqliteEventLogStorage)
        with storage.run_connection("a-run") as connection:
            columns = "SELECT t.name, c.name, c.type FROM sqlite_schema t, pragma_table_info(t.name) c"
            contents.append(
                [
                    sorted(map(tuple, connection.execute(sqlalchemy.text(query))))
                    for query in (columns, "SELECT name, tbl_name FROM sqlite_schema", "SELECT * FROM alembic_version")
                ]
            )
    assert contents[0] == contents[1] and contents[0][2]


def test_a_file_that_another_process_has_created_is_kept(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, KeptSqliteEventLogStorage)
    file = Path(storage.path_for_shard(materialise(instance)))
    storage._create(file)
    assert storage.get_all_run_ids() == [file.stem] and len(storage.get_records_for_run(file.stem).records) > 5
    assert not list(file.parent.glob(".*"))


def test_the_rows_of_each_event_are_those_of_dagsters_own_storage(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    job = dg.Definitions(assets=[toys], asset_checks=[toys_are_good]).resolve_implicit_global_asset_job_def()
    run_id = job.execute_in_process(instance=instance, partition_key="2024-03-02").run_id
    own = SqliteEventLogStorage(str(tmp_path / "own"))
    own.register_instance(instance)
    kept = instance.event_log_storage
    assert isinstance(kept, KeptSqliteEventLogStorage)
    for record in kept.get_records_for_run(run_id).records:
        own.store_event(record.event_log_entry)
    queries = ("SELECT * FROM event_logs ORDER BY id", "SELECT * FROM asset_check_executions")
    rows: list[list[list[object]]] = []
    for storage in (kept, own):
        rows.append([])
        for connect in (lambda of=storage: of.run_connection(run_id), storage.index_connection):
            with connect() as connection:
                rows[-1] += [[tuple(row)[:8] for row in connection.execute(sqlalchemy.text(query))] for query in queries]
    assert len(rows[0][0]) > 10 and len(rows[0][3]) == 1 and rows[0] == rows[1]


def test_few_files_are_open_and_every_run_can_be_queried(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MAX_ENGINES", 2)
    runs = [materialise(instance) for _ in range(4)]
    storage = instance.event_log_storage
    assert isinstance(storage, KeptSqliteEventLogStorage) and len(storage._engines) == 2
    assert all(instance.get_records_for_run(run_id).records for run_id in runs)


def test_an_event_does_not_wait_for_the_disk_with_a_write_ahead_log(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, KeptSqliteEventLogStorage)
    for connect in (storage.index_connection, lambda: storage.run_connection(materialise(instance))):
        with connect() as connection:
            pragmas = [connection.execute(sqlalchemy.text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 1]


def test_a_wiped_log_is_empty_and_usable(instance: dg.DagsterInstance) -> None:
    before = materialise(instance)
    instance.event_log_storage.wipe()
    assert not instance.get_records_for_run(before).records
    assert instance.get_records_for_run(materialise(instance)).records


def test_a_process_of_dagsters_that_opens_it_writes_private_files(tmp_path: Path) -> None:
    """The daemon and the web server load no other module of the platform."""
    before = os.umask(0o022)
    try:
        open_instance(tmp_path).dispose()
        (tmp_path / "log").touch()
        assert (tmp_path / "log").stat().st_mode & GROUP_AND_OTHERS == 0
    finally:
        os.umask(before)
