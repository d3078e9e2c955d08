"""The nightly job `housekeeping`: deletes old Dagster runs, compares ledgers with their manifests, compacts closed months."""

from collections import Counter

import dagster as dg

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_retention import prune
from nba_pipeline.monitoring.alert_changes import incidents
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.ledgers import ledgers
from nba_pipeline.warehouse.verification import (
    ROW_ALTERED,
    ROW_DUPLICATED,
    ROW_MISSING,
    ROW_UNRECORDED,
    Finding,
    Verified,
    verify,
)

DESCRIPTION = "Deletes Dagster's records of old runs, verifies every ledger and compacts closed months."

LEDGER_ALTERED = "ledger_altered"
"""Kind of the alert for a ledger that differs from its manifest."""

ON_DISK = {ROW_ALTERED: "changed", ROW_MISSING: "removed", ROW_UNRECORDED: "added", ROW_DUPLICATED: "duplicated"}
"""Problem of a row -> what was done to it."""


@dg.op(description="Deletes old runs that own no latest materialization, and the step logs of the other old runs.")
def prune_old_runs(context: dg.OpExecutionContext) -> None:
    """Prunes old runs and logs the counts."""
    deleted, emptied = prune(context.instance, Clock().now())
    context.log.info(f"deleted {counted(deleted, 'run')} and the step logs of {counted(emptied, 'run')}")


def verify_ledgers(warehouse: Warehouse, notifier: Notifier) -> tuple[int, list[Finding]]:
    """Verifies every date of every ledger and raises an alert per ledger and date with findings. Resolves those without.

    Returns the number of verified rows, and the findings.
    """
    verified = [one for table in ledgers() for one in verify(warehouse, table)]
    altered = {(one.game_date, LEDGER_ALTERED, one.table) for one in verified if one.findings}
    for incident in incidents(warehouse):  # of any date: a restored date may be old
        if incident.kind == LEDGER_ALTERED and incident.is_open and incident.key not in altered:
            notifier.resolve(incident)
    for one in verified:
        if one.findings:
            command = "nba-pipeline audit ledgers"
            notifier.raise_alert(one.game_date, LEDGER_ALTERED, one.table, _message(one), "critical", command)
    return sum(one.rows for one in verified), [finding for one in verified for finding in one.findings]


def _message(one: Verified) -> str:
    """Returns the number of rows per kind of difference from the manifest, then the first finding."""
    first, numbers = one.findings[0], Counter(ON_DISK[finding.problem] for finding in one.findings if finding.key)
    if not numbers:  # the finding concerns the whole date
        return str(first)
    rows = ", ".join(f"{counted(number, 'row was', 'rows were')} {verb}" for verb, number in numbers.items())
    return f"{one.table} of {one.game_date}: {rows} on disk. First: {first}"


@dg.op(name="verify_ledgers", description="Compares every row of every ledger with the hash recorded when it was written.")
def verify_all_ledgers(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], notifier: Notifier) -> None:
    """Verifies the ledgers and logs each finding."""
    rows, findings = verify_ledgers(warehouse, notifier)
    for finding in findings:
        context.log.error(str(finding))
    context.log.info(f"{counted(rows, 'ledger row')} verified, {counted(len(findings), 'finding')}")


@dg.op(description="Stores the rows of each closed month in one file per table.")
def compact_closed_months(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
    """Compacts the tables and logs the counts."""
    if summary := warehouse.compact(TABLES.values(), Clock().today):
        context.log.info(summary)


@dg.job(executor_def=dg.in_process_executor, description=DESCRIPTION)
def housekeeping() -> None:
    """Runs once a day. The ops are independent."""
    prune_old_runs()
    verify_all_ledgers()
    compact_closed_months()
