"""The nightly job on a real home with an altered ledger."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.waivers import waive
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.orchestration.housekeeping import verify_ledgers
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.instances import open_instance

pytestmark = pytest.mark.platform

DAY, OTHER = "2026-01-15", "2026-01-16"
NOW = datetime(2026, 1, 17, tzinfo=UTC) + timedelta(days=SETTINGS.runs.kept_days + 1)


def test_the_nightly_job_raises_one_alert_per_ledger_and_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real job on a home whose waivers of two dates were altered, one of them twice."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    warehouse, clock = LocalWarehouse(home=str(tmp_path)), Clock(fixed_at=NOW.isoformat())
    days = [date.fromisoformat(DAY), date.fromisoformat(OTHER)]
    for hour, day in enumerate([*days, days[0]]):
        at = datetime.combine(day, NOW.timetz()) + timedelta(days=3, hours=hour)
        ends_at = at + timedelta(minutes=1)
        waive(warehouse, at, day, gates.COVERAGE_GATE, "no source", "me", ends_at)
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
    rows_changed = [
        f"waivers of {day}: {rows} changed on disk." for day, rows in zip(days, ("2 rows were", "1 row was"), strict=True)
    ]
    assert [message.partition(" First: ")[0] for message in alerts["message"]] == rows_changed
    rows = {"waivers": 3, "alerts": 2, "alert_deliveries": 2}
    notifier = Notifier(warehouse=warehouse, clock=clock)
    assert verify_ledgers(warehouse, notifier)[0] == sum(rows.values())
    file = tmp_path / "tables" / "waivers" / f"game_date={DAY}" / "part.parquet"
    pl.read_parquet(file).with_columns(author=pl.lit("me")).write_parquet(file)  # as a restore does
    verify_ledgers(warehouse, notifier)
    resolved = warehouse.scan(TABLES["alert_changes"]).select("game_date", "kind", "change").collect().rows()
    assert resolved == [(days[0], "ledger_altered", "resolved")]
