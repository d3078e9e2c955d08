"""Decided work is read from the runs of a Dagster instance: its attempts, its end and its first failure."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from nba_pipeline.instance.run_tags import AUTOMATIC_TAGS, COMMAND, DUE_TAG, MODE_TAG, PARTITION_TAG, STARTED_BY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.decided_work import read_work
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.monitoring.test_run_facts import failed

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 15)
NOON = eastern(DAY, 12)
MINUTE = timedelta(minutes=1)
BY_A_SENSOR = {AUTOMATIC_TAGS[1]: "reconciliation"}
DUE = BY_A_SENSOR | {MODE_TAG: "overnight", DUE_TAG: NOON.isoformat()}


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    with time_machine.travel(NOON, tick=False):
        yield Days(tmp_path)


def work(days: Days, since: datetime = NOON - timedelta(days=1)) -> list[tuple[str, datetime | None, datetime | None]]:
    return read_work(days.instance, since).select("name", "done_at", "failed_at").rows()


def succeed(days: Days, at: datetime, job: str = "game_day", **tags: str) -> None:
    days.end(days.begin(DAY, at, job, **tags), at, succeeded=True)


def test_the_attempts_at_work_are_one_item_that_an_attempt_repairs(days: Days) -> None:
    failed(days, NOON - 9 * MINUTE, **DUE)
    failed(days, NOON - 6 * MINUTE, **DUE)
    succeed(days, NOON - 3 * MINUTE, **DUE)
    succeed(days, NOON - 3 * MINUTE, **DUE | {MODE_TAG: "same_day"})
    assert work(days) == [
        (f"overnight of {DAY}", NOON - 3 * MINUTE, NOON - 8 * MINUTE),
        (f"same_day of {DAY}", NOON - 3 * MINUTE, None),
    ]


def test_a_failure_after_the_work_is_done_needs_no_repair(days: Days) -> None:
    """A capture that lacks some games is repeated for the same due instant. The repetition fails, the first capture stays."""
    succeed(days, NOON - 9 * MINUTE, **DUE)
    failed(days, NOON - 6 * MINUTE, **DUE)
    assert work(days) == [(f"overnight of {DAY}", NOON - 9 * MINUTE, None)]


def test_later_runs_of_other_work_repair_a_failed_run(days: Days) -> None:
    days.make(NOON - 20 * MINUTE, DAY, "features", "predictions")
    failed(days, NOON - 9 * MINUTE, "features", "predictions", **BY_A_SENSOR)
    days.make(NOON - 5 * MINUTE, DAY, "features")
    assert work(days)[0][1] is None
    days.make(NOON - 2 * MINUTE, DAY, "predictions")
    [(name, done_at, failed_at)] = work(days)
    assert (name, failed_at) == (f"game_day of {DAY}", NOON - 8 * MINUTE)
    assert done_at is not None and NOON - 2 * MINUTE <= done_at < NOON - MINUTE


def test_a_job_without_tables_is_repaired_by_its_next_success(days: Days) -> None:
    failed(days, NOON - 9 * MINUTE, job="recheck", **BY_A_SENSOR)
    succeed(days, NOON - 4 * MINUTE, "recheck", **BY_A_SENSOR)
    assert work(days)[0] == (f"recheck of {DAY}", NOON - 4 * MINUTE, NOON - 8 * MINUTE)


@pytest.mark.parametrize("table", ["points_model", ""])
def test_a_training_is_repaired_by_the_next_one_of_its_week(days: Days, table: str) -> None:
    week = date(2026, 1, 12)
    failed(days, NOON - 9 * MINUTE, *filter(None, [table]), job="train", **BY_A_SENSOR | {PARTITION_TAG: str(week)})
    if table:
        days.make(NOON - 4 * MINUTE, week, table)
    else:
        succeed(days, NOON - 4 * MINUTE, "train", **BY_A_SENSOR | {PARTITION_TAG: str(week)})
    [(name, done_at, failed_at)] = work(days)[:1]
    assert (name, failed_at) == (f"train of {week}", NOON - 8 * MINUTE)
    assert done_at is not None and NOON - 4 * MINUTE <= done_at < NOON - 3 * MINUTE


def test_work_in_progress_is_neither_done_nor_failed(days: Days) -> None:
    days.begin(DAY, NOON, **DUE)
    assert work(days) == [(f"overnight of {DAY}", None, None)]


def test_runs_of_people_and_earlier_runs_were_not_decided(days: Days) -> None:
    failed(days, NOON, "features", **{STARTED_BY_TAG: COMMAND})
    failed(days, NOON - timedelta(days=2), "features", **DUE)
    assert work(days) == []
