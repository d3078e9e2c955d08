"""Results of blocking checks per date in a range run.

Dagster 1.13 plans the checks of a range run per date, but records the result without a date, so that no date passes. This
workaround reports a result for each date, which requires the private import (see the test of `asset_factory/checks.py`). It
can be removed when range runs report partitioned checks.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

MOST_RECORDS = 10_000


def report_per_date(
    context: dg.AssetCheckExecutionContext, check: dg.AssetCheckKey, results: Mapping[date, tuple[bool, Mapping[str, Any]]]
) -> None:
    """Reports the result and metadata of a blocking check for each materialized date."""
    newest = newest_materializations(context.instance, check.asset_key, list(results))
    for day, (passed, metadata) in results.items():
        record = newest.get(day.isoformat())
        if record is None:
            continue
        evaluation = dg.AssetCheckEvaluation(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=passed,
            metadata=metadata,
            blocking=True,
            partition=day.isoformat(),
            target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
            ),
        )
        context.instance.report_dagster_event(
            dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
                job_name=context.run.job_name,
                event_specific_data=evaluation,
            ),
            run_id=context.run.run_id,
        )


def newest_materializations(
    instance: dg.DagsterInstance, table: dg.AssetKey, dates: Sequence[date]
) -> dict[str | None, dg.EventLogRecord]:
    """Returns partition key -> newest materialization, for the dates."""
    records_filter = dg.AssetRecordsFilter(asset_key=table, asset_partitions=[day.isoformat() for day in dates])
    records = instance.fetch_materializations(records_filter, limit=MOST_RECORDS).records
    return {record.partition_key: record for record in reversed(records)}
