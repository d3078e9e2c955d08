"""Shared parts of the benchmarks: a stopwatch for the platform's methods, homes to run in, and new processes.

This module has no benchmark of its own.
"""

import functools
import gc
import inspect
import multiprocessing
import os
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import polars as pl
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.base import EventLogStorage

from nba_pipeline.cli.app import RARE_COLLECTIONS
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import PROVIDER_ADDRESSES, resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.event_log import KeptSqliteEventLogStorage
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.sandbox import client
from nba_pipeline.sandbox.server import SandboxServer, _Handler
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.io_manager import TableIO
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse

SERVE, FETCH, READ, COMPUTE, VALIDATE, WRITE, CHECK, EVENT_LOG, DAGSTER = PARTS = (
    "serve the sandbox", "fetch", "read", "compute", "validate", "write", "checks", "Dagster's event log", "Dagster's rest",
)  # fmt: skip
OWN = (READ, COMPUTE, VALIDATE, WRITE, CHECK)
STORE_EVENT = f"{KeptSqliteEventLogStorage.__name__}.store_event"
WITHIN = {FETCH: {READ, WRITE}, CHECK: {READ}}
"""Outer part -> inner parts counted as the outer one: landing within a fetch, reading within a check."""

OURS = ("NBA_", "ODDS_", "BALLDONTLIE_")
CLOSED_ADDRESS = "http://127.0.0.1:9"
END = object()
"""Follows the last result of a generator."""
Result = TypeVar("Result")


class Stopwatch:
    """Measures wall and CPU time per part. An inner part pauses the outer one, so no second counts twice.

    Only the creating thread is measured. Work in a thread pool counts once, for the part that waits for it. CPU time
    includes all threads of the process.
    """

    def __init__(self) -> None:
        self.seconds, self.cpu_seconds, self.calls = Counter[str](), Counter[str](), Counter[str]()
        self._parts, self._thread, self._since = [DAGSTER], threading.get_ident(), (time.perf_counter(), time.process_time())

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        if threading.get_ident() != self._thread:
            yield
            return
        self.turn()
        outer = self._parts[-1]
        self._parts.append(outer if name in WITHIN.get(outer, ()) else name)
        try:
            yield
        finally:
            self.turn()
            self._parts.pop()

    def turn(self) -> Counter[str]:
        """Returns the seconds so far."""
        now = time.perf_counter(), time.process_time()
        # a Counter also adds floats, which its types do not say
        self.seconds[self._parts[-1]] += now[0] - self._since[0]  # type: ignore[assignment]
        self.cpu_seconds[self._parts[-1]] += now[1] - self._since[1]  # type: ignore[assignment]
        self._since = now
        return self.seconds.copy()

    def timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[function.__qualname__] += 1
            with self.part(part):
                return function(*args, **kwargs)

        @functools.wraps(function)
        def iterate(*args: Any, **kwargs: Any) -> Iterator[Any]:
            """Counts the work of a generator, which does it while it is iterated."""
            self.calls[function.__qualname__] += 1
            results = iter(function(*args, **kwargs))
            while True:
                with self.part(part):
                    result = next(results, END)
                if result is END:
                    return
                yield result

        return iterate if inspect.isgeneratorfunction(function) else call

    def wrap(self, owner: Any, names: str, part: str) -> None:
        for name in names.split():
            method: Any = inspect.getattr_static(owner, name)
            is_property = isinstance(method, property)
            timed = self.timed(method.fget if is_property else method, part)
            setattr(owner, name, property(timed) if is_property else timed)

    def watch(self, definitions: dg.Definitions) -> None:
        """Wraps the methods of this process and the functions of the assets and checks. Cannot be undone."""
        self.wrap(client, "serve", SERVE)
        self.wrap(SandboxServer, "stop", SERVE)
        self.wrap(HttpClient, "get get_many", FETCH)
        self.wrap(Landing, "newest versions payloads", READ)
        self.wrap(Archive, "holds schedule boxscores prop_lines players", READ)
        self.wrap(LocalWarehouse, "scan scan_quarantine dates", READ)
        self.wrap(LocalWarehouse, "replace add quarantine", WRITE)
        self.wrap(TableIO, "load_input", READ)
        self.wrap(TableIO, "handle_output", WRITE)
        self.wrap(Table, "conform", VALIDATE)
        # Dagster computes the dates when an IO manager requests them
        self.wrap(dg.InputContext, "asset_partition_keys", DAGSTER)
        self.wrap(dg.OutputContext, "asset_partition_keys", DAGSTER)
        self.wrap(dg.DagsterInstance, "handle_new_event report_dagster_event", EVENT_LOG)
        self.wrap(KeptSqliteEventLogStorage, "store_event", EVENT_LOG)
        for name in EventLogStorage.__abstractmethods__:
            if inspect.isfunction(getattr(SqliteEventLogStorage, name)):
                self.wrap(SqliteEventLogStorage, name, EVENT_LOG)
        collect = pl.LazyFrame.collect

        @functools.wraps(collect)
        def reading(frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
            if "Parquet SCAN" not in frame.explain(optimized=False):
                return collect(frame, *args, **kwargs)
            with self.part(READ):
                return collect(frame, *args, **kwargs)

        pl.LazyFrame.collect = reading  # type: ignore[method-assign, assignment]
        timed: tuple[tuple[str, Any], ...] = (COMPUTE, definitions.assets), (CHECK, definitions.asset_checks)
        for part, functions in timed:
            for asset in functions or ():
                function = asset.op._compute_fn
                asset.op._compute_fn = function._replace(decorated_fn=self.timed(function.decorated_fn, part))


def a_runner(home: Path, now: datetime | None = None, archive: Path | None = None) -> Runner:
    """Returns the platform in its own home: on the sandbox, or on an archive with all providers unreachable."""
    for variable in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[variable]
    os.environ |= {"NBA_PIPELINE_HOME": str(home), "NBA_ARCHIVE_DIR": str(archive or "")}
    os.environ |= {variable: CLOSED_ADDRESS for variable, _ in PROVIDER_ADDRESSES.values() if archive}
    name = "local" if archive else "sandbox"
    clock = Clock(fixed_at=now.isoformat() if now else "")
    return Runner(build_definitions(name, resources_for(name, clock)), open_instance(home))


def in_new_process(function: Callable[..., Result], *args: Any) -> Result:
    """Calls a module-level function in a new process."""
    pool = multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1)
    try:
        return pool.apply(function, args)
    finally:
        pool.close()
        pool.join()


def failures_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Returns one line per failed run."""
    return [f"{outcome.title}: {'; '.join(outcome.failures)}" for outcome in outcomes if outcome.failures]


def succeed(outcomes: Iterable[Outcome]) -> None:
    """Raises RuntimeError if a run failed. Not SystemExit, because a pool would wait for its process forever."""
    if failures := failures_of(outcomes):
        raise RuntimeError("\n".join(failures))


def children_cpu_seconds() -> float:
    """Returns the CPU seconds of terminated child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command_cpu_seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Returns the CPU seconds of work as a command does it, and those of the sandbox in the same process.

    The first number has all threads and the child processes that end within the work, and lacks the threads of the sandbox.
    """
    of_sandbox, handle = [0.0], _Handler.handle

    def handle_counted(handler: _Handler) -> None:
        start = time.thread_time()
        try:
            handle(handler)
        finally:
            of_sandbox.append(time.thread_time() - start)

    _Handler.handle = handle_counted  # type: ignore[method-assign, assignment]
    gc.set_threshold(*RARE_COLLECTIONS)  # as the command
    start = time.process_time() + children_cpu_seconds()
    work()
    used = time.process_time() + children_cpu_seconds() - start
    _wait_for_the_threads_of_the_sandbox()
    return used - sum(of_sandbox), sum(of_sandbox)


def _wait_for_the_threads_of_the_sandbox() -> None:
    """Waits until the threads of the closed connections have ended and are counted."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=5)


def peak_gigabytes() -> float:
    """Returns the peak resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def print_table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Prints a Markdown table. Numbers have two decimals."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print("| " + " | ".join(f"{cell:,.2f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
