"""The open alerts above an explanation."""

from datetime import timedelta
from pathlib import Path

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alert_rows import ALERTS, conformed
from nba_pipeline.monitoring.explain.open_alerts import OF_THE_PLATFORM, alert_links
from nba_pipeline.monitoring.kinds import KINDS
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY
from nba_pipeline_tests.builders_predictions import TIPOFF

NEXT = DAY + timedelta(days=1)


def test_alerts_of_the_date_and_of_the_platform_are_listed_critical_ones_first(tmp_path: Path) -> None:
    warehouse, clock = LocalWarehouse(home=str(tmp_path)), Clock(fixed_at=TIPOFF.isoformat())
    raised = ((DAY, "lines_late", "warning"), (NEXT, "daemon_silent", "critical"), (NEXT, "table_late", "warning"))
    for day, kind, severity in raised:
        row = {
            "game_date": day, "kind": kind, "subject": "s", "severity": severity, "message": "m", "next_command": "",
            "raised_at": TIPOFF, "source": "test",
        }  # fmt: skip
        warehouse.add(ALERTS, [day], conformed(row, TIPOFF), "test")
    links = alert_links(warehouse, clock, DAY)
    assert [(link.name, link.state) for link in links] == [
        (f"daemon_silent s ({NEXT})", "broken"),
        (f"lines_late s ({DAY})", "partial"),
    ]


def test_every_kind_of_the_platform_exists() -> None:
    assert set(KINDS) >= OF_THE_PLATFORM
