"""`nba-pipeline evaluate` on the real rows of the archive, without a home: walk-forward accuracy, and the time that it takes.

Every week the models learn from all earlier player-games and forecast the week's players who had a points line. The report
is that of the command: two baselines on the same rows, the consensus (median of the distinct feeds) and the line used
(DraftKings, FanDuel, else the median).

Data from NBA_ARCHIVE_DIR (default ../shared/data), which must have `player_name_variants.parquet`.

    python benchmarks/forecasts.py [FIRST LAST]      # dates; default: every week with lines

LINES=known excludes the lines of unknown instant. SYSTEMS names the systems, separated by commas. REFIT_WEEKS=4 only trains every
fourth week. PAGE_TO names a folder for the page and the manifest. KNOWS_WHO_PLAYS=1 computes the bound of a forecast
that knows which rotation players sit out. MARKET=player_rebounds evaluates another market, which the settings must name:

    NBA_PIPELINE_SETTINGS=rebounds.toml MARKET=player_rebounds python benchmarks/forecasts.py
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

import nba_pipeline.environments  # noqa: F401  # before the table modules: it registers the settings file
from nba_pipeline.assets.sources.team_boxscores import complete_with_sums
from nba_pipeline.audit.recompute import SOURCES, derive
from nba_pipeline.cli.evaluation_rendering import print_report
from nba_pipeline.evaluation import walk_forward
from nba_pipeline.evaluation.evaluate import Request, evaluate
from nba_pipeline.evaluation.page import page
from nba_pipeline.evaluation.perfect_knowledge import KnowsWhoPlays
from nba_pipeline.evaluation.source import Frames, Source
from nba_pipeline.evaluation.walk_forward import Trained
from nba_pipeline.formulas.markets import MARKETS, POINTS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.systems import MARKET_SYSTEMS, TrainedSystem
from nba_pipeline.warehouse.landing import Landing

ARCHIVE = Path(os.environ.get("NBA_ARCHIVE_DIR") or Path(__file__).parents[2] / "shared/data")
AS_OF = datetime(2025, 9, 1, tzinfo=UTC)
FIRST, LAST = date(2021, 10, 1), date(2025, 6, 22)
FIRST_LINE, LAST_LINE = date(2022, 2, 1), date(2025, 1, 31)
KEY = ["game_id", "player_id"]


def real_features() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns `features` of all dates, and the results of the players who played."""
    clock = Clock(fixed_at=AS_OF.isoformat())
    with tempfile.TemporaryDirectory(prefix="forecasts-") as folder:
        landing = Landing(home=folder, clock=clock)
        archive, dates = Archive(folder=str(ARCHIVE), landing=landing, clock=clock), days(FIRST, LAST)
        schedule, boxscores = archive.schedule(dates), archive.boxscores(dates)
        teams = complete_with_sums(archive.team_boxscores(dates), boxscores)
    without = {name: table.empty() for name, table in SOURCES.items()}
    world = {**without, "schedule": schedule, "boxscores": boxscores, "team_boxscores": teams}
    made = derive(world, schedule["game_date"].unique().sort().to_list(), AS_OF)
    return made["features"], made["player_game_summary"].filter("did_play")


def prop_lines() -> pl.DataFrame:
    """Returns the archive's lines in the columns of `prop_lines` that an evaluation reads. Names are resolved by the answer sheet."""
    names = pl.read_parquet(ARCHIVE / "player_name_variants.parquet")
    renamed = {"event_game_id": "game_id", "over_odds": "over_price", "under_odds": "under_price"}
    return (
        pl.read_parquet(ARCHIVE / "player_props.parquet")
        .filter(~pl.col("in_play"))
        .join(names, on="player_name_raw")
        .rename(renamed | {"commence_time_utc": "tipoff_at"})
        .drop_nulls(KEY)
        .with_columns(
            pl.lit("archive").alias("source"),
            pl.lit(None, pl.Datetime("us", "UTC")).alias("captured_at"),
            (pl.col("snapshot_at") < pl.col("tipoff_at")).alias("is_before_tipoff"),
            (2 * pl.col("line")).round().cast(pl.Int64).alias("line_half_points"),
        )
    )


def timed_training() -> dict[str, float]:
    """Measures the trainings of this process. Returns system -> CPU seconds so far."""
    spent, train = defaultdict[str, float](float), walk_forward.train

    def timed(system: TrainedSystem, features: pl.DataFrame, outcomes: pl.DataFrame, monday: date) -> Trained:
        start = time.process_time()
        trained = train(system, features, outcomes, monday)
        spent[system.system_id] += time.process_time() - start
        return trained

    walk_forward.train = timed
    return spent


def main() -> None:
    first, last = (date.fromisoformat(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (FIRST_LINE, LAST_LINE)
    if not (ARCHIVE / "player_name_variants.parquet").is_file():
        print(f"skipped: no real data in {ARCHIVE}")
        return
    start = time.perf_counter()
    features, summary = real_features()
    print(
        f"features of {features.height:,} expected player-games: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True
    )
    source: Source = Frames({"features": features, "player_game_summary": summary, "prop_lines": prop_lines()})
    if os.environ.get("KNOWS_WHO_PLAYS"):
        source = KnowsWhoPlays(source, summary)
    market = os.environ.get("MARKET", POINTS.name)
    every = [system.system_id for system in MARKET_SYSTEMS[market]]
    chosen = [name for name in every if name in os.environ.get("SYSTEMS", ",".join(every)).split(",")]
    with tempfile.TemporaryDirectory(prefix="evaluation-") as home:
        start, cpu = time.perf_counter(), time.process_time()
        weeks, lines = int(os.environ.get("REFIT_WEEKS", "1")), os.environ.get("LINES", "all")
        request = Request(first, last, tuple(chosen), lines, refit_weeks=weeks, market=MARKETS[market])
        folder = Path(os.environ.get("PAGE_TO") or home)
        spent = timed_training()
        report = evaluate(source, folder, request, lambda message: print(message, file=sys.stderr, flush=True))
        print(f"evaluation: {time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} CPU s", file=sys.stderr)
        print("training, CPU s:", ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items()), file=sys.stderr)
        start = time.perf_counter()
        (folder / "evaluation.html").write_text(page(report), encoding="utf-8")
        print(f"page: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    print_report(report)


if __name__ == "__main__":
    main()
