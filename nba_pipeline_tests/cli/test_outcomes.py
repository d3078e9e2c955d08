"""What a command prints about its runs."""

import signal
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import typer

from nba_pipeline.cli.outcomes import report, request_problems
from nba_pipeline.cli.repair import NOTHING_DUE
from nba_pipeline.definitions import build_definitions
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.orchestration.runner import Outcome, Runner


@pytest.fixture
def work(tmp_path: Path) -> Runner:
    return Runner(build_definitions("sandbox"), open_instance(tmp_path))


def test_an_interrupted_command_says_what_was_kept_and_how_to_continue(work: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Iterator[Outcome]:
        yield Outcome("season 2026-01-15", "a run", 1.0)
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        report(work, interrupted(), "nba-pipeline backfill --resume")
    message = " ".join(capsys.readouterr().err.split())
    assert ended.value.exit_code == 130
    assert "interrupted: 1 run was completed before. Every table that a run has written is kept" in message
    assert message.endswith("To continue: `nba-pipeline backfill --resume`")


def test_ctrl_c_in_a_step_starts_no_further_run(work: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    """Dagster records it as a failure of the step and returns normally."""

    @dg.asset(partitions_def=DAILY)
    def table() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)  # Python runs the signal's handler between two instructions

    work.definitions = dg.Definitions(assets=[table], jobs=[dg.define_asset_job("game_day", [table])])
    dates = (date(2026, 1, 14), date(2026, 1, 15))
    with pytest.raises(typer.Exit):
        report(work, (work.run("game_day", ["table"], day, day) for day in dates), "nba-pipeline run")
    assert len(work.instance.get_runs()) == 1 and "interrupted: no run was completed" in capsys.readouterr().err


def test_markup_in_a_message_is_text(work: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("game_day", "a run", 1.0, failures=["[red]a[/]"], closed=["[b]"], warnings=["[/bold]"])
    assert report(work, [outcome], "") == 1
    assert {line.strip() for line in capsys.readouterr().err.splitlines()[1:]} == {"[red]a[/]", "closed [b]", "warning [/bold]"}


def test_equal_problems_of_requests_are_counted() -> None:
    request = {"provider": "nba_stats", "endpoint": "boxscore", "outcome": "failed", "attempts": 3, "problem": "status 503"}
    others = [request | {"endpoint": f"e{n}"} for n in range(6)]
    assert request_problems([request, request])[0] == "nba_stats boxscore: status 503 (2 requests)"
    assert request_problems([request, request, *others])[-1] == "and 2 more problems"


def test_a_command_without_work_says_so(work: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(work, [], "nba-pipeline reconcile", if_none=NOTHING_DUE) == 0
    assert capsys.readouterr().out == "nothing to do: everything that is due is done\n"
