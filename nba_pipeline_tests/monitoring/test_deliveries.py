"""Undelivered messages are retried, delivered ones are not, and given-up ones are reported."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.errors import PipelineError
from nba_pipeline.monitoring.alert_changes import incident_of
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.deliveries import DELIVERIES, PAUSED, SINKS, Sink, record, undelivered_messages, unsent, waiting
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery.shapes import shape_of
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.monitoring.webhook import (
    ALERT_LEDGERS,
    DAY,
    NEXT,
    NOON,
    SECRET,
    Slack,
    a_notifier,
    listening,
    rows,
)

pytestmark = pytest.mark.platform

LATE = ("late_boxscores", "boxscores", "2 of 8 games have no box score.")
KEY = (DAY, *LATE[:2])
TO_COME = timedelta(minutes=SETTINGS.deliveries.first_wait_minutes)
LONG_AFTER = timedelta(days=1)
KEY_OF_PAGERDUTY = "r0utingKeySeCrEt"


class CannotRecord(LocalWarehouse):
    """A warehouse that stores everything except the outcomes of deliveries."""

    def add(self, table: Table, dates: Sequence[date], frame: pl.DataFrame, writer: str) -> int:
        if table is DELIVERIES and frame["state"].to_list() != ["pending"]:
            raise PipelineError("alert_deliveries is locked")
        return super().add(table, dates, frame, writer)


def states(warehouse: LocalWarehouse) -> list[tuple[int, str, str]]:
    """Attempt, state and reason of each row, in the order of writing."""
    order = pl.col("state") != "pending"
    return warehouse.scan(DELIVERIES).sort("attempt", order).select("attempt", "state", "reason").collect().rows()


def retry(notifier: Notifier, now: datetime) -> str:
    """An evaluation of the sensor at an instant, in another process."""
    return a_notifier(LocalWarehouse(home=notifier.warehouse.home), notifier.webhook_url, now).retry_deliveries()


def test_a_delivered_message_is_recorded_and_never_repeated(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert states(warehouse) == [(1, "pending", ""), (1, "sent", "")]
    assert [retry(notifier, NOON + later) for later in (TO_COME, LONG_AFTER)] == ["", ""]
    assert len(slack.sent) == 1


def test_a_refused_message_is_retried_when_it_is_due(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    slack.status = 500
    notifier.raise_alert(DAY, *LATE, next_command="nba-pipeline status")
    slack.status = 200
    assert retry(notifier, NOON + TO_COME - timedelta(seconds=1)) == ""
    assert retry(notifier, NOON + TO_COME) == "retried 1 of 1 undelivered message"
    assert states(warehouse) == [
        (1, "pending", ""),
        (1, "failed", "the webhook answered 500"),
        (2, "pending", ""),
        (2, "sent", ""),
    ]
    assert slack.texts[1].splitlines() == [
        "warning: late_boxscores boxscores (2024-03-12)",
        LATE[2],
        "Raised at 2024-03-12 12:00 US Eastern.",
        "Next: nba-pipeline status",
    ]
    assert retry(notifier, NOON + LONG_AFTER) == "" and len(slack.sent) == 2


def test_an_alert_of_another_date_is_retried_too(notifier: Notifier, slack: Slack) -> None:
    """For example an alert of a backfill of past seasons."""
    slack.status = 500
    notifier.raise_alert(DAY - timedelta(days=900), *LATE)
    slack.status = 200
    assert retry(notifier, NOON + TO_COME) == "retried 1 of 1 undelivered message"


def test_an_attempt_of_a_dead_process_is_repeated_after_its_claim(notifier: Notifier, slack: Slack) -> None:
    claim = waiting(DAY, KEY, NOON).claimed(NOON)
    a_notifier(notifier.warehouse).raise_alert(DAY, *LATE)
    record(notifier.warehouse, claim, NOON)
    lapse = timedelta(minutes=SETTINGS.deliveries.claim_minutes)
    assert retry(notifier, NOON + lapse - timedelta(seconds=1)) == "" and not slack.sent
    retry(notifier, NOON + lapse)
    assert len(slack.sent) == 1


def test_an_attempt_claimed_by_another_process_is_not_repeated(notifier: Notifier, slack: Slack) -> None:
    slack.status = 500
    notifier.raise_alert(DAY, *LATE)
    due, now = unsent(notifier.warehouse, [DAY])[0], NOON + TO_COME
    record(notifier.warehouse, due.claimed(now), now)
    assert retry(notifier, now) == ""
    assert a_notifier(notifier.warehouse, slack.url, now)._retry([due], now)  # a process that read before the other's claim
    assert len(slack.sent) == 1


def test_a_message_is_given_up_after_its_last_attempt(
    notifier: Notifier, slack: Slack, warehouse: LocalWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    slack.status, now = 500, NOON
    notifier.raise_alert(DAY, *LATE)
    waits = []
    while (due := unsent(warehouse, [DAY])[0]).next_at and len(waits) < SETTINGS.deliveries.attempts:
        waits.append((due.next_at - now) / timedelta(minutes=1))
        now = due.next_at
        retry(notifier, now)
    assert waits == [5, 10, 20, 40, 80, 160, 240, 240, 240]
    message = "alert late_boxscores boxscores (2024-03-12) was not delivered: given up after 10 attempts, last reason: the webhook answered 500"
    assert caplog.records[-1].getMessage() == message and caplog.records[-1].levelno == logging.ERROR
    assert undelivered_messages(warehouse, [DAY]) == {DAY: [message]}
    slack.status = 200
    assert retry(notifier, now + LONG_AFTER) == "" and len(slack.sent) == SETTINGS.deliveries.attempts


def test_while_the_webhook_fails_each_evaluation_sends_one_message(notifier: Notifier, slack: Slack) -> None:
    for subject in ("a", "b", "c"):
        a_notifier(notifier.warehouse).raise_alert(DAY, "late_boxscores", subject, LATE[2])
    slack.status = 500
    assert [retry(notifier, NOON + minutes * timedelta(minutes=1)) for minutes in (0, 1)] == [
        "retried 1 of 3 undelivered messages",
        "retried 1 of 2 undelivered messages",
    ]
    assert len({text.splitlines()[0] for text in slack.texts}) == 2
    slack.status = 200
    assert retry(notifier, NOON + LONG_AFTER) == "retried 3 of 3 undelivered messages"


def test_after_a_failure_new_messages_wait_for_the_retry(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    """Many alerts wait for one deadline in total, not for one each."""
    slack.status = 500
    notifier.raise_alert(DAY, *LATE)
    notifier.raise_alert(NEXT, *LATE)
    assert len(slack.sent) == 1 and (0, "pending", PAUSED) in states(warehouse)
    slack.status = 200
    assert retry(notifier, NOON + TO_COME) == "retried 2 of 2 undelivered messages"


def test_the_alert_of_a_process_without_a_webhook_is_sent_by_one_that_has_it(notifier: Notifier, slack: Slack) -> None:
    """For example a command in a shell without the daemon's environment variable."""
    without = a_notifier(LocalWarehouse(home=notifier.warehouse.home))
    assert without.raise_alert(DAY, *LATE) and without.retry_deliveries() == ""
    assert retry(notifier, NOON) == "retried 1 of 1 undelivered message" and len(slack.sent) == 1


def test_an_alert_of_an_earlier_version_is_not_sent(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    for file in Path(warehouse.home, "tables", DELIVERIES.name).rglob("*.parquet"):
        file.unlink()
    for file in Path(warehouse.home, "manifests", DELIVERIES.name).rglob("*.json"):
        file.unlink()
    assert not notifier.raise_alert(DAY, *LATE) and retry(notifier, NOON + LONG_AFTER) == ""
    assert len(slack.sent) == 1


def test_a_message_with_an_unrecorded_outcome_is_not_repeated_by_its_process(tmp_path: Path, slack: Slack) -> None:
    subject = str(tmp_path)
    cannot, now = CannotRecord(home=str(tmp_path)), NOON + LONG_AFTER
    a_notifier(cannot, slack.url).raise_alert(DAY, LATE[0], subject, LATE[2])
    assert a_notifier(cannot, slack.url, now).retry_deliveries() == ""
    can = LocalWarehouse(home=str(tmp_path))
    assert a_notifier(can, slack.url, now).retry_deliveries() == ""
    assert len(slack.sent) == 1 and states(can) == [(1, "pending", ""), (1, "sent", "")]


def test_an_alert_that_cannot_be_stored_is_sent_until_delivered(tmp_path: Path, slack: Slack) -> None:
    tables = tmp_path / "tables"
    tables.write_text("a file where the folder of the tables should be")
    warehouse, alert = LocalWarehouse(home=str(tmp_path)), (DAY, "probe_failed", str(tables), "it does not answer")
    url, slack.status = slack.url, 500
    assert a_notifier(warehouse, url).raise_alert(*alert)
    slack.status = 200
    unpaused = f"{url.removesuffix(SECRET)}/{SECRET}"  # the same webhook under a URL that is not paused
    for now in (NOON, NOON + TO_COME, NOON + LONG_AFTER):
        assert not a_notifier(warehouse, unpaused, now).raise_alert(*alert)
    assert len(slack.sent) == 2
    tables.unlink()
    assert a_notifier(warehouse, url, NOON + LONG_AFTER).raise_alert(*alert)
    assert len(slack.sent) == 2 and len(rows(warehouse)) == 1 and (2, "sent", "") in states(warehouse)


def test_no_row_contains_the_webhook(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    slack.status = 500
    notifier.raise_alert(DAY, *LATE)
    assert SECRET not in str(warehouse.scan(DELIVERIES).collect().to_dicts())


@pytest.mark.parametrize(("failing", "status"), [("slack", 500), ("pagerduty", 307), ("webhook", 404)])
def test_a_failing_sink_delays_no_other_and_is_retried_alone(
    warehouse: LocalWarehouse, caplog: pytest.LogCaptureFixture, failing: Sink, status: int
) -> None:
    """With every secret configured, and none of them in a table or a log."""
    caplog.set_level(logging.DEBUG)
    with ExitStack() as stack:
        sinks: dict[Sink, Slack] = {name: stack.enter_context(listening()) for name in SINKS}
        fields = {"pagerduty_key": KEY_OF_PAGERDUTY, "pagerduty_url": sinks["pagerduty"].url}
        fields |= {"alert_webhook_url": sinks["webhook"].url}
        broken = sinks[failing]
        broken.status, broken.headers = status, {"Location": f"{broken.url}/elsewhere"}
        a_notifier(warehouse, sinks["slack"].url, **fields).raise_alert(DAY, *LATE, severity="critical")
        broken.status, broken.headers = 200, {}
        later = a_notifier(LocalWarehouse(home=warehouse.home), sinks["slack"].url, NOON + TO_COME, **fields)
        assert later.retry_deliveries() == "retried 1 of 1 undelivered message"
        assert {name: len(sink.sent) for name, sink in sinks.items()} == dict.fromkeys(SINKS, 1) | {failing: 2}
    ledgers = [warehouse.scan(TABLES[name]).collect().write_csv() for name in ALERT_LEDGERS]
    assert not any(secret in "".join([*ledgers, caplog.text]) for secret in (SECRET, KEY_OF_PAGERDUTY))


def test_bigquery_has_a_type_for_each_of_its_columns() -> None:
    assert [str(column) for column in shape_of(DELIVERIES).columns][1:8] == [
        "alert_date DATE NOT NULL",
        "kind STRING NOT NULL",
        "subject STRING NOT NULL",
        "attempt INT64 NOT NULL",
        "state STRING NOT NULL",
        "reason STRING NOT NULL",
        "recorded_at TIMESTAMP NOT NULL",
    ]


# Digest


def test_many_messages_of_a_kind_within_an_hour_become_one_digest(notifier: Notifier, slack: Slack) -> None:
    for number in range(9):
        notifier.raise_alert(DAY, "name_unresolved", f"Player {number}", "1 line is quarantined.")
    notifier.raise_alert(DAY, *LATE)  # another kind is not held back
    assert [text.split(" (")[0] for text in slack.texts[4:]] == [
        "warning: name_unresolved Player 4",
        "warning: late_boxscores boxscores",
    ]
    hour = timedelta(hours=1)
    assert retry(notifier, NOON + hour - timedelta(seconds=1)) == ""
    assert retry(notifier, NOON + hour) == "retried 4 of 4 undelivered messages"
    assert slack.texts[6].splitlines() == [
        "digest: 4 more messages about name_unresolved",
        *(f"warning: name_unresolved Player {number} (2024-03-12): 1 line is quarantined." for number in range(5, 9)),
    ]
    assert retry(notifier, NOON + 2 * hour) == "" and len(slack.sent) == 7
    assert unsent(notifier.warehouse, [DAY]) == []


def test_an_undelivered_resolution_is_retried(notifier: Notifier, slack: Slack) -> None:
    notifier.raise_alert(DAY, *LATE)
    slack.status = 500
    incident = incident_of(notifier.warehouse, KEY)
    assert incident and notifier.resolve(incident, "2 box scores arrived.")
    slack.status = 200
    assert retry(notifier, NOON + TO_COME) == "retried 1 of 1 undelivered message"
    assert slack.texts[2].splitlines() == [
        "resolved, warning: late_boxscores boxscores (2024-03-12)",
        "It lasted less than a minute. 2 box scores arrived.",
        "Changed at 2024-03-12 12:00 US Eastern.",
    ]
