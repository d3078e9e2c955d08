"""Schedules by a simulated clock, on a real warehouse, a real instance and the league of the sandbox.

A tick that cannot start a run must skip and not fail: Dagster retries a failed tick, and the slate would be requested twice.
"""

from datetime import date, datetime, timedelta

import pytest
from dagster._core.errors import ScheduleExecutionError
from dagster._utils.schedules import schedule_execution_time_iterator

from nba_pipeline.completeness.modes import CLOCK, MODES, Mode, tables_of_mode
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, PARTITION_TAG
from nba_pipeline.league.calendar import EASTERN, EASTERN_NAME, FIRST_DATE, eastern
from nba_pipeline.orchestration.schedules import MAX_NIGHTLY_REQUESTS
from nba_pipeline.orchestration.work import attempts_at
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.builders import a_boxscore
from nba_pipeline_tests.builders_days import Days, slate_of
from nba_pipeline_tests.orchestration.ticks import (
    CLOCK_CHANGES,
    DAY,
    MINUTE,
    MONDAY,
    SCHEDULES,
    TOMORROW,
    YESTERDAY,
    Unreadable,
    broken,
    tables_of,
    tick,
)

pytestmark = pytest.mark.platform  # each tick loads the repository of the whole graph

# The schedules of the modes


def wall_clock(name: str, day: date) -> list[str]:
    """The Eastern times of a schedule's ticks on a date."""
    schedule, since = SCHEDULES[name], eastern(day, 0).timestamp() - 1
    times: list[str] = []
    for at in schedule_execution_time_iterator(since, schedule.cron_schedule, schedule.execution_timezone, True):
        if at >= eastern(day + timedelta(days=1), 0):
            return times
        times.append(f"{at.astimezone(EASTERN):%H:%M}")
    raise AssertionError("unreachable")


@pytest.mark.parametrize("day", [DAY, date(2025, 7, 1), date(2026, 6, 30), *CLOCK_CHANGES.values()])
def test_every_schedule_ticks_once_at_each_of_its_wall_clock_times(day: date) -> None:
    for mode in MODES:
        assert wall_clock(mode, day) == [f"{hour:02d}:{minute:02d}" for hour, minute in CLOCK[mode]]
    assert wall_clock("train_week", day) == ["05:00"]
    assert wall_clock("nightly_reconciliation", day) == ["04:30"]
    assert wall_clock("morning_summary", day) == ["08:00"]
    assert {schedule.execution_timezone for schedule in SCHEDULES.values()} == {EASTERN_NAME}


@pytest.mark.parametrize(
    ("mode", "at", "slate"),
    [
        ("overnight", eastern(DAY, 6), YESTERDAY),
        ("same_day", eastern(DAY, 7), DAY),
        ("same_day", eastern(DAY, 16), DAY),
        ("tomorrow", eastern(YESTERDAY, 17, 30), DAY),
        ("tomorrow", eastern(DAY, 17, 30), TOMORROW),
        ("overnight", eastern(date(2025, 11, 2), 6), date(2025, 11, 1)),
        ("same_day", eastern(date(2025, 11, 2), 7), date(2025, 11, 2)),
        ("tomorrow", eastern(date(2025, 11, 1), 17, 30), date(2025, 11, 2)),
        ("overnight", eastern(date(2026, 3, 8), 6), date(2026, 3, 7)),
        ("same_day", eastern(date(2026, 3, 8), 7), date(2026, 3, 8)),
        ("tomorrow", eastern(date(2026, 3, 8), 17, 30), date(2026, 3, 9)),
        ("overnight", eastern(date(2026, 7, 1), 6), date(2026, 6, 30)),
        ("tomorrow", eastern(date(2026, 6, 30), 17, 30), date(2026, 7, 1)),
    ],
)
def test_a_tick_requests_the_tables_of_its_mode_for_its_slate(days: Days, mode: Mode, at: datetime, slate: date) -> None:
    request = tick(days, mode, at).run
    assert (request.partition_key, tables_of(request)) == (slate.isoformat(), tables_of_mode(mode))
    assert request.job_name == "game_day"
    assert request.tags[MODE_TAG] == mode and request.tags[DUE_TAG] == at.isoformat()


def test_the_run_of_a_tick_counts_as_an_attempt(days: Days) -> None:
    at = eastern(DAY, 16)
    request = tick(days, "same_day", at).run
    tags = {name: value for name, value in request.tags.items() if name != PARTITION_TAG}
    days.end(days.begin(DAY, at, **tags), at + MINUTE)
    assert attempts_at(days.instance, "same_day", DAY, at).ended == 1


def test_each_tick_of_a_day_has_its_own_run_key(days: Days) -> None:
    keys = [tick(days, "same_day", eastern(DAY, hour)).run.run_key for hour in (7, 9, 9)]
    assert keys[0] != keys[1] == keys[2]


@pytest.mark.parametrize("mode", MODES)
def test_a_day_without_games_is_requested_once(days: Days, mode: Mode) -> None:
    slate = date(2026, 7, 20)
    day = slate - timedelta(days={"overnight": -1, "same_day": 0, "tomorrow": 1}[mode])
    ticks = [tick(days, mode, eastern(day, *time)) for time in CLOCK[mode]]
    assert [len(result.runs) for result in ticks] == [1] + [0] * (len(ticks) - 1)
    assert {result.why for result in ticks[1:]} <= {f"no games on {slate}"}


def test_no_run_is_requested_once_every_game_has_begun(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 13), eastern(DAY, 15, 30)))
    assert tick(days, "same_day", eastern(DAY, 13)).runs
    assert tick(days, "same_day", eastern(DAY, 16)).why == f"every game of {DAY} has begun"


def test_a_slate_before_the_first_date_of_the_platform_is_not_requested(days: Days) -> None:
    """It has no partition, so that Dagster would fail the tick."""
    result = tick(days, "overnight", eastern(FIRST_DATE, 6))
    assert not result.runs and "before 2021-10-01, the first date of the platform" in result.why


def test_a_game_without_a_tip_off_is_a_game(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, None))
    assert tick(days, "same_day", eastern(DAY, 16)).run.partition_key == str(DAY)


def test_postponed_games_are_no_games(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), status="postponed"))
    assert tick(days, "same_day", eastern(DAY, 9)).why == f"no games on {DAY}"


@pytest.mark.parametrize(("late", "runs"), [(29, 1), (31, 0), (600, 0)])
def test_a_missed_tick_is_left_to_the_reconciliation(days: Days, late: int, runs: int) -> None:
    result = tick(days, "same_day", eastern(DAY, 9), late * MINUTE)
    assert len(result.runs) == runs
    assert runs or result.why == "missed at 2026-01-15 09:00 US Eastern; the reconciliation runs what is still due"


def test_an_unavailable_warehouse_prevents_the_runs_of_all_modes(days: Days) -> None:
    for mode in MODES:
        result = tick(days, mode, eastern(DAY, *CLOCK[mode][0]), warehouse=broken(days))
        assert (result.runs, result.why) == (
            [],
            "no run can start: the dataset does not exist; the reconciliation tries again later",
        )


def test_an_unexpected_error_starts_no_run(days: Days) -> None:
    """After an unexpected error in the gate the tick fails, and a failed tick has no runs."""
    with pytest.raises(ScheduleExecutionError) as failed:
        tick(days, "same_day", eastern(DAY, 7), warehouse=Unreadable(home=str(days.home)))
    assert str(failed.value.user_exception) == "schedule cannot be read"
    assert days.instance.get_runs_count() == 0


# The training


def test_on_monday_a_week_with_models_is_trained(days: Days) -> None:
    days.make(eastern(MONDAY, 0) - MINUTE, MONDAY, "points_model")
    assert tick(days, "train_week", eastern(MONDAY, 5)).run.partition_key == MONDAY.isoformat()


def test_on_another_day_only_a_week_without_training_is_trained(days: Days) -> None:
    assert tick(days, "train_week", eastern(DAY, 5)).run.partition_key == MONDAY.isoformat()
    days.make(eastern(DAY, 5), MONDAY, "points_model")
    assert tick(days, "train_week", eastern(TOMORROW, 5)).why == f"the week of {MONDAY} has its models"


@pytest.mark.parametrize("day", CLOCK_CHANGES.values(), ids=CLOCK_CHANGES)
def test_the_sunday_of_a_clock_change_belongs_to_the_week_before(days: Days, day: date) -> None:
    days.write("schedule", day, *slate_of(day, eastern(day, 19)))
    assert tick(days, "train_week", eastern(day, 5)).run.partition_key == (day - timedelta(days=6)).isoformat()


def test_out_of_season_no_week_is_trained(days: Days) -> None:
    after = MONDAY + timedelta(days=14)
    assert tick(days, "train_week", eastern(after - timedelta(days=7), 5)).runs
    assert (
        tick(days, "train_week", eastern(after, 5)).why == f"the schedule has no games in the week of {after} or the week before"
    )


def test_the_morning_summary_is_made_while_games_are_near(days: Days) -> None:
    assert tick(days, "morning_summary", eastern(DAY, 8)).run.run_key == f"morning_summary:{DAY}"
    summer = date(2026, 7, 30)
    assert tick(days, "morning_summary", eastern(summer, 8)).why == f"no game is within 1 day of {summer}"


# Once a night, further back


def test_the_oldest_undone_work_is_requested_at_night(days: Days) -> None:
    assert tick(days, "nightly_reconciliation", eastern(DAY, 4, 30)).why == "all due work is done"
    first = DAY - timedelta(days=SETTINGS.patience.nightly_days)
    before = first - timedelta(days=1)
    days.write("boxscores", before, a_boxscore(before))  # a date without rows would not begin the stored history
    result = tick(days, "nightly_reconciliation", eastern(DAY, 4, 30))
    assert [(run.partition_key, run.tags[MODE_TAG]) for run in result.runs] == [
        (str(first + timedelta(days=n)), "overnight") for n in range(MAX_NIGHTLY_REQUESTS)
    ]
