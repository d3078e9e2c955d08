"""Facts from the runs of a date: in progress, failures without a later run, materializations."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine
from dagster._core.execution.plan.objects import StepFailureData
from dagster._utils.error import SerializableErrorInfo

from nba_pipeline.completeness.date_facts import Failure
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import COMMAND, MODE_TAG, RANGE_TAGS, STARTED_BY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.run_facts import RunFacts, failed_tables, read_runs
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline_tests.builders_days import Days

DAY = date(2026, 1, 15)
NOON = eastern(DAY, 12)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    with time_machine.travel(NOON, tick=False):
        yield Days(tmp_path)


def facts(days: Days, *dates: date) -> RunFacts:
    return read_runs(days.instance, dates or [DAY], Clock())


def failed(days: Days, at: datetime, *tables: str, job: str = "game_day", **tags: str) -> dg.DagsterRun:
    """A run that began at the instant and failed a minute later."""
    run = days.begin(DAY, at, job, **tags)
    if tables:
        run = run._replace(asset_selection=frozenset(dg.AssetKey(table) for table in tables))
        days.instance.delete_run(run.run_id)
        with time_machine.travel(at, tick=False):
            days.instance.add_run(run)
    started = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
    days.instance.run_storage.handle_run_event(run.run_id, started, at)
    days.end(run, at + MINUTE)
    return run


def test_a_run_in_progress_belongs_to_its_date_only(days: Days) -> None:
    days.begin(DAY, NOON)
    assert facts(days, DAY, DAY - timedelta(days=1)).in_progress == {DAY}


def test_a_run_whose_lease_is_over_is_not_in_progress(days: Days) -> None:
    days.begin(DAY, NOON - timedelta(minutes=31))
    assert facts(days).in_progress == frozenset()


def test_a_run_of_a_range_belongs_to_each_of_its_dates(days: Days) -> None:
    first, last = DAY - timedelta(days=2), DAY
    days.begin(first, NOON, "season", **dict(zip(RANGE_TAGS, (str(first), str(last)), strict=True)))
    assert facts(days, first, DAY - timedelta(days=1), DAY).in_progress == {first, DAY - timedelta(days=1), DAY}


def test_a_training_belongs_to_no_date(days: Days) -> None:
    days.begin(DAY, NOON, "train")
    assert facts(days).in_progress == frozenset()


def test_a_failed_run_counts_for_tables_without_a_later_materialization(days: Days) -> None:
    days.make(NOON - 5 * MINUTE, DAY, "features", "predictions")
    days.make(NOON - 3 * MINUTE, DAY, "schedule")
    run = failed(days, NOON - 4 * MINUTE, "schedule", "features", "predictions")
    failures = facts(days).failures[DAY]
    reason = f"run {run.run_id[:8]} failed and no later run has succeeded (the run did not finish)"
    assert {name: (one.runs, one.reason) for name, one in failures.items()} == {
        "features": (1, reason),
        "predictions": (1, reason),
    }
    days.make(NOON, DAY, "features", "predictions")
    assert facts(days).failures == {}


def interrupt(days: Days, run: dg.DagsterRun) -> None:
    """Records the failed step of a run that Ctrl-C has ended, as Dagster does."""
    error = SerializableErrorInfo("interrupted", [], dg.DagsterExecutionInterruptedError.__name__)
    failure = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.STEP_FAILURE.value,
        job_name=run.job_name,
        event_specific_data=StepFailureData(error=error, user_failure_data=None),
    )
    days.instance.report_dagster_event(failure, run.run_id)


@pytest.mark.parametrize(
    ("tags", "step"),
    [
        (
            dict(zip(RANGE_TAGS, ("2026-01-10", "2026-01-15"), strict=True)),
            {"resume": "nba-pipeline backfill --from 2026-01-10 --to 2026-01-15 --resume"},
        ),
        ({MODE_TAG: "same_day"}, {"own_step": f"nba-pipeline run --date {DAY} --mode same_day"}),
    ],
    ids=["backfill", "run before it is due, which the reconciliation does not repeat"],
)
def test_an_interrupted_command_can_be_continued(tags: dict[str, str], step: dict[str, str], days: Days) -> None:
    run = failed(days, NOON - 4 * MINUTE, "features", **{STARTED_BY_TAG: COMMAND}, **tags)
    interrupt(days, run)
    reason = f"run {run.run_id[:8]} was interrupted and no later run has succeeded"
    assert facts(days).failures[DAY] == {"features": Failure(1, reason, **step)}


def test_failed_runs_of_a_table_are_counted_with_the_newest_reason(days: Days) -> None:
    failed(days, NOON - 9 * MINUTE, "features")
    newest = failed(days, NOON - 4 * MINUTE, "features")
    one = facts(days).failures[DAY]["features"]
    assert (one.runs, newest.run_id[:8] in one.reason) == (2, True)


def test_runs_that_failed_in_the_same_way_share_one_reason(days: Days) -> None:
    """A date names a cause once, however many runs it stopped."""
    failed(days, NOON - 9 * MINUTE, "schedule")
    newest = failed(days, NOON - 4 * MINUTE, "features")
    [reason] = {one.reason for one in facts(days).failures[DAY].values()}
    assert reason == (
        f"run {newest.run_id[:8]} failed and no later run has succeeded (the run did not finish); "
        "1 more run failed in the same way"
    )


def test_failed_runs_of_other_dates_or_long_ago_do_not_count(days: Days) -> None:
    failed(days, NOON - 4 * MINUTE, "features")
    assert facts(days, DAY - timedelta(days=1)).failures == {}
    with time_machine.travel(NOON + timedelta(days=40), tick=False):
        assert facts(days).failures == {}


def test_a_failed_recheck_counts_until_one_succeeds(days: Days) -> None:
    failed(days, NOON - 4 * MINUTE, job="recheck")
    assert set(facts(days).failures[DAY]) == {"recheck"}
    days.end(days.begin(DAY, NOON, "recheck"), NOON, succeeded=True)
    assert facts(days).failures == {}


def test_instants_of_tables_are_those_of_the_real_clock_or_none(days: Days) -> None:
    days.make(NOON, DAY, "features")
    assert facts(days).materialized_at[DAY]["features"].replace(microsecond=0) == NOON.astimezone(UTC)
    standing = Clock(fixed_at=NOON.isoformat())
    assert read_runs(days.instance, [DAY], standing).materialized_at == {}


def test_a_failed_table_is_repeated_by_a_later_run_of_the_table(days: Days) -> None:
    failed(days, NOON, "features", "predictions")
    assert failed_tables(days.instance, [DAY]) == {DAY: {"features", "predictions"}}
    later = days.begin(DAY, NOON + 5 * MINUTE)
    days.instance.delete_run(later.run_id)
    days.instance.add_run(
        later._replace(asset_selection=frozenset([dg.AssetKey("features")]), status=dg.DagsterRunStatus.SUCCESS)
    )
    assert failed_tables(days.instance, [DAY]) == {DAY: {"predictions"}}
    assert failed_tables(days.instance, [DAY - timedelta(days=1)]) == {}


@pytest.mark.parametrize(("job", "tables"), [("game_day", set(daily_tables())), ("housekeeping", set())])
def test_a_run_without_a_selection_has_all_tables_of_its_job(days: Days, job: str, tables: set[str]) -> None:
    failed(days, NOON, job=job)
    assert failed_tables(days.instance, [DAY]).get(DAY, set()) == tables
