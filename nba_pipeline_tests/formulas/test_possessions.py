"""Possessions and usage. Team values are tested on real games in test_team_form and test_player_game_summary."""

import polars as pl
import pytest

from nba_pipeline.formulas.possessions import overtimes, usage_pct, with_team_heaves

PHI = {"team_fga": 92, "team_fta": 14, "team_turnovers": 12, "overtimes": 1}
MAXEY = {"minutes": 45.6, "fga": 32, "fta": 5, "turnovers": 4}


def usage(**values: float | None) -> float | None:
    return pl.DataFrame([PHI | MAXEY | values]).select(usage_pct()).item()


def test_usage_counts_the_overtime() -> None:
    assert usage() == pytest.approx(0.4030, abs=5e-5)
    assert usage(overtimes=0) == pytest.approx(0.3650, abs=5e-5)  # the value with a constant 48


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


@pytest.mark.parametrize(
    ("season", "fga", "heaves"),
    [
        ("2025-26", 90, 0), ("2025-26", 91, 1), ("2025-26", 93, 3), ("2025-26", 94, None), ("2025-26", 89, None),
        ("2025-26", None, None), ("2024-25", 90, 0), ("2024-25", 91, None), ("2030-31", 91, 1),
    ],
)  # fmt: skip
def test_since_2025_26_up_to_three_attempts_of_a_team_count_for_no_player(
    season: str, fga: int | None, heaves: int | None
) -> None:
    team = pl.DataFrame({"game_id": ["1"], "team": ["BOS"], "season": [season], "fga": [fga]}, schema_overrides={"fga": pl.Int64})
    players = pl.DataFrame({"game_id": "1", "team": "BOS", "did_play": [True, True, False], "fga": [60, 30, None]})
    rows = with_team_heaves(team, players, first_season="2025-26", most=3)
    assert rows["team_heaves"].to_list() == [heaves] and rows.columns == [*team.columns, "team_heaves"]


def test_heaves_are_unknown_with_the_attempts_of_a_player() -> None:
    team = pl.DataFrame({"game_id": "1", "team": ["BOS", "NYK"], "season": "2025-26", "fga": 90})
    players = pl.DataFrame({"game_id": "1", "team": "BOS", "did_play": [True, True], "fga": [89, None]})
    assert with_team_heaves(team, players, "2025-26", 3)["team_heaves"].to_list() == [None, None]
