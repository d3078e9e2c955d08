"""Used, ignored and undeclared markets."""

import pytest

from nba_pipeline.providers.odds_markets import declared
from nba_pipeline.settings import SETTINGS


@pytest.mark.parametrize(
    ("market", "kind"),
    [
        ("player_points", ("player", "used")),
        ("player_points_q1", ("player", "used")),
        ("player_points_rebounds_assists_alternate", ("player", "used")),
        ("player_frees_made", ("player", "used")),
        ("player_triple_double", ("player", "ignored")),
        ("player_method_of_first_basket", ("player", "ignored")),
        ("spreads", ("game", "used")),
        ("h2h", ("game", "ignored")),
        ("spreads_h1", ("game", "ignored")),
        ("team_totals", ("game", "ignored")),
        ("player_point", None),
        ("player_points_q5", None),
        ("Totals", None),
        ("", None),
    ],
)
def test_a_market_is_matched_by_its_exact_key(market: str, kind: tuple[str, str] | None) -> None:
    assert declared(market) == kind


def test_every_market_that_is_requested_is_used() -> None:
    assert declared(SETTINGS.lines.market) == ("player", "used")
    assert {declared(market) for market in SETTINGS.lines.game_markets} == {("game", "used")}
