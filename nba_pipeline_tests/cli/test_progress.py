"""The progress of a run, from the events of a real one."""

import dagster as dg
import pytest

from nba_pipeline.cli import progress
from nba_pipeline.cli.progress import RunProgress
from nba_pipeline.orchestration.runner import QUIET

RUN_ID = "00000000-0000-4000-8000-000000000001"
TABLES = [dg.asset(lambda: None, name=name) for name in ("a", "b", "c", "d")]


def progress_of_a_run(tables: int) -> RunProgress:
    """A run of four tables, observed from its start to its end."""
    shown, instance = RunProgress("season 2026-01-15", tables), dg.DagsterInstance.ephemeral()
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
