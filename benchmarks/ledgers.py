"""Cost of ledger hashes in a write, and in the verification of five seasons of predictions and grades.

Rows are the sandbox's predictions and grades of its last date, copied to other dates and players. A write is compared, in
alternation, with the same write to a table that is not a ledger. It is measured as validation, insertion and count by the IO
manager, and as a Dagster run that does nothing else. Targets: at most 5 % of a run, and less than 10 s for five seasons.
CPU seconds include all threads.

    python benchmarks/ledgers.py
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import dagster as dg
import polars as pl
from measuring import a_runner, print_table

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.league.calendar import days
from nba_pipeline.orchestration.runner import QUIET
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, Table
from nba_pipeline.warehouse.io_manager import TableIO
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.verification import verify

LAST = date(2026, 1, 20)
HISTORY_DAYS = 12
WRITES, RUNS = 60, 25
SEASONS, DATES_PER_SEASON, ROWS_PER_DATE = 5, 170, 600
MOST_SECONDS = 10.0
NOW = datetime(2026, 1, 21, 12, tzinfo=UTC)


def sandbox_rows(home: Path) -> dict[str, pl.DataFrame]:
    """Returns the largest date of each ledger after several days of the sandbox."""
    runner = a_runner(home, NOW)
    for outcome in runner.backfill(LAST - timedelta(days=HISTORY_DAYS), LAST):
        print(f"  {outcome.title}: {outcome.seconds:.0f} s", file=sys.stderr)
    rows = {name: runner.warehouse.scan(TABLES[name]).collect() for name in ("predictions", "grades")}
    largest = rows["grades"].group_by("game_date").len().sort("len")["game_date"][-1]
    return {name: frame.filter(pl.col("game_date") == largest) for name, frame in rows.items()}


def on(day: date, rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Returns `count` rows for a date. Repeated rows have other player ids; all prediction ids are new."""
    copies = -(-count // rows.height)
    number = pl.int_range(pl.len())
    return (
        pl.concat([rows] * copies)
        .head(count)
        .with_columns(
            pl.lit(day).alias("game_date"),
            (pl.col("player_id") + 10_000_000 * (number // rows.height)).alias("player_id"),
            (pl.col("prediction_id") + "-" + number.cast(pl.String) + f"-{day:%Y%m%d}").alias("prediction_id"),
        )
    )


def write(warehouse: LocalWarehouse, table: Table, day: date, rows: pl.DataFrame) -> None:
    """Writes the rows as the IO manager does."""
    good, rejected = table.conform(rows, NOW, "1")
    warehouse.quarantine(table, [day], rejected)
    assert warehouse.add(table, [day], good, "benchmark") == rows.height, "a row was quarantined"
    warehouse.scan(table, [day]).select(pl.len()).collect().item()


def run(home: str, instance: dg.DagsterInstance, table: Table, day: date, rows: pl.DataFrame) -> None:
    """Runs a job that only writes these rows."""

    @dg.asset(name=table.name, partitions_def=DAILY, io_manager_key="tables")
    def asset() -> pl.DataFrame:
        return rows

    clock = Clock(fixed_at=NOW.isoformat())
    tables = TableIO(warehouse=LocalWarehouse(home=home), clock=clock, landing=Landing(home=home, clock=clock))
    assert dg.materialize(
        [asset], instance=instance, partition_key=str(day), resources={"tables": tables}, run_config=QUIET
    ).success


def seconds(function: Callable[..., object], *args: object) -> float:
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def cost_of_a_write(name: str, rows: pl.DataFrame) -> list[tuple[str, ...]]:
    """Measures writes to the ledger and to its copy without hashes, in alternation."""
    ledger = TABLES[name]
    twin = Table(f"{name}_without_hashes", ledger.grain, ledger.key, ledger.schema, "add")
    unstamped = rows.drop(set(LINEAGE) - {"source"})
    lines = list[tuple[str, ...]]()
    with TemporaryDirectory() as home, open_instance(Path(home)) as instance:
        warehouse = LocalWarehouse(home=home)
        for how, writes, function, context in (
            ("a write", WRITES, write, (warehouse,)),
            ("a run that writes", RUNS, run, (home, instance)),
        ):
            pairs = []
            for number in range(writes + 1):
                day = date(2026, 2, 1) + timedelta(days=number + WRITES * len(lines))
                frame = on(day, unstamped, unstamped.height)
                pairs.append([seconds(function, *context, table, day, frame) for table in (ledger, twin)])
            with_hashes, without = (median(pair[side] for pair in pairs[1:]) for side in (0, 1))  # the first pair also loads code
            share = f"{median(pair[0] / pair[1] for pair in pairs[1:]) - 1:+.1%}"
            lines.append((f"{how} {rows.height} {name}", f"{without * 1000:.1f} ms", f"{with_hashes * 1000:.1f} ms", share))
    del TABLES[twin.name]
    return lines


def cost_of_verification(rows: dict[str, pl.DataFrame]) -> list[tuple[str, ...]]:
    """Measures the verification of five seasons, written date by date."""
    lines: list[tuple[str, ...]] = []
    total, finding_count = 0.0, 0
    with TemporaryDirectory() as home:
        warehouse = LocalWarehouse(home=home)
        for name, frame in rows.items():
            for season in range(SEASONS):
                first = date(2021 + season, 10, 20)
                dates = days(first, first + timedelta(days=DATES_PER_SEASON - 1))
                warehouse.add(TABLES[name], dates, pl.concat(on(day, frame, ROWS_PER_DATE) for day in dates), "benchmark")
            started, cpu = time.perf_counter(), time.process_time()
            verified = list(verify(warehouse, TABLES[name]))
            took, cpu = time.perf_counter() - started, time.process_time() - cpu
            total, finding_count = total + took, finding_count + sum(len(one.findings) for one in verified)
            lines.append(
                (f"verification of {sum(one.rows for one in verified):,} {name}", "", f"{took:.1f} s", f"{cpu:.1f} CPU s")
            )
    assert not finding_count, f"{finding_count} findings in unaltered rows"
    return [*lines, (f"verification of {SEASONS} seasons", "", f"{total:.1f} s", f"of {MOST_SECONDS:.0f} s")]


def main() -> None:
    with TemporaryDirectory() as home:
        rows = sandbox_rows(Path(home))
    lines = [line for name, frame in rows.items() for line in cost_of_a_write(name, frame)]
    print_table(("", "without hashes", "with", "share"), [*lines, *cost_of_verification(rows)])


if __name__ == "__main__":
    main()
