"""The declared markets: the settings and the box score know each of them."""

from typing import get_args

import polars as pl
import pytest
from pydantic import ValidationError

from nba_pipeline.assets.sources.boxscores import BoxscoreRows
from nba_pipeline.formulas.adjusted_line import deviation
from nba_pipeline.formulas.markets import MARKETS, POINTS, REBOUNDS, STATISTICS
from nba_pipeline.settings import Lines, PlayerMarket, Settings


def test_the_settings_accept_exactly_the_declared_markets() -> None:
    assert get_args(PlayerMarket) == tuple(MARKETS)
    others = set(MARKETS) - {POINTS.name}
    assert (
        others == set(Settings().lines.lowest_of) == set(Settings().predicting.largest_of) == set(Settings().predicting.edge_of)
    )


@pytest.mark.parametrize("markets", [(), ("player_rebounds",), ("player_points", "player_points"), ("player_points", "steals")])
def test_a_list_of_markets_that_cannot_be_used_is_refused(markets: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match=r"must begin with player_points|should be .player_points. or .player_rebounds"):
        Lines(markets=markets)  # type: ignore[arg-type]


def test_every_statistic_is_a_column_of_the_box_score() -> None:
    assert set(STATISTICS.values()) <= set(BoxscoreRows.column_names())


def test_by_default_only_points_are_in_use() -> None:
    assert Settings().lines.markets == (POINTS.name,)


def test_only_the_points_market_has_a_placeholder() -> None:
    assert (Lines().of(POINTS.name)["placeholder"], Lines().of(REBOUNDS.name)["placeholder"]) == (20.0, None)
    assert Lines().cascade == Lines().cascade_of(POINTS.name)


def test_each_market_has_its_own_deviation() -> None:
    assert pl.select(deviation(pl.lit(9.0), REBOUNDS)).item() == pytest.approx(0.12 + 1.11 * 3)
    assert pl.select(deviation(pl.lit(9.0))).item() == pytest.approx(1.6 + 1.224 * 3)
