"""Scores of a game: the weak zone, the absent stars, and null for unknown inputs."""

from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.matchup import (
    free_throw_points_effect,
    shot_zone_mismatch_score,
    shot_zone_points_effect,
    usage_spike_score,
)

EVEN = {"paint": 0.4, "mid_range": 0.2, "three_point": 0.4}
WEAK_PAINT = {"paint": 4.0, "mid_range": 0.0, "three_point": -2.0}


def mismatch(zone: str | None, shares: dict[str, float] = EVEN, weak: dict[str, float | None] | None = None) -> float | None:
    weak = weak or dict(WEAK_PAINT)
    row: dict[str, Any] = {f"{name}_attempt_pct_last_10_games": share for name, share in shares.items()}
    row |= {f"{name}_field_goal_pct_points_above_league": points for name, points in weak.items()}
    schema = {**dict.fromkeys(row, pl.Float64()), "primary_zone": pl.String()}
    score: float | None = pl.DataFrame([row | {"primary_zone": zone}], schema=schema).select(shot_zone_mismatch_score()).item()
    return score


@pytest.mark.parametrize(
    ("zone", "shares", "score"),
    [
        ("paint", EVEN, 4.0 * 0.8),
        ("paint", {"paint": 0.7, "mid_range": 0.1, "three_point": 0.2}, 4.0),
        ("three_point", EVEN, -2.0 * 0.8),
        ("balanced", {"paint": 0.35, "mid_range": 0.3, "three_point": 0.35}, 0.35 * 4.0 - 0.35 * 2.0),
    ],
    ids=["by his share", "in full from a half on", "a strong zone", "balanced: weighted by attempts"],
)
def test_the_opponents_weakness_counts_where_he_shoots(zone: str, shares: dict[str, float], score: float) -> None:
    assert mismatch(zone, shares) == pytest.approx(score)


def test_beyond_five_it_counts_a_fifth_more_and_ends_at_ten() -> None:
    shares = {"paint": 0.5, "mid_range": 0.2, "three_point": 0.3}
    assert mismatch("paint", shares, {**WEAK_PAINT, "paint": 6.0}) == pytest.approx(7.2)
    assert mismatch("paint", shares, {**WEAK_PAINT, "paint": 5.0}) == pytest.approx(5.0)
    assert mismatch("paint", shares, {**WEAK_PAINT, "paint": -30.0}) == -10


def test_without_a_zone_of_either_side_there_is_no_score() -> None:
    assert mismatch(None) is None
    assert mismatch("paint", weak={**WEAK_PAINT, "paint": None}) is None
    assert mismatch("balanced", weak={**WEAK_PAINT, "three_point": None}) is None


def spike(stars: int | None, usage_of_stars: float = 0.0, usage: float | None = 0.2) -> float | None:
    row = {"star_teammates_out": stars, "star_teammates_usage_pct_sum": usage_of_stars, "usage_pct_season": usage}
    schema = {"star_teammates_out": pl.Int64(), "star_teammates_usage_pct_sum": pl.Float64(), "usage_pct_season": pl.Float64()}
    score: float | None = pl.DataFrame([row], schema=schema).select(usage_spike_score()).item()
    return score


@pytest.mark.parametrize(
    ("stars", "usage_of_stars", "score"),
    [(0, 0.0, 0.0), (1, 0.3, (0.2 * 1.3 * 1.15 - 0.2) * 30), (2, 0.5, 3.0)],
    ids=["nobody is out", "one star", "two stars, clamped"],
)
def test_the_usage_of_stars_who_are_out_is_shared(stars: int, usage_of_stars: float, score: float) -> None:
    assert spike(stars, usage_of_stars) == pytest.approx(score)


def test_unknown_status_or_usage_gives_no_spike_and_never_zero() -> None:
    assert spike(None) is None
    assert spike(1, 0.3, None) is None


def zone_points(attempts: float | None = 10.0, **weak: float | None) -> float | None:
    row: dict[str, Any] = {f"{name}_attempt_pct_last_10_games": share for name, share in EVEN.items()}
    row |= {f"{name}_field_goal_pct_points_above_league": points for name, points in (WEAK_PAINT | weak).items()}
    row["field_goal_attempts_per_game_last_10_games"] = attempts
    frame = pl.DataFrame([row], schema=dict.fromkeys(row, pl.Float64))
    points: float | None = frame.select(shot_zone_points_effect()).item()
    return points


def test_half_of_the_difference_by_zone_adds_points_of_the_own_shots() -> None:
    """Of ten attempts four in the paint at 4 percentage points more, and four threes at 2 less."""
    assert zone_points() == pytest.approx(10 * (0.4 * 2 * 0.5 * 0.04 - 0.4 * 3 * 0.5 * 0.02))


def test_each_zone_adds_at_most_two_points() -> None:
    assert zone_points(100.0, paint=20.0, three_point=0.0) == 2


@pytest.mark.parametrize("unknown", [{"attempts": None}, {"mid_range": None}], ids=str)
def test_without_a_zone_there_is_no_effect(unknown: dict[str, Any]) -> None:
    assert zone_points(**unknown) is None


@pytest.mark.parametrize(("rate", "points"), [(0.24, 0.5), (0.20, 0.0), (0.40, 1.0), (0.0, -1.0), (None, None)], ids=str)
def test_free_throws_add_half_of_the_relative_difference_and_at_most_a_point(rate: float | None, points: float | None) -> None:
    """A fifth of 25 points from the line is five free throws."""
    row = {
        "free_throw_point_pct_last_10_games": 0.2, "points_mean_last_10_games": 25.0, "league_free_throw_rate": 0.2,
        "opponent_free_throw_rate_last_15_games": rate,
    }  # fmt: skip
    frame = pl.DataFrame([row], schema=dict.fromkeys(row, pl.Float64))
    assert frame.select(free_throw_points_effect()).item() == (None if points is None else pytest.approx(points))
