"""The time of a week's training on four seasons, of a slate with every system, and of all history at once.

    training      one week on all earlier player-games of the archive, per system: reading, checks, fits, saving, loading
    slate         ten games with every system and the week's models, after imports
    all history   forecasts of all rows at once, as a ratio to one player and game at a time
    dependencies  installed size and import time of the libraries of the models

Data from NBA_ARCHIVE_DIR (default ../shared/data).

    python benchmarks/training.py
"""

import importlib.metadata
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from forecasts import ARCHIVE, KEY, real_features
from measuring import print_table

from nba_pipeline.assets.predictions.points_model import train_week
from nba_pipeline.league.calendar import week_of
from nba_pipeline.systems import MOVING_AVERAGE, SYSTEMS, TRAINED_SYSTEMS
from nba_pipeline.systems.forecasts import Models, forecasts
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.weekly_models import load_models

LIBRARIES = {"xgboost-cpu": "xgboost", "catboost": "catboost"}
"""Distribution -> the module that it installs."""
SLATE_GAMES, REPEATS, SINGLE_ROWS, AIM_SECONDS = 10, 5, 300, 1.0


Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[Result, float, float]:
    """Returns the result of a call, its seconds and its CPU seconds."""
    start, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - start, time.process_time() - cpu


def trained(features: pl.DataFrame, summary: pl.DataFrame, week: date, store: ModelStore) -> pl.DataFrame:
    """Trains each system for a week, prints the time and returns the rows of `points_model`."""
    rows, table = [], []
    for system in TRAINED_SYSTEMS:
        row, seconds, cpu = timed(partial(train_week, features, summary, week, store, system))
        error = row["validation_mean_absolute_error"].item()
        table.append((system.system_id, f"{row['rows'].item():,}", f"{error:.3f}", f"{seconds:.1f}", f"{cpu:.1f}"))
        rows.append(row)
    print(f"\nTraining of the week of {week}\n")
    print_table(("system", "rows", "validation MAE", "seconds", "CPU seconds"), table)
    return pl.concat(rows)


def slate_of(features: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the expected players of up to ten games of a date."""
    slate = features.filter(pl.col("game_date") == day)
    return slate.filter(pl.col("game_id").is_in(slate["game_id"].unique().sort().head(SLATE_GAMES).implode()))


def print_slate(slate: pl.DataFrame, models: Models) -> None:
    """Prints the time of all systems on a slate: the first call, which fills caches, and the fastest of the next."""
    lines = slate.select(*KEY, pl.col("points_half_life_8_games").alias("adjusted_line"))
    runs = [timed(lambda: forecasts(SYSTEMS, slate, models, lines, {})) for _ in range(REPEATS)]
    first, best = runs[0][1], min(seconds for _, seconds, _ in runs[1:])
    made = sum(rows.height for rows in runs[0][0].values())
    print(f"\nSlate: {slate['game_id'].n_unique()} games, {slate.height} players, {len(SYSTEMS)} systems, {made} forecasts")
    print(f"first {first:.3f} s, fastest {best:.3f} s, aim {AIM_SECONDS} s")


def one_by_one(predict: Callable[[pl.DataFrame], Any], rows: pl.DataFrame) -> None:
    """Predicts the rows of a sample one after the other."""
    for number in range(SINGLE_ROWS):
        predict(rows[number : number + 1])


def print_history(features: pl.DataFrame, models: Models) -> None:
    """Prints per system the time of all rows at once, and the ratio to one row at a time."""
    table = []
    loaded = {system_id: model for (_, system_id), model in models.items()}
    for system in (MOVING_AVERAGE, *TRAINED_SYSTEMS):
        rows = system.predictable(features)

        def predict(part: pl.DataFrame, one: Any = system) -> Any:
            return one.forecast(loaded[one.system_id].fitted, part) if one.needs_model else one.predict(part)

        predict(rows.head(1))
        _, together, _ = timed(partial(predict, rows))
        _, single, _ = timed(partial(one_by_one, predict, rows))
        alone = single / SINGLE_ROWS * rows.height
        table.append((system.system_id, f"{rows.height:,}", f"{together:.2f}", f"{alone:.0f}", f"{alone / together:.0f}"))
    print("\nAll history at once, and one player and game at a time (from a sample)\n")
    print_table(("system", "rows", "seconds at once", "seconds one by one", "ratio"), table)


def print_dependencies() -> None:
    """Prints the installed size of each library, and the time of its import in a new process beyond that of numpy."""
    table = []
    for name, module in LIBRARIES.items():
        files = [Path(str(file.locate())) for file in importlib.metadata.files(name) or ()]
        size = sum(file.stat().st_size for file in files if file.is_file())
        code = f"import time, numpy; start = time.process_time(); import {module}; print(time.process_time() - start)"
        printed = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(REPEATS)
        ]
        table.append((name, f"{size / 1024**2:.1f}", f"{min(float(run.stdout) for run in printed):.2f}"))
    print("\nDependencies\n")
    print_table(("distribution", "MiB", "CPU seconds to import"), table)


def main() -> None:
    print_dependencies()
    if not (ARCHIVE / "games_2021-22.parquet").is_file():
        print(f"skipped: no real data in {ARCHIVE}")
        return
    features, truth = real_features()
    summary = truth.with_columns(did_play=pl.lit(True))
    per_date = features.group_by("game_date").agg(pl.col("game_id").n_unique().alias("games"))
    day = per_date.filter(pl.col("games") >= SLATE_GAMES)["game_date"].max()
    assert isinstance(day, date)
    with tempfile.TemporaryDirectory(prefix="training-") as home:
        store = ModelStore(home=home)
        models = load_models(trained(features, summary, week_of(day), store), store, TRAINED_SYSTEMS, print)
    print_slate(slate_of(features, day), models)
    print_history(features.filter(pl.col("game_date") < week_of(day) - timedelta(days=1)), models)


if __name__ == "__main__":
    main()
