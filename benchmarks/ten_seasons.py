"""CPU seconds of ticks, status, reconciliation, a query and the UI with ten seasons of partitions, against one week of them.

The home has a week of the sandbox and a graded slate. Nine seasons are copies of this slate, in the tables and in Dagster's storage on
SQLite: see `nba_pipeline_tests/unattended/ten_seasons.py`, whose test compares what is read. The limits are for one call.

    python benchmarks/ten_seasons.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from measuring import a_runner, in_new_process, print_table, succeed

from nba_pipeline.league.calendar import eastern

DAY, HISTORY_DAYS = date(2026, 1, 15), 7
MORNING = eastern(DAY + timedelta(days=1), 8)
LIMITS = {
    "first tick": 1.5, "later tick": 1.5, "tick after box scores": 1.5, "status": 2.0, "reconciliation": 0.5, "sql": 0.5,
    "UI, all partitions": 5.0,
}  # fmt: skip
"""CPU seconds."""


def prepare(home: Path) -> None:
    """Loads a week and a slate."""
    first, yesterday = DAY - timedelta(days=HISTORY_DAYS), DAY - timedelta(days=1)
    succeed(list(a_runner(home, eastern(DAY, 7)).backfill(first, yesterday)))
    succeed(list(a_runner(home, eastern(DAY, 12)).slate(DAY, "same_day")))
    succeed(list(a_runner(home, MORNING).slate(DAY, "overnight")))


def cpu_seconds(home: Path, *words: str) -> dict[str, float]:
    """Returns what each call took in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "nba_pipeline_tests.unattended.ten_seasons", str(home), MORNING.isoformat()]
    done = subprocess.run([*command, *words], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout)["seconds"])


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ten_seasons-") as folder:
        week, seasons = Path(folder, "week"), Path(folder, "seasons")
        in_new_process(prepare, week)
        shutil.copytree(week, seasons, symlinks=True, ignore=shutil.ignore_patterns("dagster.yaml"))  # it names its home
        before, after = cpu_seconds(week), cpu_seconds(seasons, "--fill", str(DAY))
    print(f"{os.cpu_count()} cores, load of the last five minutes {os.getloadavg()[1]:.1f}\n")
    rows = [(name, before[name], after[name], limit, "" if after[name] <= limit else "slower") for name, limit in LIMITS.items()]
    print_table(("CPU seconds of", "one week", "ten seasons", "limit", ""), rows)


if __name__ == "__main__":
    main()
