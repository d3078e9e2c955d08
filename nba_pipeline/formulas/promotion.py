"""The gates of a promotion: they compare a candidate with the champion on the same graded rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import polars as pl

from nba_pipeline.formulas.bets import gap, result
from nba_pipeline.formulas.calibration import decided, log_loss, without_push
from nba_pipeline.formulas.wilson import Z_95, wilson_interval

PAIR = ("game_date", "game_id", "player_id", "market", "run_kind")


@dataclass(frozen=True)
class Gate:
    """A gate with its value and its limit. `passed` is None if the value could not be computed, which is also a refusal."""

    name: str
    passed: bool | None
    value: str | None
    limit: str


@dataclass(frozen=True)
class Limits:
    """The limits of the gates."""

    shadow_days: int
    least_rows: int
    largest_gap: float
    largest_bias: float
    largest_tier_bias: float
    largest_direction_share: float
    largest_correlation: float
    least_tier_rows: int


def paired(candidate: pl.DataFrame, champion: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of the candidate that have a row of the champion, whose columns have the suffix _champion.

    Both have PAIR, predicted_value, line, actual_value, recommendation and the probabilities. The candidate also has
    `trained_through`: the last date that the model of the row was trained on.
    """
    columns = ["predicted_value", "blended_over_probability", "blended_push_probability"]
    return candidate.join(champion.select(*PAIR, *columns), on=PAIR, suffix="_champion").filter(
        pl.col("actual_value").is_not_null()
    )


def promotion_gates(rows: pl.DataFrame, limits: Limits, tiers: pl.Expr, *, is_trained: bool) -> list[Gate]:
    """Returns every gate, from rows of `paired`.

    `tiers` is the tier of the player's season average. `is_trained`: the candidate forecasts with models.
    """
    live_dates = rows.filter(pl.col("run_kind") == "live")["game_date"].n_unique()
    error = pl.col("predicted_value") - pl.col("actual_value")
    lined = rows.filter(pl.col("line").is_not_null())
    return [
        _at_least("shadow_days", live_dates, limits.shadow_days, "dates with live predictions"),
        _at_least("paired_rows", rows.height, limits.least_rows, "rows paired with the champion"),
        _mean_absolute_error(rows, limits.largest_gap),
        _log_loss(lined),
        _within(
            "bias_against_line", lined.select((pl.col("predicted_value") - pl.col("line")).mean()).item(), limits.largest_bias
        ),
        _tier_bias(rows.with_columns(error.alias("error"), tiers.alias("tier")), limits),
        _direction(rows, limits.largest_direction_share),
        _below(
            "correlation", rows.select(pl.corr("predicted_value", "predicted_value_champion")).item(), limits.largest_correlation
        ),
        _trained_before(rows, is_trained=is_trained),
    ]


def reported(rows: pl.DataFrame) -> dict[str, str]:
    """Returns the hit rates of the bets at three least edges, with N and interval. They decide nothing."""
    lines = {}
    for least in (1.0, 2.0, 3.0):
        bets = rows.filter((pl.col("predicted_value") - pl.col("line")).abs() >= least)
        results = bets.select(result("predicted_value", "line")).to_series()
        wins, n = int((results == 1).sum()), int(results.is_in([0.0, 1.0]).sum())
        interval = wilson_interval(wins, n)
        text = f"{wins / n:.1%} ({interval[0]:.1%}-{interval[1]:.1%}), N {n}" if interval else "no bets"
        lines[f"hit_rate_at_edge_{least:g}"] = text
    return lines


def _mean_absolute_error(rows: pl.DataFrame, largest: float) -> Gate:
    gaps = rows.select(gap("predicted_value", "predicted_value_champion")).to_series()
    mean, spread = gaps.mean(), gaps.std()
    if not isinstance(mean, float) or not isinstance(spread, float):
        return Gate("mean_absolute_error", None, None, f"at most {largest:+g} points worse than the champion")
    high = mean + Z_95 * spread / len(gaps) ** 0.5
    return Gate(
        "mean_absolute_error",
        mean <= largest,
        f"{mean:+.3f} points, upper end of the interval {high:+.3f}",
        f"at most {largest:+g} points worse than the champion",
    )


def _log_loss(lined: pl.DataFrame) -> Gate:
    """Passes if neither system has probabilities. The gate cannot be computed if only one system has them."""
    rows, losses = decided(lined), []
    for suffix in ("", "_champion"):
        over = without_push(pl.col(f"blended_over_probability{suffix}"), pl.col(f"blended_push_probability{suffix}"))
        losses.append(log_loss(over, pl.col("is_over")).alias(f"loss{suffix}"))
    known = rows.select(losses)
    both = known.drop_nulls()
    limit = "not above the champion's, where both are defined"
    if both.is_empty():
        has_none = all(column.null_count() == known.height for column in known)
        return Gate("log_loss", True if has_none else None, "not defined", limit)
    lead = both.select((pl.col("loss") - pl.col("loss_champion")).mean()).item()
    return Gate("log_loss", lead <= 0, f"{lead:+.5f}, N {both.height}", limit)


def _tier_bias(rows: pl.DataFrame, limits: Limits) -> Gate:
    """Tiers with few rows are not judged. Unknown averages form no tier."""
    of_tier = rows.drop_nulls("tier").group_by("tier").agg(pl.col("error").mean(), pl.len()).sort("tier")
    judged = of_tier.filter(pl.col("len") >= limits.least_tier_rows)
    limit = f"within {limits.largest_tier_bias:g} points in every tier of the season average"
    if judged.is_empty():
        return Gate("tier_bias", None, None, limit)
    tier, error, _ = judged.sort(pl.col("error").abs()).row(-1)
    return Gate("tier_bias", abs(error) <= limits.largest_tier_bias, f"{error:+.2f} points in tier {tier}", limit)


def _direction(rows: pl.DataFrame, largest: float) -> Gate:
    bets = rows.filter(pl.col("recommendation").is_in(["OVER", "UNDER"]))
    share = bets.select((pl.col("recommendation") == "OVER").mean()).item()
    passed = None if share is None else 1 - largest <= share <= largest
    return Gate("direction", passed, None if share is None else f"{share:.1%} OVER", f"neither direction above {largest:.0%}")


def _trained_before(rows: pl.DataFrame, *, is_trained: bool) -> Gate:
    """Without models, `trained_through` is null and the gate passes. With models, a null is unknown."""
    late, unknown = rows.filter(pl.col("trained_through") >= pl.col("game_date")).height, rows["trained_through"].null_count()
    if is_trained and unknown and not late:
        return Gate("trained_before", None, f"{unknown} rows without a model of their week", "none")
    return Gate("trained_before", late == 0, f"{late} rows of dates that the model was trained on", "none")


def _at_least(name: str, value: int, least: int, noun: str) -> Gate:
    return Gate(name, value >= least, f"{value} {noun}", f"at least {least}")


def _within(name: str, value: float | None, largest: float) -> Gate:
    passed = None if value is None else abs(value) <= largest
    return Gate(name, passed, None if value is None else f"{value:+.2f} points", f"within {largest:g} points")


def _below(name: str, value: float | None, largest: float) -> Gate:
    is_known = value is not None and isfinite(value)  # the correlation of a constant is NaN
    if value is None or not is_known:
        return Gate(name, None, None, f"below {largest:g}")
    return Gate(name, value < largest, f"{value:.4f}", f"below {largest:g}")


def refused(gates: list[Gate]) -> list[str]:
    """Returns a message per gate that failed or could not be computed."""
    return [
        f"{gate.name}: {'could not be computed' if gate.passed is None else gate.value}, must be {gate.limit}"
        for gate in gates
        if not gate.passed
    ]


def evidence(gates: list[Gate], rows: pl.DataFrame) -> Mapping[str, object]:
    """Returns the evidence that is stored with a decision: every gate, the period of the rows and the reported hit rates."""
    period = rows.select(pl.col("game_date").min().alias("first"), pl.col("game_date").max().alias("last")).row(0)
    return {
        "rows": rows.height,
        "from": str(period[0]),
        "to": str(period[1]),
        "gates": {gate.name: {"passed": gate.passed, "value": gate.value, "limit": gate.limit} for gate in gates},
        **reported(rows),
    }
