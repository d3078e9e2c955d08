"""The asset `morning_summary`: how yesterday went and what today needs, sent as a message at 08:00 Eastern."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.asset import OWNERS
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.alert_changes import recent_incidents
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.deliveries import SUMMARY, record, waiting
from nba_pipeline.monitoring.landed_dates import loaded_before
from nba_pipeline.monitoring.latency import slow
from nba_pipeline.monitoring.latency_facts import began_at
from nba_pipeline.monitoring.measurements import quota_of
from nba_pipeline.monitoring.morning_summary import Facts, is_all_well, summary, title
from nba_pipeline.monitoring.run_facts import read_runs
from nba_pipeline.monitoring.service_level_facts import read_facts as read_service_level_facts
from nba_pipeline.monitoring.service_levels import attainments, missed
from nba_pipeline.monitoring.sinks import send as send_document
from nba_pipeline.monitoring.slate_monitors import unexpected_quarantine
from nba_pipeline.monitoring.status import status
from nba_pipeline.monitoring.watchdog import EXPECTED, findings
from nba_pipeline.monitoring.webhook import slack_document
from nba_pipeline.orchestration.weekly_training import untrained_week
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore

DESCRIPTION = """morning_summary: how yesterday went and what today needs.

Its latest materialization has the summary. The schedule sends it to Slack and to the webhook once per date."""


def read_facts(instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, clock: Clock, store: ModelStore) -> Facts:
    """Reads the facts of the summary from the tables and Dagster's records."""
    today = clock.today
    dates = days(today - timedelta(days=1), today)
    recent = days(today - timedelta(days=SETTINGS.watch.incident_days), today)
    versions = {name: code_version(name) for name in daily_tables()}
    yesterday, of_today = status(
        warehouse, landing, clock, dates, versions, loaded_before(instance), read_runs(instance, dates, clock)
    )
    live = read_instigators(instance)
    since = began_at(list(live.values()))
    levels = read_service_level_facts(instance, warehouse, landing, since, clock.now()) if since else None
    return Facts(
        at=clock.now(),
        yesterday=yesterday,
        today=of_today,
        open_alerts=[one for one in recent_incidents(warehouse, today) if one.is_open],
        oldest_quarantined=_oldest_quarantined(warehouse, recent),
        quota=quota_of(warehouse),
        # ticks use the real clock, also if the platform's clock is fixed
        missed=[one.message for one in findings(live, EXPECTED, Clock().now())],
        untrained_week=untrained_week(instance, warehouse, clock.now(), store),
        slow=slow(levels.latencies.filter(pl.col("game_date").is_in(dates))) if levels else (),
        missed_objectives=missed(attainments(levels, clock.now())) if levels else (),
    )


def send(facts: Facts, notifier: Notifier) -> list[str]:
    """Sends the summary once per date to Slack and the webhook. Returns a message per sink that did not accept it.

    A summary is not retried: its tables may have changed, and the next one follows in the morning.
    """
    text = "\n".join([title(facts), *summary(facts)])
    problems = []
    for sink, url in notifier.sinks.items():
        if sink == "pagerduty":  # a summary is no incident
            continue
        now, today = notifier.clock.now(), notifier.clock.today
        claim = waiting(today, (today, SUMMARY, SUMMARY), now, number=0, sink=sink).claimed(now)
        if not record(notifier.warehouse, claim, notifier.clock.as_of):
            continue  # sent before, or another process is sending it
        document: dict[str, Any] = slack_document(text)
        if sink == "webhook":
            document = {"event": SUMMARY, "game_date": today.isoformat(), "is_all_well": is_all_well(facts), "message": text}
        reason = send_document(sink, url, document, notifier.timeout_seconds)
        record(notifier.warehouse, claim.ended(reason, notifier.clock.now()), notifier.clock.as_of)
        problems += [f"the summary was not delivered to {sink}: {reason}"] if reason else []
    return problems


@dg.asset(name=SUMMARY, group_name="status", description=DESCRIPTION, owners=OWNERS)
def morning_summary(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    landing: Landing,
    clock: Clock,
    model_store: ModelStore,
    notifier: Notifier,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Writes the summary into its metadata and sends it."""
    facts = read_facts(context.instance, warehouse, landing, clock, model_store)
    for problem in send(facts, notifier):
        context.log.warning(problem)
    lines = "\n".join(f"- {line}" if not line.startswith("  ") else f"    - {line.strip()}" for line in summary(facts))
    return dg.MaterializeResult(
        metadata={
            "summary": dg.MetadataValue.md(f"**{title(facts)}**\n\n{lines}"),
            "as_of": dg.MetadataValue.timestamp(clock.now()),
            "is_all_well": is_all_well(facts),
        }
    )


def _oldest_quarantined(warehouse: Warehouse, dates: Sequence[date]) -> tuple[str, date] | None:
    """Returns table and date of the oldest row of these dates that is quarantined unexpectedly; None without one."""
    oldest = {
        name: unexpected_quarantine(warehouse, name, dates).select(pl.col("game_date").min()).collect().item()
        for name in daily_tables()
    }
    return min(((name, day) for name, day in oldest.items() if day), key=lambda one: one[1], default=None)


summarize = dg.define_asset_job(
    "summarize",
    dg.AssetSelection.assets(SUMMARY),
    executor_def=dg.in_process_executor,
    description="Writes and sends the morning summary.",
)
