"""The newest result of a check for a date, from Dagster's records."""

from dataclasses import dataclass
from datetime import date

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter  # verified with Dagster 1.13; no public reader of a check's partition
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

ENDED = {Status.SUCCEEDED, Status.FAILED}


@dataclass(frozen=True)
class CheckResult:
    """The newest result of a check for a date."""

    passed: bool
    names: str
    """The names of missing items, comma-separated."""


def newest_result(instance: dg.DagsterInstance, table: str, check: str, day: date) -> CheckResult | None:
    """Returns the newest result of a check for a date; None if it was never judged. A run in progress does not hide it."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(table), check), 1, status=ENDED, partition_filter=PartitionKeyFilter(key=day.isoformat())
    )
    evaluation = records[0].evaluation if records else None
    if evaluation is None:
        return None
    missing = getattr(evaluation.metadata.get("missing"), "value", None) or ""
    return CheckResult(evaluation.passed, ", ".join(str(missing).splitlines()))
