"""What `doctor` says about the ticks of Dagster's daemon."""

from datetime import UTC, datetime, timedelta

import pytest

from nba_pipeline.instance.instigators import Instigator
from nba_pipeline.monitoring.doctor.daemon import judge
from nba_pipeline.monitoring.doctor.probe import Result
from nba_pipeline.monitoring.watchdog import EXPECTED

NOW = datetime(2026, 1, 5, 17, tzinfo=UTC)


def judged(minutes: float, *, is_in_season: bool = True) -> Result:
    """The result for a daemon whose newest ticks are so many minutes old."""
    at = NOW - timedelta(minutes=minutes)
    live = {name: Instigator(name, True, at, at) for name in EXPECTED.schedules}
    live |= {name: Instigator(name, True, at) for name in EXPECTED.sensors}
    return judge(live, NOW, is_in_season=is_in_season, is_production=True)


@pytest.mark.parametrize(("minutes", "state"), [(1, "ok"), (4.9, "ok"), (5, "warning"), (29, "warning"), (30, "failed")])
def test_a_daemon_that_died_minutes_ago_is_a_warning_before_it_is_a_failure(minutes: float, state: str) -> None:
    assert judged(minutes).state == state


def test_the_age_of_the_newest_tick_is_named() -> None:
    assert judged(6).message == "the newest tick is 6 min old; a running daemon ticks every 30 seconds"


@pytest.mark.parametrize("minutes", [6, 600])
def test_out_of_season_a_silent_daemon_is_no_failure(minutes: float) -> None:
    assert judged(minutes, is_in_season=False).state == "ok"
