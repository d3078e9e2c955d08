"""Memory and CPU time of each job and process of a deployment, load on the webserver, and partitions of ten years.

--jobs        each job as a process of its own, on the sandbox; with NBA_ARCHIVE_DIR also a season of the archive, and a training
              on it. Peak memory of all its processes together, CPU seconds, and the 95th percentile of the cores that it uses in
              a second.
--processes   code server, daemon and webserver of deploy/compose.yaml on PostgreSQL, without due work, then the webserver with 50
              requests at once. CPU seconds per hour are extrapolated from five minutes.
--partitions  seconds to load the definitions and to evaluate the automation conditions once, with partitions of ten years instead
              of those since 2021.

The table of deploy/README.md has these numbers. Other load on the machine lowers the cores that a job uses, but neither its
memory nor its CPU seconds.

    NBA_ARCHIVE_DIR=../shared/data python benchmarks/deployment.py [--jobs] [--processes] [--partitions]    # without: all three
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import psutil
from measuring import CLOSED_ADDRESS, print_table

from nba_pipeline.environments import PROVIDER_ADDRESSES
from nba_pipeline_tests.postgres.cluster import Cluster, free_port, why_missing

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
ARCHIVE = os.environ.get("NBA_ARCHIVE_DIR", "")
MIB = 1024**2
SAMPLE_SECONDS, WARM_UP_SECONDS, IDLE_SECONDS, START_SECONDS = 0.25, 60, 300, 240
REQUESTS = 50
SLATE = date(2026, 1, 15)
HISTORY_DAYS = 35
SUMMER = "2026-07-15T12:00:00-04:00"
"""Out of season nothing is due, so that the daemon starts no run."""
SEASON = ("2023-10-24", "2024-04-14")
TRAINED_WEEK = "2025-03-03"
TRAIN = """
import sys; sys.path.insert(0, "benchmarks")
from pathlib import Path
from measuring import a_runner, succeed
from datetime import UTC, date, datetime
week = date.fromisoformat(sys.argv[3])
runner = a_runner(Path(sys.argv[1]), datetime(2025, 6, 30, 12, tzinfo=UTC), Path(sys.argv[2]))
succeed([runner.run("train", ["points_model"], week, week)])
"""
LOAD_AND_TICK = """
import sys, time
from datetime import UTC, date, datetime
import nba_pipeline.league.calendar as calendar
calendar.FIRST_DATE = date.fromisoformat(sys.argv[1])
import dagster as dg
began = time.process_time()
from nba_pipeline.definitions import defs
defs.get_repository_def().load_all_definitions()
loaded = time.process_time() - began
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.environments import home
with open_instance(home()) as instance:
    ticks, cursor = [], None
    for _ in range(3):
        began = time.process_time()
        cursor = dg.evaluate_automation_conditions(defs, instance, cursor=cursor, evaluation_time=datetime.now(UTC)).cursor
        ticks.append(time.process_time() - began)
print(len(DAILY.get_partition_keys()), loaded, ticks[0], min(ticks[1:]))
"""
QUERY = """{
  runsOrError(limit: 25) { ... on Runs { results { runId status tags { key value } assets { id } } } }
  assetNodes { assetKey { path } assetMaterializations(limit: 5) { runId timestamp } }
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } }
}"""


@dataclass
class Usage:
    """The samples of a process and all its children."""

    pid: int
    mib: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    def sample(self) -> None:
        """Adds a sample: the memory of all processes, and the cores in use since the sample before."""
        memory = cpu = 0.0
        try:
            root = psutil.Process(self.pid)
            cpu = root.cpu_times().children_user + root.cpu_times().children_system
            for process in (root, *root.children(recursive=True)):
                times = process.cpu_times()
                cpu += times.user + times.system
                memory += process.memory_info().rss / MIB
        except psutil.NoSuchProcess:
            return
        now = time.monotonic()
        if self.mib:
            self.cores.append(max(cpu - self.cpu_seconds, 0) / (now - self._since))
        self.mib.append(memory)
        self.cpu_seconds, self._since = max(cpu, self.cpu_seconds), now

    def p95_cores(self) -> float:
        """Returns the 95th percentile of the cores in use, over periods of about a second."""
        step = max(round(1 / SAMPLE_SECONDS), 1)
        per_second = [statistics.fmean(self.cores[n : n + step]) for n in range(0, len(self.cores), step)]
        return statistics.quantiles(per_second, n=20)[-1] if len(per_second) > 1 else sum(per_second)


@contextmanager
def sampled(pids: Sequence[int]) -> Iterator[list[Usage]]:
    """Samples processes until the end of the block."""
    usages, is_done = [Usage(pid) for pid in pids], Event()

    def sample() -> None:
        while not is_done.wait(SAMPLE_SECONDS):
            for usage in usages:
                usage.sample()

    thread = Thread(target=sample)
    thread.start()
    try:
        yield usages
    finally:
        is_done.set()
        thread.join()


def variables(home: Path, **more: str) -> dict[str, str]:
    """Returns the environment of a process with a home."""
    ours = ("NBA_", "DAGSTER", "ODDS_", "BALLDONTLIE_", "ESPN_", "INJURY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "NBA_PIPELINE_HOME": str(home), "PYTHONWARNINGS": "ignore", **more}


def measured(words: Sequence[str], environment: Mapping[str, str], log: Path, codes: Sequence[int]) -> tuple[Usage, float]:
    """Runs a command to its end. Returns its usage and its seconds. Raises RuntimeError for an exit code that is not in `codes`."""
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(words, env=dict(environment), cwd=ROOT, stdout=output, stderr=output)
        with sampled([process.pid]) as [usage]:
            _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    usage.cpu_seconds = used.ru_utime + used.ru_stime
    usage.mib.append(used.ru_maxrss / 1024)  # also of a process that is shorter than a sample
    return usage, time.monotonic() - began


def measure_jobs(folder: Path) -> None:
    """Prints a row per job."""
    home, rows = folder / "home", list[tuple[Any, ...]]()
    command, log = str(BIN / "nba-pipeline"), folder / "log"
    first, yesterday, tomorrow = SLATE - timedelta(days=HISTORY_DAYS), SLATE - timedelta(days=1), SLATE + timedelta(days=1)

    def add(title: str, words: Sequence[str], environment: Mapping[str, str], *codes: int) -> None:
        usage, seconds = measured(words, environment, log, codes or (0,))
        rows.append((title, max(usage.mib), usage.cpu_seconds, usage.p95_cores(), seconds))
        print(f"{title}: {max(usage.mib):,.0f} MiB, {usage.cpu_seconds:.1f} CPU s", file=sys.stderr)

    def at(day: date, hour: int) -> dict[str, str]:
        return variables(home, NBA_PIPELINE_NOW=f"{day}T{hour:02}:00:00-05:00")

    def run(day: date, mode: str) -> list[str]:
        return [command, "run", "--date", str(day), "--mode", mode]

    five_weeks = [command, "backfill", "--from", str(first), "--to", str(yesterday)]
    add("backfill of five weeks, sandbox", five_weeks, at(SLATE, 6))
    add("run, same_day", run(SLATE, "same_day"), at(SLATE, 12))
    add("run, overnight", run(SLATE, "overnight"), at(tomorrow, 6))
    add("run, tomorrow", run(tomorrow, "tomorrow"), at(SLATE, 18))
    add("publish", [command, "publish"], at(SLATE, 13))
    add("watch --once", [command, "watch", "--once"], at(SLATE, 13), 1)  # no daemon runs
    add("rebuild of five weeks", [command, "rebuild", "--yes"], at(tomorrow, 7))
    if ARCHIVE:
        archive, of_archive = Path(ARCHIVE).absolute(), folder / "archive"
        real = variables(
            of_archive, NBA_PIPELINE_ENV="local", NBA_ARCHIVE_DIR=str(archive), NBA_PIPELINE_NOW="2025-06-30T12:00:00Z"
        )
        real |= {variable: CLOSED_ADDRESS for variable, _ in PROVIDER_ADDRESSES.values()}
        season = [command, "backfill", "--from", SEASON[0], "--to", SEASON[1]]
        add("backfill of a season, archive", season, real, 0, 1)  # a check of real rows may warn
        add("train, on a season", [sys.executable, "-c", TRAIN, str(of_archive), str(archive), TRAINED_WEEK], real)
    print_table(("job", "peak MiB", "CPU seconds", "p95 cores", "seconds"), rows)


def wait_until(is_reached: Callable[[], bool]) -> None:
    """Raises RuntimeError if a condition does not hold within START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not is_reached():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not ready after {START_SECONDS} s")
        time.sleep(0.5)


def answers(url: str) -> bool:
    """Whether a webserver answers."""
    try:
        return httpx.get(f"{url}/server_info", timeout=30).is_success
    except httpx.TransportError:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its children. On a busy machine, a code server leaves its own server of code."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    for child in alive:
        child.kill()


async def ask_at_once(url: str) -> list[float]:
    """Sends a query REQUESTS times at once. Returns the seconds of each answer."""
    limits = httpx.Limits(max_connections=REQUESTS)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:

        async def ask() -> float:
            began = time.monotonic()
            answer = (await client.post(f"{url}/graphql", json={"query": QUERY})).json()
            if "errors" in answer:
                raise RuntimeError(answer["errors"])
            return time.monotonic() - began

        return await asyncio.gather(*(ask() for _ in range(REQUESTS)))


@contextmanager
def started(folder: Path, cluster: Cluster) -> Iterator[tuple[dict[str, int], str]]:
    """Starts the processes of the deployment. Yields their process ids and the address of the webserver."""
    home, code, web = folder / "home", free_port(), free_port()
    environment = variables(
        home,
        DAGSTER_HOME=str(home / "dagster"),
        DAGSTER_POSTGRES_URL=cluster.url(cluster.new_database()),
        NBA_PIPELINE_NOW=SUMMER,
    )
    workspace = folder / "workspace.yaml"
    text = (ROOT / "deploy" / "workspace.yaml").read_text().replace("host: code", "host: 127.0.0.1").replace("4000", str(code))
    workspace.write_text(text)
    host, url = ["--host", "127.0.0.1"], f"http://127.0.0.1:{web}"
    server = ["dagster", "code-server", "start", *host, "--port", str(code), "--module-name", "nba_pipeline.definitions"]
    others = {
        "daemon": ["dagster-daemon", "run", "--workspace", str(workspace)],
        "webserver": ["dagster-webserver", "--read-only", *host, "--port", str(web), "--workspace", str(workspace)],
    }
    check = [str(BIN / "dagster"), "api", "grpc-health-check", "--port", str(code)]
    subprocess.run([BIN / "nba-pipeline", "decisions"], env=environment, check=True, capture_output=True)
    with ExitStack() as stack:

        def start(words: Sequence[str]) -> int:
            command, silent = [str(BIN / words[0]), *words[1:]], subprocess.DEVNULL
            process = stack.enter_context(subprocess.Popen(command, env=environment, stdout=silent, stderr=silent))
            stack.callback(end, process)
            return process.pid

        pids = {"code server": start(server)}
        wait_until(lambda: subprocess.run(check, env=environment, check=False, capture_output=True).returncode == 0)
        pids |= {name: start(words) for name, words in others.items()}
        wait_until(lambda: answers(url))
        yield pids, url


def measure_processes(folder: Path) -> None:
    """Prints a row per process of the deployment."""
    rows, cluster = list[tuple[Any, ...]](), Cluster()
    try:
        with started(folder, cluster) as (pids, url):
            time.sleep(WARM_UP_SECONDS)
            with sampled(list(pids.values())) as usages:
                time.sleep(IDLE_SECONDS)
            for name, usage in zip(pids, usages, strict=True):
                rows.append((f"{name}, idle", max(usage.mib), f"{statistics.fmean(usage.cores) * 3600:.0f}", usage.p95_cores()))
            with sampled([pids["webserver"]]) as [usage]:
                seconds = sorted(asyncio.run(ask_at_once(url)))
            rows.append((f"webserver, {REQUESTS} requests at once", max(usage.mib), "", usage.p95_cores()))
    finally:
        cluster.close()
    print_table(("process", "peak MiB", "CPU seconds per hour", "p95 cores"), rows)
    print(f"{REQUESTS} requests at once: answered within {seconds[-1]:.1f} s, median {statistics.median(seconds):.1f} s")


def measure_partitions(folder: Path) -> None:
    """Prints the CPU seconds of loading and of a tick, with the partitions of the platform and with those of ten years."""
    rows = list[tuple[Any, ...]]()
    for title, first in (("since 2021", "2021-10-01"), ("ten years", str(datetime.now(UTC).date() - timedelta(days=3652)))):
        environment = variables(folder / title.replace(" ", "_"))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", LOAD_AND_TICK, first],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        number, *seconds = done.stdout.split()
        rows.append((title, number, *map(float, seconds)))
    print_table(
        ("partitions", "dates", "CPU s to load the definitions", "CPU s of the first tick", "CPU s of a later tick"), rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"jobs": measure_jobs, "processes": measure_processes, "partitions": measure_partitions}
    for name in parts:
        parser.add_argument(f"--{name}", action="store_true")
    given = {name for name, is_given in vars(parser.parse_args()).items() if is_given} or parts.keys()
    print(f"{os.cpu_count()} cores, load of the last five minutes {os.getloadavg()[1]:.1f}\n")
    for name, measure in parts.items():
        if name not in given:
            continue
        if name == "processes" and (problem := why_missing()):
            print(f"no processes: {problem}")
            continue
        with tempfile.TemporaryDirectory(prefix="deployment-") as folder:
            measure(Path(folder))
        print()


if __name__ == "__main__":
    main()
