"""The progress of a run, from the events of a real one."""

import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.cli import progress
from nba_pipeline.cli.progress import RunProgress
from nba_pipeline.orchestration.runner import QUIET
from nba_pipeline_tests.instances import open_instance

PATIENCE_SECONDS = 180
"""At most; a busy machine took more than 60."""
RUN_ID = "00000000-0000-4000-8000-000000000001"
TABLES = [dg.asset(lambda: None, name=name) for name in ("a", "b", "c", "d")]


def progress_of_a_run(tables: int) -> RunProgress:
    """A run of four tables, observed from its start to its end."""
    instance = dg.DagsterInstance.ephemeral()
    shown = RunProgress("season 2026-01-15", tables, instance)
    job = dg.Definitions(assets=TABLES).resolve_implicit_global_asset_job_def()
    instance.add_event_listener(RUN_ID, shown)
    job.execute_in_process(instance=instance, run_id=RUN_ID, run_config=QUIET)
    shown.stop()
    return shown


def test_a_long_run_prints_a_line_every_25_percent_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    progress_of_a_run(4)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" tables")[0] for line in lines] == [f"season 2026-01-15: {25 * n}%, {n} of 4" for n in (1, 2, 3)], (
        "the outcome of the run is the last line"
    )


@pytest.mark.parametrize(("tables", "seconds"), [(4, 3.0), (0, 0.0)], ids=["a short run", "an unknown number of tables"])
def test_other_runs_print_nothing_in_a_log(
    tables: int, seconds: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", seconds)
    progress_of_a_run(tables)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_run_names_the_other_run_that_it_waits_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instance, other = open_instance(tmp_path), "11111111-0000-4000-8000-000000000002"
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("nba_cdn")
    assert storage.claim_concurrency_slot("nba_cdn", other, "boxscores").is_claimed
    tables = [dg.asset(lambda: None, name=name, pool="nba_cdn") for name in ("schedule", "play_by_play")]
    job = dg.Definitions(assets=tables).resolve_implicit_global_asset_job_def()
    shown = RunProgress("game_day 2026-01-15", len(tables), instance)
    instance.add_event_listener(RUN_ID, shown)
    run = threading.Thread(target=lambda: job.execute_in_process(instance=instance, run_id=RUN_ID, run_config=QUIET))
    run.start()
    printed, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while "waits" not in printed and time.monotonic() < deadline:
        printed += capsys.readouterr().err
        time.sleep(0.05)
    storage.free_concurrency_slots_for_run(other)
    run.join(PATIENCE_SECONDS)
    printed += capsys.readouterr().err
    shown.stop()
    assert printed.count("waits for") == 1, printed
    assert " waits for run 11111111, which holds the pool nba_cdn" in printed
    assert instance.get_run_by_id(RUN_ID).is_success  # type: ignore[union-attr]
