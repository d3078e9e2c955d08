"""BigQuery: jobs and bytes of writes by dates and tables, and seconds relative to the stock IO manager.

Uses the real client against the emulator. `python -m nba_pipeline_tests.bigquery.emulator setup` installs the emulator;
`make test-bigquery` also runs the tests. The emulator does not reproduce BigQuery's speed and bills no bytes. Jobs, calls and
uploaded bytes are exact. Scanned bytes are computed from the results with BigQuery's documented sizes per type.
Seconds are meaningful only as ratios.

    python benchmarks/bigquery.py               # writes and the comparison, 2 minutes
    python benchmarks/bigquery.py --game-day    # also a whole game day of the sandbox, 10 minutes
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import polars as pl
from dagster_gcp import BigQueryResource
from dagster_polars import PolarsBigQueryIOManager
from measuring import print_table

import nba_pipeline.definitions  # noqa: F401  # registers every table
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.orchestration.runner import QUIET
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.bigquery.plan import apply
from nba_pipeline.warehouse.bigquery.shapes import STAGING_PREFIX
from nba_pipeline.warehouse.io_manager import TableIO
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.bigquery.emulator import Emulator
from nba_pipeline_tests.bigquery.faults import Call, FaultProxy
from nba_pipeline_tests.bigquery.game_day import COMMANDS, another_start, played, prepared

PROJECT, DATASET = "nba-bench", "bench"
FIRST = date(2024, 10, 21)
ROWS_PER_DATE = 240
SEASON = 170  # slates of a regular season
LOAD_JOBS_PER_TABLE_AND_DAY = 1500
BYTES = {pl.Int64: 8, pl.Float64: 8, pl.Date: 8, pl.Datetime: 8, pl.Boolean: 1}
"""Bytes per value according to BigQuery's pricing page. A text has its bytes plus two."""

ROSTERS = "rosters"
"""The table written by the benchmark: few columns, one row per player."""


def rows_of(table: Table, dates: list[date]) -> pl.DataFrame:
    """Returns generated rows of `rosters`."""
    numbers = pl.DataFrame({"player_id": range(1, ROWS_PER_DATE + 1)}, schema={"player_id": pl.Int64})
    frame = pl.DataFrame({"game_date": dates}).join(numbers, how="cross")
    key_columns = {"game_date", "player_id"}
    instant = pl.lit("2024-10-21T12:00:00").str.to_datetime(time_unit="us", time_zone="UTC")
    filled = {
        pl.Int64: pl.lit(1),
        pl.Float64: pl.lit(1.0),
        pl.Boolean: pl.lit(True),
        pl.Date: pl.lit(FIRST),
        pl.Datetime: instant,
    }
    text = {name: pl.format("{} {}", pl.lit(name), "player_id") for name, kind in table.dtypes.items() if kind == pl.String}
    text["team"] = pl.lit("BOS")
    others = {
        name: filled[type(kind)].cast(kind)
        for name, kind in table.dtypes.items()
        if kind != pl.String and name not in key_columns
    }
    others |= {"height_inches": pl.lit(80.0), "weight_pounds": pl.lit(220.0)}
    return frame.with_columns(**text, **others).select(list(table.dtypes))


def counted(calls: list[Call]) -> Counter[str]:
    """Returns jobs by kind, HTTP calls and uploaded bytes."""
    counts = Counter[str]({"calls": len(calls), "bytes sent": sum(call.sent for call in calls)})
    for call in calls:
        statement = str(call.body.get("query") or call.body.get("configuration", {}).get("query", {}).get("query", "")).strip()
        if call.kind == "load":
            counts["staging loads" if (call.table or "").startswith(STAGING_PREFIX) else "loads"] += 1
        elif call.kind == "query":
            counts["reads" if statement.startswith(("SELECT", "WITH")) else "changes"] += 1
    return counts


def warehouse_at(proxy: FaultProxy, emulator: Emulator, home: Path) -> BigQueryWarehouse:
    return BigQueryWarehouse(
        bigquery=BigQueryResource(project=PROJECT), dataset=DATASET, home=str(home), storage_host=emulator.grpc_host
    )


def writes(warehouse: BigQueryWarehouse, proxy: FaultProxy) -> None:
    """Prints the jobs of one range write of a table by number of dates."""
    table, rows = TABLES[ROSTERS], []
    for number in (1, 7, SETTINGS.bigquery.dates_by_load, SETTINGS.bigquery.dates_by_load + 1, SEASON):
        dates = days(FIRST, FIRST + timedelta(days=number - 1))
        frame = rows_of(table, dates).with_columns(source=pl.lit(f"write of {number}"))
        proxy.forget()
        warehouse.replace(table, dates, frame, "benchmark")
        counts = counted(proxy.calls)
        row_count = warehouse.scan(table, dates).select(pl.len()).collect().item()
        if row_count != frame.height:
            raise RuntimeError(f"{row_count} rows instead of {frame.height}")
        columns_shown = ("loads", "staging loads", "changes", "reads", "calls", "bytes sent")
        rows.append((number, *(counts[name] for name in columns_shown), counts["bytes sent"] / frame.height))
    print(f"\nOne table, one write of a range ({ROWS_PER_DATE} rows a date)\n")
    print_table(("dates", "loads", "staging loads", "changes", "reads", "HTTP calls", "bytes sent", "bytes per row"), rows)
    most = max(row[1] + row[2] for row in rows)
    attempts = SETTINGS.bigquery.attempts
    print(
        f"\nA table takes at most {most} load jobs in one write. A season of {SEASON} slates, each date in a run of its own, is "
        f"{SEASON} load jobs per table and day, {SEASON * attempts} if every one needed all {attempts} attempts: under "
        f"{LOAD_JOBS_PER_TABLE_AND_DAY:,}. As one backfill in chunks of {SETTINGS.warehouse.dates_per_run} dates it is "
        f"{-(-SEASON // SETTINGS.warehouse.dates_per_run)}."
    )


def materialised(manager: Any, resources: dict[str, Any], day: date, frame: pl.DataFrame) -> float:
    """Returns the seconds to materialize one date of `rosters` with an IO manager."""
    daily = dg.DailyPartitionsDefinition("2024-10-01")

    @dg.asset(name=ROSTERS, partitions_def=daily, io_manager_key="tables", metadata={"partition_expr": "game_date"})
    def asset() -> pl.DataFrame:
        return frame

    started = time.perf_counter()
    done = dg.materialize([asset], partition_key=str(day), resources={**resources, "tables": manager}, run_config=QUIET)
    if not done.success:
        raise RuntimeError("the run failed")
    return time.perf_counter() - started


def compared(warehouse: BigQueryWarehouse, proxy: FaultProxy, home: Path, repeats: int) -> None:
    """Prints seconds, calls and bytes of one date for our IO manager and the stock one, alternating on the same emulator."""
    clock = Clock(fixed_at="2024-10-21T12:00:00+00:00")
    landing = Landing(home=str(home), clock=clock)
    ours = TableIO(warehouse=warehouse, clock=clock, landing=landing)
    stock = PolarsBigQueryIOManager(project=PROJECT, dataset="stock")
    seconds: dict[str, list[float]] = {"ours": [], "stock": []}
    counts: dict[str, Counter[str]] = {"ours": Counter(), "stock": Counter()}
    table = TABLES[ROSTERS]
    for number in range(repeats):
        day = FIRST - timedelta(days=number + 1)
        frame = rows_of(table, [day])
        shared = {"warehouse": warehouse, "clock": clock, "landing": landing}
        for name, manager, resources, given in (
            ("ours", ours, shared, frame.drop("as_of", "code_version")),
            ("stock", stock, {}, frame),
        ):
            proxy.forget()
            seconds[name].append(materialised(manager, resources, day, given))
            counts[name] += counted(proxy.calls)
    print(f"\nOne date of {ROWS_PER_DATE} rows by Dagster, {repeats} dates in turns (per date; seconds are medians)\n")
    names = ("loads", "changes", "reads", "calls", "bytes sent")
    print_table(
        ("manager", "seconds", *names),
        [(name, statistics.median(seconds[name]), *(counts[name][key] / repeats for key in names)) for name in seconds],
    )
    ratio = statistics.median(seconds["ours"]) / statistics.median(seconds["stock"])
    print(
        f"\nours / stock = {ratio:.2f} in seconds. Ours reads the rows back for their count, checks the schema and records the write;"
    )
    print("the stock manager deletes and then appends, which a failure in between leaves empty.")


def game_day(folder: Path) -> None:
    """Prints the jobs and scanned bytes of the two commands of a game day."""
    league, start, _ = prepared(folder)
    with another_start(folder, start) as (day, emulator):
        ended = played(day, league, emulator)
    counts = counted(list(ended.calls))
    stored_bytes = {name: logical_bytes(frame) for name, frame in ended.tables.items()}
    print(f"\nA game day of the sandbox ({len(COMMANDS)} commands, {len(TABLES)} tables, history of 10 dates)\n")
    print_table(("what", "number"), [(name, float(number)) for name, number in counts.most_common()])
    largest = max(stored_bytes, key=lambda name: stored_bytes[name])
    print(
        f"\nAll tables hold {sum(stored_bytes.values()) / 1e6:.1f} MB (largest {largest}, {stored_bytes[largest] / 1e6:.1f} MB): a query reads a part of that,"
    )
    print(
        f"and BigQuery bills 10 MB at least, so the {counts['reads']} reads of a day cost at most {counts['reads'] * 10 / 1e3:.2f} GB."
    )


def logical_bytes(frame: pl.DataFrame) -> int:
    """Returns the billed size of rows in a query."""
    total = 0
    for column in frame.iter_columns():
        if column.dtype == pl.String:
            total += int(column.str.len_bytes().fill_null(0).sum()) + 2 * (column.len() - column.null_count())
        elif column.dtype == pl.List:
            text = column.explode(empty_as_null=False).drop_nulls()
            total += int(text.str.len_bytes().sum()) + 2 * text.len()
        else:
            total += BYTES[type(column.dtype)] * (column.len() - column.null_count())
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--game-day", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Emulator(folder / "emulator") as emulator, FaultProxy(emulator.url) as proxy:
            with patch.dict(os.environ, emulator.variables(PROJECT, DATASET, proxy.url)):
                warehouse = warehouse_at(proxy, emulator, folder)
                for _ in apply(warehouse.session):
                    pass
                writes(warehouse, proxy)
                compared(warehouse, proxy, folder, arguments.repeats)
        if arguments.game_day:
            game_day(folder / "day")


if __name__ == "__main__":
    main()
