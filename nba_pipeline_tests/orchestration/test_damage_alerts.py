"""Alerts about unreadable files: the same file is not reported again by a later process, a new damage of it is."""

from datetime import timedelta
from pathlib import Path

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alert_changes import incidents
from nba_pipeline.orchestration import lost_partitions
from nba_pipeline.warehouse.damage import Notice, record_notice
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.monitoring.webhook import DAY, NOON, a_notifier

FILE = f"tables/boxscores/game_date={DAY}/part.parquet"


def test_a_repaired_file_is_not_reported_again_by_the_next_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse, landing = LocalWarehouse(home=str(tmp_path)), Landing(home=str(tmp_path), clock=Clock())

    def raised_by_a_new_process(hours: int) -> int:
        monkeypatch.setattr(lost_partitions, "_alerted", set())
        return lost_partitions.alert_on_damage(a_notifier(warehouse, now=NOON + timedelta(hours=hours)), landing)

    record_notice(tmp_path, Notice(FILE, "it is truncated", NOON, f"damaged/{FILE}"), "1")
    assert raised_by_a_new_process(hours=1) == 1
    [alert] = incidents(warehouse, [DAY])
    assert f"moved to <home>/damaged/{FILE}" in alert.message
    a_notifier(warehouse, now=NOON + timedelta(hours=2)).resolve(alert)
    assert raised_by_a_new_process(hours=3) == 0
    record_notice(tmp_path, Notice(FILE, "it is truncated", NOON + timedelta(hours=4), f"damaged/{FILE}"), "2")
    assert [raised_by_a_new_process(hours=5), raised_by_a_new_process(hours=6)] == [1, 0]
