"""What the code servers of `test_evening` serve: the tables and jobs of the platform, without its schedules and sensors.

The test requests the runs at fixed instants of the simulated league. The sensor closes dead runs, as `reconciliation` does.
"""

from datetime import UTC, datetime

import dagster as dg

from nba_pipeline import definitions
from nba_pipeline.instance.dead_runs import close_dead_runs


@dg.sensor(minimum_interval_seconds=2, default_status=dg.DefaultSensorStatus.RUNNING)
def closing(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    closed = close_dead_runs(context.instance, datetime.now(UTC))
    return dg.SkipReason(f"closed {len(closed)} runs")


defs = dg.Definitions(
    assets=definitions.defs.assets,
    asset_checks=definitions.defs.asset_checks,
    jobs=definitions.defs.jobs,
    sensors=[closing],
    resources=definitions.defs.resources,
    executor=definitions.defs.executor,
)
