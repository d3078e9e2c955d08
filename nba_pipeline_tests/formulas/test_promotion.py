"""The gates of a promotion, each with rows that pass and rows that fail."""

import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.bets import tier
from nba_pipeline.formulas.promotion import Limits, evidence, paired, promotion_gates, refused

LIMITS = Limits(
    shadow_days=2, least_rows=100, largest_gap=0.03, largest_bias=1.5, largest_tier_bias=5.0, largest_direction_share=0.8,
    largest_correlation=0.995, least_tier_rows=30,
)  # fmt: skip
FIRST = date(2026, 1, 1)


def rows(error: float = 3.0, bias: float = 0.0, seed: int = 1, **fields: Any) -> pl.DataFrame:
    """200 live predictions of two dates, with errors of this standard deviation."""
    results, errors = random.Random(0), random.Random(seed)
    made = []
    for player in range(200):
        points = results.gauss(15, 5)
        forecast = points + errors.gauss(bias, error)
        made.append(
            {
                "game_date": FIRST + timedelta(days=player % 2), "game_id": "1", "player_id": player, "market": "player_points",
                "run_kind": "live", "predicted_value": forecast, "line": points + results.gauss(0, 3), "actual_value": points,
                "recommendation": "OVER" if player % 2 else "UNDER", "blended_over_probability": None,
                "blended_push_probability": None, "trained_through": None, "points_mean_season": 15.0,
            }
            | fields
        )  # fmt: skip
    schema = {"blended_over_probability": pl.Float64, "blended_push_probability": pl.Float64, "trained_through": pl.Date}
    return pl.DataFrame(made, schema_overrides=schema | {"points_mean_season": pl.Float64})


CHAMPION = rows(seed=2)


def failed(candidate: pl.DataFrame, champion: pl.DataFrame = CHAMPION) -> list[str]:
    gates = promotion_gates(paired(candidate, champion), LIMITS, tier("points_mean_season", (10.0,)), is_trained=False)
    return [message.split(":")[0] for message in refused(gates)]


def test_a_better_system_passes_every_gate() -> None:
    assert failed(rows(error=2.0)) == []


@pytest.mark.parametrize(
    ("candidate", "gate"),
    [
        (rows(error=2.0, game_date=FIRST), "shadow_days"),
        (rows(error=2.0, run_kind="backtest"), "shadow_days"),
        (rows(error=2.0).head(99), "paired_rows"),
        (rows(error=6.0), "mean_absolute_error"),
        (rows(error=2.0, bias=2.0), "bias_against_line"),
        (rows(error=2.0, recommendation="UNDER"), "direction"),
        (rows(seed=2), "correlation"),
        (rows(error=2.0, trained_through=FIRST), "trained_before"),
        (rows(error=2.0, points_mean_season=None), "tier_bias"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_gate_that_fails_or_cannot_be_computed_refuses(candidate: pl.DataFrame, gate: str) -> None:
    champion = CHAMPION
    for column in ("game_date", "run_kind"):
        if candidate[column].n_unique() == 1:
            champion = champion.with_columns(pl.lit(candidate[column][0]).alias(column))
    assert gate in failed(candidate, champion)


def test_without_rows_every_gate_that_needs_some_refuses() -> None:
    assert {"paired_rows", "mean_absolute_error", "bias_against_line", "tier_bias", "direction", "correlation"} <= set(
        failed(CHAMPION.clear())
    )


def test_a_worse_log_loss_refuses() -> None:
    known = {"blended_push_probability": 0.0}
    worse, better = (rows(error=2.0, blended_over_probability=share, **known) for share in (0.99, 0.5))
    assert failed(worse, CHAMPION.with_columns(pl.lit(0.5).alias("blended_over_probability"), **{
        "blended_push_probability": pl.lit(0.0)})) == ["log_loss"]  # fmt: skip
    assert failed(better, CHAMPION.with_columns(pl.lit(0.99).alias("blended_over_probability"), **{
        "blended_push_probability": pl.lit(0.0)})) == []  # fmt: skip


def test_a_log_loss_that_only_one_system_has_refuses() -> None:
    known = rows(error=2.0, blended_over_probability=0.5, blended_push_probability=0.0)
    assert failed(known) == ["log_loss"]
    assert failed(rows(error=2.0), known.with_columns(CHAMPION["predicted_value"])) == ["log_loss"]


def test_the_evidence_has_every_gate_the_period_and_the_hit_rates() -> None:
    both = paired(rows(error=2.0), CHAMPION)
    stored = evidence(promotion_gates(both, LIMITS, tier("points_mean_season", (10.0,)), is_trained=False), both)
    assert (stored["rows"], stored["from"], stored["to"]) == (200, "2026-01-01", "2026-01-02")
    assert len(stored["gates"]) == 9  # type: ignore[arg-type]
    assert "N" in str(stored["hit_rate_at_edge_1"])
