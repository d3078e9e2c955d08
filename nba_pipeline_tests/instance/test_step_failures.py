"""The first line of a failure in Dagster's pages."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nba_pipeline.asset_factory.step_timeout import limited
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.errors import Closed, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.warehouse.io_manager import TableIO
from nba_pipeline.warehouse.local import LocalWarehouse

SPAN = {"dagster/asset_partition_range_start": "2024-03-12", "dagster/asset_partition_range_end": "2024-03-14"}
SINGLE = dg.BackfillPolicy.single_run()


def first_line(*assets: dg.AssetsDefinition, is_range: bool = False, **resources: Any) -> str:
    """The first line of the end of a run of `toys`, without the class of the error."""
    key = None if is_range else "2024-03-12"
    result = dg.materialize(
        assets, selection="toys", partition_key=key, tags=SPAN if is_range else {}, raise_on_error=False, resources=resources
    )
    data: Any = result.get_run_failure_event().event_specific_data
    return str(data.first_step_failure_event.event_specific_data.error.message).splitlines()[0].partition(": ")[2]


def an_asset(error: Exception) -> dg.AssetsDefinition:
    def toys(context: dg.AssetExecutionContext) -> None:
        raise error

    decorate: Callable[..., dg.AssetsDefinition] = dg.asset(partitions_def=DAILY, backfill_policy=SINGLE)
    return decorate(limited(toys))


PROBLEM = "nba_cdn schedule season: status 503 after 5 attempts"


@pytest.mark.parametrize(
    ("is_range", "dates", "command"),
    [
        (False, "2024-03-12", "explain --date 2024-03-12"),
        (True, "2024-03-12 to 2024-03-14", "status --from 2024-03-12 --to 2024-03-14"),
    ],
    ids=["date", "range"],
)
def test_the_first_line_names_table_dates_problem_and_the_command_that_decides_the_next_step(
    is_range: bool, dates: str, command: str
) -> None:
    line = first_line(an_asset(Transient(PROBLEM)), is_range=is_range)
    assert line == f"toys {dates}: {PROBLEM}; `nba-pipeline {command}` names the next step"


def test_a_problem_that_names_a_command_has_no_second_one() -> None:
    problem = "the home is damaged; run `nba-pipeline backup`"
    assert first_line(an_asset(Closed(problem))) == f"toys 2024-03-12: {problem}"


def test_a_bug_keeps_its_own_first_line() -> None:
    assert "toys 2024-03-12" not in first_line(an_asset(KeyError("points")))


def test_an_input_that_was_never_materialized_is_named(tmp_path: Path) -> None:
    @dg.asset(name=SCHEDULE.name, io_manager_key="tables", partitions_def=DAILY, backfill_policy=SINGLE)
    def upstream() -> None:
        """Never materialized."""

    @dg.asset(ins={SCHEDULE.name: dg.AssetIn(input_manager_key="tables")}, partitions_def=DAILY, backfill_policy=SINGLE)
    def toys(schedule: Any) -> None:
        """Reads it."""

    warehouse = LocalWarehouse(home=str(tmp_path))
    io = TableIO(warehouse=warehouse, clock=Clock(fixed_at=datetime(2024, 3, 12, 16, tzinfo=UTC).isoformat()))
    line = first_line(upstream, toys, tables=io, warehouse=warehouse)
    problem = "schedule was never materialized for 2024-03-12"
    assert line == f"toys 2024-03-12: {problem}; `nba-pipeline explain --date 2024-03-12` names the next step"
