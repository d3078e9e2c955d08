"""What the hashes of ledgers cost: in a write, and in the verification of five seasons of predictions and grades.

The rows are those that the sandbox predicts and grades on its last date, under other dates and games. A write is what a run does
with the rows of an asset: validate, quarantine, add, count. It is compared with the same write to a table that is no ledger,
in turns. At most 5 % are aimed at, and less than 10 s for five seasons.

    python benchmarks/ledgers.py
"""

import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import polars as pl
from measuring import a_runner, print_table

from nba_pipeline.calendar import days
from nba_pipeline.table import LINEAGE, TABLES, Table
from nba_pipeline.warehouse.ledgers import verify
from nba_pipeline.warehouse.local import LocalWarehouse

LAST = date(2026, 1, 20)
HISTORY_DAYS = 12
WRITES = 60
SEASONS, DATES_PER_SEASON, ROWS_PER_DATE = 5, 170, 600
MOST_SHARE, MOST_SECONDS = 0.05, 10.0
NOW = datetime(2026, 1, 21, 12, tzinfo=UTC)


def sandbox_rows(home: Path) -> dict[str, pl.DataFrame]:
    """The largest date of each ledger after some days of the sandbox."""
    runner = a_runner(home, NOW)
    for outcome in runner.backfill(LAST - timedelta(days=HISTORY_DAYS), LAST):
        print(f"  {outcome.title}: {outcome.seconds:.0f} s", file=sys.stderr)
    rows = {name: runner.warehouse.scan(TABLES[name]).collect() for name in ("predictions", "grades")}
    largest = rows["grades"].group_by("game_date").len().sort("len")["game_date"][-1]
    return {name: frame.filter(pl.col("game_date") == largest) for name, frame in rows.items()}


def on(day: date, rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """As many rows as if they were of a date: repeated for other players, with forecasts of their own."""
    copies = -(-count // rows.height)
    number = pl.int_range(pl.len())
    return pl.concat([rows] * copies).head(count).with_columns(
        pl.lit(day).alias("game_date"), (pl.col("player_id") + 10_000_000 * (number // rows.height)).alias("player_id"),
        (pl.col("prediction_id") + "-" + number.cast(pl.String) + f"-{day:%Y%m%d}").alias("prediction_id"),
    )  # fmt: skip


def write(warehouse: LocalWarehouse, table: Table, day: date, rows: pl.DataFrame) -> float:
    """The seconds of one write, as the IO manager does it."""
    started = time.perf_counter()
    good, rejected = table.conform(rows, NOW, "1")
    warehouse.park(table, [day], rejected)
    assert warehouse.add(table, [day], good, "benchmark") == rows.height, "a row was quarantined"
    warehouse.scan(table, [day]).select(pl.len()).collect().item()
    return time.perf_counter() - started


def cost_of_a_write(name: str, rows: pl.DataFrame) -> list[str]:
    """Writes to the ledger and to its twin without hashes, in turns."""
    ledger = TABLES[name]
    twin = Table(f"{name}_without_hashes", ledger.grain, ledger.key, ledger.schema, "add")
    unstamped = rows.drop(set(LINEAGE) - {"source"})
    pairs = []
    with TemporaryDirectory() as home:
        warehouse = LocalWarehouse(home=home)
        for day in days(date(2026, 2, 1), date(2026, 2, 1) + timedelta(days=WRITES)):
            frame = on(day, unstamped, unstamped.height)
            pairs.append((write(warehouse, ledger, day, frame), write(warehouse, twin, day, frame)))
    del TABLES[twin.name]
    pairs = pairs[1:]  # the first one loads code
    with_hashes, without = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    share = median(pair[0] / pair[1] for pair in pairs) - 1
    return [f"a write of {rows.height} {name}", f"{without * 1000:.1f} ms", f"{with_hashes * 1000:.1f} ms", f"{share:+.1%}"]


def cost_of_verification(rows: dict[str, pl.DataFrame]) -> list[list[str]]:
    """Five seasons written date by date, then verified."""
    lines, total, found = [], 0.0, 0
    with TemporaryDirectory() as home:
        warehouse = LocalWarehouse(home=home)
        for name, frame in rows.items():
            for season in range(SEASONS):
                first = date(2021 + season, 10, 20)
                dates = days(first, first + timedelta(days=DATES_PER_SEASON - 1))
                warehouse.add(TABLES[name], dates, pl.concat(on(day, frame, ROWS_PER_DATE) for day in dates), "benchmark")
            started = time.perf_counter()
            verified = list(verify(warehouse, TABLES[name]))
            seconds = time.perf_counter() - started
            total, found = total + seconds, found + sum(len(one.findings) for one in verified)
            lines.append([f"verification of {sum(one.rows for one in verified):,} {name}", "", f"{seconds:.1f} s", ""])
    assert not found, f"{found} findings in rows that nobody altered"
    return [*lines, [f"verification of {SEASONS} seasons", "", f"{total:.1f} s", f"of {MOST_SECONDS:.0f} s"]]


def main() -> None:
    with TemporaryDirectory() as home:
        rows = sandbox_rows(Path(home))
    lines = [cost_of_a_write(name, frame) for name, frame in rows.items()]
    print_table(("", "without hashes", "with", "share"), [tuple(line) for line in [*lines, *cost_of_verification(rows)]])


if __name__ == "__main__":
    main()
