"""Who is expected on opening night: the players of the season before who have not played elsewhere since."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.carried_over import carried_over
from nba_pipeline_tests.builders import Values, a_boxscore, boxscores_of

OPENING, APRIL = date(2024, 10, 22), date(2024, 4, 14)


def expected(*boxscores: Values, on: date = OPENING, days: int = 300, team_games: int = 5) -> list[int]:
    """The players carried over to the Warriors."""
    side = pl.DataFrame({"team": ["GSW"], "season": ["2024-25"], "game_date": [on], "game_id": ["tonight"]})
    rows = carried_over(side, boxscores_of(*boxscores), days=days, team_games=team_games)
    return rows["player_id"].sort().to_list()


def last_season(player: int = 11, day: date = APRIL, **fields: Any) -> Values:
    return a_boxscore(day, player_id=player, game_id=f"002{day:%y%m%d}{player}", **fields)


def test_a_player_of_last_season_is_expected() -> None:
    assert expected(last_season(11), last_season(12, team="BOS")) == [11]


def test_a_player_who_ended_it_with_another_team_is_not() -> None:
    moved = last_season(11, team="BOS"), last_season(11, APRIL - timedelta(days=100))
    assert expected(*moved) == []


def test_a_player_who_has_played_this_season_is_known_without_it() -> None:
    later = last_season(11, OPENING + timedelta(days=1), team="BOS")
    assert expected(last_season(11), later, on=OPENING + timedelta(days=3)) == []
    assert expected(last_season(11), later) == [11]


def test_tonights_own_box_score_changes_nothing() -> None:
    assert expected(last_season(11), last_season(11, OPENING)) == [11]
    assert expected(last_season(11), last_season(12, OPENING)) == [11]


@pytest.mark.parametrize(("days", "players"), [(191, [11]), (190, [])])
def test_a_last_game_that_is_too_old_says_nothing(days: int, players: list[int]) -> None:
    assert (OPENING - APRIL).days == 191
    assert expected(last_season(11), days=days) == players


@pytest.mark.parametrize(("games", "players"), [(4, [11]), (5, [])])
def test_from_the_sixth_game_on_no_player_is_carried_over(games: int, players: list[int]) -> None:
    played = [last_season(12, OPENING + timedelta(days=n)) for n in range(games)]
    assert expected(last_season(11), *played, on=OPENING + timedelta(days=20)) == players
