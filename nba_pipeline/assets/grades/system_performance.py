"""system_performance: the performance of each system and of the market line, over trailing windows that end on the date.

Grain: one row per system, market, run kind, window and group
Source: grades, predictions, picks, features and prop_lines of the season up to the date
Caveats: live predictions and backtests are never mixed; the groups are not crossed, so at most one of direction, tier and
  subset differs from `all`; a subset has the record of its picks as published, and `best without price` that of the candidates
  that only the rule `price` removed; below 100 bets `note` says that the sample is too small.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, optional_input, plots_of
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, for_each_date
from nba_pipeline.errors import BadInput
from nba_pipeline.formulas.bets import value_of_forecast
from nba_pipeline.formulas.closing_lines import closing_lines
from nba_pipeline.formulas.grade_versions import OF_A_DATE
from nba_pipeline.formulas.markets import MARKETS, Market
from nba_pipeline.formulas.outcomes import outcome
from nba_pipeline.formulas.performance import ALL, GROUPS, TOO_SMALL, WINDOWS, performance
from nba_pipeline.formulas.picks import SUBSET, counterfactuals
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, season_of_game_date, season_start
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code, number
from nba_pipeline.warehouse import Warehouse

NUMBERS = {
    "predicted": "predictions", "with_line": "predictions with a line", "actionable": "predictions without a reason against a bet",
    "published": "live predictions that are a pick", "ungradable": "predictions without a grade", "overs": "recommendations OVER",
    "unders": "recommendations UNDER", "passes": "recommendations PASS", "no_lines": "recommendations NO_LINE",
    "wins": "outcomes WIN", "losses": "outcomes LOSS", "pushes": "outcomes PUSH", "voids": "outcomes VOID",
    "no_bets": "outcomes NO_BET", "graded": "predictions of players who played",
    "bets": "wins and losses",
}  # fmt: skip
"""Column -> what it counts."""
AVERAGES = {
    "mae": "points; mean absolute error, on rows with a line", "line_mae": "points; mean absolute error of the line, same rows",
    "bias": "points; mean of forecast minus result, same rows", "mae_all": "points; mean absolute error, also without a line",
    "log_loss": "log loss of the probability given no push", "market_log_loss": "log loss of the market's probability, same rows",
    "brier": "Brier score of the probability given no push", "market_brier": "Brier score of the market's, same rows",
    "quality_score": "mean quality of the features, 0-100",
}  # fmt: skip
INTERVALS = {
    "gap": "points; mae minus line_mae, on the same rows as both", "roi": "profit per unit staked, at the price of the line's book",
    "roi_at_best_price": "profit per unit staked, at the best price", "log_loss_gap": "log_loss minus market_log_loss",
    "closing_line_value": "expected profit at the first price, if the closing probability is right",
}  # fmt: skip


class SystemPerformanceRows(Row):
    """Columns of `system_performance`; the metrics are added below."""

    system_id = dy.String(description="module in nba_pipeline.systems")
    market = dy.String(description="the Odds API's key, as player_points")
    run_kind = code(("live", "backtest"), "live or backtest; never mixed")
    season = dy.String(description='season of the date, as "2024-25"; windows do not reach into the season before')
    window = code(WINDOWS, "day, 7 days, 30 days or season, up to the date")
    direction = code((ALL, "OVER", "UNDER"), "side of the forecast; all for every side")
    tier = dy.String(description="tier of the line, as `10 to 15`; all for every tier")
    subset = dy.String(description="subset of picks; all for every prediction")
    eligible = dy.Int64(nullable=True, min=0, description="expected players with enough games and minutes; null for a group")
    note = code((TOO_SMALL,), "sample too small: fewer than 100 bets", nullable=True)
    hit_rate = number("wins / bets", 0, 1)
    hit_rate_low = number("lower end of the 95 % Wilson interval", 0, 1)
    hit_rate_high = number("upper end of the 95 % Wilson interval", 0, 1)
    calibration_error = number("mean distance of probability and outcome over ten groups; null for a group of rows", 0, 1)


def _with_metrics(schema: type[SystemPerformanceRows]) -> type[dy.Schema]:
    """Returns the schema with a column per metric."""
    columns: dict[str, Any] = {name: dy.Int64(min=0, description=text) for name, text in NUMBERS.items()}
    columns |= {name: number(text) for name, text in AVERAGES.items()}
    for name, text in INTERVALS.items():
        columns[f"{name}_n"] = dy.Int64(min=0, description=f"rows of {name}")
        columns |= {name: number(text), f"{name}_low": number("lower end of the 95 % interval")}
        columns[f"{name}_high"] = number("upper end of the 95 % interval")
    return type(schema.__name__, (schema,), columns)


TABLE = Table(
    "system_performance",
    grain="system, market, run kind, window and group",
    key=("game_date", "system_id", "market", "run_kind", "window", *GROUPS),
    schema=_with_metrics(SystemPerformanceRows),
    cluster=("system_id", "window"),
    may_shrink=True,  # a group may be empty after a correction
)

SOURCE = "grades, predictions, picks, features, prop_lines"
PREDICTION = (
    "prediction_id", "version", "book", "line_snapshot_at", "tipoff_at", "is_actionable", "price", "best_price", "reasons",
    "over_probability", "blended_over_probability", "blended_push_probability", "market_over_probability", "quality_score",
    "predicted_value", "line", "recommendation",
)  # fmt: skip
FEATURE = ("game_date", "games_played_season", "minutes_mean_last_10_games")
GRADE = ("prediction_id", "grade_version", "did_play", "actual_value", "outcome")
PICK = (*OF_A_DATE, SUBSET, "is_pick", "failed_rules", "failed_trial_rules", "version", *PREDICTION[2:])
LINE = (
    "game_id", "player_id", "market", "book", "line", "over_price", "under_price", "snapshot_at", "captured_at", "tipoff_at",
    "is_before_tipoff", "source",
)  # fmt: skip


def rows_to_rate(
    predictions: pl.DataFrame, grades: pl.DataFrame, picks: pl.DataFrame, prop_lines: pl.DataFrame, trial_rules: Sequence[str]
) -> pl.DataFrame:
    """Returns the rows of `formulas.performance`: one per prediction that counts, and one per subset and pick or candidate.

    The graded version of a prediction counts, without a grade the latest one. A pick is settled at the line and side that were
    published. Raises BadInput for a graded prediction whose line is not from before tip-off.
    """
    graded = grades.sort("grade_version").group_by(OF_A_DATE).last()
    results = graded.select("game_date", "prediction_id", "did_play", "actual_value", "outcome")
    with_grade = predictions.join(results, on=["game_date", "prediction_id"])
    _refuse_late_lines(with_grade)
    without = predictions.join(graded, on=OF_A_DATE, how="anti").sort("version").group_by(OF_A_DATE).last()
    rows = pl.concat([with_grade, without], how="diagonal").with_columns(pl.lit(ALL).alias(SUBSET))
    latest = picks.sort("version").group_by([*OF_A_DATE, SUBSET]).last()
    published = (
        latest.filter("is_pick", pl.col("run_kind") == "live")
        .select(OF_A_DATE)
        .unique()
        .with_columns(pl.lit(value=True).alias("is_published"))
    )
    of_subsets = (
        latest.with_columns(counterfactuals(trial_rules).alias(SUBSET))
        .explode(SUBSET)
        .filter(pl.col(SUBSET).is_not_null())
        .join(graded.select(*OF_A_DATE, "did_play", "actual_value", "outcome"), on=OF_A_DATE, how="left")
        .with_columns((pl.col("actual_value") - pl.col("line")).alias("margin"))
        .with_columns(
            pl.when(pl.col("outcome").is_not_null()).then(outcome(pl.col("did_play").fill_null(False))).alias("outcome")
        )
    )
    every = pl.concat([rows, of_subsets], how="diagonal")
    markets = [MARKETS[name] for name in SETTINGS.lines.markets]
    values = [pl.when(pl.col("market") == market.name).then(value_of_forecast(market)) for market in markets]
    return (
        every.join(_closing_lines(prop_lines, every, markets), on=["game_id", "player_id", "market", "book"], how="left")
        .join(published, on=OF_A_DATE, how="left")
        .with_columns(pl.coalesce(values).alias("closing_line_value"))
        .with_columns(season_of_game_date(), pl.col("actual_value").cast(pl.Float64))
        .with_columns(pl.col("is_published").fill_null(value=False))
    )


def _closing_lines(prop_lines: pl.DataFrame, bets: pl.DataFrame, markets: Sequence[Market]) -> pl.DataFrame:
    """Returns the closing lines of the bets, with their market."""
    parts = [
        closing_lines(prop_lines, bets.filter(market=market.name), **SETTINGS.lines.closing_of(market.name)).with_columns(
            pl.lit(market.name).alias("market")
        )
        for market in markets
    ]
    return pl.concat(parts)


def _refuse_late_lines(graded: pl.DataFrame) -> None:
    late = graded.filter(pl.col("line").is_not_null(), pl.col("line_snapshot_at") >= pl.col("tipoff_at")).sort("prediction_id")
    for row in late.head(1).iter_rows(named=True):
        raise BadInput(
            f"predictions of {row['game_date']}: the line of the graded prediction {row['prediction_id']} is from "
            f"{eastern_text(row['line_snapshot_at'])}, not before tip-off at {eastern_text(row['tipoff_at'])}; "
            "next: nba-pipeline audit ledgers"
        )


def rate_systems(rows: pl.DataFrame, eligible: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the rows of `system_performance` for the dates, from rows of `rows_to_rate` of their seasons."""
    settings = SETTINGS.evaluation
    rated = performance(rows, eligible, dates, tiers=settings.tiers, least_bets=settings.least_bets)
    columns = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]
    return rated.with_columns(pl.lit(SOURCE).alias("source")).select(columns).sort(TABLE.key)


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["overnight"],
    follows=["grades"],
    needs=["grades"],
    may_be_empty=True,  # dates without predictions
    is_record=True,
    ins={name: optional_input() for name in ("predictions", "picks", "features", "prop_lines")},
)
def system_performance(
    context: dg.AssetExecutionContext,
    grades: pl.DataFrame,
    predictions: pl.DataFrame,
    picks: pl.DataFrame,
    features: pl.DataFrame,
    prop_lines: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
) -> pl.DataFrame:
    """The performance of every system over the windows that end on the dates."""
    dates = dates_of(context)
    # read here, not as inputs with a window: an update of one date would request the 300 dates whose window includes it
    earlier = days(season_start(min(dates)), min(dates) - timedelta(days=1))

    def season(table: str, rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
        names = list(dict.fromkeys(columns))
        return pl.concat([warehouse.scan(TABLES[table], earlier).select(names).collect(), rows.select(names)]).rechunk()

    rows = rows_to_rate(
        season("predictions", predictions, *OF_A_DATE, *PREDICTION),
        season("grades", grades, *OF_A_DATE, *GRADE),
        season("picks", picks, *PICK),
        season("prop_lines", prop_lines, *LINE),
        tuple(SETTINGS.picks.trial_rules),
    )
    rated = rate_systems(rows, eligible_players(season("features", features, *FEATURE)), dates)
    context.add_output_metadata(plots_of(plotted(rated)))
    return rated


def eligible_players(features: pl.DataFrame) -> pl.DataFrame:
    """Returns per date the number of players with enough games and minutes."""
    has_games = pl.col("games_played_season") >= SETTINGS.predicting.least_games
    has_minutes = pl.col("minutes_mean_last_10_games") >= SETTINGS.predicting.least_minutes
    return features.filter(has_games, has_minutes).group_by("game_date").agg(pl.len().cast(pl.Int64).alias("eligible"))


def _is_all_live() -> pl.Expr:
    """Whether a row covers all live predictions of the main market, of any window."""
    is_all = pl.all_horizontal(pl.col(name) == ALL for name in GROUPS)
    return is_all & (pl.col("run_kind") == "live") & (pl.col("market") == SETTINGS.lines.market)


def plotted(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per date: gap, hit rate, log-loss gap and N of each live system over 30 days; counts and quality of the date."""
    of_all = rows.filter(_is_all_live()).sort("system_id")
    names = ["overs", "unders", "passes", "no_lines"]
    quality = pl.col("quality_score").mean().alias("quality_mean"), pl.col("quality_score").min().alias("quality_least")
    of_date = of_all.filter(pl.col("window") == "day").group_by("game_date").agg(pl.col(names).sum(), *quality)
    recent = of_all.filter(pl.col("window") == "30 days")
    if recent.is_empty():
        return of_date
    numbers = recent.pivot("system_id", index="game_date", values=["gap", "hit_rate", "log_loss_gap", "gap_n"])
    return numbers.join(of_date, on="game_date", how="full", coalesce=True)


@dated_check(TABLE)
def no_system_decays(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No live system is worse than the points line by more than 0.15 points over 30 days, on 500 rows or more.

    The check plots the gap, hit rate and log-loss gap of each system over 30 days. It also plots the recommendations by kind
    and the quality of the features on the date.
    """
    rows = warehouse.scan(TABLE, dates).filter(_is_all_live()).sort("system_id").collect()
    recent = rows.filter(pl.col("window") == "30 days")
    settings = SETTINGS.governance
    is_worse = (pl.col("gap_n") >= settings.decay_rows) & (pl.col("gap") > settings.decay_gap)
    text = pl.format("{}: {} points worse than the line, N {}", "system_id", pl.col("gap").round(3), "gap_n")
    worse = recent.filter(is_worse).group_by("game_date", maintain_order=True).agg(text.alias(MISSING))
    judged = for_each_date(dates, worse, plotted(rows))
    return judged.with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))


checks = checks_of(TABLE)
