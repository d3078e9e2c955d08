"""The command `status`: what it prints first, its exit code, and its repetition."""

import json
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.demos import DEMO_SLATE
from nba_pipeline.league.calendar import FIRST_DATE, eastern
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.watchdog import DAEMON_SILENT
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders_days import Days, slate_of
from nba_pipeline_tests.commands import nba_pipeline

pytestmark = pytest.mark.platform

DAY = date(2026, 1, 15)


def test_a_home_without_tables_says_only_what_to_do_first(tmp_path: Path) -> None:
    ended = nba_pipeline("status", home=tmp_path, now=eastern(DAY, 12))
    assert ended.stdout == f"the home {tmp_path} has no tables; first: `nba-pipeline demo`\n"
    assert "FAILED" in nba_pipeline("status", "--format", "json", home=tmp_path, now=eastern(DAY, 12)).stdout


def test_the_first_day_of_the_platform_has_a_status(tmp_path: Path) -> None:
    assert nba_pipeline("status", home=tmp_path, now=eastern(FIRST_DATE, 12)).returncode == 1


@pytest.mark.parametrize(
    ("missing", "states", "code"),
    [
        (None, ["EMPTY_OK", "EMPTY_OK", "EMPTY_OK"], 0),
        (DAY, ["EMPTY_OK", "EMPTY_OK", "LATE"], 1),
        (DAY - timedelta(days=1), ["EMPTY_OK", "FAILED", "EMPTY_OK"], 1),
    ],
    ids=["none", "late", "failed"],
)
def test_one_late_or_failed_date_among_others_sets_the_exit_code(
    missing: date | None, states: list[str], code: int, tmp_path: Path
) -> None:
    days, dates = Days(tmp_path), [DAY - timedelta(days=n) for n in (2, 1, 0)]
    for day in dates:
        if day != missing:
            days.write("schedule", day)
    options = ("--from", str(dates[0]), "--to", str(DAY), "--format", "json")
    ended = nba_pipeline("status", *options, home=tmp_path, now=eastern(DAY, 12))
    assert ([record["state"] for record in json.loads(ended.stdout)], ended.returncode) == (states, code)


def test_a_silent_daemon_is_the_cause_and_the_next_step_of_a_date_that_waits(tmp_path: Path) -> None:
    days, now = Days(tmp_path), eastern(DAY, 12)
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19)))
    notifier = Notifier(warehouse=days.warehouse, clock=Clock(fixed_at=now.isoformat()))
    notifier.raise_alert(DAY, DAEMON_SILENT, "daemon", "No sensor has ticked since 09:00.", "critical", "start the daemon")
    ended = nba_pipeline("status", "--from", str(DAY), "--to", str(DAY), home=tmp_path, now=now)
    assert "Nothing is collected, predicted or graded. No sensor has ticked since 09:00." in ended.stdout
    assert f"Next for {DAY}: start the daemon" in ended.stdout


def test_an_unfinished_demo_is_the_next_step_of_the_dates_that_it_completes(tmp_path: Path) -> None:
    days, now = Days(tmp_path), eastern(DAY, 18)
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19)))
    options = ("status", "--from", str(DAY), "--to", str(DAY))
    assert f"Next for {DAY}: `nba-pipeline reconcile`" in nba_pipeline(*options, home=tmp_path, now=now).stdout
    (tmp_path / DEMO_SLATE).write_text(str(DAY))
    text = nba_pipeline(*options, home=tmp_path, now=now).stdout
    assert "LATE: The demo has not ended." in text and f"Next for {DAY}: `nba-pipeline demo`" in text


def test_a_home_that_was_copied_without_file_times_has_reloads_to_do(tmp_path: Path) -> None:
    days, now = Days(tmp_path), eastern(DAY, 12)
    days.make_everything(eastern(DAY, 11), DAY - timedelta(days=1), DAY)
    payload = Landing(home=str(tmp_path), clock=Clock(fixed_at=now.isoformat())).keep(
        Slot("odds_api", "event_odds", "e1", DAY), b"{}", fetched_at=eastern(DAY, 10)
    )
    for written_at, is_due in ((eastern(DAY, 10), False), (now, True)):
        os.utime(str(payload.path), (written_at.timestamp(), written_at.timestamp()))
        assert ("Due: 1 x reload (" in nba_pipeline("status", home=tmp_path, now=now).stdout) == is_due


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--watch", "--every", "0"), "--every must be at least 1 second"),
        (("--watch", "--format", "json"), "--watch prints tables"),
    ],
)
def test_a_watch_that_cannot_be_shown_is_refused(words: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    ended = nba_pipeline("status", *words, home=tmp_path, now=eastern(DAY, 12))
    assert ended.returncode == 2 and problem in ended.stderr


@pytest.mark.unattended
def test_watch_prints_snapshots_into_a_pipe_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """The second snapshot shows what another process has written in the meantime."""
    days = Days(tmp_path)
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19)))
    command = [sys.executable, "-m", "nba_pipeline", "status", "--watch", "--every", "1", "--from", str(DAY), "--to", str(DAY)]
    environment = os.environ | {"NBA_PIPELINE_HOME": str(tmp_path), "NBA_PIPELINE_NOW": eastern(DAY, 6).isoformat()}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout and watch.stderr
        assert any(line.startswith(str(DAY)) for line in watch.stdout)
        days.write("schedule", DAY)
        assert any("EMPTY_OK" in line for line in watch.stdout)
        watch.send_signal(signal.SIGINT)
        assert (watch.wait(), watch.stderr.read()) == (0, "")
    assert list(tmp_path.rglob("*.db")) and not list(tmp_path.rglob("*.db-wal"))  # Dagster's files are closed
