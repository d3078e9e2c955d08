"""Resolves alerts whose cause is over, from the tables and Dagster's records. Code that raises an alert belongs beside its cause.

Sensors call it, and the runner after a successful run, because a home without a daemon has no sensor.
The watchdog, the sensor `alert_on_data` and the nightly verification of ledgers resolve their own alerts.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from nba_pipeline.completeness import gates
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.materializations import latest_materialization, materialized_at
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.monitoring.alert_changes import Incident, recent_incidents
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import CHECK_CRASHED, RUN_FAILED
from nba_pipeline.monitoring.run_facts import is_superseded
from nba_pipeline.monitoring.unresolved_names import NAME_UNRESOLVED, unresolved_names
from nba_pipeline.orchestration.line_captures import share_captured
from nba_pipeline.orchestration.lost_partitions import DAMAGED_FILE, is_repaired
from nba_pipeline.orchestration.slate_export import NOT_PUBLISHED
from nba_pipeline.orchestration.work import Work
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import SLATE_EXPORT
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

logger = logging.getLogger(__name__)

IsOver = Callable[[Incident], bool]


def resolve_over(notifier: Notifier, is_over: Mapping[str, IsOver]) -> list[str]:
    """Resolves the open alerts of these kinds whose cause is over. Returns their kinds and subjects."""
    try:
        recent = recent_incidents(notifier.warehouse, notifier.clock.today)
        known = [one for one in recent if one.is_open and one.kind in is_over]
        return [f"{one.kind} {one.subject}" for one in known if is_over[one.kind](one) and notifier.resolve(one)]
    except (PipelineError, OSError) as error:  # an alert that stays open must not stop the work of its caller
        logger.error("open alerts cannot be resolved: %s", error)
        return []


def over_by_data(instance: dg.DagsterInstance, warehouse: Warehouse) -> Mapping[str, IsOver]:
    """Returns kind of alert -> whether the tables and materializations show that its cause is over."""
    return {
        RUN_FAILED: lambda one: _is_materialized_again(instance, one),
        CHECK_CRASHED: lambda one: _is_table_materialized_again(instance, one.subject, one),
        "boxscores_missing": lambda one: _is_covered(warehouse, one),
        "lines_missing": lambda one: share_captured(instance, one.game_date, one.since) == 1.0,
        "injury_report_missing": lambda one: _is_newer(materialized_at(instance, "injuries", one.game_date), one.since),
        NOT_PUBLISHED: lambda one: _is_published_again(instance, one),
        NAME_UNRESOLVED: lambda one: _is_resolved(warehouse, one),
    }


def over_by_ticks(decided: Collection[str], failed: Collection[str]) -> Mapping[str, IsOver]:
    """Returns when `tick_failed` is over: the schedule or sensor made recent decisions, and none of them failed."""
    return {"tick_failed": lambda one: one.subject in decided and one.subject not in failed}


def over_by_repair(warehouse: Warehouse, landing: Landing) -> Mapping[str, IsOver]:
    """Returns when `damaged_file` is over: the file is replaced."""
    return {DAMAGED_FILE: lambda one: is_repaired(warehouse, landing, one.subject)}


def over_by_reconciliation(undone: Collection[Work]) -> Mapping[str, IsOver]:
    """Returns when `probe_failed` (runs can start again) and `work_undone` (the work is done or no longer due) are over."""
    remaining = {(work.game_date, work.subject) for work in undone}
    return {"probe_failed": lambda one: True, "work_undone": lambda one: (one.game_date, one.subject) not in remaining}


def _is_materialized_again(instance: dg.DagsterInstance, one: Incident) -> bool:
    """Whether every table that the subject of a failed run names was materialized for its date afterwards.

    The subject of a killed run, and of a job without tables, names only its mode or job. Then its runs are read.
    """
    name, *words = one.subject.replace(",", " ").split()
    tables = [word for word in words if word in TABLES]
    if not tables:
        since = one.since - timedelta(days=SETTINGS.watch.incident_days)  # the run ended before its alert
        return is_superseded(instance, name, one.game_date, since)
    return all(_is_table_materialized_again(instance, table, one) for table in tables)


def _is_table_materialized_again(instance: dg.DagsterInstance, table: str, one: Incident) -> bool:
    """Whether a table was materialized afterwards, by a run that succeeded.

    A run that writes the table and fails its check again does not count: its alert would be resolved and reopened.
    """
    record = latest_materialization(instance, table, one.game_date)
    if record is None or not _is_newer(datetime.fromtimestamp(record.timestamp, UTC), one.since):
        return False
    run = instance.get_run_by_id(record.run_id) if record.run_id else None
    return run is None or run.is_success


def _is_published_again(instance: dg.DagsterInstance, one: Incident) -> bool:
    """Whether the slate was published after the alert, or the next slate has replaced it in the index."""
    if _is_newer(materialized_at(instance, SLATE_EXPORT, one.game_date), one.since):
        return True
    at = materialized_at(instance, SLATE_EXPORT, one.game_date + timedelta(days=1))
    return at is not None and at > one.since and eastern_date(at) > one.game_date


def _is_covered(warehouse: Warehouse, one: Incident) -> bool:
    """Whether every final game of the date has a complete box score. A date without final games is unknown."""
    dates = [one.game_date]
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    [covered] = gates.coverage(gates.judge_games(schedule, boxscores), dates).iter_rows(named=True)
    return bool(0 < covered["final_games"] == covered["complete_games"])


def _is_resolved(warehouse: Warehouse, one: Incident) -> bool:
    """Whether a name has no quarantined lines any more; for an alert about many names, whether few are left."""
    names = unresolved_names(warehouse, one.game_date)
    return len(names) <= SETTINGS.names.most_alerts if one.subject == "prop_lines" else one.subject not in names


def _is_newer(at: datetime | None, since: datetime) -> bool:
    return at is not None and at > since
