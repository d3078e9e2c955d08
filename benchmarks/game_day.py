"""A day of nine games of the simulated league, from HTTP to grades, in seconds of wall time.

The two commands that make the day, each in a process of its own: `run --mode same_day` at noon, `run --mode overnight`
the next morning. Split into process start, HTTP, reading, computing, writing, checks and Dagster; against an aim of 10
seconds in all, and against the same transforms of the same payloads in plain polars, without Dagster, checks and files.
Backfilling five weeks and training the week's model come first and are not counted.

    python benchmarks/game_day.py
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
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
    in_new_process,
    print_table,
    succeed,
)

from nba_pipeline.assets.features.features import features_of
from nba_pipeline.assets.features.upcoming_players import expect_players
from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.grades import grade_predictions
from nba_pipeline.assets.predictions.points_model import load_models
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.predictions.predictions import predict_slate
from nba_pipeline.assets.sources.prop_lines import as_rows, name_the_players, rosters_of
from nba_pipeline.assets.summaries.player_game_summary import summarise_player_games
from nba_pipeline.automation import UP_TO_FEATURES, Mode
from nba_pipeline.calendar import days, eastern, season_of, season_of_game_date, week_of
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.providers.nba_cdn import parse_boxscore, parse_schedule
from nba_pipeline.providers.odds_api import parse_event_odds, parse_events
from nba_pipeline.sandbox.league import League
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import SYSTEMS
from nba_pipeline.table import PROBLEM, TABLES
from nba_pipeline.warehouse.landing import Payload, Slot
from nba_pipeline.warehouse.model_store import ModelStore

DAY = date(2026, 1, 24)
NEXT_DAY = DAY + timedelta(days=1)
"""A Saturday of nine games, the most that the simulated league has; the week's model is from its Monday."""

HISTORY_DAYS = 35
AIM_SECONDS = 10
STARTS, REPEATS = 3, 5
MODES: dict[Mode, date] = {"same_day": DAY, "overnight": NEXT_DAY}
HOURS: dict[Mode, int] = {"same_day": 12, "overnight": 7}
START, AGAIN = "process start", f"best of {REPEATS}"
COMPARED = ["game_id", "player_id", "system_id", "predicted_points", "line", "recommendation"]
GRADED = ["game_id", "player_id", "system_id", "points", "outcome"]


def prepare(home: Path) -> float:
    """Five weeks of every table up to the features, and the week's model; seconds."""
    start = time.perf_counter()
    runner = a_runner(home, eastern(DAY, 7))
    loaded = runner.run("season", UP_TO_FEATURES, DAY - timedelta(days=HISTORY_DAYS), DAY - timedelta(days=1))
    succeed([loaded, *runner.train_missing([week_of(DAY)])])
    return time.perf_counter() - start


def run(home: Path, mode: Mode) -> tuple[Counter[str], Counter[str], int]:
    """One command of the day: the wall and the CPU seconds of each part, and how many events Dagster stored."""
    watch = Stopwatch()
    runner = a_runner(home, eastern(MODES[mode], HOURS[mode]))
    watch.watch(runner.definitions)
    with watch.part(SERVE):
        League().season(season_of(DAY))  # the league plays its whole season before it answers for the first time
    outcomes = list(runner.slate(DAY, mode))
    watch.turn()
    succeed(outcomes)
    return watch.seconds, watch.cpu_seconds, watch.calls[STORE_EVENT]


def process_start() -> tuple[float, float]:
    """Wall and CPU seconds of a process that imports the definitions and ends; the middle one of three."""
    found = []
    for _ in range(STARTS):
        start, cpu_start = time.perf_counter(), children_cpu_seconds()
        subprocess.run([sys.executable, "-c", "import nba_pipeline.definitions"], check=True)
        found.append((time.perf_counter() - start, children_cpu_seconds() - cpu_start))
    return sorted(found)[STARTS // 2]


def plain(home: Path) -> tuple[float, float, int, int]:
    """The day's transforms, with payloads, history and models in memory.

    Seconds of the first call and the best of the next ones, predictions, grades: the same as in the home, or it fails.
    """
    runner = a_runner(home, eastern(NEXT_DAY, 7))
    landing, warehouse = runner.landing, runner.warehouse
    noon, morning = landing.versions(Slot("nba_cdn", "schedule", "season", season=season_of(DAY)))[-2:]
    lists, odds = (landing.payloads("odds_api", endpoint, DAY) for endpoint in ("events", "event_odds"))
    boxes = landing.payloads("nba_cdn", "boxscore", DAY)
    before = days(DAY - timedelta(days=HISTORY_DAYS), DAY - timedelta(days=1))
    history, summaries, known = (
        warehouse.scan(TABLES[name], before).collect() for name in ("boxscores", "player_game_summary", "players")
    )
    weeks = warehouse.scan(TABLES["points_model"], [week_of(DAY)]).collect()
    models = load_models(weeks, ModelStore(home=str(home)))
    for payload in (noon, morning, *lists, *odds, *boxes):
        _ = payload.body  # unpacked once and kept

    def day() -> tuple[pl.DataFrame, pl.DataFrame]:
        schedule = usable(parse_schedule, [noon]).filter(pl.col("game_date") <= DAY)
        slate = schedule.filter(pl.col("game_date") == DAY)
        offered = as_rows(usable(parse_event_odds, odds), usable(parse_events, lists), slate)
        named = name_the_players(
            offered, known.select("player_id", "spelling"), rosters_of(slate.with_columns(season_of_game_date()), history)
        )
        prop_lines = named.filter(pl.col(PROBLEM).is_null())
        expected = expect_players(slate, history)
        features = features_of(expected, summaries, schedule, prop_lines)
        recent = schedule.filter(pl.col("game_date") >= DAY - timedelta(days=SETTINGS.predicting.bootstrap_days + 1))
        starts = dict(recent.group_by("season").agg(pl.col("game_date").min()).iter_rows())
        lines = market_lines(prop_lines, **SETTINGS.lines.cascade)
        predictions = predict_slate(expected, features, slate, lines, models, PREDICTIONS.empty(), eastern(DAY, 12), starts)
        played = usable(parse_schedule, [morning]).filter(pl.col("game_date") == DAY)
        summary = summarise_player_games(usable(parse_boxscore, boxes))
        return predictions, grade_predictions(predictions, summary, played, played["game_id"], GRADES.empty())

    seconds, made = [], None
    for _ in range(1 + REPEATS):
        for payload in (noon, morning, *lists, *odds, *boxes):
            payload.__dict__.pop("_document", None)  # JSON is parsed anew
        start = time.perf_counter()
        made = day()
        seconds.append(time.perf_counter() - start)
    assert made
    if made[0]["system_id"].n_unique() != len(SYSTEMS):
        raise RuntimeError("not every system predicts: the week has no model")
    for name, ours, columns in (("predictions", made[0], COMPARED), ("grades", made[1], GRADED)):
        theirs = warehouse.scan(TABLES[name], [DAY]).collect()
        if not ours.select(columns).sort(columns).equals(theirs.select(columns).sort(columns)):
            raise RuntimeError(f"{name}: plain polars has other rows than the platform, {ours.height} and {theirs.height}")
    return seconds[0], min(seconds[1:]), made[0].height, made[1].height


def usable(parse: Callable[[Payload], pl.DataFrame], payloads: Sequence[Payload]) -> pl.DataFrame:
    """The rows of payloads that carry no problem."""
    return pl.concat(parse(payload) for payload in payloads).filter(pl.col(PROBLEM).is_null())


def main() -> None:
    games = len(League().games(DAY))
    with tempfile.TemporaryDirectory(prefix="game_day-") as folder:
        home = Path(folder)
        prepared = in_new_process(prepare, home)
        print(f"sandbox, {DAY}: {games} games, the most it has; {os.cpu_count()} cores")
        print(f"the {HISTORY_DAYS} days before, and the week's model, made in {prepared:.0f} s, which are not counted")
        start, start_cpu = process_start()
        runs = {mode: in_new_process(run, home, mode) for mode in MODES}
        first, best, predicted, graded = in_new_process(plain, home)
    print(f"{predicted} predictions of {len(SYSTEMS)} systems and {graded} grades, the same in plain polars\n")
    walls = [{START: start, **wall} for wall, _, _ in runs.values()]
    day = {part: sum(wall.get(part, 0.0) for wall in walls) for part in (START, *PARTS)}
    cpu = {part: sum(found[part] for _, found, _ in runs.values()) for part in PARTS} | {START: start_cpu * len(runs)}
    whole, floor = sum(day.values()), min(first, best)
    each = ", ".join(f"{mode} {sum(wall.values()):.1f} s" for mode, wall in zip(runs, walls, strict=True))
    print_table(
        ("part", *(f"{mode} s" for mode in runs), "day s", "share", "day CPU s"),
        [
            *((part, *(wall.get(part, 0.0) for wall in walls), s, f"{s / whole:.0%}", cpu[part]) for part, s in day.items()),
            ("all", *(sum(wall.values()) for wall in walls), whole, "100%", sum(cpu.values())),
        ],
    )
    print(f"""
aim: {AIM_SECONDS} s for the day; found {whole:.1f} s, {whole / AIM_SECONDS:.1f} times that ({each}). Events stored: {sum(n for _, _, n in runs.values())}
fetch: HTTP with the league's answers, the landing and the parsing of the contract. checks: with their reading.
compute: the assets' functions, with loading catboost and the models. CPU: of every thread, the league's too.
""")
    own = sum(day[part] for part in OWN)
    print_table(
        ("the same rows", "seconds", "times plain polars"),
        [
            (f"plain polars, {AGAIN}", floor, 1.0),
            ("plain polars, first call (with catboost and models loaded)", first, first / floor),
            ("our own: read, compute, validate, write, checks", own, own / floor),
            ("our own and Dagster", own + day[EVENT_LOG] + day[DAGSTER], (own + day[EVENT_LOG] + day[DAGSTER]) / floor),
            ("the day, all of it", whole, whole / floor),
        ],
    )


if __name__ == "__main__":
    main()
