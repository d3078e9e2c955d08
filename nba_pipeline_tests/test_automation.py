"""Schedules and sensors by a simulated clock, on a real warehouse, a real instance and the league of the sandbox.

A held-back tick must skip and not fail: Dagster tries a failed tick again, and the slate would be asked for twice.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import time_machine
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.errors import ScheduleExecutionError
from dagster._core.scheduler.instigation import TickStatus
from dagster._utils.error import SerializableErrorInfo
from dagster._utils.schedules import schedule_execution_time_iterator

from nba_pipeline import automation
from nba_pipeline.alerts import ALERTS
from nba_pipeline.calendar import EASTERN, EASTERN_NAME, MODES, Clock, Mode, eastern, week_of
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.gates import deadline
from nba_pipeline.modes import CAPTURED, CLOCK, COLLECTED, MODE_TAG, TABLES_OF_MODE, WHY_TAG
from nba_pipeline.providers.nba_cdn import boxscore_request
from nba_pipeline.reconciliation import DUE_TAG, PARTITION_TAG, attempts_at
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import Values
from nba_pipeline_tests.builders_days import Days, a_copy, complete_box, slate_of
from nba_pipeline_tests.test_decisions import NOON, Instigator

DAY = date(2026, 1, 15)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
MONDAY = week_of(DAY)
MINUTE = timedelta(minutes=1)
CLOCK_CHANGES = {"25 hours": date(2025, 11, 2), "23 hours": date(2026, 3, 8)}
NEEDED = ("warehouse", "nba_cdn", "notifier", "landing", "model_store", "injury_report")
SCHEDULES = {schedule.name: schedule for schedule in automation.SCHEDULES}


class Broken(LocalWarehouse):
    """A warehouse whose start-up check fails."""

    def preflight(self) -> None:
        raise BadInput("the dataset is not there")


class Unreadable(LocalWarehouse):
    """A warehouse that passes its start-up check and then does not answer."""

    def scan(self, table: Table, dates: Any = None) -> pl.LazyFrame:
        raise PipelineError(f"{table.name} cannot be read")


@dataclass(frozen=True)
class Tick:
    """What a tick led to: the runs, or the reason for none; a sensor's cursor."""

    runs: list[dg.RunRequest]
    why: str
    cursor: str | None = None

    @property
    def run(self) -> dg.RunRequest:
        assert len(self.runs) == 1, (self.runs, self.why)
        return self.runs[0]


@cache
def repository() -> dg.RepositoryDefinition:
    return build_definitions("sandbox").get_repository_def()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of which nothing is known."""
    return Days(tmp_path_factory.mktemp("empty")).home


@pytest.fixture(scope="module")
def routine(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where everything that was due until one o'clock was made, the models too."""
    days, at = a_copy(empty, tmp_path_factory.mktemp("routine") / "home"), eastern(DAY, 13, 1)
    days.make(at, MONDAY, "points_model")
    for back in range(1, SETTINGS.patience.catch_up_days + 1):
        days.make_mode(at, DAY - timedelta(days=back), "overnight")
    days.make_mode(at, DAY, "same_day")
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22)))
    return days.home


def own(start: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A copy of a home, which the environment names."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(home))
    monkeypatch.setenv("NBA_CDN_URL", "http://127.0.0.1:9")  # spares the league's server where nobody is asked
    return a_copy(start, home)


@pytest.fixture
def lived(routine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A copy of that home."""
    return own(routine, tmp_path / "home", monkeypatch)


@pytest.fixture
def days(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A home of one's own; games tonight."""
    days = own(empty, tmp_path / "home", monkeypatch)
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22)))
    return days


@contextmanager
def resources_at(now: datetime, **instead: Any) -> Iterator[dict[str, Any]]:
    """Those of the sandbox that schedules and sensors ask for, in a process that lives at an instant."""
    with time_machine.travel(now, tick=True):
        sandbox = resources_for("sandbox", Clock())
        yield {name: instead.get(name, sandbox[name]) for name in NEEDED}


def tick(days: Days, name: str, at: datetime, late: timedelta = timedelta(seconds=2), **instead: Any) -> Tick:
    """A schedule's tick, evaluated a little after its time; those of the modes ask nothing of the instance."""
    instance = None if name in MODES else days.instance
    with (
        resources_at(at + late, **instead) as resources,
        dg.build_schedule_context(
            instance, scheduled_execution_time=at.astimezone(EASTERN), resources=resources, repository_def=repository()
        ) as context,
    ):
        found = SCHEDULES[name].evaluate_tick(context)
    return Tick(list(found.run_requests or ()), found.skip_message or "")


def look(days: Days, sensor: dg.SensorDefinition, now: datetime, cursor: str | None = None, **instead: Any) -> Tick:
    """A sensor's evaluation."""
    with (
        resources_at(now, **instead) as resources,
        dg.build_sensor_context(days.instance, cursor, resources=resources, repository_def=repository()) as context,
    ):
        found = sensor.evaluate_tick(context)
    return Tick(list(found.run_requests or ()), found.skip_message or "", found.cursor)


def tables_of(request: dg.RunRequest) -> tuple[str, ...]:
    return tuple(key.to_user_string() for key in request.asset_selection or ())


def broken(days: Days) -> Broken:
    return Broken(home=str(days.home))


def alerts(days: Days) -> list[tuple[date, str, str]]:
    return list(days.warehouse.scan(ALERTS).sort("raised_at").select("game_date", "kind", "subject").collect().iter_rows())


# The schedules of the modes


def wall_clock(name: str, day: date) -> list[str]:
    """The Eastern times at which a schedule ticks on a date."""
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
    assert {schedule.execution_timezone for schedule in automation.SCHEDULES} == {EASTERN_NAME}


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
def test_a_tick_asks_for_the_tables_of_its_mode_for_its_slate(days: Days, mode: Mode, at: datetime, slate: date) -> None:
    request = tick(days, mode, at).run
    assert (request.partition_key, tables_of(request)) == (slate.isoformat(), TABLES_OF_MODE[mode])
    assert request.job_name == "game_day"
    assert request.tags[MODE_TAG] == mode and request.tags[DUE_TAG] == at.isoformat()


def test_the_reconciliation_knows_the_run_of_a_tick_as_an_attempt_at_what_was_due(days: Days) -> None:
    at = eastern(DAY, 16)
    request = tick(days, "same_day", at).run
    tags = {name: value for name, value in request.tags.items() if name != PARTITION_TAG}
    days.end(days.begin(DAY, at, **tags), at + MINUTE)
    assert attempts_at(days.instance, "same_day", DAY, at).tried == 1


def test_two_ticks_of_a_day_are_two_requests_and_one_tick_evaluated_twice_is_one(days: Days) -> None:
    keys = [tick(days, "same_day", eastern(DAY, hour)).run.run_key for hour in (7, 9, 9)]
    assert keys[0] != keys[1] == keys[2]


@pytest.mark.parametrize("mode", MODES)
def test_a_day_without_games_is_asked_for_once(days: Days, mode: Mode) -> None:
    slate = date(2026, 7, 20)
    day = slate - timedelta(days={"overnight": -1, "same_day": 0, "tomorrow": 1}[mode])
    ticks = [tick(days, mode, eastern(day, *time)) for time in CLOCK[mode]]
    assert [len(found.runs) for found in ticks] == [1] + [0] * (len(ticks) - 1)
    assert {found.why for found in ticks[1:]} <= {f"no games on {slate}"}


def test_once_every_game_has_begun_nothing_is_asked(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 13), eastern(DAY, 15, 30)))
    assert tick(days, "same_day", eastern(DAY, 13)).runs
    assert tick(days, "same_day", eastern(DAY, 16)).why == f"every game of {DAY} has begun"


def test_a_game_without_a_tip_off_is_a_game(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, None))
    assert tick(days, "same_day", eastern(DAY, 16)).run.partition_key == str(DAY)


def test_postponed_games_are_no_games(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), status="postponed"))
    assert tick(days, "same_day", eastern(DAY, 9)).why == f"no games on {DAY}"


@pytest.mark.parametrize(("late", "runs"), [(29, 1), (31, 0), (600, 0)])
def test_a_tick_that_was_missed_is_left_to_the_reconciliation(days: Days, late: int, runs: int) -> None:
    found = tick(days, "same_day", eastern(DAY, 9), late * MINUTE)
    assert len(found.runs) == runs
    assert runs or found.why == "missed at 2026-01-15 09:00; the reconciliation does what is still due"


def test_a_warehouse_that_does_not_answer_holds_the_modes_back(days: Days) -> None:
    for mode in MODES:
        found = tick(days, mode, eastern(DAY, *CLOCK[mode][0]), warehouse=broken(days))
        assert (found.runs, found.why) == ([], "held back, the reconciliation asks again: the dataset is not there")


def test_a_probe_that_fails_starts_nothing(days: Days) -> None:
    """What nobody expected, in the gate itself: the tick fails, and a failed tick has no runs."""
    with pytest.raises(ScheduleExecutionError) as failed:
        tick(days, "same_day", eastern(DAY, 7), warehouse=Unreadable(home=str(days.home)))
    assert str(failed.value.user_exception) == "schedule cannot be read"
    assert days.instance.get_runs_count() == 0


# The training


def test_on_monday_the_week_is_trained_though_it_has_models(days: Days) -> None:
    days.make(eastern(MONDAY, 0) - MINUTE, MONDAY, "points_model")
    assert tick(days, "train_week", eastern(MONDAY, 5)).run.partition_key == MONDAY.isoformat()


def test_on_another_day_it_is_trained_only_when_it_has_none(days: Days) -> None:
    assert tick(days, "train_week", eastern(DAY, 5)).run.partition_key == MONDAY.isoformat()
    days.make(eastern(DAY, 5), MONDAY, "points_model")
    assert tick(days, "train_week", eastern(TOMORROW, 5)).why == f"the week of {MONDAY} has its models"


@pytest.mark.parametrize("day", CLOCK_CHANGES.values(), ids=CLOCK_CHANGES)
def test_the_sunday_of_a_clock_change_belongs_to_the_week_before(days: Days, day: date) -> None:
    days.write("schedule", day, *slate_of(day, eastern(day, 19)))
    assert tick(days, "train_week", eastern(day, 5)).run.partition_key == (day - timedelta(days=6)).isoformat()


def test_out_of_season_nothing_is_trained(days: Days) -> None:
    after = MONDAY + timedelta(days=14)
    assert tick(days, "train_week", eastern(after - timedelta(days=7), 5)).runs
    assert tick(days, "train_week", eastern(after, 5)).why == f"no game is known of the week of {after} or of the one before"


# Once a night, further back


def test_at_night_the_oldest_of_the_last_weeks_is_asked_for(days: Days) -> None:
    assert tick(days, "nightly_reconciliation", eastern(DAY, 4, 30)).why == "nothing that was due is undone"
    first = DAY - timedelta(days=SETTINGS.patience.nightly_days)
    days.write("boxscores", first - timedelta(days=1))
    found = tick(days, "nightly_reconciliation", eastern(DAY, 4, 30))
    assert [(run.partition_key, run.tags[MODE_TAG]) for run in found.runs] == [
        (str(first + timedelta(days=n)), "overnight") for n in range(automation.MOST_NIGHTLY_REQUESTS)
    ]


# Lines


def test_a_capture_is_asked_for_when_it_is_due(days: Days) -> None:
    assert look(days, automation.lines, eastern(DAY, 6, 59)).why.startswith(f"{DAY}: no capture is due")
    found = look(days, automation.lines, eastern(DAY, 7))
    assert (found.run.partition_key, tables_of(found.run)) == (DAY.isoformat(), ("schedule", *CAPTURED))
    assert found.run.tags[MODE_TAG] == "lines"
    run = days.begin(DAY, eastern(DAY, 7), **found.run.tags)
    assert look(days, automation.lines, eastern(DAY, 7, 1)).runs == []
    days.make(eastern(DAY, 7, 2), DAY, *CAPTURED)
    days.end(run, eastern(DAY, 7, 2), succeeded=True)
    assert look(days, automation.lines, eastern(DAY, 7, 3)).runs == []


def test_a_capture_that_failed_is_tried_again_a_little_later(days: Days) -> None:
    found = look(days, automation.lines, eastern(DAY, 18, 45))
    days.try_mode("lines", DAY, eastern(DAY, 18, 45), eastern(DAY, 18, 46))
    waiting = look(days, automation.lines, eastern(DAY, 18, 47))
    assert (waiting.runs, "failed and is tried again" in waiting.why) == ([], True)
    again = look(days, automation.lines, eastern(DAY, 18, 48)).run
    assert again.run_key != found.run.run_key and again.tags == found.run.tags


def test_a_capture_of_a_provider_that_is_down_is_tried_again(days: Days) -> None:
    """Its run succeeds, since earlier lines stand; a few events without an answer are left to the next capture."""
    due_at = eastern(DAY, 18, 45)
    days.make(eastern(DAY, 18, 46), DAY, *CAPTURED, games_to_come=8, games_heard_of=0)
    days.try_mode("lines", DAY, due_at, eastern(DAY, 18, 46), succeeded=True)
    assert look(days, automation.lines, eastern(DAY, 18, 47)).runs == []
    assert look(days, automation.lines, eastern(DAY, 18, 48)).run.tags[DUE_TAG] == due_at.astimezone(UTC).isoformat()
    for minute in (49, 50):
        days.try_mode("lines", DAY, due_at, eastern(DAY, 18, minute), succeeded=True)
    look(days, automation.lines, eastern(DAY, 18, 51))
    assert [alert[1:] for alert in alerts(days)] == [("lines_missing", "prop_lines")]
    days.make(eastern(DAY, 18, 52), DAY, *CAPTURED, games_to_come=8, games_heard_of=5)
    assert look(days, automation.lines, eastern(DAY, 18, 53)).runs == []


def test_a_capture_that_lacks_a_game_is_tried_three_times(days: Days) -> None:
    due_at = eastern(DAY, 10)
    days.make(eastern(DAY, 10, 1), DAY, *CAPTURED, games_to_come=8, games_heard_of=7)
    for minute in (1, 4, 9):
        assert look(days, automation.lines, eastern(DAY, 10, minute)).runs
        days.try_mode("lines", DAY, due_at, eastern(DAY, 10, minute), succeeded=True)
    assert look(days, automation.lines, eastern(DAY, 10, 30)).runs == []
    assert [alert[1:] for alert in alerts(days)] == [("lines_missing", "prop_lines")]


def test_the_lines_do_not_wait_for_a_schedule_that_failed(days: Days) -> None:
    assert tables_of(look(days, automation.lines, eastern(DAY, 7)).run) == ("schedule", *CAPTURED)
    days.try_mode("lines", DAY, eastern(DAY, 7), eastern(DAY, 7, 1))
    assert tables_of(look(days, automation.lines, eastern(DAY, 7, 4)).run) == CAPTURED


def test_lines_are_captured_while_the_league_cannot_be_asked(days: Days) -> None:
    """Five failures in the journal open the breaker of nba_cdn; tonight's schedule is there already."""
    landing = Landing(home=str(days.home), clock=Clock())
    with time_machine.travel(eastern(DAY, 6, 59)):
        for n in range(5):
            landing.note(boxscore_request(f"002250000{n}", DAY), "failed", statuses=[503] * 5, problem="status 503")
    assert tables_of(look(days, automation.lines, eastern(DAY, 7)).run) == CAPTURED


def test_captures_that_were_missed_are_one(days: Days) -> None:
    """A daemon that starts at 18:50 asks once, for the last of what was due."""
    found = look(days, automation.lines, eastern(DAY, 18, 50))
    assert found.run.run_key == f"lines:{DAY}:{eastern(DAY, 18, 45).isoformat()}:0"
    days.make(eastern(DAY, 18, 51), DAY, *CAPTURED)
    assert look(days, automation.lines, eastern(DAY, 18, 54)).runs == []
    assert look(days, automation.lines, eastern(DAY, 18, 55)).runs


def test_what_a_mode_has_captured_since_is_not_captured_again(days: Days) -> None:
    days.make(eastern(DAY, 9, 1), DAY, *CAPTURED)
    assert look(days, automation.lines, eastern(DAY, 9, 2)).runs == []
    assert look(days, automation.lines, eastern(DAY, 9, 59)).runs == []
    assert look(days, automation.lines, eastern(DAY, 10)).runs  # twelve hours before the second tip-off


def test_a_capture_waits_for_the_run_of_its_date_and_comes_then(days: Days) -> None:
    run = days.begin(DAY, eastern(DAY, 7))
    found = look(days, automation.lines, eastern(DAY, 7, 1))
    assert (found.runs, "another run of the date is under way" in found.why) == ([], True)
    days.end(run, eastern(DAY, 7, 2))
    assert look(days, automation.lines, eastern(DAY, 7, 3), found.cursor).runs


def test_a_capture_that_is_held_back_is_not_forgotten(days: Days) -> None:
    found = look(days, automation.lines, eastern(DAY, 7), warehouse=broken(days))
    assert (found.runs, "waits: the dataset is not there" in found.why) == ([], True)
    assert look(days, automation.lines, eastern(DAY, 7, 1), found.cursor).runs


def test_games_that_have_begun_are_not_captured(days: Days) -> None:
    assert look(days, automation.lines, eastern(DAY, 22)).why.startswith(f"{DAY}: no game to come")


def test_each_date_is_captured_for_itself(days: Days) -> None:
    days.write("schedule", TOMORROW, *slate_of(TOMORROW, eastern(TOMORROW, 2)))
    found = look(days, automation.lines, eastern(DAY, 18))
    assert [run.partition_key for run in found.runs] == [DAY.isoformat(), TOMORROW.isoformat()]


# Cursors


@pytest.mark.parametrize("cursor", ["not JSON", "[1]"])
def test_an_unreadable_cursor_of_the_finals_begins_anew(days: Days, cursor: str) -> None:
    found = look(days, automation.final_games, eastern(DAY, 16), cursor)
    assert found.cursor and json.loads(found.cursor)[DAY.isoformat()]["requests"] > 1_000_000


def test_an_unreadable_cursor_of_the_reconciliation_begins_anew(days: Days) -> None:
    now = eastern(DAY, 16, 6)
    found = look(days, automation.reconciliation, now, "since yesterday", warehouse=broken(days))
    assert found.cursor is not None and abs(datetime.fromisoformat(found.cursor) - now) < MINUTE


# Reconciliation


def test_a_date_whose_final_games_are_due_is_read_again(lived: Days) -> None:
    game = slate_of(YESTERDAY, eastern(YESTERDAY, 19), status="final")[0]
    lived.write("schedule", YESTERDAY, game)
    lived.write("boxscores", YESTERDAY, *complete_box(game))
    lived.write("player_game_summary", YESTERDAY, {"game_id": game["game_id"], "player_id": 1})
    assert look(lived, automation.reconciliation, eastern(DAY, 13, 5)).run.job_name == "recheck"
    request = look(lived, automation.reconciliation, eastern(DAY, 13, 6)).run
    assert (request.partition_key, request.asset_selection) == (str(YESTERDAY), None)
    assert request.run_key == f"reconciliation:recheck:{YESTERDAY}:{eastern(DAY, 12).isoformat()}:0"
    late = look(lived, automation.reconciliation, eastern(DAY, 16, 6)).run
    assert tables_of(late) == TABLES_OF_MODE["same_day"]  # a slate does not wait for a re-read


def test_what_was_lost_is_asked_for_once_until_it_was_tried(lived: Days) -> None:
    assert look(lived, automation.reconciliation, eastern(DAY, 16, 5)).why == "nothing that is due is undone"
    now = eastern(DAY, 16, 6)
    request = look(lived, automation.reconciliation, now).run
    assert (request.partition_key, tables_of(request)) == (DAY.isoformat(), TABLES_OF_MODE["same_day"])
    assert request.run_key == look(lived, automation.reconciliation, now + MINUTE).run.run_key  # Dagster starts a key once
    run = lived.begin(DAY, now, **{name: value for name, value in request.tags.items() if name != PARTITION_TAG})
    assert look(lived, automation.reconciliation, now + 2 * MINUTE).why == f"same_day of {DAY} is under way"
    lived.end(run, now + 3 * MINUTE)
    assert look(lived, automation.reconciliation, now + 4 * MINUTE).runs == []
    again = look(lived, automation.reconciliation, now + 6 * MINUTE).run
    assert again.run_key != request.run_key


def test_work_that_keeps_failing_is_told_once(lived: Days) -> None:
    for n in range(3):
        assert alerts(lived) == []
        lived.try_mode("same_day", DAY, eastern(DAY, 16), eastern(DAY, 16, n + 1))
        if n:
            look(lived, automation.reconciliation, eastern(DAY, 16, 6))
    for minute in (12, 14):  # eight minutes after the third attempt it is tried, and told of
        look(lived, automation.reconciliation, eastern(DAY, 16, minute))
    assert alerts(lived) == [(DAY, "work_undone", "same_day")]


def test_held_back_for_minutes_it_is_told_once(days: Days) -> None:
    """The warehouse that holds back is one of the tests; that of the alerts is the sandbox's own."""
    cursor, now = None, eastern(DAY, 16, 6)
    for minutes, expected in ((0, 0), (2, 0), (4, 0), (6, 1), (8, 1), (60, 1)):
        found = look(days, automation.reconciliation, now + minutes * MINUTE, cursor, warehouse=broken(days))
        assert (found.runs, found.why) == ([], "held back: the dataset is not there")
        assert alerts(days) == [(DAY, "probe_failed", "preflight")] * expected
        cursor = found.cursor


def test_what_answers_in_between_is_not_held_back_for_minutes(days: Days) -> None:
    now = eastern(DAY, 16, 6)
    cursor = look(days, automation.reconciliation, now, None, warehouse=broken(days)).cursor
    cursor = look(days, automation.reconciliation, now + 4 * MINUTE, cursor).cursor
    look(days, automation.reconciliation, now + 8 * MINUTE, cursor, warehouse=broken(days))
    assert alerts(days) == []


def test_held_back_again_on_another_day_it_is_told_again(days: Days) -> None:
    """Dagster keeps a sensor's cursor where the result has an empty one: what was told of must be forgotten in other words."""
    cursor = None
    for day in (DAY, TOMORROW):
        for minutes in (0, 6, 12):
            now = eastern(day, 16, 6 + minutes)
            cursor = look(days, automation.reconciliation, now, cursor, warehouse=broken(days)).cursor
        cursor = look(days, automation.reconciliation, eastern(day, 17), cursor).cursor
    assert [(day, kind) for day, kind, _ in alerts(days)] == [(DAY, "probe_failed"), (TOMORROW, "probe_failed")]


def test_a_week_without_models_is_trained_and_after_a_failure_tried_again(days: Days) -> None:
    keys = []
    for minute, is_expected in ((6, True), (9, False), (12, True)):
        found = [run for run in look(days, automation.reconciliation, eastern(DAY, 16, minute)).runs if run.job_name == "train"]
        assert bool(found) is is_expected
        if minute == 6:
            days.end(days.begin(MONDAY, eastern(DAY, 16, 7), job="train", **found[0].tags), eastern(DAY, 16, 8))
        keys += [run.run_key for run in found]
    assert len(set(keys)) == 2


def test_a_tick_that_failed_is_told_of(days: Days) -> None:
    failed = SerializableErrorInfo("OSError: the disk is gone\n", [], "OSError")
    sensor = Instigator(days.instance, "lines", InstigatorType.SENSOR)
    sensor.tick(0, TickStatus.FAILURE, error=failed)
    for minutes in (3, 8):
        assert "lines" in look(days, automation.alert_on_failed_tick, NOON + minutes * MINUTE).why
    assert [alert[1:] for alert in alerts(days)] == [("tick_failed", "lines")]
    assert look(days, automation.alert_on_failed_tick, NOON + 60 * MINUTE).why == "nothing failed"


def test_a_week_without_models_is_trained(days: Days) -> None:
    found = look(days, automation.reconciliation, eastern(DAY, 16, 6))
    training = [run for run in found.runs if run.job_name == "train"]
    assert [(run.partition_key, run.run_key) for run in training] == [(str(MONDAY), f"train:{MONDAY}:reconciliation:0")]
    days.make(eastern(DAY, 16, 7), MONDAY, "points_model")
    assert "train" not in {run.job_name for run in look(days, automation.reconciliation, eastern(DAY, 16, 8)).runs}


def test_a_week_that_is_being_trained_is_not_trained_again(days: Days) -> None:
    assert "train" in {run.job_name for run in look(days, automation.reconciliation, eastern(MONDAY, 5, 7)).runs}
    days.begin(MONDAY, eastern(MONDAY, 5), job="train")
    found = look(days, automation.reconciliation, eastern(MONDAY, 5, 7))
    assert "train" not in {run.job_name for run in found.runs}


@pytest.mark.parametrize("gate", ["find_undone", "held_back", "untrained_week"])
def test_a_gate_that_raises_starts_nothing(days: Days, monkeypatch: pytest.MonkeyPatch, gate: str) -> None:
    """Everything is undone, so whatever let go of the exception would start something."""

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(automation, gate, explode)
    with pytest.raises(RuntimeError, match="nobody thought of this"):
        look(days, automation.reconciliation, eastern(DAY, 16, 6))
    assert days.instance.get_runs_count() == 0 and alerts(days) == []


# Finals, as the league of the sandbox shows them


@cache
def league(day: date) -> list[Game]:
    """The games that really take place, in the order of their ends."""
    return sorted(League().games(day), key=lambda game: (game.ends_at, game.game_id))


def scheduled(day: date, *games: Game) -> list[Values]:
    """The rows of the schedule as they were read in the morning."""
    return [
        slate_of(day, game.tipoff_at, game_id=game.game_id, home_team=game.teams[0], away_team=game.teams[1])[0] for game in games
    ]


def complete(days: Days, day: date, *finals: Game) -> None:
    """What a collection leaves: these games are final and have their box scores, the others are as they were."""
    rows = scheduled(day, *league(day))
    done = {game.game_id for game in finals}
    known = [row | {"status": "final", "home_points": 110, "away_points": 100} if row["game_id"] in done else row for row in rows]
    days.write("schedule", day, *known)
    days.write("boxscores", day, *(box for row in known if row["game_id"] in done for box in complete_box(row)))


@pytest.fixture
def night(days: Days, monkeypatch: pytest.MonkeyPatch) -> Days:
    """The evening of the league's own games."""
    monkeypatch.delenv("NBA_CDN_URL")
    days.write("schedule", DAY, *scheduled(DAY, *league(DAY)))
    return days


def ends() -> list[datetime]:
    """The instants at which games of the night end, each once."""
    return sorted({game.ends_at for game in league(DAY)})


def over(now: datetime) -> list[Game]:
    return [game for game in league(DAY) if game.ends_at <= now]


def rule(days: Days, **spec: Any) -> None:
    (days.home / "sandbox_rules.json").write_text(json.dumps({"rules": [spec]}))


def test_before_the_first_final_nobody_is_asked_to_collect(night: Days) -> None:
    found = look(night, automation.final_games, ends()[0] - MINUTE)
    assert (found.runs, found.why) == ([], f"{DAY}: {sum(g.tipoff_at < ends()[0] - MINUTE for g in league(DAY))} games in play")


def test_a_night_is_collected_final_by_final_and_nothing_twice(night: Days) -> None:
    cursor, keys = None, []
    for end in ends():
        found = look(night, automation.final_games, end + MINUTE / 2, cursor)
        assert (found.run.partition_key, tables_of(found.run)) == (str(DAY), COLLECTED)
        assert found.run.tags[MODE_TAG] == "final_games"
        keys.append(found.run.run_key)
        run = night.begin(DAY, end + MINUTE / 2)
        assert look(night, automation.final_games, end + MINUTE, found.cursor).runs == []
        night.end(run, end + MINUTE)
        complete(night, DAY, *over(end))
        after = look(night, automation.final_games, end + 3 * MINUTE, found.cursor)
        assert after.runs == []
        cursor = after.cursor
    assert keys == [f"final_games:{DAY}:{n + 1}" for n in range(len(ends()))]
    assert look(night, automation.final_games, ends()[-1] + timedelta(hours=1), cursor).why == "no game is pending"


def test_a_date_that_another_run_is_working_on_is_asked_for_afterwards(night: Days) -> None:
    now = ends()[0] + MINUTE
    run = night.begin(DAY, now)
    found = look(night, automation.final_games, now)
    assert found.runs == [] and found.why.endswith("another run of the date is under way")
    night.end(run, now)
    assert look(night, automation.final_games, now + MINUTE, found.cursor).run.run_key == f"final_games:{DAY}:1"


def test_dates_are_asked_for_each_by_itself(night: Days) -> None:
    """A game of the night before has no box score yet, and at nine the scoreboard still shows that night."""
    night.write("schedule", YESTERDAY, *scheduled(YESTERDAY, league(YESTERDAY)[0]))
    found = look(night, automation.final_games, eastern(DAY, 9))
    assert [run.run_key for run in found.runs] == [f"final_games:{YESTERDAY}:1"]
    assert f"; {DAY}: the first tip-off is at" in found.run.tags[WHY_TAG]  # what was decided on the other date
    evening = look(night, automation.final_games, ends()[0] + MINUTE, found.cursor)
    assert [run.run_key for run in evening.runs] == [f"final_games:{DAY}:1"]  # noon of the first date is long past


def test_a_date_that_comes_back_has_a_run_key_of_its_own(night: Days) -> None:
    """A correction makes a complete game incomplete: Dagster starts nothing for a key that was used."""
    end = ends()[-1]
    found = look(night, automation.final_games, end + MINUTE)
    complete(night, DAY, *league(DAY))
    between = look(night, automation.final_games, end + 3 * MINUTE, found.cursor)
    assert between.why == "no game is pending"
    complete(night, DAY, *league(DAY)[1:])
    again = look(night, automation.final_games, end + 5 * MINUTE, between.cursor)
    assert again.run.run_key != found.run.run_key


def test_a_box_score_that_never_comes_is_an_alert_at_the_deadline(night: Days) -> None:
    found = look(night, automation.final_games, ends()[-1] + MINUTE)
    cursor = found.cursor
    for n in range(3):
        found = look(night, automation.final_games, deadline(DAY) + n * MINUTE, cursor)
        cursor = found.cursor
        assert found.runs == [] and "gave up on" in found.why
        assert alerts(night) == [(DAY, "boxscores_missing", "boxscores")]


def test_while_the_league_cannot_be_asked_the_reason_is_told_and_then_it_is_collected_anyway(night: Days) -> None:
    rule(night, match={"provider": "nba_cdn"}, action="status", status=503)
    first = min(game.tipoff_at for game in league(DAY))
    found = look(night, automation.final_games, ends()[0] + MINUTE)
    assert found.runs == []
    assert "status 503" in found.why
    late = look(night, automation.final_games, first + timedelta(hours=3, minutes=30), found.cursor)
    assert late.run.run_key == f"final_games:{DAY}:1"


def test_when_no_game_has_begun_nobody_is_asked(night: Days) -> None:
    """A rule that would break every answer changes nothing."""
    rule(night, match={"provider": "nba_cdn"}, action="status", status=503)
    found = look(night, automation.final_games, eastern(DAY, 15))
    assert (found.runs, "503" in found.why) == ([], False)
    assert "the first tip-off is at" in found.why


def test_the_simulated_instants_are_those_of_the_season() -> None:
    assert ends()[0].tzinfo is UTC and len(ends()) > 2
