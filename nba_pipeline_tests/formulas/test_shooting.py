"""Shooting rates. The numbers are from game 0042400407."""

import polars as pl
import pytest

from nba_pipeline.formulas.shooting import effective_field_goal_pct, true_shooting_pct


def rates(**counts: int | None) -> tuple[float | None, float | None]:
    row = pl.DataFrame(counts, schema=dict.fromkeys(counts, pl.Int64), strict=False).select(
        effective_field_goal_pct(), true_shooting_pct()
    )
    return row.row(0)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"points": 29, "fgm": 8, "fga": 27, "fg3m": 2, "fta": 12}, (0.333, 0.449)),
        ({"points": 18, "fgm": 6, "fga": 8, "fg3m": 1, "fta": 8}, (0.8125, 0.781)),
        ({"points": 103, "fgm": 35, "fga": 87, "fg3m": 11, "fta": 31}, (0.4655, 0.5117)),
    ],
    ids=["Gilgeous-Alexander", "Holmgren", "OKC"],
)
def test_shooting_of_a_real_game(counts: dict[str, int], expected: tuple[float, float]) -> None:
    assert rates(**counts) == pytest.approx(expected, abs=5e-4)


def test_rates_are_null_without_an_attempt() -> None:
    assert rates(points=0, fgm=0, fga=0, fg3m=0, fta=0) == (None, None)


def test_free_throws_alone_make_true_shooting_but_no_field_goal_percentage() -> None:
    assert rates(points=2, fgm=0, fga=0, fg3m=0, fta=2) == (None, pytest.approx(1.136, abs=1e-3))


def test_rates_are_null_with_an_unknown_count() -> None:
    assert rates(points=10, fgm=None, fga=None, fg3m=None, fta=None) == (None, None)
