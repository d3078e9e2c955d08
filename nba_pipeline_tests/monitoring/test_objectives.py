"""The objectives about runs, people and releases: what their units cost, and when a unit or a rate is unknown."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.monitoring.objectives import RELEASES, UNIT, WORK, Facts
from nba_pipeline.monitoring.service_levels import Attainment, attainments, exhausted
from nba_pipeline_tests.monitoring.test_service_levels import frame

TODAY = date(2026, 3, 9)
"""The day after the clocks went forward."""
NOW = eastern(TODAY, 9)
HOUR = timedelta(hours=1)


def work(*items: tuple[datetime, datetime | None, datetime | None]) -> pl.DataFrame:
    """Work by instant of its decision, its end, and its first failure."""
    rows = [(eastern_date(at), at, "lines", done_at, failed_at) for at, done_at, failed_at in items]
    return pl.DataFrame(rows, schema=WORK, orient="row")


def acts(*instants: datetime) -> pl.DataFrame:
    return pl.DataFrame([(eastern_date(at), at) for at in instants], schema=UNIT, orient="row")


def attained(name: str, days: int = 7, **facts: Any) -> Attainment:
    given = {"latencies": frame([]), "since": NOW - timedelta(days=99)} | facts
    return next(one for one in attainments(Facts(**given), NOW) if (one.objective.name, one.days) == (name, days))


def test_work_that_is_not_done_is_unknown_for_six_hours_then_lost() -> None:
    items = [(NOW - hours * HOUR, None, None) for hours in (1, 6, 7)]
    one = attained("decided_work_done", work=work(*items, (NOW - 8 * HOUR, NOW - HOUR, None)))
    assert (one.units, one.good, one.unknown) == (2, 1, 2), "late work is done"
    assert one.budget_left == pytest.approx(1 - 1 / (2 * 0.001))


def test_the_time_to_repair_is_a_mean_and_counts_failures_that_are_not_repaired() -> None:
    failed = NOW - 2 * HOUR
    repaired = (failed - HOUR, failed + timedelta(minutes=3), failed)
    one = attained("mean_time_to_repair", work=work(repaired, (failed, failed + HOUR, None)))
    assert (one.units, one.value, one.is_met, one.budget_left) == (1, 3.0, True, pytest.approx(0.4))
    both = attained("mean_time_to_repair", work=work(repaired, (failed - HOUR, None, failed)))
    assert (both.units, both.good, both.value, both.is_met) == (2, 1, 61.5, False)
    fresh = NOW - timedelta(minutes=5)
    just = attained("mean_time_to_repair", work=work((fresh, None, fresh)))
    assert (just.units, just.unknown, just.value, just.budget_left) == (0, 1, None, None)


def test_a_rate_is_unknown_before_the_window_has_passed_unless_it_is_exceeded() -> None:
    one_act = {"acts": acts(NOW - timedelta(days=10))}
    assert (attained("manual_acts", 7, **one_act).value, attained("manual_acts", 7, **one_act).is_met) == (0.0, True)
    month = attained("manual_acts", 30, **one_act)
    assert (month.units, month.value, month.is_met) == (1, pytest.approx(7 / 30), True)
    fresh: dict[str, Any] = one_act | {"since": NOW - timedelta(days=12)}
    assert (attained("manual_acts", 30, **fresh).value, attained("manual_acts", 30, **fresh).is_met) == (None, None)
    two = fresh | {"acts": acts(NOW - timedelta(days=10), NOW - timedelta(days=9))}
    assert (attained("manual_acts", 30, **two).is_met, attained("manual_acts", 30, **two).share) == (False, None)


def test_one_manual_act_exhausts_no_budget_and_two_do() -> None:
    for number, days in ((1, set()), (2, {7, 30})):
        facts = Facts(frame([]), acts=acts(*[NOW - n * HOUR for n in range(number)]), since=NOW - timedelta(days=99))
        assert {one.days for one in exhausted(attainments(facts, NOW))} == days


def test_releases_without_a_verdict_are_unknown() -> None:
    rows = [(TODAY, NOW - n * HOUR, verdict) for n, verdict in enumerate((None, True, False))]
    one = attained("releases_succeed", releases=pl.DataFrame(rows, schema=RELEASES, orient="row"))
    assert (one.units, one.good, one.unknown, one.share) == (2, 1, 1, 0.5)


@pytest.mark.parametrize("name", ["decided_work_done", "mean_time_to_repair", "releases_succeed"])
def test_a_window_without_units_has_no_number_and_divides_by_nothing(name: str) -> None:
    one = attained(name)
    assert (one.units, one.value, one.budget_left, one.is_met) == (0, None, None, None)
    assert "no data with 0" in one.message
