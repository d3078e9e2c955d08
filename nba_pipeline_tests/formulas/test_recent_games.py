"""Weighted and plain statistics over the last games: values by hand, reach, unknown values, and independence of the frame."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.formulas.recent_games import GAMES, Recent, with_recent_games

DAY = date(2024, 3, 12)


def games(*points: float | None, player: int = 1) -> pl.DataFrame:
    """One game a day, the last on the day before DAY."""
    dates = [DAY - timedelta(days=len(points) - n) for n in range(len(points))]
    ids = [f"{day:%y%m%d}" for day in dates]
    schema = {"game_date": pl.Date, "game_id": pl.String, "points": pl.Float64}
    rows = pl.DataFrame({"game_date": dates, "game_id": ids, "points": points}, schema=schema)
    return rows.with_columns(pl.lit(player, pl.Int64).alias("player_id"))


def on(*dates: date, player: int = 1) -> pl.DataFrame:
    return pl.DataFrame({"game_date": dates}, schema={"game_date": pl.Date}).with_columns(player_id=pl.lit(player, pl.Int64))


def value(recent: Recent, *points: float | None, days: int = 365) -> float | None:
    rows = with_recent_games(on(DAY), games(*points), ["player_id"], days, {"value": recent})
    found: float | None = rows["value"].item()
    return found


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        ("mean", 2, 25.0), ("median", 3, 20.0), ("maximum", 2, 30.0), ("minimum", 2, 20.0), ("mean", 9, 20.0),
        ("standard_deviation", 3, 10.0), ("weighted_mean", 1, (30 + 20 / 2 + 10 / 4) / 1.75), ("weighted_sum", 1, 42.5),
    ],
)  # fmt: skip
def test_a_statistic_is_over_the_latest_games(kind: str, size: int, expected: float) -> None:
    assert value(Recent("points", kind, size), 10, 20, 30) == pytest.approx(expected, abs=1e-6)  # type: ignore[arg-type]


def test_a_weighted_statistic_ends_after_four_half_lives() -> None:
    assert value(Recent("points", "weighted_mean", 1), 1000, 10, 10, 10, 10) == 10


def test_the_game_of_the_date_and_later_ones_do_not_count() -> None:
    later = games(99, 99).with_columns(pl.col("game_date") + timedelta(days=2), pl.lit("later").alias("game_id"))
    history = pl.concat([games(10, 20), later])
    made = with_recent_games(on(DAY), history, ["player_id"], 365, {"value": Recent("points", "weighted_sum", 1)})
    assert made["value"].item() == 25
    assert made[GAMES].item() == 2


def test_games_of_before_the_reach_do_not_count() -> None:
    assert value(Recent("points", "mean", 5), 10, 20, 30, days=2) == 25


def test_an_unknown_value_is_excluded_and_has_no_weight() -> None:
    assert value(Recent("points", "weighted_mean", 1), 10, None, 30) == pytest.approx((30 + 10 / 4) / 1.25)
    assert value(Recent("points", "mean", 3), 10, None, 30) == 20


@pytest.mark.parametrize("kind", ["mean", "weighted_mean", "weighted_sum", "median", "maximum", "minimum"])
def test_without_a_known_value_there_is_no_statistic(kind: str) -> None:
    assert value(Recent("points", kind, 3)) is None  # type: ignore[arg-type]
    assert value(Recent("points", kind, 3), None) is None  # type: ignore[arg-type]


def test_a_standard_deviation_needs_two_games() -> None:
    assert value(Recent("points", "standard_deviation", 10), 10) is None


def test_a_value_is_rounded_to_whole_parts_of_its_unit() -> None:
    assert value(Recent("points", "mean", 1, per_unit=60), 10.26) == pytest.approx(616 / 60)


def test_values_do_not_depend_on_other_rows_of_the_frame() -> None:
    statistics = {
        f"{kind}_{size}": Recent("points", kind, size, 60)  # type: ignore[arg-type]
        for kind in ("mean", "weighted_mean", "weighted_sum", "standard_deviation", "median")
        for size in (2, 5, 20)
    }
    scores = [(n * 7919 % 4001) / 97 for n in range(300)]
    both = pl.concat([games(*scores), games(*reversed(scores), player=2)])
    dates = [DAY - timedelta(days=n) for n in range(200)]
    together = with_recent_games(pl.concat([on(*dates), on(*dates, player=2)]), both, ["player_id"], 90, statistics)
    for day in (dates[0], dates[57], dates[199]):
        reach = both.filter(pl.col("game_date").is_between(day - timedelta(days=90), day, "left"))
        alone = with_recent_games(on(day), reach.sample(fraction=1, shuffle=True, seed=5), ["player_id"], 90, statistics)
        assert_frame_equal(alone, together.filter(game_date=day, player_id=1), check_exact=True)


def test_no_rows_are_no_rows() -> None:
    made = with_recent_games(on(DAY).clear(), games(10), ["player_id"], 365, {"value": Recent("points", "mean", 1)})
    assert made.is_empty() and made.schema["value"] == pl.Float64
