"""`nba-pipeline instance migrate` moves the history of a home from SQLite to PostgreSQL, at once or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType

from nba_pipeline.instance import moving
from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.instance.opening import is_in_postgres, open_instance
from nba_pipeline_tests import instances
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.instance.test_ticks import Instigator
from nba_pipeline_tests.postgres.cluster import Cluster

DAYS = dg.DailyPartitionsDefinition("2024-03-01", end_date="2024-03-04")
TOYS = dg.AssetKey("toys")
CHECK = dg.AssetCheckKey(TOYS, "are_whole")


@dg.asset(partitions_def=DAYS)
def toys(context: dg.AssetExecutionContext) -> None:
    context.log.info("a line of the step")


@dg.asset_check(asset=toys, partitions_def=DAYS)
def are_whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def materialize(instance: dg.DagsterInstance, day: str) -> str:
    definitions = dg.Definitions(assets=[toys], asset_checks=[are_whole], jobs=[dg.define_asset_job("play")])
    return definitions.resolve_job_def("play").execute_in_process(instance=instance, partition_key=day).run_id


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in SQLite with a deleted run, two other runs, and a tick."""
    with instances.open_instance(tmp_path) as instance:
        instance.delete_run(materialize(instance, "2024-03-03"))
        for day in ("2024-03-01", "2024-03-02"):
            materialize(instance, day)
        Instigator(instance, "overnight", InstigatorType.SCHEDULE).skip(0)
    return tmp_path


def history(home: Path) -> dict[str, Any]:
    """What the pages and the platform read."""
    with open_instance(home) as instance:
        materializations = instance.fetch_materializations(TOYS, limit=10).records
        return {
            "runs": [(run.run_id, run.status, run.tags) for run in instance.get_runs()],
            "logs": {run.run_id: sorted(str(entry.timestamp) for entry in instance.all_logs(run.run_id)) for run in instance.get_runs()},
            "dates": instance.get_materialized_partitions(TOYS),
            "ids": [(record.storage_id, record.run_id, record.partition_key) for record in materializations],
            "checks": [
                (record.id, record.run_id, record.status)
                for record in instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=10)
            ],
            "instigators": read_instigators(instance),
        }  # fmt: skip


@pytest.fixture
def use_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Sets the variable, after the home was made without it."""
    return lambda: str(request.getfixturevalue("database"))


def test_a_moved_home_has_the_same_history(home: Path, use_database: Callable[[], str]) -> None:
    before = history(home)
    assert len(before["runs"]) == 2 and before["checks"] and before["instigators"]
    use_database()
    planned = nba_pipeline("instance", "migrate", "--dry-run", home=home)
    assert planned.returncode == 0 and planned.stdout.endswith("nothing was changed\n") and not is_in_postgres(home)
    done = nba_pipeline("instance", "migrate", home=home)
    assert done.returncode == 0, done.stderr
    assert "runs: 2 rows\n" in done.stdout
    assert history(home) == before
    assert {path.name for path in (home / "dagster").iterdir()} >= {"history.moved", "schedules.moved", "dagster.yaml"}
    with open_instance(home) as instance:  # new ids follow those of the moved rows
        newer = materialize(instance, "2024-03-02")
        assert instance.fetch_materializations(TOYS, limit=1).records[0].run_id == newer
    again = nba_pipeline("instance", "migrate", home=home)
    assert (again.returncode, again.stdout) == (0, f"the run history of {home} is in PostgreSQL already\n")


@pytest.mark.parametrize("step", ["_copy_log", "write_settings", "keep_files_aside"])
def test_an_interrupted_move_is_finished_by_a_repetition(
    step: str, home: Path, use_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = history(home)
    use_database()
    with monkeypatch.context() as killed:
        killed.setattr(moving, step, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            nba_pipeline("instance", "migrate", home=home)
    done = nba_pipeline("instance", "migrate", home=home)
    assert done.returncode == 0, done.stderr
    assert history(home) == before and (home / "dagster" / "history.moved").exists()


def test_a_database_with_another_history_is_not_touched(
    home: Path, use_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name, other = use_database(), tmp_path_factory.mktemp("other")
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(other))
    with open_instance(other) as instance:
        run = materialize(instance, "2024-03-01")
    refused = nba_pipeline("instance", "migrate", home=home)
    assert refused.returncode == 2 and "the database has 1 rows of runs that the home" in refused.stderr.replace("\n", " ")
    assert cluster.execute("SELECT run_id FROM runs", name) == [(run,)] and not is_in_postgres(home)


def test_a_database_with_the_cursor_of_another_sensor_is_not_touched(
    home: Path, use_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name, other = use_database(), tmp_path_factory.mktemp("other")
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(other))
    with open_instance(other):
        pass
    cluster.execute("INSERT INTO instigators (selector_id, status) VALUES ('another', 'RUNNING')", name)
    refused = nba_pipeline("instance", "migrate", home=home)
    assert refused.returncode == 2 and "1 rows of instigators that the home" in refused.stderr.replace("\n", " ")
    assert cluster.execute("SELECT selector_id FROM instigators", name) == [("another",)]


def test_a_home_without_a_history_and_a_missing_variable_are_explained(
    tmp_path: Path, use_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = nba_pipeline("instance", "migrate", home=tmp_path)
    assert refused.returncode == 2 and "DAGSTER_POSTGRES_URL is not set" in refused.stderr
    use_database()
    done = nba_pipeline("instance", "migrate", home=tmp_path)
    assert done.returncode == 0 and "has no run history" in done.stdout


def test_a_home_is_not_moved_while_a_run_is_in_progress(home: Path, use_database: Callable[[], str]) -> None:
    with open_instance(home) as instance:
        instance.add_run(dg.DagsterRun(job_name="play", status=dg.DagsterRunStatus.STARTED))
    use_database()
    refused = nba_pipeline("instance", "migrate", home=home)
    assert refused.returncode == 1 and "is in progress: wait for it, then repeat the migration" in refused.stderr.replace(
        "\n", " "
    )
