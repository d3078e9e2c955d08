"""A process that reads a home as the daemon, `status` and the UI do, with partitions since 2016. Prints results and CPU seconds.

python -m nba_pipeline_tests.unattended.ten_seasons HOME NOW [--fill SLATE]

With --fill, it first copies a slate to the dates of nine seasons: the rows of every table that is no ledger, in month files, and the
materializations and check results of every asset in Dagster's storage on SQLite. Dates, instants and game ids of a copy are its own.
"""

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from nba_pipeline.league import calendar

FIRST_DATE = calendar.FIRST_DATE = date(2016, 10, 1)
"""First partition. Set before a module with partitions is imported."""

SLATES = 170
"""Dates of a season."""

DATES = [date(year, 10, 20) + timedelta(days=number) for year in range(2016, 2025) for number in range(SLATES)]
OF_DATES = {
    "event_logs": "dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_CHECK_EVALUATION') AND partition = ?",
    "asset_check_executions": "partition = ?",
}
"""Table of Dagster -> condition for the rows of a date. The second has ids of the first."""

PARTITIONS = """{ assetNodes {
  assetKey { path } partitionStats { numPartitions numMaterialized numFailed }
  assetPartitionStatuses { ... on TimePartitionStatuses { ranges { startTime endTime status } } }
} }"""
"""What the UI's pages of assets read."""


def fill(home: Path, slate: date) -> None:
    """Copies a slate to the dates of nine seasons."""
    fill_tables(home, slate)
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs" / "index.db")) as index, index:
        index.execute("PRAGMA synchronous=OFF")
        fill_events(index, str(slate))


def fill_tables(home: Path, slate: date) -> None:
    """Writes a month file per table and month."""
    import nba_pipeline.assets  # noqa: F401, PLC0415  after the change of FIRST_DATE; declares the tables
    from nba_pipeline.tables.declarations import daily_tables  # noqa: PLC0415
    from nba_pipeline.tables.registry import TABLES  # noqa: PLC0415
    from nba_pipeline.warehouse.home_format import write_format_of_months  # noqa: PLC0415
    from nba_pipeline.warehouse.local import LocalWarehouse  # noqa: PLC0415
    from nba_pipeline.warehouse.months import Signature, month_file, write_month  # noqa: PLC0415
    from nba_pipeline.warehouse.partitions import TABLES_FOLDER  # noqa: PLC0415

    write_format_of_months(home)
    for table in (TABLES[name] for name in daily_tables() if not TABLES[name].is_ledger):
        rows, folder = LocalWarehouse(home=str(home)).scan(table, [slate]).collect(), home / TABLES_FOLDER / table.name
        for file, days in groupby(DATES, key=lambda day, folder=folder: month_file(folder, day)):
            dates = list(days)
            write_month(file, copies(rows, slate, dates), {day: Signature(0, 0, 0) for day in dates})


def copies(rows: Any, slate: date, dates: Sequence[date]) -> Any:
    """Returns the rows of a slate once per date."""
    import polars as pl  # noqa: PLC0415

    instants = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]
    frames = []
    for day in dates:
        moved = [pl.col(instants) + (day - slate), pl.lit(day).alias("game_date")]
        game = [pl.format("002{}{}", pl.lit(day.toordinal()), pl.col("game_id").str.tail(1)).alias("game_id")]
        season = [pl.lit(calendar.season_of(day)).alias("season")]
        frames.append(
            rows.with_columns(*moved, *(game if "game_id" in rows.columns else []), *(season if "season" in rows.columns else []))
        )
    return pl.concat(frames)


def fill_events(index: sqlite3.Connection, slate: str) -> None:
    """Copies the events of a date to the other dates, with new ids."""
    (base,) = index.execute("SELECT max(id) FROM event_logs").fetchone()
    rows = {
        table: index.execute(f"SELECT * FROM {table} WHERE {condition}", [slate]).fetchall()
        for table, condition in OF_DATES.items()
    }
    place = {row[0]: number for number, row in enumerate(rows["event_logs"], 1)}
    for table, of_slate in rows.items():
        names = [about[1] for about in index.execute(f"PRAGMA table_info({table})")]

        def copied(
            names: list[str] = names, of_slate: list[Any] = of_slate, is_event: bool = table == "event_logs"
        ) -> Iterator[list[Any]]:
            for number, day in enumerate(map(str, DATES)):
                ids = {old: base + number * len(place) + new for old, new in place.items()}
                for row in of_slate:
                    new = {name: another(name, value, slate, day, ids) for name, value in zip(names, row, strict=True)}
                    yield list((new | {"id": ids[row[0]] if is_event else None}).values())

        index.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", copied())


def another(name: str, value: Any, slate: str, day: str, ids: dict[int, int]) -> Any:
    """Returns a column of the copy of a row."""
    if name.endswith("storage_id"):
        return ids.get(value, value)
    return value.replace(slate, day) if name in ("event", "evaluation_event", "partition") and value else value


def measure(home: Path, now: datetime) -> dict[str, Any]:
    """Returns what the parts of the platform read, and the CPU seconds of each."""
    os.environ |= {"NBA_PIPELINE_HOME": str(home), "NBA_PIPELINE_NOW": now.isoformat()}
    results, seconds = dict[str, Any](), dict[str, float]()

    def take(name: str, read: Callable[[], Any]) -> None:
        began = time.process_time()
        results[name] = read()
        seconds[name] = time.process_time() - began

    from nba_pipeline.cli.status import read_snapshot  # noqa: PLC0415
    from nba_pipeline.definitions import build_definitions  # noqa: PLC0415
    from nba_pipeline.instance.opening import open_instance  # noqa: PLC0415
    from nba_pipeline.orchestration.reconciliation import find_work  # noqa: PLC0415
    from nba_pipeline.orchestration.runner import Runner  # noqa: PLC0415
    from nba_pipeline.tables.declarations import requested_by  # noqa: PLC0415

    today = calendar.eastern_date(now)
    with open_instance(home) as instance:
        runner = Runner(build_definitions("sandbox"), instance)
        ticks = Ticks(runner.definitions, instance, now)
        take("first tick", ticks.tick)
        take("later tick", ticks.tick)
        yesterday = today - timedelta(days=1)
        assert runner.run("game_day", requested_by("final_games"), yesterday, yesterday).succeeded
        take("tick after box scores", ticks.tick)
        take("status", lambda: read_snapshot(runner, today - timedelta(days=6), today + timedelta(days=1)).records)
        take("reconciliation", lambda: [str(work) for work in find_work(instance, runner.warehouse, now)])
        take("sql", lambda: runner.warehouse.sql("SELECT count(DISTINCT game_date) AS dates FROM boxscores").rows())
        with workspace(instance) as context:
            take("UI, all partitions", lambda: partitions(context))
    return {"results": results, "seconds": seconds}


class Ticks:
    """Evaluates the automation conditions, 30 seconds apart."""

    def __init__(self, definitions: Any, instance: Any, now: datetime) -> None:
        self.definitions, self.instance, self.now, self.cursor = definitions, instance, now, None

    def tick(self) -> list[str]:
        """Returns the requested tables and dates."""
        import dagster as dg  # noqa: PLC0415

        self.now += timedelta(seconds=30)
        evaluation: Any = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.cursor, evaluation_time=self.now
        )
        self.cursor = evaluation.cursor
        requested = [one.true_subset.expensively_compute_asset_partitions() for one in evaluation.results]
        return sorted(f"{one.asset_key.to_user_string()} {one.partition_key}" for part in requested for one in part)


def workspace(instance: Any) -> Any:
    """Returns the workspace of the webserver, with the definitions of this process."""
    from dagster._core.remote_origin import InProcessCodeLocationOrigin  # noqa: PLC0415
    from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget  # noqa: PLC0415
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin  # noqa: PLC0415
    from dagster._core.workspace.context import WorkspaceProcessContext  # noqa: PLC0415

    target = LoadableTargetOrigin(executable_path=sys.executable, module_name="nba_pipeline.definitions", attribute="defs")
    return WorkspaceProcessContext(
        instance, InProcessTestWorkspaceLoadTarget(InProcessCodeLocationOrigin(target, "nba_pipeline"))
    )


def partitions(context: Any) -> dict[str, list[int]]:
    """Returns table -> number of its partitions, of the materialized ones, and of their ranges."""
    from dagster_graphql.cli import execute_query  # noqa: PLC0415

    answer = execute_query(context, PARTITIONS)
    assert "errors" not in answer, answer
    return {
        node["assetKey"]["path"][0]: [
            node["partitionStats"]["numPartitions"],
            node["partitionStats"]["numMaterialized"],
            len(node["assetPartitionStatuses"].get("ranges", [])),
        ]
        for node in answer["data"]["assetNodes"]
        if node["partitionStats"]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("now", type=datetime.fromisoformat)
    parser.add_argument("--fill", type=date.fromisoformat, metavar="SLATE", help="the date that is copied")
    given = parser.parse_args()
    os.environ["NBA_PIPELINE_HOME"] = str(given.home)
    if given.fill:
        fill(given.home, given.fill)
    sys.stdout.write(json.dumps(measure(given.home, given.now), default=str))


if __name__ == "__main__":
    main()
