"""Possessions and usage. Team values are tested on real games in test_team_form and test_player_game_summary."""

import polars as pl
import pytest

from nba_pipeline.formulas.possessions import overtimes, usage_pct

PHI = {"team_fga": 92, "team_fta": 14, "team_turnovers": 12, "overtimes": 1}
MAXEY = {"minutes": 45.6, "fga": 32, "fta": 5, "turnovers": 4}


def usage(**values: float | None) -> float | None:
    return pl.DataFrame([PHI | MAXEY | values]).select(usage_pct()).item()


def test_usage_counts_the_overtime() -> None:
    assert usage() == pytest.approx(0.4030, abs=5e-5)
    assert usage(overtimes=0) == pytest.approx(0.3650, abs=5e-5)  # what a constant 48 would say


@pytest.mark.parametrize(
    "values",
    [{"minutes": 0.9}, {"minutes": 1.0}, {"fga": None}, {"team_fga": 0, "team_fta": 0, "team_turnovers": 0}],
    ids=["under a minute", "above 1", "unknown count", "no team play"],
)
def test_usage_is_null_rather_than_absurd(values: dict[str, float | None]) -> None:
    assert usage(**values) is None


def test_overtimes_are_the_nearest_whole_number_of_periods() -> None:
    sums = pl.DataFrame({"minutes": [12.0, 236.0, 244.0, 263.0, 267.0, 288.0, 316.0]})
    assert sums.select(overtimes(pl.col("minutes"))).to_series().to_list() == [0, 0, 0, 1, 1, 2, 3]
