"""Rebuilds every table except the ledgers from the landing, in four steps.

    plan        rows and dates of each table, and the runs in the landing's journal
    repeat      every journaled run, offline and as of its own instant, into a warehouse below `<home>/rebuild`
    compare     a table that would lose dates or most rows of a date stops the rebuild; the old tables stay
    install     local: by renames (`warehouse.swap`); BigQuery: date by date (`warehouse.copying`)

Ledgers, landing and saved models never change. The old tables do not change until the installation begins.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from filelock import FileLock, Timeout

from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.run_tags import AS_OF_TAG, OFFLINE_TAG, PARTITION_TAG, RANGE_TAGS, REPLAY_TAG
from nba_pipeline.league.calendar import FIRST_DATE, days, parse_instant, parse_key
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.orchestration.in_use import refuse_while_in_use
from nba_pipeline.orchestration.recheck_job import JOB as RECHECK
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse, copying, swap
from nba_pipeline.warehouse.home_format import prepare_write
from nba_pipeline.warehouse.io_manager import TableIO
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse


@dataclass(frozen=True)
class Repetition:
    """A journaled run to repeat. `original` is its run id."""

    original: str
    job: str
    tables: tuple[str, ...]
    first: date
    last: date
    tags: Mapping[str, str]


@dataclass(frozen=True)
class TableSize:
    """The number of dates and rows of a table in a warehouse."""

    name: str
    dates: int
    rows: int


@dataclass(frozen=True)
class Plan:
    """The tables that a rebuild replaces, the tables that it retains, and the runs that it repeats."""

    replaced: tuple[TableSize, ...]
    retained: tuple[TableSize, ...]
    runs: tuple[Repetition, ...]


def plan_rebuild(warehouse: Warehouse, landing: Landing) -> Plan:
    """Returns the plan and writes nothing.

    Raises BadInput for a landing without runs, and PipelineError for a run with a damaged header.
    """
    runs = tuple(repetitions(landing))
    if not runs:
        raise BadInput(f"the landing below {landing.root} has no runs to rebuild from")
    if unnamed := [line for line in landing.damaged_lines() if line.is_header]:
        raise PipelineError(
            f"cannot rebuild: {counted(len(unnamed), 'journal has', 'journals have')} a damaged first line; "
            "nothing was replaced: " + ", ".join(f"run {line.run_id} ({line.place})" for line in unnamed)
        )
    replaced, retained = (tuple(_size_of(warehouse, table) for table in tables) for tables in (rebuilt_tables(), ledgers()))
    return Plan(replaced, retained, runs)


def ledgers() -> list[Table]:
    """Returns the tables that cannot be rebuilt."""
    return [table for table in TABLES.values() if table.is_ledger]


def rebuilt_tables() -> list[Table]:
    """Returns the tables that can be rebuilt, upstream tables first."""
    order = {name: number for number, name in enumerate(daily_tables())}
    tables = [table for table in TABLES.values() if not table.is_ledger]
    return sorted(tables, key=lambda table: order.get(table.name, len(order)))


def repetitions(landing: Landing) -> Iterator[Repetition]:
    """Yields every journaled run that materialized a table that can be rebuilt, in order of start."""
    names = {table.name for table in rebuilt_tables()}
    yield from filter(None, (repetition(run, names) for run in landing.runs() if run["job"]))


def repetition(run: Mapping[str, Any], names: Collection[str]) -> Repetition | None:
    """Returns the repetition of a run from its header in the journal; None if it materialized none of the named tables."""
    # a re-read wrote no table, as later runs loaded its payloads; morning_summary has no rows and no partition
    every = {"train": ("points_model",), RECHECK: ()}.get(run["job"], daily_tables())
    tables = tuple(table for table in run["assets"] or every if table in names)
    if not tables:
        return None
    span = [parse_key(run["tags"][tag]) for tag in RANGE_TAGS if tag in run["tags"]]
    first, last = span or [parse_key(run["tags"][PARTITION_TAG])] * 2
    as_of = parse_instant(run["as_of"], "as_of of the landing's journal").isoformat()
    offline = {OFFLINE_TAG: run["tags"][OFFLINE_TAG]} if OFFLINE_TAG in run["tags"] else {}
    tags = {REPLAY_TAG: run["run_id"], AS_OF_TAG: as_of, **offline}
    return Repetition(run["run_id"], run["job"], tables, first, last, tags)


def rebuild(runner: Runner) -> Iterator[Outcome]:
    """Repeats the runs in a separate warehouse, and replaces the old tables if the new ones are complete.

    A run that failed originally may fail again; its outcome has a warning. Raises Busy while another process uses the home,
    BadInput without disk space for the new tables, and PipelineError if the new tables are incomplete; the old tables stay.
    """
    home = Path(runner.instance.root_directory).parent
    with _exclusive(home):
        runner.warehouse.preflight()  # finishes an interrupted installation, whose tables are in the folder of the new ones
        refuse_while_in_use(runner.instance)
        plan_rebuild(runner.warehouse, runner.landing)
        rebuilding_runner = _runner_in(runner, home / swap.FOLDER)
        rebuilding_runner.on_start = runner.on_start
        failed = list[str]()
        for outcome, original in _repeat(rebuilding_runner, runner.landing):
            is_expected = outcome.succeeded or not _has_succeeded(runner.instance, original)
            failed += [] if is_expected else [outcome.title]
            yield _as_repetition(outcome) if is_expected else outcome
        problems = [f"{counted(len(failed), 'run')} failed that had succeeded (first: {failed[0]})"] if failed else []
        problems += losses(runner.warehouse, rebuilding_runner.warehouse)
        if problems:
            places = f"the old tables were kept, the new ones are in {home / swap.FOLDER / 'tables'}"
            raise PipelineError(f"the rebuilt tables are incomplete: {'; '.join(problems)}; {places}")
        refuse_while_in_use(runner.instance)
        install(runner.warehouse, rebuilding_runner.warehouse, home)


def losses(old: Warehouse, new: Warehouse) -> list[str]:
    """Returns a message per table that would lose dates, or whose dates would keep fewer rows than the shrink floor permits."""
    messages = []
    for table in rebuilt_tables():
        before, after = _rows_by_date(old, table), _rows_by_date(new, table)
        lost = sorted(before.keys() - after.keys())
        if lost:
            messages.append(f"{table.name} would lose {counted(len(lost), 'date')} (first: {lost[0]})")
        floor = 0.0 if table.may_shrink else SETTINGS.coverage.shrink_floor
        shrunk = [day for day in sorted(before.keys() & after.keys()) if after[day] < floor * before[day]]
        if shrunk:
            day = shrunk[0]
            messages.append(
                f"{table.name} would shrink below {floor:.0%} on {counted(len(shrunk), 'date')} "
                f"(first: {day}, {before[day]} to {after[day]} rows)"
            )
    return messages


def install(old: Warehouse, new: LocalWarehouse | Warehouse, home: Path) -> None:
    """Replaces the old tables with the new ones. Raises PipelineError if dates differ afterwards in BigQuery."""
    names = [table.name for table in rebuilt_tables()]
    if isinstance(old, LocalWarehouse):
        swap.install(home, names)
        return
    span = days(FIRST_DATE - timedelta(days=7), max(day for name in names for day in new.dates(TABLES[name])))
    copied = copying.copy(new, old, span, names, rows=copying.Replaced)
    differing = [str(difference) for chunk in copied for difference in chunk.differences]
    if differing:
        raise PipelineError(f"{counted(len(differing), 'date')} differ after the rebuild, repeat it (first: {differing[0]})")
    shutil.rmtree(home / swap.FOLDER)


@contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "rebuild.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(f"another rebuild of {home} is running") from None
    try:
        yield
    finally:
        lock.release()


def _runner_in(runner: Runner, folder: Path) -> Runner:
    """Returns a runner of the same graph on an empty warehouse with the old ledgers, and on its own instance."""
    shutil.rmtree(folder, ignore_errors=True)
    warehouse = LocalWarehouse(home=str(folder))
    warehouse.preflight()
    _refuse_without_space(runner.warehouse, warehouse)
    _copy_ledgers(runner.warehouse, warehouse)
    resources, definitions = dict(runner.definitions.resources or {}), runner.definitions
    clock, landing = resources["clock"], resources["landing"]
    replaced = {
        "warehouse": warehouse,
        "tables": TableIO(warehouse=warehouse, clock=clock, landing=landing),
        "notifier": Notifier(warehouse=warehouse, clock=clock),
    }
    graph = dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        jobs=definitions.jobs,
        executor=definitions.executor,
        resources={**resources, **replaced},
    )
    return Runner(graph, open_instance(folder))


def _refuse_without_space(old: Warehouse, new: LocalWarehouse) -> None:
    if not isinstance(old, LocalWarehouse):
        return
    folders = [Path(old.home, kind, table.name) for kind in swap.KINDS for table in rebuilt_tables()]
    needed = sum(file.stat().st_size for folder in folders for file in folder.rglob("*.parquet")) + new.least_free_mib * 1024**2
    free = shutil.disk_usage(new.home if Path(new.home).exists() else old.home).free
    if free < needed:
        raise BadInput(
            f"a rebuild needs {needed / 1024**2:.0f} MiB of free disk space, and the disk of {old.home} has {free / 1024**2:.0f} MiB"
        )


def _copy_ledgers(old: Warehouse, new: LocalWarehouse) -> None:
    """Adds the ledgers to the new warehouse: as links (a ledger file is never changed in place), or as rows."""
    prepare_write(Path(new.home))
    for table in ledgers():
        if isinstance(old, LocalWarehouse):
            folder = Path(old.home, "tables", table.name)
            if folder.exists():
                shutil.copytree(folder, Path(new.home, "tables", table.name), copy_function=_link_or_copy)
        elif dates := old.dates(table):
            new.add(table, sorted(dates), old.scan(table, dates).collect(), "rebuild")


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _repeat(rebuilding_runner: Runner, landing: Landing) -> Iterator[tuple[Outcome, str]]:
    """Repeats the journaled runs, including those journaled in the meantime, until none is left."""
    done = set[str]()
    while waiting := [run for run in repetitions(landing) if run.original not in done]:
        for run in waiting:
            yield rebuilding_runner.run(run.job, run.tables, run.first, run.last, dict(run.tags)), run.original
            done.add(run.original)


def _has_succeeded(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether Dagster records that a run succeeded. No table holds rows of a pruned run."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status == dg.DagsterRunStatus.SUCCESS


def _as_repetition(outcome: Outcome) -> Outcome:
    """Returns the outcome of a repeated run with the original failures and closed gates as warnings."""
    originally = [f"as originally: {message}" for message in (*outcome.failures, *outcome.closed)]
    return replace(outcome, failures=[], closed=[], warnings=[*originally, *outcome.warnings])


def _size_of(warehouse: Warehouse, table: Table) -> TableSize:
    rows = warehouse.scan(table).select(pl.len()).collect().item()
    return TableSize(table.name, len(warehouse.dates(table)), rows)


def _rows_by_date(warehouse: Warehouse, table: Table) -> dict[date, int]:
    """Returns the number of rows of each written date, including empty dates."""
    counted = warehouse.scan(table).group_by("game_date").len().collect()
    return dict.fromkeys(warehouse.dates(table), 0) | dict(counted.iter_rows())
