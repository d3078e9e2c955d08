"""Eastern dates, seasons, partitions and the clock, on the days on which they usually go wrong."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import (
    AS_OF_TAG,
    DAILY,
    WEEKLY,
    Clock,
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
        (date(2024, 3, 10), 12, 16),  # the clocks went forward in the night
        (date(2024, 11, 2), 12, 16),
        (date(2024, 11, 3), 12, 17),  # and back
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


def test_days_hold_both_ends() -> None:
    assert days(date(2024, 2, 28), date(2024, 3, 1)) == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    assert days(date(2024, 3, 1), date(2024, 2, 28)) == []


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


@pytest.mark.parametrize("text", ["yesterday", "2024-02-30", "", "12.03.2024"])
def test_a_date_that_is_none_is_named_with_its_argument(text: str) -> None:
    with pytest.raises(BadInput, match=f"--date must be a date like 2024-03-15, not {text!r}"):
        parse_date(text, "--date")


def test_a_date_before_the_platform_is_refused() -> None:
    assert parse_date("2021-10-01", "--from") == date(2021, 10, 1)
    with pytest.raises(BadInput, match="--from 2021-09-30 is before 2021-10-01"):
        parse_date("2021-09-30", "--from")


@pytest.mark.parametrize("text", ["2024-03-15T12:00:00-04:00", "2024-03-15T16:00:00Z", " 2024-03-15T16:00:00+00:00 "])
def test_an_instant_is_kept_in_utc(text: str) -> None:
    assert parse_instant(text, "NBA_PIPELINE_NOW") == datetime(2024, 3, 15, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("noon", "NBA_PIPELINE_NOW must be an instant like .*, not 'noon'"),
        ("2024-03-15T12:00:00", "NBA_PIPELINE_NOW needs an offset, .*, not '2024-03-15T12:00:00'"),
        ("2024-03-15", "NBA_PIPELINE_NOW needs an offset"),
        ("0001-01-01T00:00:00+05:00", "NBA_PIPELINE_NOW must be an instant like"),
    ],
)
def test_an_instant_without_meaning_is_named_with_its_variable(text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        parse_instant(text, "NBA_PIPELINE_NOW")


def test_a_stopped_clock_stands_still_in_eastern_time() -> None:
    clock = Clock(stands_at="2024-03-13T03:00:00Z")
    assert clock.now() == clock.as_of == datetime(2024, 3, 13, 3, tzinfo=UTC)
    assert clock.today == date(2024, 3, 12)


def test_a_clock_that_runs_tells_the_present() -> None:
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


class Watch(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A second resource with a clock: Dagster builds another Clock for it."""

    clock: dg.ResourceDependency[Clock]


def as_of_in_a_run(tags: dict[str, str] | None = None) -> list[datetime]:
    """`as_of` of two clocks in a run of two assets, oldest first, and the present instant of one of them."""
    seen: list[datetime] = []

    @dg.asset
    def first(clock: Clock, watch: Watch) -> None:
        seen.extend((clock.as_of, watch.clock.as_of))

    @dg.asset(deps=[first])
    def second(clock: Clock, watch: Watch) -> None:
        seen.extend((clock.as_of, watch.clock.as_of, clock.now()))

    clock = Clock()
    dg.materialize([first, second], resources={"clock": clock, "watch": Watch(clock=clock)}, tags=tags)
    return seen


def test_all_clocks_of_a_run_agree_on_when_it_began() -> None:
    *began, now = as_of_in_a_run()
    assert len(set(began)) == 1
    assert began[0] < now


def test_a_replayed_run_stands_at_the_instant_of_the_original() -> None:
    instants = as_of_in_a_run({AS_OF_TAG: "2024-03-12T16:00:00+00:00"})
    assert set(instants) == {datetime(2024, 3, 12, 16, tzinfo=UTC)}
