"""What happens once a night: old runs of Dagster are deleted, and every ledger is compared with its manifests.

Dagster 1.13 purges ticks by itself (dagster.yaml) and runs never. A run of a slate leaves one to two megabytes, most of it the
log of its steps. It can go when Dagster has a retention for runs.
"""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.ledgers import Finding, ledgers, verify

LEDGER_ALTERED = "ledger_altered"
"""Kind of the alert that a ledger and its manifest disagree."""

LAST_WORDS = sqlalchemy.text(
    "SELECT run_id FROM event_logs WHERE id IN (SELECT max(id) FROM event_logs "
    "WHERE dagster_event_type = 'ASSET_MATERIALIZATION' GROUP BY asset_key, partition)"
)
MOST_AT_ONCE = 500


def prune(instance: dg.DagsterInstance, now: datetime) -> tuple[int, int]:
    """Delete the old runs that nothing is known by, and the step logs of those that something is; how many of each.

    A run is kept while it made what a date of a table holds now: by these Dagster knows which dates are there. Its events
    across runs stay, only the file of its own log goes. The oldest first, some at a time.
    Raises BadInput for another storage than SQLite.
    """
    log = instance.event_log_storage
    if not isinstance(log, SqliteEventLogStorage):
        raise BadInput(f"only events on SQLite are pruned, and this instance has {type(log).__name__}")
    with log.index_connection() as connection:
        kept = {run_id for (run_id,) in connection.execute(LAST_WORDS)}
    old = dg.RunsFilter(
        created_before=now - timedelta(days=SETTINGS.runs.kept_days),
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    deleted = emptied = 0
    for run in instance.get_runs(old, ascending=True):
        file = Path(log.path_for_shard(run.run_id))
        if run.run_id not in kept:
            instance.delete_run(run.run_id)
            deleted += 1
        elif file.exists():
            emptied += 1
        for rest in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            rest.unlink(missing_ok=True)
        if deleted + emptied == MOST_AT_ONCE:
            break
    return deleted, emptied


@dg.op(description="Old runs that nothing is known by go; of the others the log of their steps.")
def prune_old_runs(context: dg.OpExecutionContext) -> None:
    """Prune, and say how much went."""
    deleted, emptied = prune(context.instance, Clock().now())
    context.log.info(f"{deleted} runs deleted, the step logs of {emptied} more")


def verify_ledgers(warehouse: Warehouse, notifier: Notifier) -> tuple[int, list[Finding]]:
    """Verify every date of every ledger and raise an alert per ledger and date with findings; rows verified, findings."""
    verified = [one for table in ledgers() for one in verify(warehouse, table)]
    for one in verified:
        if one.findings:
            first, *others = one.findings
            message = f"{first}, and {len(others)} more findings" if others else str(first)
            notifier.raise_alert(one.game_date, LEDGER_ALTERED, one.table, message, "critical", "nba-pipeline audit ledgers")
    return sum(one.rows for one in verified), [finding for one in verified for finding in one.findings]


@dg.op(name="verify_ledgers", description="Every row of every ledger is compared with the hash recorded when it was written.")
def verify_all_ledgers(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], notifier: Notifier) -> None:
    """Verify, and log each finding."""
    rows, findings = verify_ledgers(warehouse, notifier)
    for finding in findings:
        context.log.error(str(finding))
    context.log.info(f"{rows} ledger rows verified, {len(findings)} findings")


@dg.job(
    executor_def=dg.in_process_executor, description="Deletes Dagster's old runs and verifies the ledgers.",
)  # fmt: skip
def housekeeping() -> None:
    """Once a day. Neither op waits for the other."""
    prune_old_runs()
    verify_all_ledgers()
