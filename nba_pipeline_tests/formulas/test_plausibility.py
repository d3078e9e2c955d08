"""Implausible games. The ranges of four real seasons are tested in real/."""

import polars as pl
import pytest

from nba_pipeline.formulas.plausibility import implausible_games, team_totals
from nba_pipeline.settings import SETTINGS

BOUNDS = SETTINGS.plausible_games
USUAL = {
    "points": 112, "fgm": 41, "fga": 88, "fg3m": 13, "fg3a": 36, "ftm": 17, "fta": 22, "oreb": 10, "dreb": 33, "rebounds": 43,
    "assists": 26, "steals": 7, "blocks": 5, "turnovers": 13, "fouls": 19,
}  # fmt: skip


def implausible(home: dict[str, int | None] | None = None, away: dict[str, int | None] | None = None) -> dict[str, str]:
    """Returns the problem of a usual game with these totals of Boston and New York."""
    rows = [{"game_id": "1", "team": team} | USUAL | (own or {}) for team, own in (("BOS", home), ("NYK", away))]
    return dict(implausible_games(pl.DataFrame(rows), BOUNDS.ranges, BOUNDS.never_zero).iter_rows())


def test_a_usual_game_is_plausible() -> None:
    assert set(BOUNDS.ranges) == set(USUAL)
    assert implausible() == {}


@pytest.mark.parametrize("statistic", BOUNDS.ranges)
def test_bounds_belong_to_the_range(statistic: str) -> None:
    low, high = BOUNDS.ranges[statistic]
    assert implausible({statistic: low}) == implausible({statistic: high}) == {}
    for total in (low - 1, high + 1):
        assert implausible({statistic: total}) == {"1": f"BOS has {total} {statistic}, not {low} to {high}"}


def test_everything_that_is_implausible_is_named() -> None:
    assert implausible({"points": 0, "assists": 0}, {"assists": 0}) == {
        "1": "BOS has 0 assists, not 4 to 63; BOS has 0 points, not 33 to 220; NYK has 0 assists, not 4 to 63"
    }


@pytest.mark.parametrize("statistic", BOUNDS.never_zero)
def test_one_team_may_have_none_and_both_may_not(statistic: str) -> None:
    nothing: dict[str, int | None] = {statistic: 0}
    assert implausible(nothing) == {}
    assert implausible(nothing, nothing) == {"1": f"both teams have 0 {statistic}"}


def test_both_teams_may_have_no_block() -> None:
    assert implausible({"blocks": 0}, {"blocks": 0}) == {}


def test_an_unknown_total_is_not_judged() -> None:
    assert implausible({"assists": None, "steals": None}, {"steals": 0}) == {}


def test_only_who_played_counts_and_an_unknown_count_makes_the_sum_unknown() -> None:
    players = pl.DataFrame(
        {"game_id": "1", "team": "BOS", "did_play": [True, True, False], "points": [3, 4, None], "steals": [1, None, None]}
    )
    assert team_totals(players, ["points", "steals"]).rows() == [("1", "BOS", 7, None)]
