"""Costs of unattended operation: CPU per tick, growth of Dagster's files, and latency from final games to grades.

--ticks      CPU seconds of one tick. Evaluates the conditions of `asset_factory` on 50 daily assets with complete partitions over
             five seasons. The assets are copies of our tables with their same-date dependencies and one blocking check each.
             Compared with Dagster's `AutomationCondition.eager()` on the same graph and instance. Then measures our sensors on
             a few dates of the sandbox, compared with a sensor that only skips. Another process serves the league; its CPU
             time is not counted.
--event-log  Bytes of Dagster's instance folder per slate and run, and for a season, compared with the tables of the same
             slates. Also shows which part is purged.
--latency    Seconds from the final of the last game of an evening to its grades, by part, with Dagster's daemon and the real
             clock. Compared with the command that does the same work. About 10 minutes, mostly waiting.

Writing 91,300 materializations and as many checks through Dagster's API would take many minutes. A real run writes the events
of one date, and plain sqlite3 copies its rows to all other dates in the index database. The benchmark then verifies that Dagster
sees every date.

    python benchmarks/automation.py [--ticks] [--event-log] [--latency]     # without arguments: all three
"""

import argparse
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import dagster as dg
import time_machine
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster._daemon.asset_daemon import EVALUATIONS_TTL_DAYS
from dagster._serdes import serialize_value
from measuring import Stopwatch, a_runner, in_new_process, print_table, succeed

from nba_pipeline.asset_factory.conditions import condition_of
from nba_pipeline.assets.sources import schedule
from nba_pipeline.completeness.modes import CLOCK, capture_instants, up_to_features
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_retention import prune
from nba_pipeline.instance.run_tags import MODE_TAG
from nba_pipeline.instance.runs_in_progress import IN_PROGRESS
from nba_pipeline.league.calendar import EASTERN, FIRST_DATE, days, eastern, week_of
from nba_pipeline.orchestration.reconciliation import find_work
from nba_pipeline.orchestration.runner import QUIET
from nba_pipeline.orchestration.sensors import SENSORS, final_games, lines, reconciliation
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import Declaration, Wiring, daily_tables, declared, requested_by
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.unattended.live import GAME_MINUTES, Evening, platform, wait_until

REPEATS = 5
DAY_SECONDS = 24 * 3600

ASSETS = 50
DATES = 1826
TICK = timedelta(seconds=30)
SOURCE = "boxscores_1"
"""The source updated before the busy ticks. Much of the graph is downstream."""

DAY = date(2026, 1, 24)
SENSOR_DAYS = 6
QUIET_HOUR, GAMES_HOUR = 12, 21

SLATES = (date(2026, 1, 22), date(2026, 1, 23), DAY)
HISTORY_DAYS = 14
SEASON_SLATES = 170
BRIEF_RUNS = 12
TICKS_WRITTEN = 300

EVENING_HISTORY_DAYS = 12
FIRST_TIPOFF_IN = timedelta(minutes=4)


# --ticks


def copies_of_our_tables() -> dict[str, Wiring | None]:
    """Returns names such as features_2, in pipeline order, with their dependencies; None for a source."""
    copied_flows: dict[str, Wiring | None] = {}
    for copy, table in islice(((copy, table) for copy in count(1) for table in daily_tables()), ASSETS):
        copied_flows[f"{table}_{copy}"] = _copy_of(declared()[table], copy) if declared()[table].follows else None
    return copied_flows


def _copy_of(one: Declaration, copy: int) -> Wiring:
    lists = (one.follows, one.needs, one.if_changed)
    follows, needs, if_changed = (tuple(f"{name}_{copy}" for name in names) for names in lists)
    return Wiring(modes=one.modes, follows=follows, needs=needs, if_changed=if_changed)


def graph_of(flows: dict[str, Wiring | None], condition: Callable[[Wiring], Any]) -> dict[str, list[Any]]:
    """Returns asset name -> the asset and its check."""
    graph = {}
    for name, flow in flows.items():
        automation_condition = condition(flow) if flow else None
        upstream = sorted({*flow["follows"], *flow["needs"]}) if flow else []

        @dg.asset(name=name, deps=upstream, partitions_def=DAILY, automation_condition=automation_condition)
        def materialize() -> None:
            pass

        @dg.asset_check(asset=materialize, name=CHECK, blocking=True, partitions_def=DAILY)
        def is_covered() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=True)

        graph[name] = [materialize, is_covered]
    return graph


def repeat(index: Path, first: str, more_files: Sequence[str]) -> None:
    """Copies the asset and check events of one date to other dates, with new ids."""
    with closing(sqlite3.connect(index)) as log, log:
        log.execute("PRAGMA synchronous=OFF")
        events = log.execute("SELECT * FROM event_logs WHERE dagster_event_type LIKE 'ASSET_%' ORDER BY id").fetchall()
        checks = log.execute("SELECT * FROM asset_check_executions ORDER BY id").fetchall()
        names = {table: [row[1] for row in log.execute(f"PRAGMA table_info({table})")] for table in COPIED}
        (base,) = log.execute("SELECT max(id) FROM event_logs").fetchone()
        place = {row[0]: number for number, row in enumerate(events, 1)}

        def another(value: Any, column: str, day: str, number: int) -> Any:
            if column.endswith("storage_id") and value in place:
                return base + number * len(events) + place[value]
            return value.replace(f'"{first}"', f'"{day}"') if column in ("event", "evaluation_event") and value else value

        def rows_of(table: str, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
            for number, day in enumerate(more_files):
                for row in rows:
                    new = {name: another(value, name, day, number) for name, value in zip(names[table], row, strict=True)}
                    new["id"] = base + number * len(events) + place[row[0]] if table == "event_logs" else None
                    new["partition"] = day if new["partition"] == first else new["partition"]
                    yield tuple(new.values())

        for table, rows in zip(COPIED, (events, checks), strict=True):
            marks = ", ".join("?" * len(names[table]))
            log.executemany(f"INSERT INTO {table} VALUES ({marks})", rows_of(table, rows))


COPIED = ("event_logs", "asset_check_executions")


def fill(home: Path, flows: dict[str, Wiring | None]) -> dg.DagsterInstance:
    """Returns an instance with five seasons of materialized dates. Raises RuntimeError if Dagster does not see a date."""
    dates = [day.isoformat() for day in days(FIRST_DATE, FIRST_DATE + timedelta(days=DATES - 1))]
    assets = [part for parts in graph_of(flows, lambda _: None).values() for part in parts]
    with open_instance(home) as instance:
        dg.materialize(assets, instance=instance, partition_key=dates[0], run_config=QUIET)
    repeat(home / "dagster" / "history" / "runs" / "index.db", dates[0], dates[1:])
    instance = open_instance(home)
    for name in flows:
        materialized = instance.get_materialized_partitions(dg.AssetKey(name))
        if materialized != set(dates):
            raise RuntimeError(f"{name}: Dagster has {len(materialized)} of {DATES} dates")
    return instance


class Ticks:
    """Evaluates the conditions of a graph. Ticks are 30 s apart."""

    def __init__(self, graph: dict[str, list[Any]], instance: dg.DagsterInstance):
        parts = [part for parts in graph.values() for part in parts]
        self.graph, self.instance = graph, instance
        self.cursor: Any = None
        self.definitions = dg.Definitions(assets=parts[::2], asset_checks=parts[1::2])
        # the evening before the last date
        self.last = FIRST_DATE + timedelta(days=DATES - 1)
        self.now = eastern(self.last - timedelta(days=1), GAMES_HOUR)

    def tick(self) -> tuple[float, int]:
        """Returns the CPU seconds of a tick and the number of requested dates."""
        self.now += TICK
        start = time.process_time()
        evaluation = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.cursor, evaluation_time=self.now
        )
        seconds = time.process_time() - start
        self.cursor = evaluation.cursor
        return seconds, evaluation.total_requested

    def update(self) -> None:
        """Materializes the last date of the source, with a passing check."""
        dg.materialize(self.graph[SOURCE], instance=self.instance, partition_key=self.last.isoformat(), run_config=QUIET)


def conditions(home: Path) -> tuple[dict[str, dict[str, tuple[float, int]]], dict[str, float]]:
    """Returns the CPU seconds of the ticks and of their check states per variant.

    The first mapping is variant -> kind of tick -> median seconds and requested dates. The second is variant -> median seconds
    of reading check states, which are part of the ticks after an update.
    """
    flows = copies_of_our_tables()
    instance = fill(home, flows)
    watch = Stopwatch()
    watch.wrap(type(instance.event_log_storage), "get_asset_check_state", CHECK)
    results, of_which = {}, {}
    for variant, condition in ((OURS, condition_of), (EAGER, lambda _: dg.AutomationCondition.eager())):
        for name in flows:  # clears the status cached by the previous variant
            instance.event_log_storage.wipe_asset_cached_status(dg.AssetKey(name))
        ticks = Ticks(graph_of(flows, condition), instance)
        ticks_by_kind: dict[str, list[tuple[float, int]]] = {FIRST_TICK: [ticks.tick()], NOTHING_NEW: [], UPDATED: []}
        states = []
        for _ in range(REPEATS):
            ticks.tick()  # processes the requests of the previous tick
            ticks_by_kind[NOTHING_NEW].append(ticks.tick())
            ticks.update()
            watch.turn()
            before = watch.cpu_seconds[CHECK]
            ticks_by_kind[UPDATED].append(ticks.tick())
            watch.turn()
            states.append(watch.cpu_seconds[CHECK] - before)
        if any(request_count for _, request_count in ticks_by_kind[NOTHING_NEW]) or not all(
            request_count for _, request_count in ticks_by_kind[UPDATED]
        ):
            raise RuntimeError(f"{variant}: unexpected run requests: {ticks_by_kind}")
        results[variant] = {
            kind: (statistics.median(s for s, _ in of_kind), of_kind[-1][1]) for kind, of_kind in ticks_by_kind.items()
        }
        of_which[variant] = statistics.median(states)
    instance.dispose()
    return results, of_which


CHECK = "is_covered"
OURS, EAGER = "flow.condition_of", "Dagster's eager()"
FIRST_TICK, NOTHING_NEW, UPDATED = "the first, without a cursor", "nothing new", "one update of a source"


def prepare(home: Path, at: datetime) -> None:
    """Materializes a few sandbox dates in a process whose clock starts at an instant, so that Dagster's events carry it."""
    with time_machine.travel(at, tick=True):
        list(a_runner(home).backfill(DAY - timedelta(days=SENSOR_DAYS - 1), DAY))


@dg.sensor(name="a_sensor_that_only_skips")
def nothing(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Any], nba_cdn: dg.ResourceParam[Any]
) -> dg.SkipReason:
    """The minimum cost: a context, its resources and a reason."""
    return dg.SkipReason("nothing to do")


def sensors(home: Path, at: datetime, league: str) -> list[tuple[str, float, str]]:
    """Returns name, median CPU seconds of one tick and result of every sensor at an instant."""
    results: list[tuple[str, float, str]] = []
    with time_machine.travel(at, tick=True):
        runner = a_runner(home)
        os.environ["NBA_CDN_URL"] = league
        resources, instance = resources_for("sandbox", Clock()), runner.instance
        repository = runner.definitions.get_repository_def()

        def tick(sensor: dg.SensorDefinition) -> str:
            required = {name: resources[name] for name in sensor.required_resource_keys}
            with dg.build_sensor_context(instance, resources=required, repository_def=repository) as context:
                result = sensor.evaluate_tick(context)
            return f"{len(result.run_requests or ())} runs" if result.run_requests else result.skip_message or ""

        def work(days_back: int) -> str:
            return f"{len(find_work(instance, resources['warehouse'], Clock().now(), days_back))} undone"

        for sensor in (nothing, final_games, lines, reconciliation):
            results.append((sensor.name, *_median_cpu(partial(tick, sensor))))
        for name, back in (("sensor", SETTINGS.patience.catch_up_days), ("nightly", SETTINGS.patience.nightly_days)):
            results.append((f"find_work alone, {back} days back ({name})", *_median_cpu(partial(work, back))))
    return results


def _median_cpu(function: Callable[[], Any]) -> tuple[float, Any]:
    function()
    seconds, result = [], ""
    for _ in range(REPEATS):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), result


@contextmanager
def league_of(home: Path, at: datetime) -> Iterator[str]:
    """Yields the URL of a sandbox in its own process, with a clock that starts at an instant."""
    now = f"{at.astimezone(EASTERN):%Y-%m-%dT%H:%M:%S}"
    command = [sys.executable, "-m", "nba_pipeline.sandbox", "--home", str(home), "--now", now]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def ticks() -> None:
    with tempfile.TemporaryDirectory(prefix="ticks-") as folder:
        results, of_which = in_new_process(conditions, Path(folder))
    conditioned = sum(flow is not None for flow in copies_of_our_tables().values())
    print(
        f"\nticks: {ASSETS} daily assets, {conditioned} of them with a condition, and {ASSETS} checks; {DATES:,} dates, all there;"
        f" {os.cpu_count()} cores, median of {REPEATS}\n"
    )
    kinds = (FIRST_TICK, NOTHING_NEW, UPDATED)
    print_table(
        ("one tick of the conditions", *(f"{name} CPU s" for name in results), "times eager()", "dates requested", "by eager()"),
        [
            (
                kind,
                *(result[kind][0] for result in results.values()),
                results[OURS][kind][0] / results[EAGER][kind][0],
                results[OURS][kind][1],
                results[EAGER][kind][1],
            )
            for kind in kinds
        ],
    )
    quiet = results[OURS][NOTHING_NEW][0] * DAY_SECONDS / TICK.total_seconds()
    print(f"""
every {TICK.seconds} s with nothing new: {quiet:,.0f} CPU s a day, {quiet / DAY_SECONDS:.2%} of one core
Of a tick after an update, {of_which[OURS]:.2f} CPU s ({of_which[EAGER]:.2f} with eager()) are reading the states of blocking checks, each over all
its dates: eager() looks at none, ours at those of what an updated table needs, again in each tick until its gate opens.
""")
    at = {"no games": eastern(DAY, QUIET_HOUR, 5), "games in play": eastern(DAY, GAMES_HOUR)}
    with tempfile.TemporaryDirectory(prefix="sensors-") as folder:
        home = Path(folder)
        in_new_process(prepare, home, eastern(DAY, QUIET_HOUR))
        for when, now in at.items():
            with league_of(home, now) as league:
                rows = in_new_process(sensors, home, now, league)
            floor = rows[0][1]
            intervals = {sensor.name: sensor.minimum_interval_seconds for sensor in SENSORS}
            print_table(
                (f"one tick, {when}", "CPU ms", "times a sensor that only skips", "CPU s a day", "result"),
                [
                    (name, 1000 * s, s / floor, s * DAY_SECONDS / every if (every := intervals.get(name)) else "", decision[:90])
                    for name, s, decision in rows
                ],
            )
            print()


# --event-log


def dagster_bytes(home: Path) -> Counter[str]:
    """Returns the bytes of Dagster's folder by part, after a checkpoint of the write-ahead logs."""
    sizes, folder = Counter[str](), home / "dagster"
    for file in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for file in folder.rglob("*"):
        if file.is_file():
            sizes[_part_of(file.relative_to(folder))] += file.stat().st_size
    return sizes


def used_bytes(home: Path) -> Counter[str]:
    """Returns the bytes by part without free database pages, which are reused and do not shrink the file."""
    sizes = dagster_bytes(home)
    for file in sorted((home / "dagster").rglob("*.db")):
        with closing(sqlite3.connect(file)) as database:
            free, size = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size"))
        sizes[_part_of(file.relative_to(home / "dagster"))] -= free * size
    return sizes


def _part_of(path: Path) -> str:
    name = path.name.split(".db")[0]
    if ".db" in path.name:
        return {"index": INDEX, "runs": RUNS, "schedules": SCHEDULES}.get(name, SHARDS)
    return OUTPUT if "storage" in path.parts else REST


SHARDS, INDEX, RUNS, SCHEDULES = "one file per run", "index.db", "runs.db", "schedules.db"
OUTPUT, REST = "output of steps", "other"
FILES = (SHARDS, INDEX, RUNS, SCHEDULES, OUTPUT, REST)
RUN_KINDS: dict[str, tuple[int, int, int, tuple[str, ...]]] = {
    "lines": (0, 17, 45, requested_by("lines")),
    "tables after lines": (0, 17, 46, ("features", "predictions")),
    "final_games": (0, 23, 50, requested_by("final_games")),
    "tables after final_games 1": (0, 23, 51, ("player_game_summary",)),
    "tables after final_games 2": (0, 23, 52, ("team_game_summary", "grades")),
}
"""Kind of run -> days after the slate, Eastern hour, minute, and the tables requested by the sensors."""


@dataclass
class Grown:
    """Growth caused by the slates."""

    by_kind: dict[str, list[Counter[str]]]
    kept: Counter[str]
    tables: int
    landing: int
    per_tick: float
    per_evaluation: float
    tipoffs: int
    captures: int
    predictions: int


def grow(home: Path) -> Grown:
    """Measures file growth per run for slates with one run of each kind, after two weeks of history and a trained model."""
    first = SLATES[0]
    runner = a_runner(home, eastern(first, 7))
    loaded = runner.run("season", up_to_features(), first - timedelta(days=HISTORY_DAYS), first - timedelta(days=1))
    succeed([loaded, *runner.train_missing([week_of(first)])])
    tidy_up(runner.instance)
    runner.instance.dispose()
    by_kind: dict[str, list[Counter[str]]] = defaultdict(list)
    landing, before_all = _bytes_of(home / "landing"), used_bytes(home)
    for slate in SLATES:
        for kind, (later, hour, minute, tables) in {
            "same_day": (0, 12, 0, ()),
            **RUN_KINDS,
            "overnight": (1, 7, 0, ()),
        }.items():
            runner = a_runner(home, eastern(slate + timedelta(days=later), hour, minute))
            before = dagster_bytes(home)
            if tables:
                succeed([runner.run("game_day", tables, slate, slate, {MODE_TAG: kind.split()[0]})])
            else:
                succeed(runner.slate(slate, "overnight" if kind == "overnight" else "same_day"))
            runner.instance.dispose()
            after = dagster_bytes(home)
            by_kind[kind].append(Counter({part: after[part] - before[part] for part in FILES}))
    with open_instance(home) as instance:
        tidy_up(instance)
    kept_bytes = used_bytes(home)
    kept_bytes.subtract(before_all)
    tipoffs = [at for slate in SLATES for at in _tipoffs(runner.warehouse, slate)]
    prediction_rows = runner.warehouse.scan(TABLES["predictions"], SLATES).collect().height
    stored = sum(_bytes_of(folder) for slate in SLATES for folder in (home / "tables").glob(f"*/game_date={slate}"))
    return Grown(
        dict(by_kind),
        kept_bytes,
        stored,
        _bytes_of(home / "landing") - landing,
        tick_bytes(home),
        evaluation_bytes(home, runner.definitions),
        round(len(set(tipoffs)) / len(SLATES)),
        round(len(capture_instants(tipoffs)) / len(SLATES)),
        prediction_rows,
    )


def tidy_up(instance: dg.DagsterInstance) -> None:
    """Runs the `tidy_up` pruning as if all runs had exceeded their retention."""
    later = datetime.now(UTC) + timedelta(days=SETTINGS.runs.kept_days + 1)
    while any(prune(instance, later)):
        pass


def _tipoffs(warehouse: Any, slate: date) -> list[datetime]:
    return list(warehouse.scan(TABLES["schedule"], [slate]).collect()["tipoff_at"].drop_nulls())


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def tick_bytes(home: Path) -> float:
    """Returns the growth of schedules.db per skipped tick, written through Dagster as by its daemon."""
    with open_instance(home) as instance:
        before = dagster_bytes(home)[SCHEDULES]
        for number in range(TICKS_WRITTEN):
            at = time.time() + number
            data = TickData("0" * 40, lines.name, InstigatorType.SENSOR, TickStatus.STARTED, at, selector_id="1" * 40)
            tick = instance.create_tick(data)
            reason = f"{DAY}: no capture is due; {DAY + timedelta(days=1)}: no capture is due"
            skipped = tick.with_status(TickStatus.SKIPPED, end_timestamp=at).with_reason(reason)
            instance.update_tick(skipped.with_cursor(json.dumps({str(DAY): str(at)})))
    return (dagster_bytes(home)[SCHEDULES] - before) / TICKS_WRITTEN


def evaluation_bytes(home: Path, definitions: dg.Definitions) -> float:
    """Returns the mean bytes per table in schedules.db for a tick in which the condition of the table has changed."""
    with open_instance(home) as instance:
        results = dg.evaluate_automation_conditions(definitions, instance, evaluation_time=eastern(DAY, GAMES_HOUR)).results
    return statistics.mean(len(serialize_value(one.serializable_evaluation.with_run_ids(set()))) for one in results)


def event_log() -> None:
    with tempfile.TemporaryDirectory(prefix="event_log-") as folder:
        home = Path(folder)
        grown = in_new_process(grow, home)
        with open_instance(home) as instance:
            kept_days = instance.get_settings("retention")["sensor"]["purge_after_days"]["skipped"]
    slates, kb = len(SLATES), 1000.0
    mean = {kind: sum(of_kind, Counter()) for kind, of_kind in grown.by_kind.items()}
    per_run = {kind: added.total() / slates for kind, added in mean.items()}
    slate = sum(per_run.values())
    print(
        f"\nevent log: sandbox, {SLATES[0]} to {SLATES[-1]} after {HISTORY_DAYS} days of history; {grown.predictions} predictions\n"
    )
    print_table(
        ("one run", *(f"{part} kB" for part in FILES), "all kB", "share of the slate's tables"),
        [
            (
                kind,
                *(added[part] / slates / kb for part in FILES),
                per_run[kind] / kb,
                f"{per_run[kind] * slates / grown.tables:.0%}",
            )
            for kind, added in mean.items()
        ],
    )
    a_day = {
        "same_day": len(CLOCK["same_day"]) + len(CLOCK["tomorrow"]),
        "overnight": len(CLOCK["overnight"]),
        "lines": grown.captures,
        "tables after lines": grown.captures,
        **dict.fromkeys(("final_games", "tables after final_games 1", "tables after final_games 2"), grown.tipoffs),
    }
    modes = BRIEF_RUNS * (per_run["same_day"] + per_run["overnight"]) / 2
    most = sum(per_run[kind] * times for kind, times in a_day.items())
    per_day = sum(DAY_SECONDS / (sensor.minimum_interval_seconds or TICK.total_seconds()) for sensor in SENSORS)
    # a condition changes twice: on the request and after the materialization
    changes = 2 * sum(times * len(RUN_KINDS[kind][3]) for kind, times in a_day.items() if kind.startswith("tables"))
    changed = changes * grown.per_evaluation
    ticks_kept = kept_days * per_day * grown.per_tick
    tables = grown.tables / slates
    kept_bytes = grown.kept.total() / slates
    days_kept = SETTINGS.runs.kept_days
    print(
        f"\nof a slate's runs, one of each kind, `tidy_up` keeps {kept_bytes / kb:,.0f} of {slate / kb:,.0f} kB after {days_kept:.0f} days:",
        ", ".join(f"{part} {grown.kept[part] / slates / kb:,.0f} kB" for part in FILES if grown.kept[part]),
    )
    print(
        f"\na slate: {tables / kb:,.0f} kB of tables, {grown.landing / slates / kb:,.0f} kB of landing, {slate / kb:,.0f} kB by one run of each kind\n"
    )
    print_table(
        (f"a season of {SEASON_SLATES} slates", "a slate MB", "a season MB", "times the tables"),
        [
            ("the warehouse's tables", tables / 1e6, SEASON_SLATES * tables / 1e6, 1.0),
            (
                f"Dagster, {BRIEF_RUNS} runs a day, same_day and overnight in halves",
                modes / 1e6,
                SEASON_SLATES * modes / 1e6,
                modes / tables,
            ),
            (
                f"Dagster, all that clock and sensors can ask for, {sum(a_day.values())} runs a day",
                most / 1e6,
                SEASON_SLATES * most / 1e6,
                most / tables,
            ),
            *(
                (
                    f"{what}, pruned after {days_kept:.0f} days",
                    kept_bytes / 1e6,
                    (days_kept * per_day_of_runs + SEASON_SLATES * kept_bytes) / 1e6,
                    (days_kept * per_day_of_runs / SEASON_SLATES + kept_bytes) / tables,
                )
                for what, per_day_of_runs in (
                    (f"Dagster, {BRIEF_RUNS} runs a day", modes),
                    ("Dagster, the maximum of requests", most),
                )
            ),
            (f"ticks that skip, {grown.per_tick / kb:.2f} kB each, {per_day:,.0f} a day", per_day * grown.per_tick / 1e6, "", ""),
            (
                f"the same, purged after {kept_days} days: never more than",
                "",
                ticks_kept / 1e6,
                ticks_kept / (SEASON_SLATES * tables),
            ),
            (
                f"conditions that changed, {grown.per_evaluation / kb:.0f} kB each, {changes} a day by so many runs",
                changed / 1e6,
                "",
                "",
            ),
            (
                f"the same, purged after {EVALUATIONS_TTL_DAYS} days: about",
                "",
                EVALUATIONS_TTL_DAYS * changed / 1e6,
                EVALUATIONS_TTL_DAYS * changed / (SEASON_SLATES * tables),
            ),
            ("the ticks, if nothing were purged, in a year", "", 365 * per_day * grown.per_tick / 1e6, ""),
        ],
    )
    print(f"""
runs a day: {", ".join(f"{kind} {times}" for kind, times in a_day.items())}
ticks are purged by the daemon after the days in dagster.yaml, and what the conditions said of each asset by Dagster after {EVALUATIONS_TTL_DAYS} days;
runs by our schedule tidy_up after {days_kept:.0f} days, but for the last word on each date of a table: this part grows by {kept_bytes / 1e6:.2f} MB a slate.
""")


# --latency


def evening_to_grades() -> None:
    print(f"\nlatency: an evening by the real clock begins at {datetime.now(UTC):%H:%M:%S} UTC, about 10 minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="latency-") as folder:
        home = Path(folder)
        history = Evening(home, timedelta(minutes=1))
        history.play_the_days_before(EVENING_HISTORY_DAYS)
        evening = Evening(home, FIRST_TIPOFF_IN)
        if evening.slate != history.slate:
            raise RuntimeError("it began at midnight Eastern; begin it again")
        with platform(evening, _free_port()):
            wait_until(evening.is_graded, evening.last_end + timedelta(minutes=15), "every prediction is graded")
            path = way_to_the_grades(evening)
            wait_until(lambda: not evening.runs(*IN_PROGRESS), datetime.now(UTC) + timedelta(minutes=5), "no run is in progress")
        start = time.monotonic()
        evening.command("run", "--date", str(evening.slate), "--mode", "overnight")
        by_hand = time.monotonic() - start
    final, before, rows = path[0][1], path[0][1], []
    for what, at in path:
        rows.append((what, f"{at:%H:%M:%S}", (at - before).total_seconds(), (at - final).total_seconds()))
        before = at
    print(f"\n{len(evening.game_ids)} games of {GAME_MINUTES:.0f} minutes, {evening.slate}; {os.cpu_count()} cores\n")
    print_table(("the last game", "UTC", "s since the line before", "s since the final"), rows)
    latency_seconds = (path[-1][1] - final).total_seconds()
    print()
    print_table(
        ("from a final to its grades", "s", "times by hand"),
        [
            ("`nba-pipeline run --mode overnight` by hand, once it is final", by_hand, 1.0),
            ("unattended", latency_seconds, latency_seconds / by_hand),
        ],
    )


def way_to_the_grades(evening: Evening) -> list[tuple[str, datetime]]:
    """Returns the events of the last game in order, from its final to the end of the run that graded it."""
    with open_instance(evening.home) as instance:
        runs = sorted(evening.runs(dg.DagsterRunStatus.SUCCESS), key=lambda run: run.end_time or 0.0)
        ticked = {
            run_id: (tick.instigator_name, datetime.fromtimestamp(tick.timestamp, UTC))
            for state in instance.all_instigator_state()
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
            for run_id in tick.run_ids
        }
    graded = _last_before(runs, "grades", float("inf"))
    summarised = graded if _makes(graded, "player_game_summary") else _last_before(runs, "player_game_summary", graded.start_time)
    collected = _last_before(runs, "boxscores", summarised.start_time)
    last_tipoff: Any = evening.rows(schedule.TABLE)["tipoff_at"].max()
    path = [("its final", last_tipoff + timedelta(minutes=GAME_MINUTES))]
    for run in {run.dagster_run.run_id: run for run in (collected, summarised, graded)}.values():
        name, at = ticked[run.dagster_run.run_id]
        tables = ", ".join(sorted(key.to_user_string() for key in run.dagster_run.asset_selection or ()))
        path += [
            (f"{name}: the tick that requested it", at),
            (f"run queued: {tables}", run.create_timestamp.astimezone(UTC)),
            ("run started", datetime.fromtimestamp(run.start_time, UTC)),
            ("run ended", datetime.fromtimestamp(run.end_time, UTC)),
        ]
    return path


def _last_before(runs: Sequence[Any], table: str, before: float) -> Any:
    """Returns the last run that materialized a table and ended before an instant."""
    candidates = [run for run in runs if _makes(run, table) and run.end_time <= before]
    if not candidates:
        raise RuntimeError(f"no run materialized {table} in time; repeat the evening")
    return candidates[-1]


def _makes(run: Any, table: str) -> bool:
    return dg.AssetKey(table) in (run.dagster_run.asset_selection or ())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


PARTS = {"ticks": ticks, "event-log": event_log, "latency": evening_to_grades}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in PARTS:
        parser.add_argument(f"--{name}", action="store_true")
    chosen = {name.replace("_", "-") for name, is_wanted in vars(parser.parse_args()).items() if is_wanted}
    for name, part in PARTS.items():
        if not chosen or name in chosen:
            part()


if __name__ == "__main__":
    main()
