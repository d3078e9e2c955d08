"""Walk-forward accuracy of the systems on real lines, with weekly refits, and the time that training takes.

Every week the models learn from all earlier player-games of the archive and forecast the week's players who had a points
line. CatBoost is fitted every fourth week only, because it takes longest. Two baselines on the same rows: the consensus (median of the distinct feeds) and the line used (DraftKings, FanDuel,
else the median). Gaps are mean absolute errors minus that of the baseline, with a paired 95 % interval.

Probabilities are those of `formulas/forecast_distribution.py`, walk-forward by date, on rows of sportsbooks with the
no-vig probability at the line used. Log losses leave out pushes.

Data from NBA_ARCHIVE_DIR (default ../shared/data), which must have `player_name_variants.parquet`.

    python benchmarks/forecasts.py [FIRST LAST]      # dates; default: every week with lines

REFIT_WEEKS=4 refits every system every fourth week only. THREADS=2 trains xgboost on two threads, which is faster on two idle
cores and many times slower on busy ones. FORECASTS_TO names a folder for the forecasts.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from measuring import print_table

from nba_pipeline.assets.sources.team_boxscores import complete_with_sums
from nba_pipeline.audit.recompute import SOURCES, derive
from nba_pipeline.formulas.adjusted_line import adjusted_line
from nba_pipeline.formulas.calibration import decided, expected_calibration_error, log_loss, reliability, without_push
from nba_pipeline.formulas.forecast_distribution import Rules, graded_rows, with_distribution
from nba_pipeline.formulas.odds import no_vig_over_probability
from nba_pipeline.formulas.recommendation import CONTAINS_THE_LINE, FEW_CAREER_GAMES
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import CATBOOST, LINEAR_MEDIAN, MOVING_AVERAGE, SIMILARITY, ZONE_MATCHUP, TrainedSystem
from nba_pipeline.systems.training import split
from nba_pipeline.systems.xgboost import XGBoost
from nba_pipeline.warehouse.landing import Landing

ARCHIVE = Path(os.environ.get("NBA_ARCHIVE_DIR") or Path(__file__).parents[2] / "shared/data")
AS_OF = datetime(2025, 9, 1, tzinfo=UTC)
FIRST, LAST = date(2021, 10, 1), date(2025, 6, 22)
KEY = ["game_id", "player_id"]
REFIT_WEEKS, THREADS = int(os.environ.get("REFIT_WEEKS", "1")), int(os.environ.get("THREADS", "1"))
XGBOOST = XGBoost(forecasts=SETTINGS.forecasts.model_copy(update={"tree_threads": THREADS}))
TRAINED: tuple[TrainedSystem, ...] = (LINEAR_MEDIAN, XGBOOST, CATBOOST)
WEEKS_PER_FIT = {CATBOOST.system_id: 4}
WITHOUT_MODEL = (MOVING_AVERAGE, ZONE_MATCHUP, SIMILARITY)
MEMBERS_TRIED = (*(system.system_id for system in WITHOUT_MODEL), CATBOOST.system_id)
SYSTEM_IDS = (*MEMBERS_TRIED, "linear_median", "xgboost", "ensemble", "market_blend")
SHOWN = (*SYSTEM_IDS, "adjusted_line")
EDGES = (1, 2, 3)
BLENDED = ("blended_over_probability", "blended_push_probability")
LEAST_JUDGED = 100
"""Rows below which no log loss is printed."""
SPORTSBOOK = pl.col("kind") == "sportsbook"


def real_features() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns `features` of all dates, and the points of the players who played."""
    clock = Clock(fixed_at=AS_OF.isoformat())
    with tempfile.TemporaryDirectory(prefix="forecasts-") as folder:
        landing = Landing(home=folder, clock=clock)
        archive, dates = Archive(folder=str(ARCHIVE), landing=landing, clock=clock), days(FIRST, LAST)
        schedule, boxscores = archive.schedule(dates), archive.boxscores(dates)
        teams = complete_with_sums(archive.team_boxscores(dates), boxscores)
    without = {name: table.empty() for name, table in SOURCES.items()}
    world = {**without, "schedule": schedule, "boxscores": boxscores, "team_boxscores": teams}
    made = derive(world, schedule["game_date"].unique().sort().to_list(), AS_OF)
    truth = made["player_game_summary"].filter("did_play").select("game_date", *KEY, pl.col("points").cast(pl.Float64))
    return made["features"], truth


def lines() -> pl.DataFrame:
    """Returns per player and game with a points line: kind of book, consensus, line_used, adjusted_line and no-vig probability.

    The latest main line of each distinct feed before tip-off. Pick'em sites and books without prices have no adjustment.
    """
    names = pl.read_parquet(ARCHIVE / "player_name_variants.parquet")
    offers = (
        pl.read_parquet(ARCHIVE / "player_props.parquet")
        .filter(pl.col("market") == "player_points", ~pl.col("in_play"), pl.col("is_latest_pregame"), pl.col("is_main_line"))
        .join(names, on="player_name_raw")
        .rename({"event_game_id": "game_id", "over_odds": "over_price", "under_odds": "under_price", "book_type": "kind"})
        .drop_nulls(KEY)
        .with_columns(pl.col("book").replace(SETTINGS.lines.books_of_one_feed).alias("feed"))
        .sort(pl.col("feed") != pl.col("book"), "book")
        .unique([*KEY, "feed"], keep="first", maintain_order=True)
    )
    age = pl.col("snapshot_at").max().over(KEY) - pl.col("snapshot_at")
    is_fresh = (age <= pl.duration(minutes=int(SETTINGS.forecasts.feed_minutes))).fill_null(True)
    rank = pl.col("book").replace_strict({"draftkings": 0, "fanduel": 1}, default=2, return_dtype=pl.Int64)
    value = pl.when(SPORTSBOOK).then(adjusted_line()).otherwise("line")
    feeds = offers.with_columns(value.alias("adjusted_line"), is_fresh.alias("is_fresh"), rank.alias("rank"))
    used = (
        feeds.sort(*KEY, "rank", "book")
        .group_by(KEY, maintain_order=True)
        .agg(
            pl.col("kind").first(),
            pl.col("line").median().alias("consensus"),
            pl.col("line").first().alias("first_line"),
            pl.col("rank").first(),
            pl.col("adjusted_line").filter("is_fresh").mean(),
        )
        .with_columns(
            pl.when(pl.col("rank") < 2).then("first_line").otherwise((2 * pl.col("consensus")).floor() / 2).alias("line_used")
        )
    )
    quotes = feeds.filter(SPORTSBOOK, "is_fresh").join(used.select(*KEY, "line_used"), on=KEY)
    at_the_line = quotes.filter(pl.col("line") == pl.col("line_used")).group_by(KEY)
    market = at_the_line.agg(no_vig_over_probability().mean().alias("market_over_probability"))
    return used.join(market, on=KEY, how="left", maintain_order="left")


def fitted(system: TrainedSystem, rows: pl.DataFrame) -> Any:
    """Returns the system's model of rows with `points`, sorted by date. Only a system that stops early leaves out validation rows."""
    training, validation = split(rows, system)
    return system.fit(system.sample(training if system.stops_early else rows), system.sample(validation))


def weekly(rows: pl.DataFrame, lined: pl.DataFrame, systems: Sequence[TrainedSystem] = TRAINED) -> Iterator[pl.DataFrame]:
    """Yields the forecasts of each week with lines. Models learn from rows before the week's Monday."""
    week = pl.col("game_date").dt.truncate("1w")
    seconds = Counter[str]()
    learnable = {system.system_id: system.learnable(rows).sort("game_date", *KEY) for system in systems}
    models = dict[str, Any]()
    for number, monday in enumerate(lined.select(week.unique().sort()).to_series()):
        here = LINEAR_MEDIAN.predictable(lined.filter(week == monday)).sort("game_date", *KEY)
        for system in systems:
            start, name = time.perf_counter(), system.system_id
            if number % max(REFIT_WEEKS, WEEKS_PER_FIT.get(name, 1)) == 0:
                models[name] = fitted(system, learnable[name].filter(pl.col("game_date") < monday))
            known = system.predictable(here)
            forecast = known.select(*KEY, system.forecast(models[name], known).clip(0, 60).alias(name))
            here = here.join(forecast, on=KEY, how="left", maintain_order="left")
            seconds[name] += time.perf_counter() - start
        print(f"{monday}: {here.height} lined; seconds so far {dict(seconds)}", file=sys.stderr, flush=True)
        yield here


def with_combinations(made: pl.DataFrame) -> pl.DataFrame:
    """Adds the forecasts that follow from others."""
    weight = SETTINGS.forecasts.blend_weight
    for system in WITHOUT_MODEL:
        forecast = system.predict(made).select(*KEY, pl.col("predicted_value").alias(system.system_id))
        made = made.join(forecast, on=KEY, how="left", maintain_order="left")
    return made.with_columns(((pl.col("linear_median") + pl.col("xgboost")) / 2).alias("ensemble")).with_columns(
        (weight * pl.col("ensemble") + (1 - weight) * pl.col("adjusted_line")).alias("market_blend")
    )


def gap(rows: pl.DataFrame, name: str, baseline: str) -> str:
    """Returns the mean absolute error minus the baseline's, with a paired 95 % interval."""
    errors = (rows["points"] - rows[name]).abs() - (rows["points"] - rows[baseline]).abs()
    mean, spread = errors.mean(), errors.std()
    return f"{mean:+.4f} ± {1.96 * spread / len(errors) ** 0.5:.4f}"  # type: ignore[operator]  # floats of a non-empty series


def hit_rate(rows: pl.DataFrame, name: str, edge: float) -> str:
    """Returns the share of bets on the consensus that win, with the interval and N, without pushes."""
    distance = rows[name] - rows["consensus"]
    bets = rows.with_columns(distance.alias("edge")).filter(pl.col("edge").abs() >= edge, pl.col("points") != pl.col("consensus"))
    if bets.is_empty():
        return "no bets"
    won = ((bets["edge"] > 0) == (bets["points"] > bets["consensus"])).mean()
    return f"{won:.1%} ± {1.96 * (won * (1 - won) / bets.height) ** 0.5:.1%} (N = {bets.height:,})"  # type: ignore[operator]


def show(title: str, rows: pl.DataFrame) -> None:
    """Prints the errors, gaps and hit rates of every system on the rows that it forecasts."""
    print(f"\n{title}: N = {rows.height:,}, MAE of the consensus {(rows['points'] - rows['consensus']).abs().mean():.4f}, "
          f"of the line used {(rows['points'] - rows['line_used']).abs().mean():.4f}\n")  # fmt: skip
    table = []
    for name in SHOWN:
        known = rows.drop_nulls(name)
        if known.is_empty():
            continue
        error = (known["points"] - known[name]).abs().mean()
        rates = [hit_rate(known, name, edge) for edge in EDGES]
        table.append(
            (name, f"{known.height:,}", f"{error:.4f}", gap(known, name, "consensus"), gap(known, name, "line_used"), *rates)
        )
    head = ("system", "N", "MAE", "gap to the consensus", "gap to the line used", *(f"hit rate at edge {edge}" for edge in EDGES))
    print_table(head, table)


def distributions(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per system and forecast with its distribution, from the outcomes of earlier dates."""
    has_few = pl.col("career_games_last_1095_days") < SETTINGS.forecasts.few_career_games
    flag = pl.when(has_few).then(pl.lit(FEW_CAREER_GAMES))
    known = rows.select(
        "game_date",
        *KEY,
        *SYSTEM_IDS,
        pl.lit(SETTINGS.lines.market).alias("market"),
        pl.lit("backtest").alias("run_kind"),
        pl.col("line_used").alias("line"),
        "adjusted_line",
        "market_over_probability",
        pl.col("points").alias("actual_value"),
        flag.alias("flag"),
    )
    long = known.unpivot(
        SYSTEM_IDS,
        index=[name for name in known.columns if name not in SYSTEM_IDS],
        variable_name="system_id",
        value_name="predicted_value",
    ).drop_nulls("predicted_value")
    contains = pl.when(pl.col("system_id") == "market_blend").then(pl.lit(CONTAINS_THE_LINE))
    predictions = long.with_columns(pl.concat_list("flag", contains).list.drop_nulls().alias("reasons"))
    outcomes = predictions.select(*KEY, "market", "actual_value").unique()
    empty = predictions.clear().with_columns(pl.lit(0).alias("version"), *(pl.lit(0.0).alias(name) for name in BLENDED))
    rules = Rules(blend_weight=SETTINGS.forecasts.blend_weight, **SETTINGS.distributions.rules)
    return with_distribution(predictions, graded_rows(empty.drop("actual_value"), outcomes), outcomes, rules)


def show_probabilities(title: str, rows: pl.DataFrame) -> None:
    """Prints per system the log loss of its probabilities minus that of the no-vig market, on the same rows without pushes."""
    table = []
    judged = decided(rows.drop_nulls(["blended_over_probability", "market_over_probability"]))
    for system_id in SYSTEM_IDS:
        part = judged.filter(pl.col("system_id") == system_id).with_columns(
            without_push(pl.col(f"{kind}_over_probability"), pl.col(f"{kind}_push_probability")).alias(kind)
            for kind in ("model", "blended")
        )
        if part.height < LEAST_JUDGED:
            continue
        published = part.filter(pl.col("over_probability").is_not_null())
        market = part.select(log_loss(pl.col("market_over_probability"), pl.col("is_over")).mean()).item()
        error = expected_calibration_error(reliability(part, "blended"))
        table.append(
            (system_id, f"{part.height:,}", f"{market:.4f}", loss_gap(part, "model"), loss_gap(part, "blended"), f"{error:.3f}",
             f"{loss_gap(published, 'blended')} (N = {published.height:,})" if published.height > 1 else "none")
        )  # fmt: skip
    head = ("system", "N", "no-vig log loss", "model alone", "with the market", "calibration error", "published")
    print(f"\n{title}: log loss minus that of the no-vig market\n")
    print_table(head, table)


def loss_gap(rows: pl.DataFrame, name: str) -> str:
    """Returns the log loss of a probability minus that of the no-vig market, with a paired 95 % interval."""
    ours, markets = (log_loss(pl.col(column), pl.col("is_over")) for column in (name, "market_over_probability"))
    gaps = rows.select((ours - markets).alias("gap"))["gap"]
    return f"{gaps.mean():+.4f} ± {1.96 * gaps.std() / len(gaps) ** 0.5:.4f}"  # type: ignore[operator]  # floats, non-empty


def show_members(rows: pl.DataFrame) -> None:
    """Prints the error of the ensemble with another member, on the same rows. A member enters if it lowers the error."""
    table = []
    for name in MEMBERS_TRIED:
        known = rows.drop_nulls([name, "ensemble"]).with_columns(((2 * pl.col("ensemble") + pl.col(name)) / 3).alias("with_it"))
        error = (known["points"] - known["with_it"]).abs().mean()
        table.append((name, f"{known.height:,}", f"{error:.4f}", gap(known, "with_it", "ensemble")))
    print("\nThe ensemble with a third member\n")
    print_table(("member", "N", "MAE", "gap to the ensemble of two"), table)


def explain(rows: pl.DataFrame) -> None:
    """Prints the gap of the ensemble by tier of line, rest, expected absences and minutes."""
    groups = {
        "line": pl.col("consensus").cut([10, 15, 20, 25]),
        "rest_days": pl.col("rest_days").cut([1, 2, 3, 7]),
        "absent_minutes_expected": pl.col("absent_minutes_expected").cut([20, 35, 50, 70]),
        "minutes_half_life_5_games": pl.col("minutes_half_life_5_games").cut([20, 25, 30, 35]),
        "season": pl.col("season"),
    }
    table = []
    for name, by in groups.items():
        for value, part in (
            rows.with_columns(by.cast(pl.String).fill_null("unknown").alias("by")).sort("by").group_by("by", maintain_order=True)
        ):
            table.append((name, value[0], f"{part.height:,}", gap(part, "ensemble", "consensus") if part.height > 1 else ""))
    print("\nThe ensemble against the consensus by group\n")
    print_table(("group", "value", "N", "gap"), table)


def main() -> None:
    first, last = (date.fromisoformat(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (FIRST, LAST)
    if not (ARCHIVE / "player_name_variants.parquet").is_file():
        print(f"skipped: no real data in {ARCHIVE}")
        return
    start = time.perf_counter()
    features, truth = real_features()
    print(
        f"features of {features.height:,} expected player-games: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True
    )
    offers, rows = lines(), features.join(truth.drop("game_date"), on=KEY)
    lined = rows.join(offers, on=KEY).filter(pl.col("game_date").is_between(first, last))
    of_the_dates = truth.filter(pl.col("game_date").is_between(first, last)).join(offers, on=KEY, how="semi")
    offered = of_the_dates.height
    print(f"Weeks per fit: {REFIT_WEEKS}; {', '.join(f'{name}: {max(n, REFIT_WEEKS)}' for name, n in WEEKS_PER_FIT.items())}")
    made = with_combinations(pl.concat(weekly(rows, lined)))
    if folder := os.environ.get("FORECASTS_TO"):
        made.select(
            "game_date", *KEY, "kind", "points", "consensus", "line_used", "market_over_probability", *SHOWN
        ).write_parquet(Path(folder) / "forecasts.parquet")
    print(f"{made.height:,} of {offered:,} lined player-games have a forecast ({made.height / offered:.1%})")
    show("All lined rows", made)
    for kind in made["kind"].unique().sort():
        show(f"Rows of kind {kind}", made.filter(kind=kind))
    show_members(made)
    probabilities = distributions(made)
    show_probabilities("Rows of sportsbooks", probabilities)
    first_published = probabilities.filter(pl.col("over_probability").is_not_null())["game_date"].min()
    print(
        f"\nThe first published probability is of {first_published}; {SETTINGS.distributions.graded_rows:,} graded rows are required."
    )
    explain(made)


if __name__ == "__main__":
    main()
