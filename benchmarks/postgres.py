"""Dagster's run history in PostgreSQL against SQLite: a game day, events, ticks and the start of a daemon.

--day      seconds and CPU seconds of the two commands of a nine-game day, each as a process, in copies of one home. Beside it, the
           CPU seconds of the server.
--events   events per second: one at a time, and in the batches of a range run. The best of five.
--ticks    CPU seconds and seconds of a tick with five seasons of 50 materialized tables, as in `automation.py --ticks`.
--start    seconds from the start of a daemon to its first tick, out of season, with an empty history.

The server is on this machine and does not wait for the disk, so the numbers have neither network nor disk.

    python benchmarks/postgres.py [--day] [--events] [--ticks] [--start]    # without arguments: all four
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import sqlalchemy
from automation import NOTHING_NEW, UPDATED, Ticks, copies_of_our_tables, fill, graph_of
from dagster._core.events import StepMaterializationData
from dagster._core.test_utils import create_run_for_test
from deployment import BIN, SUMMER, end, variables, wait_until
from game_day import DAY, HOURS, MODES, prepare
from measuring import a_runner, command_cpu_seconds, in_new_process, print_table, succeed

from nba_pipeline.asset_factory.conditions import condition_of
from nba_pipeline.completeness.modes import Mode
from nba_pipeline.instance.moving import move
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.postgres import URL_VARIABLE, Database
from nba_pipeline.league.calendar import eastern, season_of
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline.sandbox.league import League
from nba_pipeline_tests.postgres.cluster import Cluster, why_missing

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
EVENTS, BATCH, REPEATS = 300, 1000, 5
HEAD = ("", SQLITE, POSTGRES, "PostgreSQL / SQLite")
Rows = list[tuple[Any, ...]]


class Storages:
    """Copies of a home whose history is in SQLite and in PostgreSQL."""

    def __init__(self, cluster: Cluster, folder: Path):
        self.cluster, self.folder = cluster, folder

    def new_homes(self, filled: Path | None = None) -> dict[str, tuple[Path, str]]:
        """Returns storage -> a home and the URL of its database, empty for SQLite. The homes are copies of `filled`, or empty."""
        homes = {name: Path(tempfile.mkdtemp(dir=self.folder)) for name in (SQLITE, POSTGRES)}
        url = self.cluster.url(self.cluster.new_database())
        if filled:
            for home in homes.values():
                shutil.copytree(
                    filled, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("dagster.yaml")
                )  # it names its home
            in_new_process(moved, homes[POSTGRES], url)
        return {SQLITE: (homes[SQLITE], ""), POSTGRES: (homes[POSTGRES], url)}


def use(home: Path, url: str) -> None:
    """Makes this process use a home and its database, or SQLite."""
    os.environ |= {"NBA_PIPELINE_HOME": str(home), **({URL_VARIABLE: url} if url else {})}


def moved(home: Path, url: str) -> None:
    """Moves the history of a home to a database."""
    use(home, url)
    move(home, Database({URL_VARIABLE: url}, "sandbox"), dry_run=False)


def compared(title: str, values: Mapping[str, float]) -> tuple[Any, ...]:
    """Returns a row of the table."""
    return title, values[SQLITE], values[POSTGRES], values[POSTGRES] / values[SQLITE]


# --day


def command(home: Path, url: str, mode: Mode) -> tuple[float, float]:
    """Runs a command of the day. Returns its seconds and its CPU seconds, without the start of the process and the sandbox."""
    use(home, url)
    definitions = a_runner(home, eastern(MODES[mode], HOURS[mode])).definitions
    League().season(season_of(DAY))  # simulates the season before the first request
    began = time.perf_counter()
    cpu, _ = command_cpu_seconds(lambda: succeed(list(Runner(definitions, open_instance(home)).slate(DAY, mode))))
    return time.perf_counter() - began, cpu


def server_seconds(cluster: Cluster) -> float:
    """Returns the CPU seconds of the server and of its ended connections."""
    root = psutil.Process(int((cluster.folder / "data" / "postmaster.pid").read_text().splitlines()[0]))
    used = [root.cpu_times(), *(child.cpu_times() for child in root.children())]
    ended = root.cpu_times()
    return float(sum(times.user + times.system for times in used) + ended.children_user + ended.children_system)


def measure_day(storages: Storages) -> Rows:
    """Returns the rows of a game day."""
    filled = storages.folder / "filled"
    in_new_process(prepare, filled)
    homes, seconds, cpu, server = storages.new_homes(filled), dict[str, float](), dict[str, float](), 0.0
    for name, (home, url) in homes.items():
        before = server_seconds(storages.cluster)
        runs = [in_new_process(command, home, url, mode) for mode in MODES]
        seconds[name], cpu[name] = sum(wall for wall, _ in runs), sum(used for _, used in runs)
        server = server_seconds(storages.cluster) - before
    return [
        compared("game day, seconds", seconds),
        compared("game day, CPU seconds", cpu),
        ("game day, CPU seconds of the server", 0.0, server, ""),
    ]


# --events


def events_per_second(home: Path, url: str) -> tuple[float, float]:
    """Returns the highest number of events per second, single ones and in batches."""
    use(home, url)
    singles, batches = list[float](), list[float]()
    with open_instance(home) as instance:
        log, run = instance.event_log_storage, create_run_for_test(instance)
        events = [materialization(run.run_id, number) for number in range(BATCH)]
        for _ in range(REPEATS):
            began = time.perf_counter()
            for event in events[:EVENTS]:
                log.store_event(event)
            singles.append(EVENTS / (time.perf_counter() - began))
            began = time.perf_counter()
            log.store_event_batch(events)
            batches.append(BATCH / (time.perf_counter() - began))
    return max(singles), max(batches)


def materialization(run_id: str, number: int) -> dg.EventLogEntry:
    """Returns the event of one date of a table."""
    about = dg.AssetMaterialization("toys", partition=f"date {number}", metadata={"rows": number})
    event = dg.DagsterEvent(
        "ASSET_MATERIALIZATION", "play", step_key="toys", event_specific_data=StepMaterializationData(about, [])
    )
    return dg.EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level="debug",
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        job_name="play",
        dagster_event=event,
    )


def measure_events(storages: Storages) -> Rows:
    """Returns the rows of the events."""
    measured = {name: in_new_process(events_per_second, *home) for name, home in storages.new_homes().items()}
    titles = ("events per second, one at a time", f"events per second, batches of {BATCH}")
    return [compared(title, {name: rates[n] for name, rates in measured.items()}) for n, title in enumerate(titles)]


# --ticks


def filled_instance(home: Path) -> None:
    """Fills a home with five seasons of tables."""
    fill(home, copies_of_our_tables()).dispose()


def seconds_of_ticks(home: Path, url: str) -> dict[str, tuple[float, float]]:
    """Returns kind of tick -> median CPU seconds and seconds."""
    use(home, url)
    flows = copies_of_our_tables()
    with open_instance(home) as instance:
        ticks = Ticks(graph_of(flows, condition_of), instance)
        kinds: dict[str, list[tuple[float, float]]] = {NOTHING_NEW: [], UPDATED: []}

        def tick(kind: str) -> None:
            began = time.perf_counter()
            cpu, _ = ticks.tick()
            kinds[kind].append((cpu, time.perf_counter() - began))

        ticks.tick()
        for _ in range(REPEATS):
            ticks.tick()  # processes the requests of the previous tick
            tick(NOTHING_NEW)
            ticks.update()
            tick(UPDATED)
    return {kind: tuple(statistics.median(part) for part in zip(*taken, strict=True)) for kind, taken in kinds.items()}


def measure_ticks(storages: Storages) -> Rows:
    """Returns the rows of the ticks."""
    filled = storages.folder / "seasons"
    in_new_process(filled_instance, filled)
    measured = {name: in_new_process(seconds_of_ticks, *home) for name, home in storages.new_homes(filled).items()}
    return [
        compared(f"tick with five seasons, {kind}, {unit}", {name: kinds[kind][n] for name, kinds in measured.items()})
        for kind in (NOTHING_NEW, UPDATED)
        for n, unit in enumerate(("CPU seconds", "seconds"))
    ]


# --start


def first_tick(home: Path, url: str) -> float:
    """Returns the seconds from the start of a daemon to its first tick."""
    use(home, url)
    environment = variables(home, DAGSTER_HOME=str(home / "dagster"), NBA_PIPELINE_NOW=SUMMER)
    environment |= {URL_VARIABLE: url} if url else {}
    with open_instance(home) as instance:
        words: Sequence[str] = (str(BIN / "dagster-daemon"), "run", "--module-name", "nba_pipeline.definitions")
        began, silent = time.monotonic(), subprocess.DEVNULL
        daemon = subprocess.Popen(words, env=environment, cwd=home, stdout=silent, stderr=silent)
        try:
            wait_until(lambda: has_ticks(instance))
            return time.monotonic() - began
        finally:
            end(daemon)


def has_ticks(instance: dg.DagsterInstance) -> bool:
    """Whether a schedule or sensor was evaluated."""
    with instance.schedule_storage.connect() as connection:  # type: ignore[union-attr]
        return bool(connection.execute(sqlalchemy.text("SELECT count(*) FROM job_ticks")).scalar_one())


def measure_start(storages: Storages) -> Rows:
    """Returns the row of the first tick."""
    measured = {name: in_new_process(first_tick, *home) for name, home in storages.new_homes().items()}
    return [compared("start of a daemon to its first tick, seconds", measured)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"day": measure_day, "events": measure_events, "ticks": measure_ticks, "start": measure_start}
    for name in parts:
        parser.add_argument(f"--{name}", action="store_true")
    given = {name for name, is_given in vars(parser.parse_args()).items() if is_given} or parts.keys()
    if problem := why_missing():
        print(f"nothing is measured: {problem}")
        return
    print(f"{os.cpu_count()} cores, load of the last five minutes {os.getloadavg()[1]:.1f}\n")
    cluster = Cluster()
    try:
        with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
            storages = Storages(cluster, Path(folder))
            rows = [row for name, measure in parts.items() if name in given for row in measure(storages)]
    finally:
        cluster.close()
    print_table(HEAD, rows)


if __name__ == "__main__":
    main()
