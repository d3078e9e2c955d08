"""CPU seconds of the commands of every day, process start included, relative to `python -c "import dagster"`.

Each command is a process of its own on a home of 100 dates with 300 predictions each. The commands and the import run
alternately; the minimum of each counts, which other load affects least. Targets, in times of the import: 0.25 for `--help` and
`--version`, 0.4 for `help`, 1.0 for `slate` and `sql`, 2.0 for `status`, 3.0 for `run` before its first request, 5.0 for `watch`
and `explain`.

    python benchmarks/commands.py
"""

import os
import resource
import socket
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from measuring import print_table
from sql import ROWS, rows_of

import nba_pipeline.definitions  # noqa: F401  # registers every table
from nba_pipeline.environments import PROVIDER_ADDRESSES
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse

DATES, REPEATS = 100, 7
CONNECTS_WITHIN_SECONDS = 120
UTIME = 11
"""Position of the user time in `/proc/<pid>/stat` after the name of the command; the system time follows."""
LAST = date(2026, 1, 15)
NOW = f"{LAST}T12:00:00-05:00"
IMPORT = ("-c", "import dagster")
COMMANDS = {
    "--version": (("--version",), 0.25),
    "--help": (("--help",), 0.25),
    "help LATE": (("help", "LATE"), 0.4),
    "slate": (("slate", "--all"), 1.0),
    "sql": (("sql", "SELECT count(*) AS n FROM predictions"), 1.0),
    "status": (("status", "--from", str(LAST), "--to", str(LAST)), 2.0),
    "watch": (("watch", "--once"), 5.0),
    "explain": (("explain", "--date", str(LAST)), 5.0),
}
"""Title -> the words of the command and its target."""

RUN, RUN_TARGET = "run, before its first request", 3.0


SLATE = {
    "game_date": LAST, "game_id": "0022500575", "season": "2025-26", "season_type": "regular_season", "home_team": "BOS",
    "away_team": "LAL", "status": "scheduled", "has_boxscore_source": True, "source": "benchmark", "code_version": "1",
}  # fmt: skip


def fill(home: Path) -> None:
    """Writes predictions of each date, and the game of the last one."""
    warehouse = LocalWarehouse(home=str(home))
    warehouse.replace(TABLES["schedule"], [LAST], pl.DataFrame([SLATE], schema=TABLES["schedule"].dtypes), "benchmark")
    for number in range(DATES):
        day = LAST - timedelta(days=number)
        warehouse.replace(TABLES["predictions"], [day], rows_of(TABLES["predictions"], day, number), "benchmark")


def cpu_seconds(words: tuple[str, ...], home: Path) -> float:
    """Returns user and system seconds of a process with all of its threads."""
    environment = os.environ | {"NBA_PIPELINE_HOME": str(home), "NBA_PIPELINE_NOW": NOW}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_seconds_before_the_first_request(home: Path) -> float:
    """Returns user and system seconds of `run` when it connects to the first provider. Reads them from Linux's `/proc`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        addresses = {variable: address for variable, _ in PROVIDER_ADDRESSES.values()}
        environment = os.environ | addresses | {"NBA_PIPELINE_HOME": str(home / "run"), "NBA_PIPELINE_ENV": "local"}
        command = [sys.executable, "-m", "nba_pipeline", "run", "--date", str(LAST), "--mode", "overnight"]
        process = subprocess.Popen(
            command, env=environment | {"NBA_PIPELINE_NOW": NOW}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            server.settimeout(CONNECTS_WITHIN_SECONDS)
            server.accept()[0].close()
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[UTIME]) + int(fields[UTIME + 1])) / os.sysconf("SC_CLK_TCK")
        finally:
            process.kill()
            process.wait()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="commands-") as name:
        home = Path(name)
        fill(home)
        targets = {title: target for title, (_, target) in COMMANDS.items()} | {RUN: RUN_TARGET}
        taken: dict[str, list[float]] = {title: [] for title in ("import dagster", *targets)}
        for _ in range(REPEATS):
            taken["import dagster"].append(cpu_seconds(IMPORT, home))
            for title, (words, _) in COMMANDS.items():
                taken[title].append(cpu_seconds(("-m", "nba_pipeline", *words), home))
            taken[RUN].append(cpu_seconds_before_the_first_request(home))
        reference = min(taken.pop("import dagster"))
        rows = [
            (title, f"{min(each):.2f}", min(each) / reference, targets[title],
             "" if min(each) <= targets[title] * reference else "slower")
            for title, each in taken.items()
        ]  # fmt: skip
        print(f"import dagster: {reference:.2f} CPU s; {DATES} dates of {ROWS} predictions, best of {REPEATS}\n")
        print_table(("command", "CPU s", "times import dagster", "target", ""), rows)


if __name__ == "__main__":
    main()
