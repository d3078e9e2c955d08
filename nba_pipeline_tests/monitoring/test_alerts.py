"""Alerts are sent once, over a real HTTP receiver and a real local warehouse, and secrets never reach a log."""

import logging
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alerts import ALERTS, CODE_VERSION, SOURCE, Notifier
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.bigquery.shapes import shape_of
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.monitoring.webhook import DAY, NEXT, NOON, SECRET, Slack, a_notifier, rows

pytestmark = pytest.mark.slow

LATE = ("late_boxscores", "boxscores", "2 of 8 games have no box score.")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every line of every logger at every level."""
    caplog.set_level(logging.DEBUG)
    return caplog


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines that the notifier itself logged."""
    return [record.getMessage() for record in caplog.records if record.name == SOURCE]


# A row and a message


def test_an_alert_is_a_row_and_a_message(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    assert notifier.raise_alert(DAY, *LATE, severity="critical", next_command=f"nba-pipeline run --date {DAY}")
    assert slack.sent == [
        {
            "text": "critical: late_boxscores boxscores (2024-03-12)\n2 of 8 games have no box score.\n"
            "Next: nba-pipeline run --date 2024-03-12"
        }
    ]
    expected = {
        "game_date": DAY,
        "kind": LATE[0],
        "subject": LATE[1],
        "severity": "critical",
        "message": LATE[2],
        "next_command": f"nba-pipeline run --date {DAY}",
        "raised_at": NOON,
        "source": SOURCE,
        "as_of": NOON,
        "code_version": CODE_VERSION,
    }
    assert_frame_equal(warehouse.scan(ALERTS).collect(), pl.DataFrame([expected], schema=ALERTS.dtypes))


def test_a_repeated_alert_is_not_added(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    assert notifier.raise_alert(DAY, *LATE)
    assert not notifier.raise_alert(DAY, *LATE[:2], "1 of 8 games has no box score.")
    assert len(slack.sent) == 1
    assert [(row["message"], row["severity"]) for row in rows(warehouse)] == [(LATE[2], "warning")]


def test_an_alert_of_another_process_is_not_sent_twice(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert not a_notifier(LocalWarehouse(home=warehouse.home), slack.url).raise_alert(DAY, *LATE)
    assert len(slack.sent) == 1


@pytest.mark.parametrize("other", [(NEXT, *LATE), (DAY, "silent_source", *LATE[1:]), (DAY, LATE[0], "play_by_play", LATE[2])])
def test_another_date_kind_or_subject_is_another_alert(
    notifier: Notifier, slack: Slack, other: tuple[date, str, str, str]
) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert notifier.raise_alert(*other)
    assert len(slack.sent) == 2


def test_control_characters_of_slack_are_escaped(notifier: Notifier, slack: Slack) -> None:
    notifier.raise_alert(DAY, "few_rows", "features", "rows < 50 & <!channel>")
    assert slack.texts[0].splitlines()[1] == "rows &lt; 50 &amp; &lt;!channel&gt;"


def test_an_unknown_severity_is_refused(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    with pytest.raises(PipelineError, match="late_boxscores boxscores is invalid: severity"):
        notifier.raise_alert(DAY, *LATE, severity="urgent")  # type: ignore[arg-type]
    assert (slack.sent, rows(warehouse)) == ([], [])


# Without a webhook, and with a failing one


@pytest.mark.parametrize(("severity", "level"), [("warning", logging.WARNING), ("critical", logging.CRITICAL)])
def test_without_a_webhook_an_alert_is_logged(
    warehouse: LocalWarehouse, caplog: pytest.LogCaptureFixture, severity: Any, level: int
) -> None:
    notifier = a_notifier(warehouse)
    for _ in range(2):
        notifier.raise_alert(DAY, *LATE, severity=severity, next_command="nba-pipeline status")
    results = f"{severity}: late_boxscores boxscores (2024-03-12): 2 of 8 games have no box score. Next: nba-pipeline status"
    assert [(r.levelno, r.getMessage()) for r in caplog.records if r.name == SOURCE] == [(level, results)]


@pytest.mark.parametrize(("status", "headers"), [(404, {}), (429, {}), (500, {}), (302, {"Location": "/elsewhere"})], ids=str)
def test_a_refused_message_keeps_the_alert(
    notifier: Notifier, slack: Slack, warehouse: LocalWarehouse, log: pytest.LogCaptureFixture, status: int, headers: Any
) -> None:
    slack.status, slack.headers = status, headers
    assert notifier.raise_alert(DAY, *LATE)
    assert len(rows(warehouse)) == 1
    assert lines(log) == [
        "warning: late_boxscores boxscores (2024-03-12): 2 of 8 games have no box score. Not delivered to the "
        f"webhook: the webhook answered {status}"
    ]
    assert SECRET not in log.text


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"http://127.0.0.1:1/services/{SECRET}", "ConnectError"),
        (f"hooks.example/services/{SECRET}", "UnsupportedProtocol"),
        (f"http://127.0.0.1:1/services/{SECRET}\n", "InvalidURL"),
        (f"http://127.0.0.1:{SECRET}", "InvalidURL"),
    ],
    ids=["down", "no scheme", "a line break", "no port"],
)
def test_an_unreachable_webhook_raises_nothing(
    warehouse: LocalWarehouse, log: pytest.LogCaptureFixture, url: str, problem: str
) -> None:
    assert a_notifier(warehouse, url).raise_alert(DAY, *LATE)
    assert len(rows(warehouse)) == 1
    assert [line.rpartition(": ")[2] for line in lines(log)] == [problem]
    assert SECRET not in log.text


def test_a_webhook_without_an_answer_delays_by_the_deadline_only(
    slack: Slack, warehouse: LocalWarehouse, log: pytest.LogCaptureFixture
) -> None:
    slack.delay_seconds = 30.0
    assert a_notifier(warehouse, slack.url, timeout_seconds=0.1).raise_alert(DAY, *LATE)
    assert [line.rpartition(": ")[2] for line in lines(log)] == ["no answer within 0.1 seconds"]


def test_the_webhook_is_neither_logged_nor_shown(notifier: Notifier, slack: Slack, log: pytest.LogCaptureFixture) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert slack.sent and SECRET not in log.text and SECRET not in repr(notifier)


# The table in the warehouse


def test_alerts_are_a_ledger_that_a_rebuild_keeps(notifier: Notifier, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert TABLES["alerts"] is ALERTS and ALERTS.write == "add"
    with pytest.raises(PipelineError, match="is a ledger and is never deleted"):
        warehouse.drop(ALERTS)


def test_alerts_can_be_queried_in_sql(notifier: Notifier, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert warehouse.sql("SELECT kind, subject FROM alerts").rows() == [LATE[:2]]


def test_bigquery_has_a_type_for_each_of_its_columns() -> None:
    assert [str(column) for column in shape_of(ALERTS).columns] == [
        "game_date DATE NOT NULL",
        "kind STRING NOT NULL",
        "subject STRING NOT NULL",
        "severity STRING NOT NULL",
        "message STRING NOT NULL",
        "next_command STRING NOT NULL",
        "raised_at TIMESTAMP NOT NULL",
        "source STRING NOT NULL",
        "as_of TIMESTAMP NOT NULL",
        "code_version STRING NOT NULL",
    ]


def test_an_alert_that_the_warehouse_cannot_store_is_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = tmp_path / "tables"
    tables.write_text("a file where the folder of the tables should be")
    notifier = Notifier(warehouse=LocalWarehouse(home=str(tmp_path)), clock=Clock())
    with caplog.at_level(logging.WARNING):
        results = [notifier.raise_alert(date(2026, 1, 15), "probe_failed", str(tables), "it does not answer") for _ in range(3)]
    assert (
        results == [True, False, False]
        and caplog.text.count("it does not answer (The table alerts cannot store this alert:") == 1
    )
