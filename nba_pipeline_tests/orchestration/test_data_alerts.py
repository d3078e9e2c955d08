"""The sensor `alert_on_data` raises each finding once, resolves it when it is over, and reports a monitor that fails."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from nba_pipeline.errors import PipelineError
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import CHANGES
from nba_pipeline.orchestration.data_alerts import Memory, alert_on_data
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.monitoring.webhook import listening
from nba_pipeline_tests.orchestration.ticks import DAY, MINUTE, alerts, evaluate

pytestmark = pytest.mark.platform  # each tick loads the repository of the whole graph


class WithoutQuarantine(LocalWarehouse):
    """A warehouse whose quarantines cannot be read."""

    def scan_quarantine(self, table: Table, dates: object = None) -> pl.LazyFrame:
        raise PipelineError(f"the quarantine of {table.name} cannot be read")


def ticks(days: Days, cursor: str | None, *instants: datetime) -> str | None:
    for now in instants:
        cursor = evaluate(days, alert_on_data, now, cursor).cursor
    return cursor


def changes(days: Days) -> list[tuple[str, str]]:
    return days.warehouse.scan(CHANGES).sort("changed_at").select("kind", "change").collect().rows()


def test_a_late_table_is_one_alert_after_half_an_hour_and_resolves_itself(lived: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slate is due again at 16:00, and nothing runs."""
    with listening() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        cursor = ticks(lived, None, eastern(DAY, 16, 10), eastern(DAY, 16, 25))
        assert alerts(lived) == []
        cursor = ticks(lived, cursor, eastern(DAY, 16, 31), eastern(DAY, 16, 40))
        assert alerts(lived) == [(DAY, "table_late", "schedule")]
        lived.make_mode(eastern(DAY, 16, 52), DAY, "same_day")
        ticks(lived, cursor, eastern(DAY, 16, 55))
    assert changes(lived) == [("table_late", "resolved")]
    assert [text.split(" (")[0] for text in slack.texts] == [
        "warning: table_late schedule",
        "resolved, warning: table_late schedule",
    ]


def test_work_that_an_outage_left_behind_and_that_is_done_at_once_raises_no_alert(lived: Days) -> None:
    cursor = ticks(lived, None, eastern(DAY, 18))
    lived.make_mode(eastern(DAY, 18, 11), DAY, "same_day")
    lived.make_mode(eastern(DAY, 18, 12), DAY + timedelta(days=1), "tomorrow")
    ticks(lived, cursor, eastern(DAY, 18, 15), eastern(DAY, 18, 36))
    assert alerts(lived) == []


def test_what_is_late_again_after_an_outage_is_not_known_to_have_been_late_in_between(lived: Days) -> None:
    cursor = ticks(lived, None, eastern(DAY, 16, 35))
    assert Memory.of(cursor).since
    ticks(lived, cursor, eastern(DAY, 18), eastern(DAY, 18, 25))
    assert alerts(lived) == []


def test_a_monitor_that_fails_is_its_own_alert_and_resolves_nothing(lived: Days) -> None:
    noon = eastern(DAY, 13, 1)
    broken = WithoutQuarantine(home=str(lived.home))
    cursor = evaluate(lived, alert_on_data, noon, warehouse=broken).cursor
    assert alerts(lived) == [(DAY, "monitor_failed", "quarantine_old")]
    cursor = evaluate(lived, alert_on_data, noon + MINUTE, cursor).cursor  # the slow monitors wait
    assert changes(lived) == []
    evaluate(lived, alert_on_data, noon + 6 * MINUTE, cursor)
    assert changes(lived) == [("monitor_failed", "resolved")]


@pytest.mark.parametrize("cursor", ["not JSON", "[1]", '{"since": {"a": "b"}}'])
def test_an_unreadable_cursor_is_reset(lived: Days, cursor: str) -> None:
    tick = evaluate(lived, alert_on_data, eastern(DAY, 13, 1), cursor)
    assert Memory.of(tick.cursor).slow_at is not None
