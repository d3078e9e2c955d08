"""The interval of a hit rate."""

import pytest

from nba_pipeline.formulas.wilson import wilson_interval


def test_the_example_of_the_domain_includes_break_even() -> None:
    low, high = wilson_interval(1171, 2193) or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.513, 0.555)
    assert low < 0.5238 < high


def test_without_a_bet_there_is_no_interval() -> None:
    assert wilson_interval(0, 0) is None


@pytest.mark.parametrize(("wins", "bets"), [(0, 5), (5, 5)])
def test_a_clean_sweep_stays_a_share(wins: int, bets: int) -> None:
    low, high = wilson_interval(wins, bets) or (-1, 2)
    assert -1e-12 <= low < high <= 1 + 1e-12
