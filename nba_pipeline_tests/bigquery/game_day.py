"""A game day of the simulated league in `production`: the commands as processes, killed at any of their HTTP calls.

    python -m nba_pipeline_tests.bigquery.game_day FOLDER [--share 0/2] [--writes]    one run per call, killed at that call

Not a test itself: `test_game_day` kills at some of the calls.
"""

import argparse
import dataclasses
import itertools
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import polars as pl

import nba_pipeline.definitions  # noqa: F401 - every table is known
from nba_pipeline.environments import PROVIDER_ADDRESSES, warehouse_of
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.monitoring.alert_changes import CHANGES
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.monitoring.deliveries import DELIVERIES, MESSAGE_DELIVERIES
from nba_pipeline.sandbox.server import serve
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.bigquery.loads import EARLIEST_PARTITION
from nba_pipeline.warehouse.bigquery.shapes import STAGING_PREFIX
from nba_pipeline.warehouse.copying import copy
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.bigquery.emulator import HANG_SECONDS, Emulator
from nba_pipeline_tests.bigquery.faults import Call, FaultProxy, Kill

PROJECT, DATASET = "nba-test", "game_day"
FIRST = date(2024, 7, 1)
"""The first slate of a simulated season, so that no earlier box scores can be missing."""
DAY = date(2024, 7, 11)
Commands = Sequence[tuple[datetime, tuple[str, ...]]]
COMMANDS: Commands = (
    (eastern(DAY, 12), ("run", "--date", str(DAY))),
    (eastern(DAY + timedelta(days=1), 7), ("run", "--date", str(DAY), "--mode", "overnight")),
)
"""Instant and command: the predictions before the first tip-off, and the grades of the next morning."""

When = Literal["before", "after"]
WHENS: tuple[When, ...] = ("before", "after")
"""A process is killed before BigQuery receives its call, or after BigQuery has answered."""


OF_ALERTS = (ALERTS.name, CHANGES.name, DELIVERIES.name, MESSAGE_DELIVERIES.name)
"""Tables in which a day with killed processes differs from the undisturbed one."""


@dataclass(frozen=True)
class Ended:
    """The result of a game day: every table, the record of writes, every HTTP call, and where processes were killed."""

    tables: Mapping[str, pl.DataFrame]
    record: pl.DataFrame
    calls: tuple[Call, ...]
    killed: tuple[str, ...] = ()


class League:
    """The simulated league's providers at an instant that the test sets."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.now = folder, COMMANDS[0][0]

    @contextmanager
    def served(self) -> Iterator[Mapping[str, str]]:
        """The variables with the providers' addresses."""
        with serve(self.folder, lambda: self.now) as server:
            yield {variable: server.url for variable, _ in PROVIDER_ADDRESSES.values()} | {
                "ODDS_API_KEY": "sandbox",
                "BALLDONTLIE_API_KEY": "sandbox",
            }


@contextmanager
def command(arguments: tuple[str, ...], variables: Mapping[str, str], now: datetime) -> Iterator[subprocess.Popen[str]]:
    """`nba-pipeline` in its own process."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NBA_", "BIGQUERY_", "GOOGLE_", "ODDS_", "BALLDONTLIE_"))}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "nba_pipeline", *arguments],
        env={**clean, **variables, "NBA_PIPELINE_NOW": now.isoformat()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a command that must succeed."""
    messages, _ = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0, f"exit code {process.returncode}: {messages[-2000:]}"


def local_days(folder: Path, league: League) -> list[Mapping[str, pl.DataFrame]]:
    """Create the earlier history in `folder/before`, play the day on the local warehouse, and return the tables per command."""
    before, after = folder / "before", folder / "local"
    snapshots: list[Mapping[str, pl.DataFrame]] = []
    with league.served() as providers:
        league.now = eastern(DAY, 5)
        variables = {**providers, "NBA_PIPELINE_ENV": "local", "NBA_PIPELINE_HOME": str(before)}
        with command(("backfill", "--from", str(FIRST), "--to", str(DAY - timedelta(days=1))), variables, league.now) as process:
            finish(process)
        shutil.copytree(before, after)
        for now, arguments in COMMANDS:
            league.now = now
            with command(arguments, {**variables, "NBA_PIPELINE_HOME": str(after)}, now) as process:
                finish(process)
            snapshots.append(contents(LocalWarehouse(home=str(after))))
    return snapshots


def production(emulator: Emulator, url: str, home: Path) -> dict[str, str]:
    """The variables of the production environment on an emulator."""
    return {**emulator.variables(PROJECT, DATASET, url), "NBA_PIPELINE_ENV": "production", "NBA_PIPELINE_HOME": str(home)}


def history_in_bigquery(folder: Path, emulator: Emulator) -> None:
    """Copy the local history into the emulator, where the production day begins."""
    variables = production(emulator, emulator.url, folder / "before")
    with command(("bigquery", "apply"), variables, COMMANDS[0][0]) as process:
        finish(process)
    with patch.dict(os.environ, variables):
        remote = warehouse_of("production")
        season = days(FIRST, date(2025, 6, 30))
        for done in copy(LocalWarehouse(home=str(folder / "before")), remote, season, tuple(TABLES)):
            assert not done.differences, str(done)


Fatal = int | Callable[[Call], bool]


def played(
    folder: Path,
    league: League,
    emulator: Emulator,
    kills: Sequence[tuple[Fatal, When]] = (),
    commands: Commands = COMMANDS,
    host: Callable[[int], Mapping[str, str]] = lambda number: {},
) -> Ended:
    """Play the day, or some of its commands. Each kill ends the command that reaches it, and the command is run again.

    A fatal call is given by its number, counted over all processes, or by a predicate. `host` returns the variables of the host of
    a process, given its number.
    """
    calls_made, left, done, numbers = list[Call](), list(kills), list[str](), itertools.count()
    with league.served() as providers:
        for now, arguments in commands:
            league.now, process = now, None
            while process is None or process.returncode == -signal.SIGKILL:
                with FaultProxy(emulator.url) as proxy:
                    variables = {**providers, **production(emulator, proxy.url, folder / "home"), **host(next(numbers))}
                    with command(arguments, variables, now) as process:
                        if left:
                            fatal, when = left[0]
                            proxy.rule(fatal - len(calls_made) if isinstance(fatal, int) else fatal, Kill(process.pid, when))
                        messages, _ = process.communicate(timeout=2 * HANG_SECONDS)
                    calls = [dataclasses.replace(call, number=call.number + len(calls_made)) for call in proxy.calls]
                if process.returncode == -signal.SIGKILL:
                    # the client was dead when the response arrived, so the proxy did not record it
                    last = next(call for call in reversed(calls) if call.status is None)
                    last.status = 200 if left[0][1] == "after" else None
                    done.append(f"{left.pop(0)[1]} {last.kind} {last.table or ''}".strip())
                else:
                    assert process.returncode == 0, messages[-3000:]
                calls_made += calls
    with patch.dict(os.environ, production(emulator, emulator.url, folder / "home")):
        warehouse = warehouse_of("production")
        return Ended(contents(warehouse), record(warehouse), tuple(calls_made), tuple(done))


def record(warehouse: Warehouse) -> pl.DataFrame:
    """The record of writes."""
    assert isinstance(warehouse, BigQueryWarehouse)
    return warehouse.session.frame(f"SELECT * FROM loads WHERE game_date >= DATE '{EARLIEST_PARTITION}'")


def contents(warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    """Every table and quarantine in order of date and key."""
    snapshots = {}
    for name, table in TABLES.items():
        snapshots[name] = warehouse.scan(table).sort("game_date", *table.key).collect()
        snapshots[f"quarantine of {name}"] = warehouse.scan_quarantine(table).sort("game_date", "problem", "row").collect()
    return snapshots


def done_jobs(calls: Sequence[Call]) -> Counter[str]:
    """How often each load and MERGE was accepted, except staging. Repeated ones receive 409 and are not counted."""
    counts = Counter[str]()
    for call in calls:
        statement = str(call.body.get("configuration", {}).get("query", {}).get("query", ""))
        is_load = call.kind == "load" and not (call.table or "").startswith(STAGING_PREFIX)
        if call.status == HTTPStatus.OK and call.job_id and (is_load or statement.startswith("MERGE")):
            counts[call.job_id] += 1
    return counts


def faults_of(ended: Ended, expected: Mapping[str, pl.DataFrame]) -> list[str]:
    """Differences from the undisturbed day: other rows, jobs that ran twice or are not recorded, rows written twice."""
    messages = [
        f"{name}: {ended.tables[name].height} rows, expected {rows.height}"
        for name, rows in expected.items()
        if name not in OF_ALERTS and not ended.tables[name].equals(rows)
    ]
    strange = ended.tables[ALERTS.name].filter(pl.col("message") != "its process was killed")
    messages += [f"an alert: {message}" for message in strange["message"]]
    # the command that is run again resolves the alert of the killed one
    changes = ended.tables[CHANGES.name].filter(pl.col("change") != "resolved")
    messages += [f"an alert was {row['change']}: {row['message']}" for row in changes.to_dicts()]
    jobs, recorded = done_jobs(ended.calls), set(ended.record["job_id"])
    messages += [f"{job} was done {times} times" for job, times in jobs.items() if times > 1]
    # a writer after an unrecorded MERGE finds its rows, and records that there was nothing to add
    messages += [f"{job} was done and is not in the record" for job in jobs.keys() - recorded if not job.startswith("add_")]
    rewritten = ended.record.filter(
        pl.col("content").is_not_null() & (pl.struct("table_name", "game_date", "content").is_duplicated())
    )
    return messages + [
        f"{row['table_name']} {row['game_date']}: the same rows were written by two jobs" for row in rewritten.to_dicts()
    ]


def prepared(folder: Path) -> tuple[League, Emulator, list[Mapping[str, pl.DataFrame]]]:
    """The league, a stopped emulator with the history, and the expected tables after each command."""
    league = League(folder / "league")
    expected = local_days(folder, league)
    start = Emulator(folder / "start0")
    with start:
        history_in_bigquery(folder, start)
    (folder / "start0" / "home").symlink_to(folder / "before")
    return league, start, expected


@contextmanager
def another_start(folder: Path, start: Emulator) -> Iterator[tuple[Path, Emulator]]:
    """A folder with a copy of a start's home, and a running emulator with a copy of its data."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        day = Path(name)
        shutil.copytree(start.folder / "home", day / "home")
        start.copy_to(day)
        with Emulator(day) as emulator:
            yield day, emulator


def undisturbed(folder: Path) -> None:
    """Play each command in production once without kills, and store its calls, its result and the start of the next one."""
    league, start, expected = prepared(folder)
    for number, one in enumerate(COMMANDS):
        with another_start(folder, start) as (day, emulator):
            ended = played(day, league, emulator, commands=[one])
            assert not (faults := faults_of(ended, expected[number])), faults
            (folder / f"command{number}.pickle").write_bytes(pickle.dumps((expected[number], ended.calls)))
            start = Emulator(folder / f"start{number + 1}")
            emulator.copy_to(start.folder)
            shutil.copytree(day / "home", start.folder / "home")


def main() -> int:
    """Kill each command at each of its calls, with one run per call, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the starts are kept between calls of this command")
    parser.add_argument("--share", default="0/1", help="of the calls: 1/2 is the second half of two")
    parser.add_argument("--writes", action="store_true", help="only calls that change something")
    parser.add_argument("--reads", action="store_true", help="only calls that change nothing")
    arguments = parser.parse_args()
    if not (arguments.folder / f"start{len(COMMANDS)}").exists():
        undisturbed(arguments.folder)
    part, parts = (int(n) for n in arguments.share.split("/"))
    league = League(arguments.folder / f"league{part}")
    killed = differing = 0
    for number, one in enumerate(COMMANDS):
        expected, calls = pickle.loads((arguments.folder / f"command{number}.pickle").read_bytes())
        start = Emulator(arguments.folder / f"start{number}")
        required = [
            c
            for c in calls
            if (not arguments.writes or changes_something(c)) and (not arguments.reads or not changes_something(c))
        ]
        for call in required[part::parts]:
            with another_start(arguments.folder, start) as (day, emulator):
                ended = played(day, league, emulator, [(call.number, "after")], [one])
                faults = faults_of(ended, expected)
            killed, differing = killed + len(ended.killed), differing + bool(faults)
            messages = "; ".join(faults) or "same tables, no second write"
            print(one[1][-1], call.number, *(ended.killed or ("was not reached",)), messages, sep="\t", flush=True)
    print(f"killed {killed} times, {differing} runs differ", flush=True)
    return int(differing > 0)


def changes_something(call: Call) -> bool:
    """Whether a call can change the dataset: a job that loads or changes rows, or a created or deleted table."""
    statement = str(call.body.get("query", "") or call.body.get("configuration", {}).get("query", {}).get("query", "")).strip()
    is_change = call.kind == "query" and not statement.startswith(("SELECT", "WITH"))
    return call.kind in ("load", "load_data") or is_change or (call.kind == "tables" and call.method != "GET")


if __name__ == "__main__":
    sys.exit(main())
