"""Teams, made from their players: the real games 0042400407 and 0022400561."""

import pytest

from nba_pipeline.formulas.team_form import team_games
from nba_pipeline_tests.builders import Values, a_boxscore, summaries_of

OKC = {"team": "OKC", "points": 103, "fgm": 35, "fga": 87, "ftm": 22, "fta": 31, "oreb": 13, "turnovers": 7}
IND = {"team": "IND", "points": 91, "fgm": 29, "fga": 70, "ftm": 22, "fta": 29, "oreb": 12, "turnovers": 21}
PHI = {"team": "PHI", "points": 119, "fgm": 46, "fga": 92, "ftm": 14, "fta": 14, "oreb": 11, "turnovers": 12}
NYK = {"team": "NYK", "points": 125, "fgm": 46, "fga": 86, "ftm": 17, "fta": 24, "oreb": 15, "turnovers": 13}


def rates(team: Values, opponent: Values, minutes: float) -> tuple[float | None, ...]:
    sides = [
        a_boxscore(player_id=n, opponent=other["team"], minutes=minutes, team_points=side["points"], **side)
        for n, (side, other) in enumerate([(team, opponent), (opponent, team)], 1)
    ]
    games = team_games(summaries_of(*sides)).filter(team=team["team"])
    return games.select("possessions", "offensive_rating", "defensive_rating", "pace").row(0)


@pytest.mark.parametrize(
    ("team", "opponent", "minutes", "expected"),
    [
        (OKC, IND, 240.0, (94.64, 108.83, 99.17, 93.20)),
        (IND, OKC, 240.0, (91.76, 99.17, 108.83, 93.20)),
        (PHI, NYK, 265.0, (99.16, 120.01, 132.19, 87.72)),
        (NYK, PHI, 265.0, (94.56, 132.19, 120.01, 87.72)),
    ],
    ids=["OKC", "IND", "PHI after overtime", "NYK after overtime"],
)
def test_rates_of_a_real_game(team: Values, opponent: Values, minutes: float, expected: tuple[float, ...]) -> None:
    assert rates(team, opponent, minutes) == pytest.approx(expected, abs=0.005)


def test_rates_are_null_when_the_counts_of_one_side_are_unknown() -> None:
    assert rates(OKC, IND | {"oreb": None}, 240.0)[1:] == (pytest.approx(108.83, abs=0.01), None, None)
