"""Wall seconds of a nine-game day of the simulated league, from HTTP to grades.

Runs the two commands of the day, each in its own process: `run --mode same_day` at noon and `run --mode overnight` the next
morning. Seconds are split into process start, HTTP, reading, computing, writing, checks and Dagster. Target: 10 seconds in
total. Compared with the same transforms in plain polars, from sources in memory, without Dagster, checks and files.
Five weeks of backfill and the weekly training run first and are not counted.

CPU seconds come from a second pair of runs without the stopwatch, in a copy of the home: every thread and child process of
the command, without the sandbox. Targets: 6 CPU seconds without the process starts, 14 with them.

    python benchmarks/game_day.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from measuring import (
    DAGSTER,
    EVENT_LOG,
    OWN,
    PARTS,
    SERVE,
    STORE_EVENT,
    Stopwatch,
    a_runner,
    children_cpu_seconds,
    command_cpu_seconds,
    in_new_process,
    print_table,
    succeed,
)

from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.grades import grade_predictions
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.predictions.predictions import earlier_predictions, lines_with_prices, outcomes_of, predict_slate
from nba_pipeline.audit.recompute import World, features_from, sources_before, summaries_of
from nba_pipeline.completeness.modes import Mode, up_to_features
from nba_pipeline.formulas.forecast_distribution import graded_rows
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.league.calendar import days, eastern, season_of, week_of
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline.sandbox.league import League
from nba_pipeline.systems import SYSTEMS, TRAINED_SYSTEMS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.weekly_models import load_models

DAY = date(2026, 1, 24)
NEXT_DAY = DAY + timedelta(days=1)
"""DAY is a Saturday with nine games, the maximum of the simulated league. The weekly model is trained as of its Monday."""

HISTORY_DAYS = 35
AIM_SECONDS = 10
AIM_CPU_SECONDS, AIM_CPU_SECONDS_WITH_START = 6, 14
STARTS, REPEATS = 3, 5
MODES: dict[Mode, date] = {"same_day": DAY, "overnight": NEXT_DAY}
HOURS: dict[Mode, int] = {"same_day": 12, "overnight": 7}
NOON = eastern(DAY, HOURS["same_day"])
START, REPEATED = "process start", f"best of {REPEATS}"
START_ONLY = """
import gc, os
from nba_pipeline.cli.app import RARE_COLLECTIONS
gc.set_threshold(*RARE_COLLECTIONS)
import nba_pipeline.definitions
os._exit(0)
"""
COMPARED = ["game_id", "player_id", "system_id", "predicted_value", "line", "recommendation"]
GRADED = ["game_id", "player_id", "system_id", "actual_value", "outcome"]


def prepare(home: Path) -> float:
    """Loads five weeks of all tables up to the features and trains the weekly model. Returns the seconds."""
    start = time.perf_counter()
    runner = a_runner(home, eastern(DAY, 7))
    loaded = runner.run("season", up_to_features(), DAY - timedelta(days=HISTORY_DAYS), DAY - timedelta(days=1))
    succeed([loaded, *runner.train_missing([week_of(DAY)])])
    return time.perf_counter() - start


def run(home: Path, mode: Mode) -> tuple[Counter[str], int]:
    """Runs one command. Returns wall seconds by part and the number of events stored by Dagster."""
    watch = Stopwatch()
    runner = a_runner(home, eastern(MODES[mode], HOURS[mode]))
    watch.watch(runner.definitions)
    with watch.part(SERVE):
        League().season(season_of(DAY))  # simulates the season before the first request
    outcomes = list(runner.slate(DAY, mode))
    watch.turn()
    succeed(outcomes)
    return watch.seconds, watch.calls[STORE_EVENT]


def cpu_seconds(home: Path, mode: Mode) -> tuple[float, float]:
    """Runs one command without the stopwatch. Returns the CPU seconds of the platform, from opening its instance, and of the sandbox."""
    definitions = a_runner(home, eastern(MODES[mode], HOURS[mode])).definitions
    League().season(season_of(DAY))  # simulates the season before the first request
    return command_cpu_seconds(lambda: succeed(list(Runner(definitions, open_instance(home)).slate(DAY, mode))))


def process_start() -> tuple[float, float]:
    """Returns median wall and CPU seconds of three processes that only import the definitions, and end, as the command does."""
    times = []
    for _ in range(STARTS):
        start, cpu_start = time.perf_counter(), children_cpu_seconds()
        subprocess.run([sys.executable, "-c", START_ONLY], check=True)
        times.append((time.perf_counter() - start, children_cpu_seconds() - cpu_start))
    return sorted(times)[STARTS // 2]


def plain(home: Path) -> tuple[float, float, int, int]:
    """Runs the day's transforms with sources, earlier summaries and models in memory.

    Reads its inputs from the home left by the two commands; fetching, parsing and reading are not timed. Returns the seconds of
    the first call and of the fastest later call, and the numbers of predictions and grades. Fails unless the rows equal those in
    the home.
    """
    warehouse = LocalWarehouse(home=str(home))
    noon, morning = at_noon(warehouse), the_next_morning(warehouse)
    models = load_models(
        warehouse.scan(TABLES["points_model"], [week_of(DAY)]).collect(), ModelStore(home=str(home)), TRAINED_SYSTEMS
    )

    earlier = earlier_predictions(warehouse, [DAY])

    def day() -> tuple[pl.DataFrame, pl.DataFrame]:
        tables = features_from(noon, [DAY], NOON)
        features, schedule = (
            tables["features"].with_columns(pl.lit(code_version("features")).alias("code_version")),
            noon["schedule"],
        )
        lines = lines_with_prices(noon["prop_lines"])
        starts = dict(schedule.group_by("season").agg(pl.col("game_date").min()).iter_rows())
        ledger = PREDICTIONS.empty()
        outcomes = outcomes_of(noon["player_game_summary"])
        graded = graded_rows(earlier, outcomes)
        predictions = predict_slate(
            tables["upcoming_players"], features, schedule, lines, models, ledger, graded, outcomes, NOON, starts
        )
        summary = summaries_of(morning, NOON + timedelta(days=1))["player_game_summary"]
        complete = summary["game_id"].unique()
        return predictions, grade_predictions(predictions, summary, morning["schedule"], complete, GRADES.empty())

    seconds, result = [], None
    for _ in range(1 + REPEATS):
        start = time.perf_counter()
        result = day()
        seconds.append(time.perf_counter() - start)
    assert result
    if unpredicted := {system.system_id for system in TRAINED_SYSTEMS}.difference(result[0]["system_id"]):
        raise RuntimeError(f"the week has no model of {', '.join(sorted(unpredicted))}")
    for name, ours, columns in (("predictions", result[0], COMPARED), ("grades", result[1], GRADED)):
        theirs = warehouse.scan(TABLES[name], [DAY]).collect()
        if not ours.select(columns).sort(columns).equals(theirs.select(columns).sort(columns)):
            raise RuntimeError(f"{name}: plain polars has other rows than the platform, {ours.height} and {theirs.height}")
    return seconds[0], min(seconds[1:]), result[0].height, result[1].height


def at_noon(warehouse: LocalWarehouse) -> World:
    """Returns the inputs of the noon command: unplayed games of the day, lines shown by noon, and earlier summaries."""
    source_frames = {name: frame.rechunk() for name, frame in sources_before(warehouse, [DAY]).items()}
    is_of_the_day, is_over = pl.col("game_date") == DAY, (pl.col("game_date") == DAY) & (pl.col("status") == "final")
    before = days(DAY - timedelta(days=HISTORY_DAYS), DAY - timedelta(days=1))
    return {
        **source_frames,
        "schedule": source_frames["schedule"].with_columns(
            pl.when(is_over).then(pl.lit("scheduled")).otherwise("status").alias("status"),
            *[pl.when(~is_over).then(name).alias(name) for name in ("home_points", "away_points")],
        ),
        "boxscores": source_frames["boxscores"].filter(~is_of_the_day),
        **{
            name: source_frames[name].filter(is_of_the_day, pl.col("snapshot_at") <= NOON)
            for name in ("prop_lines", "game_lines")
        },
        **{
            name: warehouse.scan(TABLES[name], before).collect().rechunk()
            for name in ("player_game_summary", "team_game_summary")
        },
    }


def the_next_morning(warehouse: LocalWarehouse) -> World:
    """Returns the inputs of the morning command: the day's sources, and the earlier schedule for the rest of teams."""
    source_frames = {name: frame.rechunk() for name, frame in sources_before(warehouse, [DAY]).items()}
    of_the_day = {name: frame.filter(pl.col("game_date") == DAY) for name, frame in source_frames.items()}
    return {**of_the_day, "schedule": source_frames["schedule"]}


def main() -> None:
    games = len(League().games(DAY))
    with tempfile.TemporaryDirectory(prefix="game_day-") as folder:
        home, copy = Path(folder, "home"), Path(folder, "copy")
        prepared = in_new_process(prepare, home)
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("dagster.yaml"))  # it names the folder of its home
        print(f"sandbox, {DAY}: {games} games, the most it has; {os.cpu_count()} cores")
        print(f"the {HISTORY_DAYS} days before, and the week's model, made in {prepared:.0f} s, which are not counted")
        start, start_cpu = process_start()
        cpu = {mode: in_new_process(cpu_seconds, copy, mode) for mode in MODES}
        runs = {mode: in_new_process(run, home, mode) for mode in MODES}
        first, best, predicted, graded = in_new_process(plain, home)
    print(f"{predicted} predictions of {len(SYSTEMS)} systems and {graded} grades, the same in plain polars\n")
    print_cpu(cpu, start_cpu)
    print_wall(runs, start, min(first, best), first)


def print_cpu(cpu: dict[Mode, tuple[float, float]], start: float) -> None:
    """Prints the CPU seconds of the commands against their targets."""
    day, starts = sum(platform for platform, _ in cpu.values()), start * len(cpu)
    each = ", ".join(f"{mode} {platform:.1f} (sandbox {sandbox:.1f} more)" for mode, (platform, sandbox) in cpu.items())
    print(f"""CPU seconds: {each}; process start {start:.1f}
{day:.1f} without process starts, aim {AIM_CPU_SECONDS}; {day + starts:.1f} with them, aim {AIM_CPU_SECONDS_WITH_START}
""")


def print_wall(runs: dict[Mode, tuple[Counter[str], int]], start: float, floor: float, first: float) -> None:
    """Prints the wall seconds by part, and their ratio to plain polars."""
    walls = [{START: start, **wall} for wall, _ in runs.values()]
    day = {part: sum(wall.get(part, 0.0) for wall in walls) for part in (START, *PARTS)}
    total, events = sum(day.values()), sum(number for _, number in runs.values())
    each = ", ".join(f"{mode} {sum(wall.values()):.1f} s" for mode, wall in zip(runs, walls, strict=True))
    print_table(
        ("part", *(f"{mode} s" for mode in runs), "day s", "share"),
        [
            *((part, *(wall.get(part, 0.0) for wall in walls), s, f"{s / total:.0%}") for part, s in day.items()),
            ("all", *(sum(wall.values()) for wall in walls), total, "100%"),
        ],
    )
    print(f"""
aim: {AIM_SECONDS} s for the day; found {total:.1f} s, {total / AIM_SECONDS:.1f} times that ({each}). Events stored one by one: {events}
fetch: HTTP with the league's answers, the landing and the parsing of the contract. checks: with their reading.
compute: the assets' functions, with loading catboost and the models.
""")
    own = sum(day[part] for part in OWN)
    print_table(
        ("the same rows", "seconds", "times plain polars"),
        [
            (f"plain polars, {REPEATED}", floor, 1.0),
            ("plain polars, first call (with catboost and models loaded)", first, first / floor),
            ("our own: read, compute, validate, write, checks", own, own / floor),
            ("our own and Dagster", own + day[EVENT_LOG] + day[DAGSTER], (own + day[EVENT_LOG] + day[DAGSTER]) / floor),
            ("the day, all of it", total, total / floor),
        ],
    )


if __name__ == "__main__":
    main()
