"""A team's defense against the league, as of before the date."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.shot_zones import ZONES
from nba_pipeline.formulas.zone_defense import team_defense
from nba_pipeline.league.teams import TEAMS
from nba_pipeline_tests.builders import DAY, Values, before
from nba_pipeline_tests.builders_summaries import Zones, a_team_game, allowing, team_games

YESTERDAY = before(1)
AVERAGE: Zones = (20, 5, 10)
ATTEMPTS: Zones = (40, 12, 38)
LEAGUE = [team for team in sorted(TEAMS) if team not in ("GSW", "NYK")]


def season_of(games: int, made: Zones = AVERAGE, last: date = YESTERDAY, **fields: Any) -> list[Values]:
    """Returns both rows of Golden State's games, one every second day. Golden State allows these makes."""
    dates = [last - timedelta(days=2 * n) for n in range(games)]
    own = [a_team_game(day, **allowing(made, ATTEMPTS), **fields) for day in dates]
    return own + [row | {"team": "NYK", "opponent": "GSW", "fta": 27, **allowing(AVERAGE, ATTEMPTS)} for row in own]


def league_of(teams: int, made: Zones = AVERAGE, day: date = YESTERDAY, **fields: Any) -> list[Values]:
    """Returns one game of each of `teams` other teams."""
    return [
        a_team_game(day, team=team, opponent="BOS", game_id=f"{day}{n}", **allowing(made, ATTEMPTS), **fields)
        for n, team in enumerate(LEAGUE[:teams])
    ]


def defense(*games: Values, team: str = "GSW", day: date = DAY, season: str = "2023-24") -> Values:
    rows = pl.DataFrame([{"game_date": day, "team": team, "season": season}])
    return team_defense(rows, team_games(*games)).row(0, named=True)


def of(row: Values, kind: str) -> tuple[float | None, ...]:
    return tuple(row[f"{zone}_{kind}"] for zone in ZONES)


def test_zones_allowed_are_sums_over_sums_of_the_last_fifteen_games() -> None:
    row = defense(*season_of(10, (30, 6, 10)), *season_of(20, (0, 0, 0), before(22)))
    assert (row["games_last_15"], row["games_with_zones_last_15"]) == (15, 15)
    assert of(row, "attempts_per_game_allowed_last_15_games") == ATTEMPTS
    assert of(row, "field_goal_pct_allowed_last_15_games") == pytest.approx((300 / 600, 60 / 180, 100 / 570))


def test_a_weak_defence_is_above_the_league_in_percentage_points() -> None:
    league = [row for n in range(1, 20) for row in league_of(28, day=before(n))]
    row = defense(*season_of(6, (28, 3, 10)), *league)
    assert row["is_league_mean_of_last_season"] is False
    made = [6 * (own + mean) + 19 * 28 * mean for own, mean in zip((28, 3, 10), AVERAGE, strict=True)]
    tries = [attempts * (12 + 19 * 28) for attempts in ATTEMPTS]
    expected = [100 * (own / n - m / t) for own, n, m, t in zip((28, 3, 10), ATTEMPTS, made, tries, strict=True)]
    assert of(row, "field_goal_pct_points_above_league") == pytest.approx(expected)
    assert expected[0] > 19


def test_the_league_is_the_thirty_days_before() -> None:
    in_time = defense(*season_of(5), *league_of(10, day=before(30)))
    too_old = defense(*season_of(5), *league_of(10, day=before(31)))
    assert (in_time["is_league_mean_of_last_season"], too_old["is_league_mean_of_last_season"]) == (False, None)


def test_under_ten_teams_the_league_is_the_whole_season_before() -> None:
    last = league_of(28, (40, 12, 38), date(2023, 3, 1), season="2022-23") + league_of(
        28, (0, 0, 0), date(2022, 11, 1), season="2022-23"
    )
    row = defense(*season_of(5), *league_of(7), *last)  # nine teams, including Golden State and New York
    assert row["is_league_mean_of_last_season"] is True
    assert of(row, "field_goal_pct_points_above_league") == pytest.approx((0, 100 * (5 / 12 - 0.5), 100 * (10 / 38 - 0.5)))
    assert defense(*season_of(5), *league_of(8), *last)["is_league_mean_of_last_season"] is False


def test_without_a_league_there_is_no_comparison() -> None:
    row = defense(*season_of(5), *league_of(28, day=date(2022, 3, 1), season="2021-22"))
    assert (row["is_league_mean_of_last_season"], of(row, "field_goal_pct_points_above_league")) == (None, (None, None, None))
    assert row["paint_field_goal_pct_allowed_last_15_games"] == 0.5


def test_four_games_are_too_few() -> None:
    row = defense(*season_of(4), *league_of(28))
    assert (row["games_last_15"], row["games_with_zones_last_15"]) == (4, 4)
    assert [value for name, value in row.items() if name.endswith(("_last_15_games", "above_league"))] == [None] * 13


def test_games_without_zones_count_in_the_ratings_only() -> None:
    unknown = [row | dict.fromkeys(allowing(AVERAGE, ATTEMPTS)) for row in season_of(6)]
    row = defense(*unknown, *season_of(5, (30, 6, 10), before(20)))
    assert (row["games_last_15"], row["games_with_zones_last_15"]) == (11, 5)
    assert row["paint_field_goal_pct_allowed_last_15_games"] == 0.75
    assert (row["defensive_rating_last_15_games"], row["pace_last_15_games"]) == (100, 100)


def test_a_game_with_unknown_rates_counts_in_the_zones_only() -> None:
    unknown = season_of(2, last=before(20), pace=None, offensive_rating=None, defensive_rating=None, fta=None)
    row = defense(*season_of(5), *unknown)
    assert (row["games_last_15"], row["games_with_zones_last_15"], row["pace_last_15_games"]) == (5, 7, 100)


def test_free_throws_are_those_of_the_opponents() -> None:
    assert defense(*season_of(5))["opponent_free_throw_rate_last_15_games"] == pytest.approx(27 / 90)
    assert defense(*season_of(5), team="NYK")["opponent_free_throw_rate_last_15_games"] == pytest.approx(20 / 90)


@pytest.mark.parametrize("day", [DAY, before(-1)], ids=["on the date", "later"])
def test_a_game_on_the_date_or_later_changes_nothing(day: date) -> None:
    known = [*season_of(6), *league_of(28)]
    absurd = [row for n in range(20) for row in season_of(1, (40, 12, 38), day + timedelta(days=n), pace=119.0, fta=60)]
    assert defense(*known, *absurd) == defense(*known)


def test_a_game_of_the_day_before_changes_the_row() -> None:
    known = [*season_of(6), *league_of(28)]
    moved = defense(*known, *season_of(1, (40, 12, 38), before(1), pace=119.0))
    assert moved["paint_field_goal_pct_points_above_league"] > defense(*known)["paint_field_goal_pct_points_above_league"]
    assert moved["pace_last_15_games"] > 100
