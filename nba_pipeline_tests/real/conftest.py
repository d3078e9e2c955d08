"""The real data, the replay server and the command, for the tests that need all three."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest

from nba_pipeline.environments import KEYS, PROVIDER_ADDRESSES

ROOT = Path(__file__).parents[2]
SHARED = (ROOT / os.environ.get("NBA_SHARED_DIR", "../shared")).resolve()
DATA = SHARED / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip with a reason on a machine without the real data; with NBA_SHARED_DIR set a missing folder fails instead."""
    if DATA.is_dir():
        return
    if "NBA_SHARED_DIR" in os.environ:
        raise pytest.UsageError(f"NBA_SHARED_DIR is {SHARED}, which has no data folder")
    for item in items:
        if "real" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=f"needs the real data in {SHARED}"))


class Replay:
    """A replay server in its own process, and its control plane."""

    def __init__(self, process: subprocess.Popen[str], url: str):
        self.process, self.url = process, url
        self.control = httpx.Client(base_url=url, timeout=30)

    def variables(self) -> dict[str, str]:
        """Returns the variables that direct every provider to the server, also those that it lacks, so that no request leaves."""
        addresses = {variable: self.url for variable, _ in PROVIDER_ADDRESSES.values()}
        return addresses | dict.fromkeys(KEYS.values(), "key")

    def set_clock(self, instant: str) -> None:
        """Stops the clock at an instant."""
        self.control.post("/__control/clock", json={"now": instant, "speed": 0}).raise_for_status()

    def misbehave(self, *rules: dict[str, object]) -> None:
        """Replaces the fault rules."""
        self.control.post("/__control/faults?replace=1", json=list(rules)).raise_for_status()

    def requests(self) -> list[dict[str, object]]:
        """Returns the requests so far."""
        return list(self.control.get("/__control/requests?limit=100000").json()["requests"])


@contextmanager
def serving() -> Iterator[Replay]:
    """A replay server of the real seasons with a stopped clock."""
    command = [sys.executable, "replay_server.py", "--data", str(DATA), "--now", "2024-03-11T12:00:00-04:00", "--speed", "0"]
    process = subprocess.Popen(command, cwd=SHARED / "replay", stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Replay(process, json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def replay() -> Iterator[Replay]:
    """A replay server for one test."""
    with serving() as server:
        yield server


class Platform:
    """The command in the environment `local` with its own home."""

    def __init__(self, home: Path, **variables: str):
        self.home, self.variables = home, variables

    def __call__(self, *arguments: str, code: int | None = 0, **variables: str) -> str:
        """Runs the command and returns its standard output. `code` is the expected exit code."""
        inherited = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        environment = {
            **inherited,
            "NBA_PIPELINE_ENV": "local",
            "NBA_PIPELINE_HOME": str(self.home),
            "COLUMNS": "200",
            **self.variables,
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-m", "nba_pipeline", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert code is None or done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def rows(self, query: str) -> list[dict[str, object]]:
        """Returns the result of `sql` as records."""
        return list(json.loads(self("sql", query, "--format", "json")))

    def table(self, name: str) -> pl.DataFrame:
        """Returns a table as stored on disk, sorted."""
        frame = pl.read_parquet(self.home / "tables" / name / "*" / "part.parquet", hive_partitioning=False)
        return frame.sort([c for c, kind in frame.schema.items() if not kind.is_nested()])


def live_through(platform: Platform, replay: Replay, day: date) -> None:
    """Runs a live game day: predictions at noon and, with lines, at 5 pm; collection and grades the next morning."""
    keys = replay.variables()
    noon, five, morning = f"{day}T12:00:00-04:00", f"{day}T17:00:00-04:00", f"{day + timedelta(days=1)}T07:00:00-04:00"
    for instant, mode in ((noon, "same_day"), (five, "same_day"), (morning, "overnight")):
        replay.set_clock(instant)
        platform("run", "--date", str(day), "--mode", mode, code=None, NBA_PIPELINE_NOW=instant, **keys)
