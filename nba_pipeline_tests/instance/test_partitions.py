"""Partitions on error-prone days."""

from datetime import date

import pytest

from nba_pipeline.instance.partitions import DAILY, WEEKLY
from nba_pipeline.league.calendar import (
    days,
    eastern,
)


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_daily_partitions_reach_tomorrow_all_day_long(hour: int) -> None:
    keys = DAILY.get_partition_keys(current_time=eastern(date(2024, 3, 12), hour))
    assert (keys[0], keys[-1]) == ("2021-10-01", "2024-03-13")


def test_every_date_has_one_partition_also_when_the_clocks_change() -> None:
    keys = DAILY.get_partition_keys(current_time=eastern(date(2024, 11, 5), 12))
    assert keys == [day.isoformat() for day in days(date(2021, 10, 1), date(2024, 11, 6))]


def test_on_sunday_the_week_of_monday_can_be_trained() -> None:
    keys = WEEKLY.get_partition_keys(current_time=eastern(date(2024, 3, 10), 5))
    assert keys[-1] == "2024-03-11"
    assert {date.fromisoformat(key).weekday() for key in keys} == {0}
