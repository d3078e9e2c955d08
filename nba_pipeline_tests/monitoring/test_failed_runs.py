"""Alerts for failed runs: their runs, messages and dates."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.command_runs import TAGS
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import alert_on_killed, failed_run_sensor
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_days import slate_of
from nba_pipeline_tests.monitoring.webhook import DAY, NEXT, Slack, rows

pytestmark = pytest.mark.platform


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def breaks() -> None:
    raise Closed("2024-03-12 is closed: 1 of 8 final games have a complete box score")


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def checked() -> None:
    """Something to check."""


@dg.asset_check(asset=checked, blocking=True)
def enough_games() -> dg.AssetCheckResult:
    missing = dg.MetadataValue.json(["NYK@BOS", "ATL@MIA"])
    return dg.AssetCheckResult(passed=False, metadata={"share": 0.25, "missing": missing})


def run_of(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, dates: Sequence[date] = (DAY,), tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """A run of one asset and its check."""
    definitions = dg.Definitions(
        assets=[asset], asset_checks=[enough_games] if asset is checked else [], jobs=[dg.define_asset_job("game_day")]
    )
    span = {"dagster/asset_partition_range_start": str(dates[0]), "dagster/asset_partition_range_end": str(dates[-1])}
    return definitions.resolve_job_def("game_day").execute_in_process(
        instance=instance,
        partition_key=str(dates[0]) if len(dates) == 1 else None,
        raise_on_error=False,
        tags={**(tags or {}), **(span if len(dates) > 1 else {})},
    )


def evaluate_sensor(instance: dg.DagsterInstance, notifier: Notifier, run_id: str, ending: dg.DagsterEvent) -> None:
    """Evaluates the sensor for the end of a run."""
    run = instance.get_run_by_id(run_id)
    assert run
    context = dg.build_run_status_sensor_context(
        "alert_on_failed_run", ending, instance, run, resources={"notifier": notifier}
    ).for_run_failure()
    with context:
        failed_run_sensor("nba/mode")(context)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def failed(instance: dg.DagsterInstance, notifier: Notifier, result: dg.ExecuteInProcessResult) -> None:
    """Evaluates the sensor for a run that failed by itself."""
    assert not result.success
    evaluate_sensor(instance, notifier, result.run_id, result.get_run_failure_event())


def test_a_failed_run_raises_an_alert_with_its_cause(instance: dg.DagsterInstance, notifier: Notifier, slack: Slack) -> None:
    failed(instance, notifier, run_of(instance, breaks))
    assert slack.texts == [
        "warning: run_failed game_day 2024-03-12 breaks (2024-03-12)\n"
        "breaks: 2024-03-12 is closed: 1 of 8 final games have a complete box score\n"
        "Next: nba-pipeline reconcile\n"
        "Runbook: docs/runbooks/run_failed.md"
    ]


def test_the_alert_for_a_failed_check_names_the_check(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    failed(instance, notifier, run_of(instance, checked, tags={"nba/mode": "overnight"}))
    assert [(row["subject"], row["message"], row["next_command"]) for row in rows(warehouse)] == [
        (
            "overnight 2024-03-12 checked",
            "checked: check enough_games failed (25%): NYK@BOS; ATL@MIA",
            "nba-pipeline reconcile",
        )
    ]


@dg.multi_asset_check(name="checked_checks", specs=[dg.AssetCheckSpec("has_rows", asset="checked")])
def crashes() -> Iterator[dg.AssetCheckResult]:
    yield dg.AssetCheckResult(
        check_name="has_rows", asset_key="checked", passed=False, metadata={"missing": "ValueError: bad code"}
    )
    raise ValueError("bad code")


def test_a_check_that_crashed_is_another_alert_than_a_check_that_failed(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    definitions = dg.Definitions(assets=[checked], asset_checks=[crashes], jobs=[dg.define_asset_job("game_day")])
    job = definitions.resolve_job_def("game_day")
    failed(instance, notifier, job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False))
    assert [(row["kind"], row["subject"], row["message"]) for row in rows(warehouse)] == [
        (
            "check_crashed",
            "checked",
            "checked of 2024-03-12: a check could not be judged, so nothing is known about the rows: ValueError: bad code",
        )
    ]


def test_a_table_that_fails_with_the_error_of_a_crashed_check_has_an_alert_of_its_own(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    @dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
    def also_fails() -> None:
        raise ValueError("bad code")

    definitions = dg.Definitions(assets=[also_fails, checked], asset_checks=[crashes], jobs=[dg.define_asset_job("game_day")])
    job = definitions.resolve_job_def("game_day")
    failed(instance, notifier, job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False))
    assert {(row["kind"], row["subject"]) for row in rows(warehouse)} == {
        ("check_crashed", "checked"),
        ("run_failed", f"game_day {DAY} also_fails"),
    }


def test_a_killed_run_of_the_command_raises_an_alert_on_its_date(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    earlier = DAY - timedelta(days=3)
    result = run_of(instance, checked, dates=(earlier,), tags={"nba/mode": "overnight"})
    run = instance.get_run_by_id(result.run_id)
    assert run
    alert_on_killed(notifier, [run])
    assert [(row["game_date"], row["message"], row["next_command"]) for row in rows(warehouse)] == [
        (earlier, "its process was killed", "nba-pipeline reconcile")
    ]


def test_a_killed_run_of_the_command_raises_one_alert_with_and_without_the_daemon(
    instance: dg.DagsterInstance, notifier: Notifier, slack: Slack
) -> None:
    """The process that closes the run may die before it raises the alert, and often no daemon runs."""
    run = instance.get_run_by_id(run_of(instance, checked, tags={"nba/mode": "overnight"}).run_id)
    assert run
    crash = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    reason = "process 1 on host, which executed this run, ended without recording an outcome: it was killed"
    alert_on_killed(notifier, [run])
    evaluate_sensor(instance, notifier, run.run_id, instance.report_run_failed(run, reason, crash))
    assert len(slack.sent) == 1


def test_a_re_execution_of_a_command_s_run_is_not_a_run_of_a_command(
    instance: dg.DagsterInstance, notifier: Notifier, slack: Slack
) -> None:
    """Dagster copies its tags. The daemon started it and retries it."""
    origin = instance.get_run_by_id(run_of(instance, checked, tags=TAGS).run_id)
    assert origin
    named = origin.with_job_origin(RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("a"), "b"), "game_day"))
    alert_on_killed(notifier, [named._replace(parent_run_id=origin.run_id)])
    assert slack.sent == []
    alert_on_killed(notifier, [named])
    assert len(slack.sent) == 1


def test_an_unidentified_failure_raises_an_alert(
    instance: dg.DagsterInstance, warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example after its step events were deleted. It does not count as a late box score."""

    @dg.asset(partitions_def=DAILY)
    def breaks() -> None:
        raise ValueError("no")

    job = dg.Definitions(assets=[breaks], jobs=[dg.define_asset_job("game_day")]).resolve_job_def("game_day")
    result = job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False)
    monkeypatch.setattr("nba_pipeline.monitoring.failed_runs.failure_reasons", lambda *_: [])
    before = gates.deadline(DAY) - timedelta(seconds=1)
    failed(instance, Notifier(warehouse=warehouse, clock=Clock(fixed_at=before.isoformat())), result)
    assert len(rows(warehouse)) == 1


@pytest.mark.parametrize(
    ("table", "check", "due_at"),
    [
        ("boxscores", gates.COVERAGE_GATE, gates.deadline(DAY)),
        ("upcoming_players", "the_last_slates_are_covered", eastern(DAY, 7)),
    ],
)
def test_missing_box_scores_raise_an_alert_only_once_they_are_due(
    table: str, check: str, due_at: datetime, instance: dg.DagsterInstance, warehouse: LocalWarehouse
) -> None:
    """Nothing else failed. Until then the sensor final_games requests them."""

    @dg.asset(partitions_def=DAILY, name=table)
    def needs_boxscores() -> None:
        pass

    @dg.asset_check(asset=needs_boxscores, blocking=True, name=check)
    def covered() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    definitions = dg.Definitions(assets=[needs_boxscores], asset_checks=[covered], jobs=[dg.define_asset_job("game_day")])
    job = definitions.resolve_job_def("game_day")
    result = job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False)
    for seconds, expected in ((-1, 0), (0, 1)):
        at = due_at + timedelta(seconds=seconds)
        failed(instance, Notifier(warehouse=warehouse, clock=Clock(fixed_at=at.isoformat())), result)
        assert len(rows(warehouse)) == expected


def test_an_open_alert_about_missing_box_scores_replaces_that_of_the_run_that_they_stopped(
    instance: dg.DagsterInstance, warehouse: LocalWarehouse
) -> None:
    @dg.asset(partitions_def=DAILY)
    def boxscores() -> None:
        pass

    @dg.asset_check(asset=boxscores, blocking=True, name=gates.COVERAGE_GATE)
    def covered() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    job = dg.Definitions([boxscores], asset_checks=[covered]).resolve_implicit_global_asset_job_def()
    notifier = Notifier(warehouse=warehouse, clock=Clock(fixed_at=gates.deadline(DAY).isoformat()))
    notifier.raise_alert(DAY, "boxscores_missing", "boxscores", "no complete box score of game A")
    failed(instance, notifier, job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False))
    assert [row["kind"] for row in rows(warehouse)] == ["boxscores_missing"]


def test_the_runs_of_a_closed_slate_share_one_alert_that_explains_it(
    instance: dg.DagsterInstance, warehouse: LocalWarehouse
) -> None:
    @dg.asset(partitions_def=DAILY)
    def upcoming_players() -> None:
        pass

    @dg.asset_check(asset=upcoming_players, blocking=True)
    def the_last_slates_are_covered() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    @dg.asset(partitions_def=DAILY)
    def features() -> None:
        raise Closed(f"the slate of {DAY} is closed: 7 of 9 final games of the last 3 slates have a complete box score")

    before = DAY - timedelta(days=1)
    for day, status in ((before, "final"), (DAY, "scheduled")):
        [game] = slate_of(day, eastern(day, 19), status=status)
        warehouse.replace(TABLES["schedule"], [day], frame_of(TABLES["schedule"], game), "test")
    notifier = Notifier(warehouse=warehouse, clock=Clock(fixed_at=eastern(DAY, 8).isoformat()))
    definitions = dg.Definitions([upcoming_players, features], asset_checks=[the_last_slates_are_covered])
    job = definitions.resolve_implicit_global_asset_job_def()
    for mode, table in (("same_day", "upcoming_players"), ("injury_news", "upcoming_players"), ("same_day", "features")):
        result = job.execute_in_process(
            instance=instance,
            partition_key=str(DAY),
            raise_on_error=False,
            asset_selection=[dg.AssetKey(table)],
            tags={"nba/mode": mode},
        )
        failed(instance, notifier, result)
    [row] = rows(warehouse)
    assert (row["kind"], row["subject"]) == ("run_failed", f"slate {DAY} upcoming_players")
    assert row["message"].startswith(
        f"No predictions are made for {DAY} until the box scores of {before} are complete. Missing: "
    )
    assert row["next_command"].endswith(f"; to request them now: nba-pipeline repair --date {before}")


def test_the_alert_for_a_failed_range_has_its_last_date(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    failed(instance, notifier, run_of(instance, checked, [DAY, NEXT]))
    assert [(row["game_date"], row["subject"], row["next_command"]) for row in rows(warehouse)] == [
        (NEXT, "game_day 2024-03-12 to 2024-03-13 checked", "nba-pipeline reconcile")
    ]


def test_the_alert_for_a_failed_reread_names_its_own_command(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    @dg.op
    def breaks() -> None:
        raise ValueError("no")

    @dg.job(partitions_def=DAILY)
    def recheck() -> None:
        breaks()

    failed(instance, notifier, recheck.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False))
    assert [row["next_command"] for row in rows(warehouse)] == [f"nba-pipeline recheck --date {DAY}"]


def test_the_alert_for_a_closed_run_has_the_reason(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    """Also after a failed check, which did not end the run."""
    run = instance.get_run_by_id(run_of(instance, checked).run_id)
    assert run
    crash = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    evaluate_sensor(instance, notifier, run.run_id, instance.report_run_failed(run, "its process was killed", crash))
    assert [row["message"] for row in rows(warehouse)] == ["its process was killed"]


@pytest.mark.parametrize(("will_retry", "alerts"), [("true", 0), ("false", 1)])
def test_a_run_that_dagster_retries_raises_no_alert(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse, will_retry: str, alerts: int
) -> None:
    result = run_of(instance, breaks)
    instance.add_run_tags(result.run_id, {"dagster/will_retry": will_retry})
    failed(instance, notifier, result)
    assert len(rows(warehouse)) == alerts


def test_a_slate_that_fails_repeatedly_raises_one_alert(instance: dg.DagsterInstance, notifier: Notifier, slack: Slack) -> None:
    for _ in range(3):
        failed(instance, notifier, run_of(instance, breaks))
    assert len(slack.sent) == 1


def test_the_alert_for_a_run_without_a_date_has_today(instance: dg.DagsterInstance, notifier: Notifier, slack: Slack) -> None:
    @dg.op
    def nothing_works() -> None:
        raise ValueError("no")

    @dg.job
    def chores() -> None:
        nothing_works()

    failed(instance, notifier, chores.execute_in_process(instance=instance, raise_on_error=False))
    assert re.sub(r"\s+", " ", slack.texts[0]) == (
        "warning: run_failed chores nothing_works (2024-03-12) nothing_works: ValueError: no Next: nba-pipeline status "
        "Runbook: docs/runbooks/run_failed.md"
    )


def test_the_sensor_is_running_by_default() -> None:
    sensor = failed_run_sensor("nba/mode")
    definitions = dg.Definitions(
        sensors=[sensor], resources={"notifier": Notifier(warehouse=LocalWarehouse(home="x"), clock=Clock())}
    )
    dg.Definitions.validate_loadable(definitions)
    assert (sensor.name, sensor.default_status) == ("alert_on_failed_run", dg.DefaultSensorStatus.RUNNING)
