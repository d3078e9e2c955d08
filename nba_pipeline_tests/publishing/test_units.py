"""Numbers of the main market have no note, others have their unit."""

from nba_pipeline.publishing.units import unit, unit_note


def test_only_another_market_has_a_note() -> None:
    assert (unit(), unit_note("player_points"), unit_note("player_rebounds")) == ("points", "", " (rebounds)")
