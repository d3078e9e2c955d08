"""Old responses, used credits and a full disk are found at their thresholds."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import incidents
from nba_pipeline.monitoring.resource_monitors import (
    SOURCES,
    disk_findings,
    last_covered_date,
    low_disk,
    low_quota,
    quota_findings,
    stale_sources,
)
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_days import slate_of
from nba_pipeline_tests.monitoring.webhook import DAY, NOON, a_notifier

CLOCK = Clock(fixed_at=NOON.isoformat())


@pytest.mark.parametrize(
    ("used", "severity"), [(0, None), (15_999, None), (16_000, "warning"), (18_999, "warning"), (19_000, "critical")]
)
def test_credits_warn_from_80_percent_and_are_critical_from_95(used: int, severity: str | None) -> None:
    assert [one.severity for one in quota_findings(used, 20_000 - used, DAY)] == ([severity] if severity else [])


@pytest.mark.parametrize(("credits", "covered"), [(5, None), (100, DAY), (1_000, DAY + timedelta(days=1))])
def test_the_credits_last_through_a_date_of_the_stored_schedule(
    credits: int, covered: date | None, warehouse: LocalWarehouse
) -> None:
    """A date without a stored schedule ends the estimate."""
    for day in (DAY, DAY + timedelta(days=1)):
        games = slate_of(day, *(eastern(day, 19),) * 4)
        warehouse.replace(TABLES["schedule"], [day], frame_of(TABLES["schedule"], *games), "test")
    assert last_covered_date(warehouse, credits, CLOCK) == covered
    text = f"through {covered}" if covered else "not enough for today's captures"
    assert text in quota_findings(19_900, credits, covered)[0].message


def test_the_newest_capture_with_an_answer_has_the_credits(warehouse: LocalWarehouse) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert low_quota(instance, warehouse, CLOCK) == []
        for hours, quota in ((3, {"used": 19_500, "remaining": 500}), (2, {"used": 17_000, "remaining": 3_000}), (1, {})):
            with time_machine.travel(NOON - timedelta(hours=hours), tick=False):
                metadata = {"quota": dg.MetadataValue.json(quota)}
                instance.report_runless_asset_event(
                    dg.AssetMaterialization("prop_lines", partition=str(DAY - timedelta(days=hours % 2)), metadata=metadata)
                )
        [found] = low_quota(instance, warehouse, CLOCK)
    assert (found.subject, found.severity) == (
        "odds_api",
        "warning",
    ) and "3,000 credits of 20,000 left (85% are used). They are" in found.message


@pytest.mark.parametrize(("free", "severity"), [(2048, None), (2047, "warning"), (512, "warning"), (511, "critical")])
def test_a_disk_warns_below_2_gib_and_is_critical_before_writes_stop(free: int, severity: str | None) -> None:
    assert [one.severity for one in disk_findings(free)] == ([severity] if severity else [])
    assert SETTINGS.monitors.disk_critical_mib > SETTINGS.warehouse.least_free_mib


def test_the_disk_is_that_of_the_instance() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert [one.kind for one in low_disk(instance)] in ([], ["disk_low"])


def test_the_newest_response_of_a_source_is_too_old_on_a_day_with_games(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    landing = Landing(home=str(tmp_path), clock=CLOCK)
    for table, age in (("schedule", 18.5), ("rosters", 23.5), ("prop_lines", 30), ("prop_lines", 1)):
        provider, endpoint = SOURCES[table][0]
        day = None if table == "schedule" else DAY
        slot = Slot(provider, endpoint, "any", day, None if day else "2023-24")
        landing.keep(slot, b"{}", fetched_at=NOON - timedelta(hours=age))
    assert stale_sources(warehouse, landing, CLOCK, []) == []  # no game today
    warehouse.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], *slate_of(DAY, eastern(DAY, 19))), "test")
    [found] = stale_sources(warehouse, landing, CLOCK, [])  # injuries were never fetched
    assert (found.subject, found.message.partition(";")[0]) == ("schedule", "schedule: the newest response is 18 h 30 min old")
    a_notifier(warehouse).raise_alert(DAY, "run_failed", f"same_day {DAY} schedule", "status 503")
    assert stale_sources(warehouse, landing, CLOCK, incidents(warehouse, [DAY])) == []
    a_notifier(warehouse).raise_alert(DAY, "source_stale", "schedule", "It is old.")
    assert stale_sources(warehouse, landing, CLOCK, incidents(warehouse, [DAY])) == [found]
