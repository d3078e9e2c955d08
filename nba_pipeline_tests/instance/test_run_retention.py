"""Old runs go; what Dagster knows of each date stays; ledgers are verified."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import time_machine

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.waivers import waive
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_retention import prune, verify_ledgers
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.instances import open_instance

DAY, OTHER = "2026-01-15", "2026-01-16"
LONG_AGO = datetime(2026, 1, 17, tzinfo=UTC)
NOW = LONG_AGO + timedelta(days=SETTINGS.runs.kept_days + 1)


@dg.asset(partitions_def=DAILY)
def toy() -> None: ...


def run(instance: dg.DagsterInstance, day: str, at: datetime) -> str:
    with time_machine.travel(at):
        return dg.materialize([toy], partition_key=day, instance=instance).run_id


def logs(home: Path) -> set[str]:
    return {file.stem for file in (home / "dagster" / "history" / "runs").glob("*-*.db")}


def test_a_run_goes_once_another_made_its_date_anew(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        superseded, last, of_another_date = (run(instance, day, LONG_AGO) for day in (DAY, DAY, OTHER))
        young = run(instance, OTHER, NOW - timedelta(days=1))
        assert prune(instance, NOW) == (2, 1)
        assert {r.run_id for r in instance.get_runs()} == {last, young}
        assert logs(tmp_path) == {young} and superseded != of_another_date
        assert instance.get_materialized_partitions(dg.AssetKey("toy")) == {DAY, OTHER}
        assert prune(instance, NOW) == (0, 0)


def test_a_run_under_way_is_left_alone(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        with time_machine.travel(LONG_AGO):
            started = instance.create_run_for_job(
                dg.define_asset_job("toys", [toy]).resolve(asset_graph=dg.Definitions(assets=[toy]).resolve_asset_graph()),
                status=dg.DagsterRunStatus.STARTED,
            )
        assert prune(instance, NOW) == (0, 0)
        assert instance.get_run_by_id(started.run_id)


def test_young_runs_stay(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        first, second = run(instance, DAY, NOW - timedelta(days=2)), run(instance, DAY, NOW - timedelta(days=1))
        assert prune(instance, NOW) == (0, 0)
        assert logs(tmp_path) == {first, second}


def test_the_nightly_job_raises_one_alert_per_ledger_and_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real job on a home whose waivers of two dates were altered, one of them twice."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    warehouse, clock = LocalWarehouse(home=str(tmp_path)), Clock(stands_at=NOW.isoformat())
    days = [date.fromisoformat(DAY), date.fromisoformat(OTHER)]
    for hour, day in enumerate([*days, days[0]]):
        at = datetime.combine(day, NOW.timetz()) + timedelta(days=3, hours=hour)
        ends_at = at + timedelta(minutes=1)
        waive(warehouse, Clock(stands_at=at.isoformat()), day, gates.COVERAGE_GATE, "no source", "me", ends_at)
    for day in days:
        file = tmp_path / "tables" / "waivers" / f"game_date={day}" / "part.parquet"
        pl.read_parquet(file).with_columns(author=pl.lit("you")).write_parquet(file)
    definitions = build_definitions("sandbox", resources_for("sandbox", clock))
    with open_instance(tmp_path) as instance:
        for _ in range(2):
            result = definitions.resolve_job_def("housekeeping").execute_in_process(instance=instance)
            assert result.success
    alerts = warehouse.scan(TABLES["alerts"]).sort("game_date").collect()
    assert alerts.select("game_date", "kind", "subject", "severity", "next_command").rows() == [
        (day, "ledger_altered", "waivers", "critical", "nba-pipeline audit ledgers") for day in days
    ]
    assert alerts["message"][0].endswith(", and 1 more findings") and "the row was altered" in alerts["message"][1]
    assert verify_ledgers(warehouse, Notifier(warehouse=warehouse, clock=clock))[0] == 5
