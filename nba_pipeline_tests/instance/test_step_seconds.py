"""The seconds of the newest steps of one date are read from the materializations."""

import dagster as dg
import pytest

from nba_pipeline.instance import step_seconds
from nba_pipeline.instance.step_seconds import STEP_SECONDS, begin_step, end_step, newest_step_runs


def report(instance: dg.DagsterInstance, table: str, *seconds: float | None) -> None:
    for number, value in enumerate(seconds, start=1):
        metadata = {} if value is None else {STEP_SECONDS: value}
        instance.report_runless_asset_event(
            dg.AssetMaterialization(table, partition=f"2026-01-{number:02}", metadata={"rows": 7, **metadata})
        )


def test_the_newest_steps_come_first_and_steps_of_several_dates_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        report(instance, "features", 1.5, 2, None, 4.0, None)
        report(instance, "grades", None)
        newest = newest_step_runs(instance, ["features", "grades", "picks"], 2)
        assert {table: [(one.partition, one.seconds) for one in runs] for table, runs in newest.items()} == {
            "features": [("2026-01-04", 4.0), ("2026-01-02", 2.0)]
        }
        monkeypatch.setattr(step_seconds, "NEWEST", 1)
        assert newest_step_runs(instance, ["features"], 2) == {}


def test_the_first_call_of_a_step_is_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([10.0, 12.5, 20.0])
    monkeypatch.setattr(step_seconds.time, "perf_counter", lambda: next(instants))
    begin_step("a run", "features")
    begin_step("a run", "features")
    assert end_step("a run", "features") == 2.5
    assert end_step("a run", "features") is None
    begin_step("a run", "features")
    assert end_step("a run", "predictions") is None
