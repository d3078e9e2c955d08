"""What a command prints about its runs."""

import signal
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import typer

from nba_pipeline.cli.outcomes import (
    later_versions,
    print_failed_checks,
    print_last_lines,
    print_new_versions,
    report,
    request_problems,
)
from nba_pipeline.cli.repair import NOTHING_DUE
from nba_pipeline.definitions import build_definitions
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.builders_predictions import a_prediction
from nba_pipeline_tests.instances import open_instance

pytestmark = pytest.mark.slow


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(build_definitions("sandbox"), open_instance(tmp_path))


def test_an_interrupted_command_says_what_was_kept_and_how_to_continue(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> Iterator[Outcome]:
        yield Outcome("season 2026-01-15", "a run", 1.0)
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        report(runner, interrupted(), "nba-pipeline backfill --resume")
    message = " ".join(capsys.readouterr().err.split())
    assert ended.value.exit_code == 130
    assert message.endswith(
        "interrupted: the run was stopped, and every table that was written is kept. To continue: `nba-pipeline backfill --resume`"
    )


def test_ctrl_c_in_a_step_starts_no_further_run(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    """Dagster records it as a failure of the step and returns normally."""

    @dg.asset(partitions_def=DAILY)
    def table() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)  # Python runs the signal's handler between two instructions

    runner.definitions = dg.Definitions(assets=[table], jobs=[dg.define_asset_job("game_day", [table])])
    dates = (date(2026, 1, 14), date(2026, 1, 15))
    with pytest.raises(typer.Exit):
        report(runner, (runner.run("game_day", ["table"], day, day) for day in dates), "nba-pipeline run")
    assert len(runner.instance.get_runs()) == 1 and "interrupted: the run was stopped" in capsys.readouterr().err


def test_markup_in_a_message_is_text(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("game_day", "a run", 1.0, failures=["[red]a[/]"], closed=["[b]"], warnings=["[/bold]"])
    assert report(runner, [outcome], "") == 1
    assert {line.strip() for line in capsys.readouterr().err.splitlines()[1:]} == {"[red]a[/]", "closed [b]", "warning [/bold]"}


def test_equal_problems_of_requests_are_counted() -> None:
    request = {"provider": "nba_stats", "endpoint": "boxscore", "outcome": "failed", "attempts": 3, "problem": "status 503"}
    others = [request | {"endpoint": f"e{n}"} for n in range(6)]
    assert request_problems([request, request])[0] == "nba_stats boxscore: status 503 (2 requests)"
    assert request_problems([request, request, *others])[-1] == "and 2 more problems"


def test_a_command_without_work_says_so(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(runner, [], "nba-pipeline reconcile", message_if_none=NOTHING_DUE) == 0
    assert capsys.readouterr().out == "nothing to do: everything that is due is done\n"


FAILED = Outcome(
    "season 2026-01-15", "a run", 1.0, failures=["boxscores: no column pts"], not_written=["boxscores", "features", "predictions"]
)


def test_the_last_lines_of_a_failed_command_are_the_first_failure_and_its_dependents(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    later = Outcome("season 2026-01-16", "a run", 1.0, failures=["features was never materialized"])
    assert report(runner, [FAILED, later], "") == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "first failure: season 2026-01-15: boxscores: no column pts; 1 later run failed",
        "not written because of it: features, predictions",
    ]


def test_a_failed_command_ends_with_the_next_command_of_status(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    day = runner.clock.today - timedelta(days=400)
    print_last_lines(runner, [FAILED], day, day)
    assert capsys.readouterr().err.splitlines()[-1] == f"next: nba-pipeline backfill --from {day} --to {day} --resume"
    print_last_lines(runner, [], day, day)
    assert capsys.readouterr().err == ""


def test_a_single_failure_is_not_printed_twice(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    report(
        runner, [Outcome("train 2026-01-12", "a run", 1.0, failures=["points_model: no rows"], not_written=["points_model"])], ""
    )
    assert "first failure" not in capsys.readouterr().err


def test_checks_that_failed_without_stopping_a_run_are_named_by_table(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(
        "season", "a run", 1.0, closed=["features: check a failed on 3 dates (0%)"], warnings=["features: check b failed", "features: check b failed: x"]
    )  # fmt: skip
    print_failed_checks([outcome, outcome])
    assert "\n  features: a, b\n" in capsys.readouterr().out
    print_failed_checks([outcome], expected={"b": "few dates", "c": "no reason"})
    assert "\n  features: a, b (expected: few dates)\n" in capsys.readouterr().out


def test_checks_of_a_slate_whose_lines_are_not_due_are_named_apart(capsys: pytest.CaptureFixture[str]) -> None:
    today = Outcome("game_day 2026-01-15", "a run", 1.0, warnings=["injuries: check a failed"])
    tomorrow = Outcome("game_day 2026-01-16", "a run", 1.0, warnings=["prop_lines: check games_have_lines failed: 0 of 9"])
    print_failed_checks([today], [tomorrow])
    assert capsys.readouterr().out.splitlines()[:-1] == [
        "",
        "Checks that failed without stopping a run:",
        "  injuries: a",
        "",
        "Checks that failed for the next slate, whose lines are not due yet:",
        "  prop_lines: games_have_lines",
    ]
    print_failed_checks([])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("is_before_lines", "when"), [(True, "while its lines are not due yet"), (False, "without stopping it")])
def test_the_line_of_a_run_says_whether_the_lines_of_its_slate_are_due(
    is_before_lines: bool, when: str, runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = Outcome("game_day 2026-01-16", "a run", 1.0, warnings=["prop_lines: check games_have_lines failed: 0 of 9"])
    report(runner, [outcome], "", is_brief=True, is_before_lines=is_before_lines)
    assert capsys.readouterr().err == f"done game_day 2026-01-16 in 1.0 s, 1 check failed {when}\n"


def test_new_versions_of_predictions_are_counted(runner: Runner, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day, days = date(2026, 1, 15), Days(tmp_path)
    runner.warehouse = days.warehouse
    days.write("predictions", day, a_prediction(game_date=day, version=1))
    before = later_versions(runner, day, day)
    days.write("predictions", day, a_prediction(game_date=day, version=2))
    print_new_versions(runner, day, day, before)
    assert before == 0 and "1 prediction is a new version of an existing one" in capsys.readouterr().out
