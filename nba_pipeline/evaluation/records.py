"""Records: the metrics of every system, over all rows and per season, month, direction, tier, book and edge.

One row per system, group and value. All metrics of a row come from the same player-games. Each has its own N, because a
result can be a push, a price can be missing, and a probability needs earlier residuals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from nba_pipeline.evaluation.market import SPORTSBOOK
from nba_pipeline.evaluation.metrics import Estimate, mean_of, rounded, share_of
from nba_pipeline.formulas.bets import gap, profit, result, scores, tier, value_of_forecast
from nba_pipeline.formulas.calibration import decided, expected_calibration_error, reliability
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.settings import SETTINGS

OVERALL, MARKET, ADJUSTED = "all", "market", "adjusted_line"
CONDITIONS = {
    "rest days": ("rest_days", (2, 3, 4)),
    "minutes": ("minutes_mean_last_10_games", (15, 20, 25, 30)),
    "teammates out": ("absent_minutes_expected", (15, 30, 60)),
}
"""Group -> the feature that it splits, and the borders: days, minutes a game, expected minutes of absent teammates."""
GROUPS = (OVERALL, "season", "month", "direction", "tier", "book", "edge", *CONDITIONS)
ESTIMATES = (
    "gap",
    "gap_to_line_used",
    "gap_to_adjusted_line",
    "hit_rate",
    "hit_rate_at_consensus",
    "log_loss_gap",
    "published_log_loss_gap",
    "roi",
    "roi_at_best_price",
    "closing_line_value",
)
"""Metrics with an interval: columns of this name, and with the suffixes _n, _low and _high."""
NEEDED = ("line", "consensus", "actual_value", "predicted_value")


def graded(forecasts: pl.DataFrame, lined: pl.DataFrame, outcomes: pl.DataFrame, market: Market = POINTS) -> pl.DataFrame:
    """Returns one row per forecast of a player who played, with the market's columns, the bet and its returns.

    The market also has rows, as the systems `market` (the consensus) and `adjusted_line`.

    Args:
        forecasts: One row per forecast.
        lined: Rows of `market_of`.
        outcomes: One row per player who played, with the column of the market's statistic.
        market: The market of the forecasts.
    """
    key = ["game_id", "player_id"]
    truth = outcomes.select(*key, pl.col(market.statistic).cast(pl.Float64).alias("actual_value"))
    lines = lined.drop("game_date").join(truth, on=key)
    base = forecasts.unique(key).select("game_date", *key).join(lines, on=key)
    markets = [
        base.with_columns(pl.lit(name).alias("system_id"), pl.col(column).alias("predicted_value"))
        for name, column in ((MARKET, "consensus"), (ADJUSTED, "adjusted_line"))
    ]
    rows = pl.concat([forecasts.join(lines, on=key), *markets], how="diagonal").drop_nulls(NEEDED)
    columns = (*_bets(market), *scores(), season_of_game_date(), *_groups(market))
    return rows.with_columns(columns).sort("system_id", "game_date", *key)


def _bets(market: Market) -> list[pl.Expr]:
    is_over = pl.col("predicted_value") > pl.col("line")
    is_a_system = pl.col("system_id") != MARKET  # the consensus does not bet against one of its own books
    bet = pl.when(is_a_system).then(result("predicted_value", "line"))
    return [
        gap("predicted_value", "consensus").alias("gap"),
        gap("predicted_value", "line").alias("gap_to_line_used"),
        pl.when(kind=SPORTSBOOK).then(gap("predicted_value", "adjusted_line")).alias("gap_to_adjusted_line"),
        bet.alias("hit_rate"),
        pl.when(is_a_system).then(result("predicted_value", "consensus")).alias("hit_rate_at_consensus"),
        profit(bet, pl.when(is_over).then("over_price").otherwise("under_price")).alias("roi"),
        profit(bet, pl.when(is_over).then("over_best_price").otherwise("under_best_price")).alias("roi_at_best_price"),
        value_of_forecast(market),
    ]


def in_unit(points: Sequence[float], market: Market) -> list[float]:
    """Returns edges or tiers of points in the unit of a market."""
    return [rounded(value * SETTINGS.predicting.edge_of_a_point(market.name)) for value in points]


def _groups(market: Market) -> list[pl.Expr]:
    edge = pl.col("predicted_value") - pl.col("line")
    return [
        pl.col("game_date").dt.strftime("%Y-%m").alias("month"),
        pl.when(edge > 0).then(pl.lit("OVER")).when(edge < 0).then(pl.lit("UNDER")).alias("direction"),
        tier("consensus", in_unit(SETTINGS.evaluation.tiers, market)).alias("tier"),
        edge.abs().alias("edge"),
    ]


def with_conditions(rows: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """Adds the groups of CONDITIONS to rows of `graded`: null where the feature is unknown."""
    known = features.select("game_id", "player_id", *(column for column, _ in CONDITIONS.values()))
    groups = [tier(column, borders).alias(name) for name, (column, borders) in CONDITIONS.items()]
    return rows.join(known, on=["game_id", "player_id"], how="left", maintain_order="left").with_columns(groups)


def records(rows: pl.DataFrame, systems: Sequence[str], market: Market = POINTS) -> pl.DataFrame:
    """Returns one row per system, group and value, from rows of `with_conditions`, in the order of `systems`, GROUPS and value."""
    parts = [
        {"system_id": system, "group": group, "value": value, **metrics_of(part)}
        for system in systems
        for group in GROUPS
        for value, part in _parts(rows.filter(pl.col("system_id") == system), group, market)
    ]
    return pl.DataFrame(parts, infer_schema_length=None)


def _parts(rows: pl.DataFrame, group: str, market: Market) -> Iterator[tuple[str, pl.DataFrame]]:
    if rows.is_empty():
        return
    if group == OVERALL:
        yield OVERALL, rows
    elif group == "edge":
        for least in in_unit(SETTINGS.evaluation.edges, market):
            bets = rows.filter((pl.col("edge") >= least) & (pl.col("edge") > 0))
            if bets.height:
                yield f"at least {least:g}", bets
    else:
        order = CONDITIONS[group][0] if group in CONDITIONS else "consensus" if group == "tier" else group
        known = rows.filter(pl.col(group).is_not_null()).sort(order, maintain_order=True)
        for (value,), part in known.partition_by(group, as_dict=True, maintain_order=True).items():
            yield str(value), part


def metrics_of(rows: pl.DataFrame) -> dict[str, Any]:
    """Returns the metrics of rows of `graded` of one system: N, errors, estimates with their N and interval, and scores."""
    error = rows["predicted_value"] - rows["actual_value"]
    numbers: dict[str, Any] = {
        "n": rows.height,
        "mae": _mean(error.abs()),
        "consensus_mae": _mean((rows["consensus"] - rows["actual_value"]).abs()),
        "line_used_mae": _mean((rows["line"] - rows["actual_value"]).abs()),
        "rmse": rounded(float((error**2).mean()) ** 0.5),  # type: ignore[arg-type]  # a non-empty series of floats
        "bias": _mean(error),
    }
    for name in ESTIMATES:
        estimate = share_of(rows[name]) if name.startswith("hit_rate") else mean_of(rows[name])
        numbers |= _columns(name, estimate)
    numbers |= {name: _mean(rows[name]) for name in ("log_loss", "market_log_loss", "brier", "market_brier")}
    calibration = expected_calibration_error(reliability_of(rows))
    return numbers | {"calibration_error": None if calibration is None else rounded(calibration)}


def reliability_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the reliability of the probability of one system's rows, see `calibration.reliability`."""
    return reliability(decided(rows), "probability")


def _columns(name: str, estimate: Estimate) -> dict[str, Any]:
    ends = asdict(estimate)
    return {name: ends["value"], **{f"{name}_{end}": ends[end] for end in ("n", "low", "high")}}


def _mean(values: pl.Series) -> float | None:
    mean = values.mean()
    return rounded(mean) if isinstance(mean, float) else None
