"""Eastern dates and seasons, including clock changes and season boundaries."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import (
    days,
    eastern,
    eastern_date,
    parse_date,
    parse_instant,
    season_of,
    season_of_game_date,
    season_start,
    week_of,
)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2024, 3, 13, 3, 59, tzinfo=UTC), date(2024, 3, 12)),  # 23:59 daylight time
        (datetime(2024, 3, 13, 4, 0, tzinfo=UTC), date(2024, 3, 13)),
        (datetime(2024, 1, 13, 4, 59, tzinfo=UTC), date(2024, 1, 12)),  # 23:59 standard time
        (datetime(2024, 1, 13, 5, 0, tzinfo=UTC), date(2024, 1, 13)),
    ],
)
def test_an_evening_game_belongs_to_the_eastern_date(instant: datetime, expected: date) -> None:
    assert eastern_date(instant) == expected


@pytest.mark.parametrize(
    ("day", "hour", "utc_hour"),
    [
        (date(2024, 3, 9), 12, 17),
        (date(2024, 3, 10), 12, 16),  # clocks go forward
        (date(2024, 11, 2), 12, 16),
        (date(2024, 11, 3), 12, 17),  # clocks go back
    ],
)
def test_eastern_noon_moves_with_daylight_saving(day: date, hour: int, utc_hour: int) -> None:
    assert eastern(day, hour) == datetime(day.year, day.month, day.day, utc_hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "season", "start"),
    [
        (date(2024, 6, 30), "2023-24", date(2023, 7, 1)),
        (date(2024, 7, 1), "2024-25", date(2024, 7, 1)),
        (date(2025, 1, 1), "2024-25", date(2024, 7, 1)),
        (date(2099, 12, 31), "2099-00", date(2099, 7, 1)),
    ],
)
def test_a_season_runs_from_july_to_june(day: date, season: str, start: date) -> None:
    assert (season_of(day), season_start(day)) == (season, start)
    assert pl.DataFrame({"game_date": [day]}).select(season_of_game_date())["season"].to_list() == [season]


def test_a_training_week_begins_on_monday() -> None:
    assert {week_of(day) for day in days(date(2024, 3, 11), date(2024, 3, 17))} == {date(2024, 3, 11)}
    assert week_of(date(2024, 3, 18)) == date(2024, 3, 18)


def test_days_include_both_ends() -> None:
    assert days(date(2024, 2, 28), date(2024, 3, 1)) == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    assert days(date(2024, 3, 1), date(2024, 2, 28)) == []


@pytest.mark.parametrize("text", ["yesterday", "2024-02-30", "", "12.03.2024"])
def test_a_malformed_date_is_named_with_its_argument(text: str) -> None:
    with pytest.raises(BadInput, match=f"--date must be a date like 2024-03-15, not {text!r}"):
        parse_date(text, "--date")


def test_a_date_before_the_platform_is_refused() -> None:
    assert parse_date("2021-10-01", "--from") == date(2021, 10, 1)
    with pytest.raises(BadInput, match="--from 2021-09-30 is before 2021-10-01"):
        parse_date("2021-09-30", "--from")


@pytest.mark.parametrize("text", ["2024-03-15T12:00:00-04:00", "2024-03-15T16:00:00Z", " 2024-03-15T16:00:00+00:00 "])
def test_an_instant_is_converted_to_utc(text: str) -> None:
    assert parse_instant(text, "NBA_PIPELINE_NOW") == datetime(2024, 3, 15, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noon", "NBA_PIPELINE_NOW must be an instant like .*, not 'noon'"),
        ("2024-03-15T12:00:00", "NBA_PIPELINE_NOW needs an offset, .*, not '2024-03-15T12:00:00'"),
        ("2024-03-15", "NBA_PIPELINE_NOW needs an offset"),
        ("0001-01-01T00:00:00+05:00", "NBA_PIPELINE_NOW must be an instant like"),
    ],
)
def test_a_malformed_instant_is_named_with_its_variable(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_instant(text, "NBA_PIPELINE_NOW")
