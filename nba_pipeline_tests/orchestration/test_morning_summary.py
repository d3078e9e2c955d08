"""The morning summary is read from the tables, sent once per date over real HTTP, and a failing sink is named."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.sources.prop_lines import AFTER_TIPOFF
from nba_pipeline.completeness.quarantine_cases import cases, decide
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.deliveries import SUMMARY, record, undelivered_messages, unsent, waiting
from nba_pipeline.monitoring.measurements import measure
from nba_pipeline.monitoring.morning_summary import Facts
from nba_pipeline.orchestration.morning_summary import read_facts, send
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline_tests.instances import open_instance
from nba_pipeline_tests.monitoring.webhook import DAY, NOON, SECRET, Slack, a_notifier, listening

pytestmark = pytest.mark.platform


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


@pytest.fixture
def facts(tmp_path: Path, warehouse: LocalWarehouse) -> Facts:
    return facts_of(tmp_path, warehouse)


def oldest_quarantined(home: Path, warehouse: LocalWarehouse) -> tuple[str, date] | None:
    return facts_of(home, warehouse).oldest_quarantined


def facts_of(tmp_path: Path, warehouse: LocalWarehouse) -> Facts:
    notifier = a_notifier(warehouse, "")
    clock = notifier.clock
    with open_instance(tmp_path) as instance:
        return read_facts(instance, warehouse, Landing(home=str(tmp_path), clock=clock), clock, ModelStore(home=str(tmp_path)))


def notifiers(warehouse: LocalWarehouse, slack: Slack) -> Notifier:
    return a_notifier(warehouse, slack.url).model_copy(update={"alert_webhook_url": slack.url})


def test_a_summary_is_sent_once_per_date_to_each_sink_but_the_pager(warehouse: LocalWarehouse, facts: Facts) -> None:
    with listening() as slack:
        notifier = notifiers(warehouse, slack)
        assert send(facts, notifier) == send(facts, notifier) == []
    assert len(slack.sent) == 2
    text, event = slack.sent[0]["text"], slack.sent[1]
    assert text.startswith(f"nba_pipeline, Tue {DAY} 12:00 Eastern: needs a look")
    assert "FAILED, 0 games; not written: schedule" in text
    assert (event["event"], event["game_date"], event["is_all_well"]) == ("morning_summary", DAY.isoformat(), False)


def test_a_sink_that_fails_is_named_without_its_secret(warehouse: LocalWarehouse, facts: Facts) -> None:
    with listening() as slack:
        slack.status = 500
        problems = send(facts, notifiers(warehouse, slack))
    assert problems == [f"the summary was not delivered to {sink}: the webhook answered 500" for sink in ("slack", "webhook")]
    assert SECRET not in "".join(problems)
    assert {one.reason for one in unsent(warehouse, [DAY])} == {"the webhook answered 500"}


def test_a_summary_that_a_sink_refused_is_given_up(warehouse: LocalWarehouse, facts: Facts) -> None:
    with listening() as slack:
        slack.status = 500
        send(facts, a_notifier(warehouse, slack.url))
        a_notifier(warehouse, slack.url, NOON + timedelta(days=1)).retry_deliveries()
    assert len(slack.sent) == 1
    reason = "given up after 1 attempt, last reason: the webhook answered 500"
    assert undelivered_messages(warehouse, [DAY]) == {DAY: [f"the morning summary of {DAY} was not delivered: {reason}"]}


def test_a_summary_whose_process_died_is_given_up(warehouse: LocalWarehouse) -> None:
    notifier = a_notifier(warehouse, "")
    record(warehouse, waiting(DAY, (DAY, SUMMARY, SUMMARY), NOON).claimed(NOON), notifier.clock.as_of)
    with listening() as slack:
        a_notifier(warehouse, slack.url, NOON + timedelta(days=1)).retry_deliveries()
    assert slack.sent == [] and [one.state for one in unsent(warehouse, [DAY])] == ["given_up"]


def test_rows_that_are_accepted_or_of_no_market_are_not_the_oldest_quarantined(tmp_path: Path, warehouse: LocalWarehouse) -> None:
    def quarantine(table: str, days_ago: int, problem: str) -> None:
        day = DAY - timedelta(days=days_ago)
        row = {"table": table, "game_date": day, "problem": problem, "row": "{}", "source": "test", "as_of": NOON}
        warehouse.quarantine(TABLES[table], [day], pl.DataFrame([row], QUARANTINE_SCHEMA))

    quarantine("prop_lines", 5, AFTER_TIPOFF)
    quarantine("rosters", 4, "key_is_unique")
    [case] = cases(warehouse, ["rosters"], [DAY - timedelta(days=4)])
    decide(warehouse, NOON, case, "accepted", "the page is right", "Ann")
    assert oldest_quarantined(tmp_path, warehouse) is None
    quarantine("boxscores", 2, "points_match_the_shots")
    quarantine("rosters", 1, "key_is_unique")
    assert oldest_quarantined(tmp_path, warehouse) == ("boxscores", DAY - timedelta(days=2))


def test_an_open_alert_about_tomorrow_s_slate_is_in_the_summary(tmp_path: Path, warehouse: LocalWarehouse) -> None:
    notifier = a_notifier(warehouse, "")
    notifier.raise_alert(DAY + timedelta(days=1), "name_unresolved", "Nobody", "1 line is quarantined.")
    landing, store = Landing(home=str(tmp_path), clock=notifier.clock), ModelStore(home=str(tmp_path))
    with open_instance(tmp_path) as instance:
        read = read_facts(instance, warehouse, landing, notifier.clock, store)
        versions = dict.fromkeys(daily_tables(), "1")
        measured = measure(instance, warehouse, landing, notifier.clock, versions, [], tmp_path)
    assert [one.kind for one in read.open_alerts] == [one.kind for one in measured.incidents] == ["name_unresolved"]


def test_an_empty_home_has_a_summary(facts: Facts) -> None:
    assert (facts.yesterday["games"], facts.open_alerts, facts.oldest_quarantined, facts.quota) == (0, [], None, {})
    assert facts.missed == ["No schedule or sensor has ever ticked: Dagster's daemon is not running."]
