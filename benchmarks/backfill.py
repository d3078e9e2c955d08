"""Wall seconds and peak memory (GB) of a backfill of the archive, from parquet to grades.

Compares the platform's `backfill` with a floor: the same transforms of the whole range in plain polars, from sources in
memory, without Dagster, checks, validation, parsing and files. Each variant has its own process. Target for our own reading,
computing and writing of 2022-10-18 to 2024-03-10: under 90 s and 2 GB. Dagster's event log, the rest of Dagster and the
weekly training are reported separately.
Data from NBA_ARCHIVE_DIR (default ../shared/data), or from the simulated league if missing.

    python benchmarks/backfill.py              # the last 60 dates of the range
    python benchmarks/backfill.py --full       # the whole range; --days N, --from and --to select others
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from measuring import (
    DAGSTER,
    EVENT_LOG,
    FETCH,
    OWN,
    SERVE,
    STORE_EVENT,
    Stopwatch,
    a_runner,
    failures_of,
    in_new_process,
    peak_gigabytes,
    print_table,
)

from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.grades import grade_predictions
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.predictions.predictions import lines_with_prices, outcomes_of, predict_slate
from nba_pipeline.audit.recompute import derive, sources_before
from nba_pipeline.completeness import slate_gates
from nba_pipeline.formulas.forecast_distribution import graded_rows
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse

ARCHIVE = Path(os.environ.get("NBA_ARCHIVE_DIR") or Path(__file__).parents[2] / "shared" / "data")
FIRST, LAST = date(2022, 10, 18), date(2024, 3, 10)
SANDBOX_LAST = date(2026, 1, 31)
DEFAULT_DAYS = 60
AIM_SECONDS, AIM_GIGABYTES = 90, 2
TRAINING = "train"
PARTS_SHOWN = (SERVE, FETCH, *OWN, EVENT_LOG, DAGSTER)


@dataclass
class Measurement:
    """Results of one variant. Seconds are by part; seconds of training runs are only in `training`."""

    seconds: Counter[str] = field(default_factory=Counter)
    training: float = 0.0
    trainings: int = 0
    runs: int = 0
    events: int = 0
    peak: float = 0.0
    peak_before_training: float = 0.0
    log_megabytes: float = 0.0
    failures: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def own(self) -> float:
        return sum(self.seconds[part] for part in OWN)


def platform(home: Path, archive: Path | None, first: date, last: date) -> Measurement:
    """Runs the backfill as the command does."""
    measured, watch = Measurement(), Stopwatch()
    runner = a_runner(home, None if archive else eastern(last + timedelta(days=1), 12), archive)
    watch.watch(runner.definitions)
    before = watch.turn()
    for outcome in runner.backfill(first, last):
        measured.failures += failures_of([outcome])
        taken, before = watch.turn() - before, watch.seconds.copy()
        measured.runs += 1
        if outcome.title.startswith(TRAINING):
            measured.training += taken.total()
            measured.trainings += 1
        else:
            measured.seconds += taken
        if not measured.trainings:
            measured.peak_before_training = peak_gigabytes()
    measured.events, measured.peak = watch.calls[STORE_EVENT], peak_gigabytes()
    measured.log_megabytes = sum(file.stat().st_size for file in (home / "dagster").rglob("*.db*")) / 1e6
    measured.rows = {
        name: runner.warehouse.scan(TABLES[name], days(first, last)).select(pl.len()).collect().item() for name in ROWS
    }
    return measured


ROWS = ("schedule", "boxscores", "prop_lines", "features", "predictions", "grades")
COMPARED = ["game_id", "player_id", "predicted_value", "line", "recommendation"]
GRADED = ["game_id", "player_id", "actual_value", "outcome"]


def floor(home: Path, first: date, last: date) -> Measurement:
    """Runs the transforms up to the moving average's grades on the whole range in memory.

    Reads the sources from the home left by the platform's backfill. Fetching, parsing and reading are not timed, but the sources
    count as memory. Only summaries are validated, because rejected rows must not reach later features.
    """
    now = eastern(last + timedelta(days=1), 12)
    dates, source_frames = days(first, last), sources_before(LocalWarehouse(home=str(home)), days(first, last))
    sources, watch = {name: frame.rechunk() for name, frame in source_frames.items()}, time.perf_counter()
    world = derive(sources, dates, now)
    schedule, summary = world["schedule"], world["player_game_summary"]
    ready = slate_gates.judge_readiness(world["features"], MOVING_AVERAGE.required, dates).filter("is_open")
    features = (
        world["features"]
        .join(ready, on="game_date", how="semi")
        .with_columns(pl.lit(code_version("features")).alias("code_version"))
    )
    lines = lines_with_prices(world["prop_lines"].filter(pl.col("snapshot_at") <= now))
    starts = dict(schedule.group_by("season").agg(pl.col("game_date").min()).iter_rows())
    outcomes = outcomes_of(summary)
    ledger, graded = PREDICTIONS.empty(), graded_rows(PREDICTIONS.empty(), outcomes)
    predictions = predict_slate(world["upcoming_players"], features, schedule, lines, {}, ledger, graded, outcomes, now, starts)
    grades = grade_predictions(predictions, summary, schedule, summary["game_id"].unique(), GRADES.empty())
    measured = Measurement(Counter({"compute": time.perf_counter() - watch}), runs=1, peak=peak_gigabytes())
    frames = {**world, "predictions": predictions, "grades": grades}
    measured.rows = {name: frames[name].filter(pl.col("game_date").is_between(first, last)).height for name in ROWS}
    measured.failures = differences(home, dates, predictions, grades)
    return measured


def differences(home: Path, dates: Sequence[date], predictions: pl.DataFrame, grades: pl.DataFrame) -> list[str]:
    """Returns differences in the moving average's forecasts, lines and outcomes from the platform's tables; expected: none."""
    warehouse, messages = LocalWarehouse(home=str(home)), []
    for name, frames_of, columns in (("predictions", predictions, COMPARED), ("grades", grades, GRADED)):
        theirs = warehouse.scan(TABLES[name], dates).filter(system_id=MOVING_AVERAGE.system_id).select(columns).collect()
        ours = frames_of.select(columns)
        for one, other, whose in ((ours, theirs, "plain polars"), (theirs, ours, "the platform")):
            only = one.join(other, on=columns, how="anti", nulls_equal=True)
            if only.height:
                messages.append(
                    f"{name}: {only.height:,} of {one.height:,} rows are only in {whose}, as {only.row(0, named=True)}"
                )
    return messages


def arguments(has_archive: bool) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    last = LAST if has_archive else SANDBOX_LAST
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first date")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=last, help=f"last date, default {last}")
    parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help=f"dates up to --to without --from, default {DEFAULT_DAYS}")
    parser.add_argument("--full", action="store_true", help=f"{FIRST} to {LAST}, where the archive is")
    chosen = parser.parse_args()
    if chosen.full and not has_archive:
        parser.error(f"there is no archive at {ARCHIVE}")
    if chosen.full:
        chosen.first, chosen.last = FIRST, LAST
    chosen.first = chosen.first or chosen.last - timedelta(days=chosen.days - 1)
    return chosen


def main() -> None:
    archive = ARCHIVE if any(ARCHIVE.glob("games_*.parquet")) else None
    chosen = arguments(archive is not None)
    first, last = chosen.first, chosen.last
    print(f"{archive or 'sandbox'}, {first} to {last}: {len(days(first, last))} dates; {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="backfill-") as folder:
        ours = in_new_process(platform, Path(folder), archive, first, last)
        plain = in_new_process(floor, Path(folder), first, last)
    log, rest = ours.seconds[EVENT_LOG], ours.seconds[DAGSTER]
    print_table(
        ("variant", "own s", "Dagster's event log s", "Dagster's rest s", "training s", "peak GB", "own, times the floor"),
        [
            ("nba-pipeline backfill", ours.own, log, rest, ours.training, ours.peak, ours.own / plain.own),
            ("plain polars, moving average only (the floor)", plain.own, 0.0, 0.0, 0.0, plain.peak, 1.0),
        ],
    )
    print()
    print_table(
        ("part of the backfill", "s", "times the floor"),
        [(p, ours.seconds[p], ours.seconds[p] / plain.own) for p in PARTS_SHOWN if ours.seconds[p]],
    )
    print()
    print_table(
        ("rows", *ROWS),
        [(name, *(f"{measured.rows[row]:,}" for row in ROWS)) for name, measured in (("backfill", ours), ("floor", plain))],
    )
    print(f"""
{ours.runs} runs, {ours.trainings} of them training; Dagster stored {ours.events:,} events, {ours.log_megabytes:.0f} MB;
peak before the first training {ours.peak_before_training:.2f} GB.
Predictions and grades of the backfill are of both systems, with catboost's forecasts and the hashes in its compute.""")
    if (first, last) == (FIRST, LAST):
        print(
            f"target: own under {AIM_SECONDS} s, measured {ours.own:.0f} s; peak under {AIM_GIGABYTES} GB, measured {ours.peak:.2f} GB"
        )
    if failures := [*ours.failures, *plain.failures]:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
