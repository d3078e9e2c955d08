"""Every process of the platform is killed by SIGKILL. Only `nba-pipeline watch --once` reports it, and later the recovery.

The limits of silence are shortened, so that the test takes minutes. Each watcher is a process of its own, as in production.
"""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.monitoring.watchdog import EXPECTED
from nba_pipeline_tests.monitoring.webhook import Slack, listening
from nba_pipeline_tests.unattended.live import Evening, Platform, platform, wait_until

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=250)]

WARNING, CRITICAL = timedelta(minutes=1.5), timedelta(minutes=3)
"""Silence that raises a warning, and a critical alert. A busy machine delays the frequent sensors."""
STARTED_WITHIN = timedelta(minutes=6)
SETTINGS = f"[watch]\nsilent_warning_minutes = {WARNING.seconds / 60}\nsilent_critical_minutes = {CRITICAL.seconds / 60}\n"
HEALTHY, WRONG = 0, 1


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def slack() -> Iterator[Slack]:
    with listening() as receiver:
        yield receiver


def watch(evening: Evening) -> int:
    """The exit code of one watcher."""
    return evening.command("watch", "--once", may_be=(HEALTHY, WRONG))


def of_silence(slack: Slack) -> list[str]:
    """The first words of each message about the silent daemon. The daemon itself sends other alerts."""
    return [text.split(" (")[0] for text in slack.texts if "daemon_silent" in text.splitlines()[0]]


def last_tick(home: Path) -> datetime:
    with open_instance(home) as instance:
        return max(
            (one.last_tick for one in read_instigators(instance).values() if one.last_tick),
            default=datetime.min.replace(tzinfo=UTC),
        )


def has_started(home: Path) -> bool:
    """Whether every schedule is listed and every sensor has ticked."""
    with open_instance(home) as instance:
        live = read_instigators(instance)
    return EXPECTED.schedules <= live.keys() and all(name in live and live[name].last_tick for name in EXPECTED.sensors)


def kill_during_a_run(evening: Evening, started: Platform) -> datetime:
    """Kills every process while a run is in progress. Returns the instant."""
    in_progress = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING)
    wait_until(lambda: has_started(evening.home), datetime.now(UTC) + STARTED_WITHIN, "every sensor has ticked")
    wait_until(lambda: evening.runs(*in_progress), datetime.now(UTC) + STARTED_WITHIN, "a run is in progress")
    started.kill()
    return datetime.now(UTC)


def test_watch_alone_reports_the_silence_once_and_the_recovery_once(tmp_path: Path, port: int, slack: Slack) -> None:
    """FS07: the daemon cannot report its own death."""
    (tmp_path / "settings.toml").write_text(SETTINGS)
    variables = {"SLACK_WEBHOOK_URL": slack.url, "NBA_PIPELINE_SETTINGS": str(tmp_path / "settings.toml")}
    evening = Evening(tmp_path, timedelta(hours=1), variables=variables)
    with platform(evening, port) as first:
        killed_at = kill_during_a_run(evening, first)
    silent_since = last_tick(tmp_path)
    assert silent_since <= killed_at and of_silence(slack) == []
    time.sleep(max(0.0, (silent_since + WARNING - datetime.now(UTC)).total_seconds()) + 1)
    assert [watch(evening), watch(evening)] == [WRONG, WRONG]
    reported = of_silence(slack)
    assert len(reported) in (1, 2) and reported[0] == "warning: daemon_silent daemon"  # two on a slow machine
    time.sleep(max(0.0, (silent_since + CRITICAL - datetime.now(UTC)).total_seconds()) + 1)
    assert [watch(evening), watch(evening)] == [WRONG, WRONG]
    escalated = ["warning: daemon_silent daemon", "escalated, critical: daemon_silent daemon"]
    assert of_silence(slack) == escalated
    with platform(evening, port) as second:
        wait_until(lambda: last_tick(tmp_path) > killed_at, datetime.now(UTC) + STARTED_WITHIN, "a sensor ticks again")
        watch(evening)
        watch(evening)
        second.kill()
    assert of_silence(slack) == [*escalated, "resolved, critical: daemon_silent daemon"]
