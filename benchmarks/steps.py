"""End of a stalled step, and the reading of the durations of a season from Dagster's events.

A stalled step waits for another program and is interrupted, or computes in compiled code and is ended with its process. Measured
from its limit to the end of the process, which stores the failure of the run and exits. The season has 170 dates of
each table, written four times; in the second home a backfill of the season, whose steps have no duration, came last. Targets: a
step that waits ends within 10 seconds of its limit, one in compiled code within 10 seconds of the time it is given to react. The
monitor reads all tables in 200 CPU ms, and a step reads its own table in 10 CPU ms.

    python benchmarks/steps.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from measuring import children_cpu_seconds, print_table

import nba_pipeline.assets  # noqa: F401  # declares every table
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.step_seconds import STEP_SECONDS, newest_step_runs
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import declared

LIMIT_SECONDS, STALLED_SECONDS = 2.0, 1.0
END_SECONDS, ALL_TABLES_MS, ONE_TABLE_MS = 10.0, 200.0, 10.0
FIRST, DATES, TIMES, REPEATS = date(2025, 10, 21), 170, 4, 10

STALL = """
import sys, warnings
from pathlib import Path
warnings.filterwarnings("ignore")
import time
from nba_pipeline import environments
from nba_pipeline.asset_factory import step_timeout
from nba_pipeline.instance.opening import open_instance
from nba_pipeline_tests.unattended.test_stalled_steps import defs
begin = step_timeout.begin_step
def noting(*args):
    Path(environments.home(), "began").write_text(repr(time.time()))
    begin(*args)
step_timeout.begin_step = noting
with open_instance(environments.home()) as instance:
    defs.resolve_job_def(sys.argv[1]).execute_in_process(instance=instance, partition_key="2024-03-12", raise_on_error=False)
"""


def end_of_a_stall(home: Path, job: str) -> tuple[float, float]:
    """Returns the seconds from the limit of a stalled step to the end of its process, and the CPU seconds of the process."""
    (home / "settings.toml").write_text(
        f"[runs]\nstep_minutes = {LIMIT_SECONDS / 60}\n[steps]\nstalled_seconds = {STALLED_SECONDS}\n"
    )
    before = children_cpu_seconds()
    environment = os.environ | {"NBA_PIPELINE_HOME": str(home)}
    subprocess.run([sys.executable, "-c", STALL, job], env=environment, capture_output=True, check=False)
    ended = time.time()
    return ended - float((home / "began").read_text()) - LIMIT_SECONDS, children_cpu_seconds() - before


def fill(instance: dg.DagsterInstance, seconds: float | None, times: int) -> None:
    """Stores a materialization of each table and date of a season, copied from one event per table."""
    log, columns = instance.event_log_storage, SqlEventLogStorageTable.c
    assert isinstance(log, SqlEventLogStorage)
    metadata: dict[str, Any] = {"rows": 500, "notes": "x" * 2000} | ({} if seconds is None else {STEP_SECONDS: seconds})
    days = [str(FIRST + timedelta(days=number)) for number in range(DATES)]
    for table in declared():
        instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=days[0], metadata=metadata))
        with log.index_connection() as connection:
            newest = connection.execute(sqlalchemy.select(sqlalchemy.func.max(columns.id))).scalar_one()
            row = connection.execute(sqlalchemy.select(SqlEventLogStorageTable).where(columns.id == newest)).mappings().one()
            copied = {name: value for name, value in row.items() if name != "id"}
            rows = [copied | {"partition": day} for _ in range(times) for day in days]
            connection.execute(SqlEventLogStorageTable.insert(), rows)


def milliseconds(instance: dg.DagsterInstance, tables: list[str], limit: int) -> float:
    """Returns the median CPU time of reading the durations of tables."""
    measured = []
    for _ in range(REPEATS):
        start = time.process_time()
        read = newest_step_runs(instance, tables, limit)
        measured.append(1000 * (time.process_time() - start))
        assert all(len(runs) == limit for runs in read.values()) and len(read) == len(tables)
    return sorted(measured)[REPEATS // 2]


def main() -> None:
    rows, history = list[tuple[str, float, float]](), SETTINGS.steps.runs
    with tempfile.TemporaryDirectory(prefix="steps-") as name:
        for job, given in (("waiting", 0.0), ("computing", STALLED_SECONDS)):
            home = Path(name, job)
            home.mkdir()
            seconds, cpu = end_of_a_stall(home, job)
            rows.append((f"{job}: limit to end of the process, s", seconds - given, END_SECONDS))
            print(f"{job}: {cpu:.1f} CPU s of the process, its start included")
        with open_instance(Path(name, "season")) as instance:
            for title, seconds_of_step, times in (("season", 1.5, TIMES), ("season and a backfill", None, 1)):
                fill(instance, seconds_of_step, times)
                rows.append(
                    (
                        f"{title}: durations of all tables, CPU ms",
                        milliseconds(instance, list(declared()), 1 + history),
                        ALL_TABLES_MS,
                    )
                )
                rows.append(
                    (f"{title}: durations of one table, CPU ms", milliseconds(instance, ["features"], history), ONE_TABLE_MS)
                )
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_utime:.1f} CPU s of the benchmark itself\n")
    print_table(("measured", "value", "target", ""), [(*row, "" if row[1] <= row[2] else "slower") for row in rows])


if __name__ == "__main__":
    main()
