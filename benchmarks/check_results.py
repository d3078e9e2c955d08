"""CPU seconds and megabytes of the check results of a backfill, per 1,000 results.

One range run of a toy table with the checks of a table and a number of dates, in a new home. Variants: no result per date, one
stored event per result as Dagster does, and one insert per step. Megabytes are those of Dagster's folder, before and after the
retention of runs has emptied the step logs. Target: one insert per step takes at most a tenth of the time of single events.

    python benchmarks/check_results.py                  # 200 dates, 10 checks
    python benchmarks/check_results.py --dates 20
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import dataframely as dy
import polars as pl
from dagster._core.storage.event_log import SqlEventLogStorage
from measuring import in_new_process, print_table

from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import PASSED
from nba_pipeline.instance import check_evaluations
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_retention import prune
from nba_pipeline.instance.run_tags import RANGE_TAGS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.local import LocalWarehouse

FIRST, CHECKS = date(2024, 1, 1), 10
NONE, SINGLE, BULK = VARIANTS = ("no results per date", "one event each", "one insert per step")


class ToyRows(Row):
    """A game."""

    game_id = dy.String(description="game")


def store_each(log: SqlEventLogStorage, run_id: str, table: dg.AssetKey, entries: Sequence[dg.EventLogEntry]) -> None:
    """Stores the evaluations of a table one by one."""
    for entry in entries:
        log.store_event(entry)


def measure(variant: str, dates: int) -> tuple[float, float, float]:
    """Returns CPU seconds of the run, megabytes after it and megabytes after the retention."""
    table = Table("toys", grain="game", key=("game_id",), schema=ToyRows)

    @dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
    def toys() -> None:
        """The checked table."""

    for number in range(CHECKS - 2):  # beside the common checks

        def check(warehouse: Warehouse, days: Sequence[date], clock: Clock) -> pl.DataFrame:
            values = {"share": 0.9, "present": 9, "expected": 10, "missing": ["NYK@BOS 0022300001 (no box score of NYK)"]}
            return pl.DataFrame([{"game_date": day, PASSED: True, **values} for day in days])

        check.__name__ = f"check_{number}"
        dated_check(table)(check)

    if variant == NONE:
        check_evaluations.store_evaluations = lambda *_: None
    if variant == SINGLE:
        check_evaluations.store_evaluations = store_each
    with tempfile.TemporaryDirectory() as home:
        warehouse = LocalWarehouse(home=home)
        definitions = dg.Definitions(
            assets=[toys],
            asset_checks=[checks_of(table)],
            jobs=[dg.define_asset_job("play")],
            resources={"warehouse": warehouse, "clock": Clock()},
        )
        span = dict(zip(RANGE_TAGS, (str(FIRST), str(FIRST + timedelta(days=dates - 1))), strict=True))
        instance, started = open_instance(Path(home)), time.process_time()
        definitions.resolve_job_def("play").execute_in_process(instance=instance, tags=span)
        seconds, size = time.process_time() - started, megabytes(Path(home, "dagster"))
        prune(instance, datetime.now(UTC) + timedelta(days=SETTINGS.runs.kept_days + 1))
        return seconds, size, megabytes(Path(home, "dagster"))


def megabytes(folder: Path) -> float:
    """Returns the size of the files in a folder, without unmerged logs of its databases."""
    for file in folder.rglob("*.db"):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1024**2


def main() -> None:
    """Measures each variant in a new process and prints the differences to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=200)
    dates = parser.parse_args().dates
    thousands = dates * CHECKS / 1000
    measured = {variant: in_new_process(measure, variant, dates) for variant in VARIANTS}
    floor = measured[NONE]
    print(f"{dates} dates, {CHECKS} checks; per 1,000 results, beyond a run without them")
    print_table(
        ("variant", "CPU s", "MB", "MB after retention"),
        [
            (name, *((value - base) / thousands for value, base in zip(measured[name], floor, strict=True)))
            for name in (SINGLE, BULK)
        ],
    )
    print_table(("variant", "CPU s", "MB", "MB after retention"), [(name, *measured[name]) for name in VARIANTS])


if __name__ == "__main__":
    main()
