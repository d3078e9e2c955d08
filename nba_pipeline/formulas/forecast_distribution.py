"""The distribution of every prediction, from the outcomes of earlier dates, and whether its probability is published.

There are two distributions. The model's is centered on the system's own forecast. The blended one is centered on a weighted
mean of the forecast and the price-adjusted line, so it contains the market. Only the blended one is published, and only while
its log loss is not above the market's.

The weight is a constant. `benchmarks/blend_weights.py` chooses it for each date between 0.1 and 0.3 instead, by the log loss
of all earlier rows. The chosen weights are 0.1 to 0.2, and the log loss is 0.0001 ± 0.0002 higher (20,897 real rows of
2022-03 to 2025-01).

Every step of a date sees only graded rows of the 300 days before it (`earlier_rows`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from nba_pipeline.formulas.adjusted_line import deviation
from nba_pipeline.formulas.calibration import decided, expected_calibration_error, log_loss, reliability, without_push
from nba_pipeline.formulas.distribution import probabilities, standardized_residuals
from nba_pipeline.formulas.markets import MARKETS, POINTS, Market
from nba_pipeline.formulas.recommendation import CONTAINS_THE_LINE, FEW_CAREER_GAMES

KEY = ["game_id", "player_id", "system_id", "market"]
FORECAST = (
    "game_date",
    *KEY,
    "run_kind",
    "predicted_value",
    "reasons",
    "line",
    "adjusted_line",
    "market_over_probability",
    "blended_over_probability",
    "blended_push_probability",
)
"""Columns of `predictions` that later dates read. The blended ones are added here."""

RESIDUAL_DAYS = 300
"""Days before a date whose graded rows count. On opening night they reach into the last season."""

DISTRIBUTION = (
    "standard_deviation",
    *(f"{kind}_{side}_probability" for kind in ("model", "blended") for side in ("over", "push", "under")),
    "over_probability",
    "probability_reason",
)
"""Columns that `with_distribution` adds."""

NO_LINE, NO_MARKET_PRICE, FEW_RESIDUALS = "no_line", "no_market_price", "few_residuals"
FEW_GRADED_ROWS, ABOVE_MARKET = "few_graded_rows", "log_loss_above_market"
PROBABILITY_REASONS = (NO_LINE, NO_MARKET_PRICE, FEW_RESIDUALS, FEW_GRADED_ROWS, ABOVE_MARKET)
"""Reasons why `over_probability` is null."""


@dataclass(frozen=True)
class Rules:
    """Thresholds of the distribution. See `settings.Distributions` for their meaning."""

    blend_weight: float
    residual_rows: int
    least_residuals: int
    graded_rows: int
    few_games_spread: float


def earlier_rows(graded: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the graded rows of the RESIDUAL_DAYS days before a date, without the date itself.

    Because of the limit, a range of dates gives the same values as its dates one by one.
    """
    return graded.filter(pl.col("game_date").is_between(day - timedelta(days=RESIDUAL_DAYS), day, closed="left"))


def graded_rows(predictions: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Returns the last version of each prediction with an outcome, by date, with `actual_value`. A live row replaces a backtest.

    Args:
        predictions: Rows of `predictions`, with `version`.
        outcomes: game_id, player_id, market and actual_value of the players who played.
    """
    last = predictions.sort("run_kind", "version").unique(KEY, keep="last", maintain_order=True)
    with_outcome = last.join(outcomes.drop_nulls("actual_value"), on=["game_id", "player_id", "market"])
    return with_outcome.select(*FORECAST, "actual_value").sort("game_date", *KEY)


def with_distribution(
    predictions: pl.DataFrame,
    graded: pl.DataFrame,
    outcomes: pl.DataFrame,
    rules: Rules,
    earlier: Callable[[pl.DataFrame, date], pl.DataFrame] = earlier_rows,
) -> pl.DataFrame:
    """Adds the columns of `DISTRIBUTION` to predictions of any dates.

    The result of a date depends only on rows of that date and of earlier dates. Predictions of these dates count as graded
    for later dates, unless `graded` has a row with the same key.

    Args:
        predictions: The columns of `FORECAST`, without the blended ones.
        graded: Rows of `graded_rows`: the ledger's predictions of earlier dates.
        outcomes: game_id, player_id, market and actual_value of the players who played.
        rules: The thresholds.
        earlier: Selects the graded rows that a date may read. The leakage audit plants a leak here.
    """
    if predictions.is_empty():
        return _of_one(predictions, graded.clear(), rules, POINTS)
    graded_by_system = {key: rows for key, rows in graded.partition_by("system_id", "market", as_dict=True).items()}
    forecasts = list[pl.DataFrame]()
    parts = predictions.sort("game_date", maintain_order=True).partition_by("system_id", "market", "game_date", as_dict=True)
    for (system_id, market, day), rows in parts.items():
        history = graded_by_system.get((system_id, market), graded.clear())
        forecasts.append(_of_one(rows, earlier(history, day), rules, MARKETS[str(market)]))
        fresh = graded_rows(forecasts[-1].with_columns(pl.lit(0).alias("version")), outcomes).join(history, on=KEY, how="anti")
        graded_by_system[system_id, market] = pl.concat([history, fresh]).sort("game_date", *KEY)
    return pl.concat(forecasts)


def _of_one(rows: pl.DataFrame, graded: pl.DataFrame, rules: Rules, market: Market) -> pl.DataFrame:
    """Adds the distribution to the rows of one system, market and date. `graded` holds what the date may read."""
    factor = pl.when(pl.col("reasons").list.contains(FEW_CAREER_GAMES)).then(rules.few_games_spread).otherwise(1.0)
    mean = _mean(rules.blend_weight)
    rows = rows.with_columns(mean.alias("_mean"), factor.alias("_factor"))
    own = standardized_residuals(graded.tail(rules.residual_rows), "predicted_value", market)
    lined = graded.with_columns(mean.alias("_mean")).drop_nulls("_mean").tail(rules.residual_rows)
    blended = standardized_residuals(lined, "_mean", market)
    spread = own.std() if own.len() >= rules.least_residuals else None
    return (
        rows.with_columns(
            (_deviation("predicted_value", market) * pl.lit(spread, pl.Float64)).alias("standard_deviation"),
            *_probabilities(rows, "model", "predicted_value", own, rules, market),
            *_probabilities(rows, "blended", "_mean", blended, rules, market),
        )
        .with_columns(_why_unpublished(graded, rules).alias("probability_reason"))
        .with_columns(
            pl.when(pl.col("probability_reason").is_null()).then(pl.col("blended_over_probability")).alias("over_probability")
        )
        .drop("_mean", "_factor")
    )


def _mean(blend_weight: float) -> pl.Expr:
    """Returns the middle of the blended distribution, in points; null without a price-adjusted line.

    blend_weight x forecast + (1 - blend_weight) x price-adjusted line; the forecast itself if it contains the line already.
    """
    forecast, adjusted = pl.col("predicted_value"), pl.col("adjusted_line")
    contains_the_line = pl.col("reasons").list.contains(CONTAINS_THE_LINE)
    weight = pl.when(contains_the_line).then(1.0).otherwise(blend_weight)
    return weight * forecast + (1 - weight) * adjusted


def _deviation(middle: str, market: Market) -> pl.Expr:
    return deviation(pl.col(middle), market) * pl.col("_factor")


def _probabilities(
    rows: pl.DataFrame, kind: str, middle: str, residuals: pl.Series, rules: Rules, market: Market
) -> list[pl.Series]:
    """Returns the probabilities of over, push and under around the column `middle`; nulls with too few residuals."""
    names = {side: f"{kind}_{side}_probability" for side in ("over", "push", "under")}
    if residuals.len() < max(rules.least_residuals, 1):
        return [pl.Series(name, [None] * rows.height, pl.Float64) for name in names.values()]
    spreads = rows.select(_deviation(middle, market)).to_series()
    return probabilities(rows[middle], spreads, rows["line"], residuals).rename(names).get_columns()


def _why_unpublished(graded: pl.DataFrame, rules: Rules) -> pl.Expr:
    """Returns the reason why the probability is not published; null if it is."""
    return (
        pl.when(pl.col("line").is_null())
        .then(pl.lit(NO_LINE))
        .when(pl.col("adjusted_line").is_null())
        .then(pl.lit(NO_MARKET_PRICE))
        .when(pl.col("blended_over_probability").is_null())
        .then(pl.lit(FEW_RESIDUALS))
        .otherwise(pl.lit(_record_against_market(graded, rules.graded_rows), pl.String))
    )


def _record_against_market(graded: pl.DataFrame, min_rows: int) -> str | None:
    """Returns why the record forbids publication: too few graded rows, or a log loss above the market's; None if neither."""
    rows = judged_rows(graded, min_rows)
    if rows.height < min_rows:
        return FEW_GRADED_ROWS
    return ABOVE_MARKET if log_loss_gap(rows) > 0 else None


def judged_rows(graded: pl.DataFrame, min_rows: int, max_rows: int | None = None) -> pl.DataFrame:
    """Returns the last graded rows with both probabilities and no push: live ones if there are `min_rows`, else backtests.

    Returns at most `max_rows` rows, by default `min_rows`. Adds `is_over`, and `blended_probability`: that of the over given no
    push, to compare with the no-vig probability.
    """
    probability = without_push(pl.col("blended_over_probability"), pl.col("blended_push_probability"))
    rows = decided(graded).with_columns(probability.alias("blended_probability"))
    rows = rows.drop_nulls(["blended_probability", "market_over_probability"])
    live = rows.filter(pl.col("run_kind") == "live")
    return (live if live.height >= min_rows else rows.filter(pl.col("run_kind") == "backtest")).tail(max_rows or min_rows)


def log_loss_gap(rows: pl.DataFrame) -> float:
    """Returns the mean log loss of `blended_probability` minus that of the market, over at least one row of `judged_rows`."""
    own_loss, market_loss = (
        log_loss(pl.col(name), pl.col("is_over")) for name in ("blended_probability", "market_over_probability")
    )
    gap: float = rows.select((own_loss - market_loss).mean()).item()
    return gap


def calibration_numbers(graded: pl.DataFrame, rules: Rules) -> dict[str, float]:
    """Returns the record of a system's blended probability, as numbers to plot. Empty without rows to judge.

    Over the last `graded_rows` rows: log_loss_rows and log_loss_minus_market. Over the last `residual_rows` rows:
    calibration_rows, calibration_error and, per group N of `reliability`, reliability_N_probability and reliability_N_over_share.
    """
    grouped = judged_rows(graded, rules.graded_rows, rules.residual_rows)
    scored = grouped.tail(rules.graded_rows)
    groups = reliability(grouped, "blended_probability")
    error = expected_calibration_error(groups)
    if scored.is_empty() or error is None:
        return {}
    numbers = {"log_loss_rows": float(scored.height), "log_loss_minus_market": log_loss_gap(scored)}
    numbers |= {"calibration_rows": float(grouped.height), "calibration_error": error}
    for group, _, probability, share in groups.iter_rows():
        numbers |= {f"reliability_{group}_probability": probability, f"reliability_{group}_over_share": share}
    return numbers


def calibration_problems(numbers: dict[str, float], rules: Rules, largest_error: float, largest_gap: float) -> list[str]:
    """Returns a message for each number of `calibration_numbers` above its limit. A number over too few rows is not judged."""
    error, gap = numbers.get("calibration_error", 0.0), numbers.get("log_loss_minus_market", 0.0)
    problems = []
    if numbers.get("calibration_rows", 0) >= rules.residual_rows and error > largest_error:
        problems.append(f"calibration error {error:.3f}")
    if numbers.get("log_loss_rows", 0) >= rules.graded_rows and gap > largest_gap:
        problems.append(f"log loss {gap:+.4f} against the market's")
    return problems
