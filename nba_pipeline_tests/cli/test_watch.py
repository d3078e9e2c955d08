"""`nba-pipeline watch --once` reads Dagster's storage without a daemon, alerts over real HTTP and reports by its exit code."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster._core.definitions.run_request import InstigatorType

from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.cli.watch import HEALTHY
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.monitoring.watchdog import EXPECTED
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import a_game, frame_of
from nba_pipeline_tests.commands import Ended, nba_pipeline
from nba_pipeline_tests.instance.test_ticks import NOON, Instigator
from nba_pipeline_tests.instances import open_instance
from nba_pipeline_tests.monitoring.webhook import SECRET, Slack, listening

pytestmark = [pytest.mark.platform, pytest.mark.any_storage]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an instance, and with a schedule that has no games near today."""
    open_instance(tmp_path).dispose()
    LocalWarehouse(home=str(tmp_path), league="simulated").replace(SCHEDULE, [date(2024, 7, 30)], SCHEDULE.empty(), "test")
    return tmp_path


def play_today(home: Path) -> None:
    """Writes a game of today."""
    today = eastern_date(datetime.now(UTC))
    game = frame_of(SCHEDULE, a_game(today, status="scheduled"))
    LocalWarehouse(home=str(home), league="simulated").replace(SCHEDULE, [today], game, "test")


def tick(home: Path, minutes_ago: float) -> None:
    """A tick of every schedule and sensor."""
    offset = (datetime.now(UTC) - timedelta(minutes=minutes_ago) - NOON) / timedelta(minutes=1)
    with open_instance(home) as instance:
        for names, kind in ((EXPECTED.schedules, InstigatorType.SCHEDULE), (EXPECTED.sensors, InstigatorType.SENSOR)):
            for name in names:
                Instigator(instance, name, kind).skip(offset, "nothing is due")  # type: ignore[arg-type]


def watch(home: Path) -> Ended:
    return nba_pipeline("watch", "--once", home=home)


def test_off_season_silence_is_healthy(home: Path) -> None:
    assert watch(home) == Ended(0, f"{HEALTHY}\n", "")


def test_a_home_without_an_instance_is_wrong_use(tmp_path: Path) -> None:
    done = watch(tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and "has no Dagster instance to watch" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_in_season_silence_is_sent_once_and_the_recovery_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play_today(home)
    with listening() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        silent = [watch(home) for _ in range(2)]
        tick(home, minutes_ago=1)
        healthy = [watch(home) for _ in range(2)]
    assert [done.returncode for done in (*silent, *healthy)] == [1, 1, 0, 0]
    assert [text.split(" (")[0] for text in slack.texts] == [
        "critical: daemon_silent daemon",
        "resolved, critical: daemon_silent daemon",
    ]
    assert SECRET not in "".join(done.stdout + done.stderr for done in (*silent, *healthy))


def test_without_a_schedule_the_season_is_unknown_and_silence_alerts(tmp_path: Path) -> None:
    open_instance(tmp_path).dispose()
    assert watch(tmp_path).returncode == 1


@pytest.mark.sqlite
def test_an_unreadable_database_of_dagster_is_an_alert_of_the_watchdog(home: Path) -> None:
    play_today(home)
    tick(home, minutes_ago=1)
    for file in (home / "dagster").rglob("schedules.db*"):
        file.write_bytes(b"no database" * 1000)
    done = watch(home)
    assert done.returncode == 1 and "watch_failed watch: The watchdog could not check the daemon" in done.stderr
    alerts = LocalWarehouse(home=str(home)).scan(ALERTS).collect()
    assert alerts.select("kind", "severity").rows() == [("watch_failed", "critical")]


@pytest.mark.sqlite
def test_an_unexpected_error_is_an_alert_too(home: Path) -> None:
    """An uncaught error would end with exit code 1, as an alert does, and nothing would have been sent."""
    play_today(home)
    tick(home, minutes_ago=1)
    with closing(sqlite3.connect(next((home / "dagster").rglob("schedules.db")))) as connection, connection:
        connection.execute("UPDATE instigators SET instigator_body = '{}'")
    done = watch(home)
    assert done.returncode == 1 and "watch_failed watch: The watchdog could not check the daemon: Deserialization" in done.stderr


def test_a_hanging_sink_delays_the_watchdog_by_its_deadline_only(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits = home / "limits.toml"  # the process has read that there is no settings.toml
    limits.write_text("[deliveries]\ndeadline_seconds = 3\n")
    monkeypatch.setenv("NBA_PIPELINE_SETTINGS", str(limits))
    play_today(home)
    with listening() as slack:
        slack.delay_seconds = 300.0
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        done = watch(home)
    assert done.returncode == 1 and len(slack.sent) == 1 and SECRET not in done.stdout + done.stderr
    assert "no answer within 3 seconds" in done.stderr + caplog.text


def test_pagerduty_receives_critical_alerts_and_their_resolution(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play_today(home)
    pagerduty: Slack
    with listening() as pagerduty:
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "r0utingKey")
        monkeypatch.setenv("PAGERDUTY_URL", pagerduty.url)
        watch(home)
        tick(home, minutes_ago=1)
        watch(home)
    events = [(one["routing_key"], one["event_action"], one["payload"]["severity"]) for one in pagerduty.sent]
    assert events == [("r0utingKey", "trigger", "critical"), ("r0utingKey", "resolve", "critical")]
    assert len({one["dedup_key"] for one in pagerduty.sent}) == 1
