"""The instance of a home in PostgreSQL: which home uses it, errors that name host and variable, bounded connections."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
import yaml
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from nba_pipeline.environments import use_scratch_home
from nba_pipeline.errors import BadInput, PipelineError, Transient
from nba_pipeline.instance import postgres, postgres_storage
from nba_pipeline.instance.damage import database_named
from nba_pipeline.instance.opening import has_instance, open_folder, open_instance
from nba_pipeline.instance.postgres import CONNECT_SECONDS
from nba_pipeline.instance.postgres_storage import PooledEventLogStorage
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.postgres.cluster import HANG_SECONDS, PASSWORD, USER, Cluster

SERVER_CONNECTIONS, RESERVED = 100, 3
"""Defaults of PostgreSQL: all connections, and those for administrators."""

PROCESSES = 9
"""Code server, daemon, two webservers, three runs, a watchdog and a command."""


@pytest.fixture(autouse=True)
def checks_are_repeated() -> None:
    """A process checks a server once; each test has another server or schema."""
    postgres.refuse_unusable.cache_clear()
    postgres.refuse_unreachable.cache_clear()


def an_asset() -> dg.AssetsDefinition:
    @dg.asset
    def toys() -> None: ...

    return toys


def test_a_home_has_its_runs_in_the_database_and_none_in_files(database: str, tmp_path: Path, cluster: Cluster) -> None:
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.event_log_storage, PooledEventLogStorage)
        run = dg.materialize([an_asset()], instance=instance).run_id
    assert cluster.execute("SELECT run_id, status FROM runs", database) == [(run, "SUCCESS")]
    assert not list(tmp_path.rglob("*.db"))
    assert PASSWORD not in (tmp_path / "dagster" / "dagster.yaml").read_text()


def test_a_host_with_an_empty_home_has_the_same_runs(
    database: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not has_instance(tmp_path)
    with open_instance(tmp_path) as instance:
        run = create_run_for_test(instance).run_id
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(other))
    assert has_instance(other) and not list(other.iterdir())
    with open_instance(other) as instance:
        assert [run.run_id for run in instance.get_runs()] == [run]


def test_the_parts_of_the_url_name_the_same_database(
    database: str, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slash in the password is escaped, which Dagster's own composition does not do."""
    monkeypatch.delenv("DAGSTER_POSTGRES_URL")
    parts = {"HOST": "127.0.0.1", "PORT": str(cluster.port), "DB": database, "USER": USER, "PASSWORD": PASSWORD}
    for name, value in parts.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", value)
    assert "/" in PASSWORD
    with open_instance(tmp_path) as instance:
        create_run_for_test(instance)
    assert cluster.execute("SELECT count(*) FROM runs", database) == [(1,)]


def test_instants_of_the_server_are_utc(database: str, tmp_path: Path, cluster: Cluster) -> None:
    """The server's own time zone is another one. Retention, leases and the order of runs read these instants."""
    assert cluster.execute("SHOW timezone") == [("America/New_York",)]
    with open_instance(tmp_path) as instance:
        run = create_run_for_test(instance)
        record = instance.get_run_record_by_id(run.run_id)
        assert record and abs(record.create_timestamp.astimezone(UTC) - datetime.now(UTC)) < timedelta(minutes=2)
        assert instance.get_runs(dg.RunsFilter(created_before=datetime.now(UTC) - timedelta(hours=1))) == []


def test_threads_share_few_connections(database: str, tmp_path: Path) -> None:
    """As many requests of the UI at once. Dagster opens a second connection within a transaction, which must not wait."""
    most, threads = SETTINGS.postgres.connections_per_process, 50
    with open_instance(tmp_path) as instance:
        pool, opened = instance.event_log_storage.pool, list[int]()  # type: ignore[attr-defined]
        sqlalchemy.event.listen(pool.engine, "checkout", lambda *_: opened.append(pool.engine.pool.checkedout()))
        runs, barrier = [create_run_for_test(instance).run_id for _ in range(3)], threading.Barrier(threads)

        def read_and_write(number: int) -> int:
            barrier.wait(HANG_SECONDS)
            event = dg.AssetMaterialization(f"toys_{number}")
            instance.report_runless_asset_event(event)
            instance.all_logs(runs[0])
            return len(instance.get_runs()) + len(instance.all_instigator_state())

        with ThreadPoolExecutor(threads) as executor:
            assert list(executor.map(read_and_write, range(threads))) == [len(runs)] * threads
        assert 2 < max(opened) <= most
        assert len(instance.get_asset_keys()) == threads
    assert PROCESSES * most <= SERVER_CONNECTIONS - RESERVED


def test_the_webserver_has_the_same_limit_and_ends_long_queries(database: str, tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        instance.optimize_for_webserver(statement_timeout=100, pool_recycle=60, max_overflow=20)
        with (
            pytest.raises(sqlalchemy.exc.OperationalError, match="statement timeout"),
            instance.event_log_storage.index_connection() as connection,  # type: ignore[attr-defined]
        ):
            connection.execute(sqlalchemy.text("SELECT pg_sleep(5)"))


def test_a_restart_of_the_server_is_survived(database: str, tmp_path: Path, cluster: Cluster) -> None:
    with open_instance(tmp_path) as instance:
        run = create_run_for_test(instance)
        cluster.stop("immediate")
        cluster.start()
        assert [found.run_id for found in instance.get_runs()] == [run.run_id]


def server(cluster: Cluster, database: str) -> str:
    """How messages begin."""
    return rf"^PostgreSQL at 127.0.0.1:{cluster.port}, database {database} \(DAGSTER_POSTGRES_URL\) "


def test_a_query_waits_for_a_restart_of_the_server(
    database: str, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_instance(tmp_path) as instance:
        cluster.stop("immediate")
        monkeypatch.setattr(time, "sleep", lambda pause: cluster.start())
        assert instance.get_runs() == []


def test_a_connection_that_breaks_within_a_query_is_one_sentence(database: str, tmp_path: Path, cluster: Cluster) -> None:
    closed = "has closed the connection: (terminating|server closed the) connection.*$"
    with (
        open_instance(tmp_path) as instance,
        pytest.raises(Transient, match=server(cluster, database) + closed),
        instance.event_log_storage.index_connection() as connection,  # type: ignore[attr-defined]
    ):
        connection.execute(sqlalchemy.text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_another_error_of_the_server_is_one_sentence_in_a_command(database: str, tmp_path: Path, cluster: Cluster) -> None:
    with (
        open_instance(tmp_path) as instance,
        pytest.raises(PipelineError, match=server(cluster, database) + "cannot be used: division by zero$"),
        database_named(tmp_path),
        instance.event_log_storage.index_connection() as connection,  # type: ignore[attr-defined]
    ):
        connection.execute(sqlalchemy.text("SELECT 1 / 0"))


def test_a_server_that_is_down_is_one_sentence(
    database: str, tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_storage, "PAUSES", (0.01, 0.01))
    with open_instance(tmp_path) as instance:
        cluster.stop("immediate")
        try:
            with pytest.raises(Transient, match=server(cluster, database) + "does not respond: .*refused.*$"):
                instance.get_runs()
            [warning] = caplog.messages
            assert re.search(server(cluster, database) + "does not respond: .*refused; trying again$", warning)
            with pytest.raises(Transient, match=server(cluster, database) + "does not respond: .*refused.*$"):
                instance.add_daemon_heartbeat(DaemonHeartbeat(0.0, "SENSOR", "daemon"))
            with pytest.raises(BadInput, match=server(cluster, database) + "cannot store the run history: .*refused.*$"):
                open_folder(tmp_path / "dagster")  # as a process whose server goes down after its first connection
        finally:
            cluster.start()


UNUSABLE = {
    "no url": ("nowhere", "^DAGSTER_POSTGRES_URL must be a URL like postgresql://"),
    "another database system": ("mysql://nba:canary@localhost/nba", "must be a URL like .*; it begins with mysql://"),
    "without a database": ("postgresql://nba:canary@localhost:1/", "names localhost:1, database none$"),
    "unreachable": ("postgresql://nba:canary@127.0.0.1:1/nba", r"^PostgreSQL at 127.0.0.1:1, database nba \(DAGSTER_POSTGRES_URL\) "
                    "cannot be used: .*[Cc]onnection refused"),
    "wrong password": ("postgresql://nba:canary@127.0.0.1:PORT/postgres", "cannot be used: .*password authentication failed"),
    "no such database": ("postgresql://USER@127.0.0.1:PORT/nba_canary", 'cannot be used: .*"nba_canary" does not exist'),
}  # fmt: skip


@pytest.mark.parametrize(("url", "message"), UNUSABLE.values(), ids=list(UNUSABLE))
def test_an_unusable_database_is_one_sentence_and_nothing_is_written(
    url: str, message: str, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = cluster.url("x").partition("//")[2].partition("@")[0]
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url.replace("PORT", str(cluster.port)).replace("USER", login))
    ended = nba_pipeline("decisions", home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    sentence = " ".join(ended.stderr.removeprefix("nba-pipeline: ").split())
    assert re.search(message, sentence) and "canary@" not in sentence and PASSWORD not in sentence and ":canary" not in sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"HOST": "db", "USER": "nba"}, "^DAGSTER_POSTGRES_HOST is set, and DAGSTER_POSTGRES_DB is missing$"),
        ({"USER": "nba"}, "DAGSTER_POSTGRES_HOST and DAGSTER_POSTGRES_DB is missing$"),
        ({"HOST": "db", "DB": "nba", "USER": "nba", "PORT": "high"}, "^DAGSTER_POSTGRES_PORT must be a number, not 'high'$"),
        ({"URL": "postgresql://db/nba", "USER": "nba"}, "^DAGSTER_POSTGRES_URL and DAGSTER_POSTGRES_USER are set; "),
    ],
)
def test_incomplete_parts_are_named(
    variables: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", value)
    with pytest.raises(BadInput, match=message):
        open_instance(tmp_path)


def test_tables_of_another_version_of_dagster_are_refused(database: str, tmp_path: Path, cluster: Cluster) -> None:
    cluster.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'", database)
    with pytest.raises(BadInput, match=r"has tables of another version of Dagster \(revision ffffffffffff, not \w+\); after an "):
        open_instance(tmp_path)
    assert not list(tmp_path.iterdir())


def test_older_tables_are_migrated_by_the_command_that_the_message_names(database: str, tmp_path: Path, cluster: Cluster) -> None:
    open_instance(tmp_path).dispose()
    cluster.execute("UPDATE alembic_version SET version_num = '16e3655b4d9b'", database)
    postgres.refuse_unusable.cache_clear()
    with pytest.raises(BadInput, match=r"run `dagster instance migrate`; "):
        open_instance(tmp_path)
    with open_folder(tmp_path / "dagster") as instance:
        instance.upgrade()
    open_instance(tmp_path).dispose()


def test_a_home_in_sqlite_is_refused_until_it_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    open_instance(tmp_path).dispose()
    request.getfixturevalue("database")
    with pytest.raises(BadInput, match=r"is set, and the run history of .* is in SQLite; .* `nba-pipeline instance migrate`$"):
        open_instance(tmp_path)


def test_a_home_in_postgres_is_not_opened_without_the_variable(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty history in SQLite would look like a new home, and everything would be collected again."""
    open_instance(tmp_path).dispose()
    monkeypatch.delenv("DAGSTER_POSTGRES_URL")
    with pytest.raises(BadInput, match="is in PostgreSQL, and DAGSTER_POSTGRES_URL is not set"):
        open_instance(tmp_path)
    assert not list(tmp_path.rglob("*.db"))


def test_an_edited_file_that_names_sqlite_is_refused(database: str, tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.raises(BadInput, match=r"dagster\.yaml was edited and names SQLite; correct the file$"):
        open_instance(tmp_path)


def test_a_database_of_another_environment_is_refused(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated dates would look like real ones that are done."""
    open_instance(tmp_path).dispose()
    monkeypatch.setenv("NBA_PIPELINE_ENV", "local")
    with pytest.raises(BadInput, match="has the run history of the environment sandbox, and NBA_PIPELINE_ENV is local; "):
        open_instance(tmp_path)


def test_a_scratch_home_has_its_own_history(database: str, tmp_path: Path, cluster: Cluster) -> None:
    """`rebuild` works in a folder beside the home, `rehearse` in a home of its own."""
    for folder in (tmp_path / "beside", tmp_path / "scratch"):
        if folder.name == "scratch":
            use_scratch_home(folder)
        with open_instance(folder) as instance:
            create_run_for_test(instance)
        assert list(folder.rglob("*.db"))
    assert cluster.execute("SELECT count(*) FROM runs", database) == [(0,)]


def test_the_file_names_variables_and_the_limit(database: str, tmp_path: Path) -> None:
    open_instance(tmp_path).dispose()
    written = yaml.safe_load((tmp_path / "dagster" / "dagster.yaml").read_text())
    assert written["storage"]["custom"]["config"] == {
        "postgres_url": {"env": "DAGSTER_POSTGRES_URL"},
        "connections": SETTINGS.postgres.connections_per_process,
    }
    assert "event_log_storage" not in written and written["concurrency"]["runs"]["max_concurrent_runs"] == 3


def test_the_time_to_connect_is_below_the_deadline_of_doctor() -> None:
    assert CONNECT_SECONDS < SETTINGS.doctor.deadline_seconds
