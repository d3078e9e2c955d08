"""The training of the current week: due on Monday, and only during the season."""

from datetime import date, datetime

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.weekly_training import untrained_week
from nba_pipeline.systems import TRAINED_SYSTEMS
from nba_pipeline_tests.builders_days import Days, slate_of

DAY, WEEK = date(2026, 1, 15), date(2026, 1, 12)


def test_a_home_without_the_models_of_a_newer_system_trains_them(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19)))
    days.write_models(WEEK, TRAINED_SYSTEMS[:1])
    days.make(eastern(WEEK, 5, 1), WEEK, "points_model")
    assert untrained_week(days.instance, days.warehouse, eastern(DAY, 12)) == WEEK
    days.write_models(WEEK)
    assert untrained_week(days.instance, days.warehouse, eastern(DAY, 12)) is None


@pytest.mark.parametrize(
    ("trained_at", "now", "expected"),
    [
        (None, eastern(date(2026, 1, 12), 5, 5), None),
        (None, eastern(date(2026, 1, 12), 5, 6), date(2026, 1, 12)),
        (eastern(date(2026, 1, 11), 17, 30), eastern(date(2026, 1, 12), 5, 6), date(2026, 1, 12)),
        (eastern(date(2026, 1, 12), 5, 1), eastern(date(2026, 1, 12), 5, 6), None),
        (eastern(date(2026, 1, 12), 5, 1), eastern(date(2026, 1, 18), 23, 59), None),
        (None, eastern(date(2026, 1, 18), 23, 59), date(2026, 1, 12)),
    ],
)
def test_a_week_is_due_for_training_from_monday_on(
    days: Days, trained_at: datetime | None, now: datetime, expected: date | None
) -> None:
    if trained_at:
        days.make(trained_at, WEEK, "points_model")
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19)))
    assert untrained_week(days.instance, days.warehouse, now) == expected


@pytest.mark.parametrize(
    ("game", "status", "is_due"),
    [
        (date(2026, 7, 5), "final", False),
        (date(2026, 7, 6), "final", True),
        (date(2026, 7, 19), "scheduled", True),
        (date(2026, 7, 19), "postponed", False),
        (date(2026, 7, 20), "scheduled", False),
    ],
)
def test_out_of_season_no_week_is_trained(days: Days, game: date, status: str, is_due: bool) -> None:
    days.write("schedule", game, *slate_of(game, eastern(game, 19), status=status))
    week = untrained_week(days.instance, days.warehouse, eastern(date(2026, 7, 14), 12))
    assert week == (date(2026, 7, 13) if is_due else None)
