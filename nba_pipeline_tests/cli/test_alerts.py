"""`nba-pipeline alerts` lists, acknowledges and tests alerts, over real HTTP."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from nba_pipeline.cli.alerts import _acknowledged
from nba_pipeline.errors import PipelineError
from nba_pipeline.monitoring.alert_changes import incident_of
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.monitoring.webhook import DAY, NOON, SECRET, Slack, a_notifier, listening

pytestmark = pytest.mark.platform

RUN = (DAY, "run_failed", "overnight 2024-03-12")
ACK = ("alerts", "ack", "--kind", RUN[1], "--subject", RUN[2], "--date", str(DAY))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one open alert."""
    a_notifier(LocalWarehouse(home=str(tmp_path), league="simulated")).raise_alert(*RUN, "It failed.", "critical")
    return tmp_path


def later(home: Path, *words: str) -> tuple[int, str]:
    done = nba_pipeline(*words, home=home, now=NOON + timedelta(hours=2, minutes=5))
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_an_open_alert_is_listed_with_its_age_until_it_is_resolved(home: Path) -> None:
    code, text = later(home, "alerts", "list")
    assert code == 0 and "open for 2 h 5 min" in text
    [listed] = json.loads(nba_pipeline("alerts", "list", "--format", "json", home=home, now=NOON).stdout)
    assert (listed["subject"], listed["is_open"]) == (RUN[2], True)
    notifier = a_notifier(LocalWarehouse(home=str(home)))
    incident = incident_of(notifier.warehouse, RUN)
    assert incident and notifier.resolve(incident)
    assert later(home, "alerts", "list") == (0, "no alert is open")
    assert "resolved" in later(home, "alerts", "list", "--all")[1]


def test_an_alert_is_acknowledged_once_and_the_sinks_are_notified(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        assert later(home, *ACK, "--author", "kim") == (0, "acknowledged run_failed overnight 2024-03-12")
        assert later(home, *ACK, "--author", "lee") == (0, "kim already works on it")
    assert [text.splitlines()[:2] for text in slack.texts] == [
        ["acknowledged, critical: run_failed overnight 2024-03-12 (2024-03-12)", "kim works on it."]
    ]
    assert "kim works on it" in later(home, "alerts", "list")[1]


def test_an_alert_that_was_changed_at_the_same_time_is_not_acknowledged(home: Path) -> None:
    notifier = a_notifier(LocalWarehouse(home=str(home)))
    incident = incident_of(notifier.warehouse, RUN)
    assert incident and notifier.resolve(incident)
    with pytest.raises(PipelineError, match="was changed at the same time and is not acknowledged"):
        _acknowledged(notifier, incident, "kim")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((*ACK, "--author", " "), "--author must name a person"),
        ((*ACK[:5], "other", *ACK[6:], "--author", "kim"), "run_failed other of 2024-03-12 does not exist"),
        (("alerts", "test"), "no sink is configured; set SLACK_WEBHOOK_URL"),
        (("alerts", "list", "--format", "xml"), "xml"),
    ],
)
def test_wrong_use_is_refused(home: Path, words: tuple[str, ...], problem: str) -> None:
    code, text = later(home, *words)
    assert code == 2 and problem in text


def test_a_test_alert_reaches_every_sink_and_a_refusal_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other: Slack
    with listening() as slack, listening() as other:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        monkeypatch.setenv("ALERT_WEBHOOK_URL", other.url)
        assert later(home, "alerts", "test") == (0, "slack: delivered webhook: delivered")
        other.status = 302
        other.headers = {"Location": "/elsewhere"}
        code, text = later(home, "alerts", "test")
    assert (code, SECRET in text) == (1, False)
    assert text.startswith("slack: delivered") and "webhook: not delivered: the webhook answered 302" in text
    assert [(one["event"], one["kind"], one["severity"]) for one in other.sent[:2]] == [
        ("raised", "test_alert", "critical"),
        ("resolved", "test_alert", "critical"),
    ]
