"""team_outlook: one row per team and game, the same bits for one date alone."""

from datetime import date

import polars as pl
import pytest

from nba_pipeline.assets.features.team_outlook import TABLE, team_outlook_of
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline_tests.builders import DAY, Values, an_expected_player, at, before, frame_of


def sides(**fields: object) -> pl.DataFrame:
    """Two players of one team and one of the other."""
    away: Values = {"player_id": 3, "team": "NYK", "opponent": "GSW", "is_home": False}
    rows = [an_expected_player(player_id=1), an_expected_player(player_id=2), an_expected_player(**away)]
    return frame_of(UPCOMING_PLAYERS, *[row | fields for row in rows])


def games(day: date) -> pl.DataFrame:
    rows = [
        {
            "game_date": day,
            "game_id": f"{team} {day}",
            "team": team,
            "points": points,
            "opponent_points": 100,
            "pace": 99.5,
            "margin": points - 100,
        }
        for team, points in (("GSW", 110), ("NYK", 104))
    ]
    return pl.DataFrame(rows)


def test_a_team_has_one_row_however_many_players_it_has() -> None:
    rows = team_outlook_of(sides(), games(before(2)))
    valid, quarantined = TABLE.conform(rows, at(12), "1")
    assert (valid.height, quarantined.height) == (2, 0)
    assert dict(rows.select("team", "team_margin_half_life_12_games").iter_rows()) == {"GSW": 10, "NYK": 4}


@pytest.mark.parametrize(("is_neutral", "margin"), [(False, 3 + 2.3), (True, 3.0), (None, 3 + 2.3)])
def test_on_a_neutral_court_nobody_is_at_home(is_neutral: bool | None, margin: float) -> None:
    rows = team_outlook_of(sides(is_neutral=is_neutral), games(before(2)))
    assert rows.filter(team="GSW")["expected_margin"].item() == pytest.approx(margin)


def test_games_of_the_date_and_of_a_year_before_do_not_count() -> None:
    for days in (0, 366):
        assert team_outlook_of(sides(), games(before(days, DAY)))["expected_total"].null_count() == 2
