"""A sandbox league with games that start in minutes and last minutes, and the platform's processes on the real clock."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import polars as pl

from nba_pipeline.assets.grades import grades
from nba_pipeline.assets.predictions import predictions
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.sandbox.league import League
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.executable)
GAME_MINUTES = 2.0
BETWEEN_TIPOFFS = timedelta(seconds=10)


class Evening:
    """One slate that starts soon, with its own home."""

    def __init__(self, home: Path, first_tipoff_in: timedelta, games: int = 5, variables: Mapping[str, str] = {}):
        self.home, self.warehouse, self.variables = home, LocalWarehouse(home=str(home)), variables
        self.first_tipoff = datetime.now(UTC).replace(microsecond=0) + first_tipoff_in
        self.slate: date = eastern_date(self.first_tipoff)
        league = League()
        self.game_ids = [game.game_id for game in league.games(self.slate)][:games]
        self.last_end = self.first_tipoff + BETWEEN_TIPOFFS * (games - 1) + timedelta(minutes=GAME_MINUTES)
        dropped = [game.game_id for game in league.games(self.slate)][games:]
        rules: list[dict[str, Any]] = [
            {"action": "move_date", "game": [game], "to": (self.first_tipoff + BETWEEN_TIPOFFS * n).isoformat()}
            for n, game in enumerate(self.game_ids)
        ]
        rules += [{"action": "drop_game", "game": dropped}] if dropped else []
        (home / "sandbox_rules.json").write_text(json.dumps({"game_minutes": GAME_MINUTES, "rules": rules}))

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the platform's processes."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **inherited,
            "NBA_PIPELINE_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "PYTHONWARNINGS": "ignore",
            **self.variables,
        }

    def command(self, *arguments: str, may_be: tuple[int, ...] = (0,)) -> int:
        """Runs the nba-pipeline command and returns its exit code. Raises with its output if it is not one of `may_be`."""
        command = [PYTHON, "-m", "nba_pipeline", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode in may_be, done.stderr
        return done.returncode

    def play_the_days_before(self, days: int) -> None:
        """Backfills history, so that players have enough games for predictions."""
        day = timedelta(days=1)
        first, last = self.slate - days * day, self.slate - day
        # exit code 1: the gates of the first slates are closed, because they have no history
        self.command("backfill", "--from", str(first), "--to", str(last), may_be=(0, 1))

    def rows(self, table: Table) -> pl.DataFrame:
        """Returns the slate's rows of a table."""
        return self.warehouse.scan(table, [self.slate]).collect()

    def runs(self, *statuses: dg.DagsterRunStatus) -> list[dg.RunRecord]:
        """Returns the runs of the slate, newest first, optionally with given statuses."""
        tags = {"dagster/partition": self.slate.isoformat()}
        with open_instance(self.home) as instance:
            return list(instance.get_run_records(dg.RunsFilter(tags=tags, statuses=list(statuses) or None)))

    def is_graded(self) -> bool:
        """Whether every prediction of the slate has a grade."""
        key = ["game_id", "player_id", "system_id"]
        predicted, graded = self.rows(predictions.TABLE).select(key).unique(), self.rows(grades.TABLE).select(key).unique()
        return predicted.height > 0 and predicted.join(graded, on=key, how="anti").is_empty()


class Platform:
    """`dagster dev` on a home: daemon, web page and code server, as `make dev` starts them."""

    def __init__(self, evening: Evening, port: int):
        self.log = (evening.home / "dagster_dev.log").open("ab")
        command = [PYTHON, "-m", "dagster", "dev", "-w", "workspace.yaml", "-p", str(port), "-h", "127.0.0.1"]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=evening.environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def kill(self) -> None:
        """Simulates a power failure: SIGKILL to all processes, including runs in progress."""
        for pid in _of_session(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def daemons(self) -> dict[str, bool]:
        """Returns daemon -> whether it is healthy, as shown by the web page."""
        query = {"query": "{instance{daemonHealth{allDaemonStatuses{daemonType healthy required}}}}"}
        response = httpx.post(f"{self.url}/graphql", json=query, timeout=30).json()
        statuses = response["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        return {status["daemonType"]: bool(status["healthy"]) for status in statuses if status["required"]}


@contextmanager
def platform(evening: Evening, port: int) -> Iterator[Platform]:
    """Runs the platform during the block."""
    started = Platform(evening, port)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def wait_until(is_so: Callable[[], object], end: datetime, what: str) -> None:
    """Polls every second. Fails the test if the condition is not met by `end`."""
    while not is_so():
        assert datetime.now(UTC) < end, f"not by {end:%H:%M:%S} UTC: {what}"
        time.sleep(1)


def _of_session(leader: int) -> list[int]:
    """Returns all processes of a session and all descendants of its leader. Dagster's children lead their own groups."""
    parents, processes = {}, {leader}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
            processes |= {int(stat.parent.name)} if int(fields[3]) == leader else set()
    while more := {pid for pid, parent in parents.items() if parent in processes} - processes:
        processes |= more
    return sorted(processes)
