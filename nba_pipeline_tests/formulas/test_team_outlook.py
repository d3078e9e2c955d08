"""What two teams' recent games say about the next one."""

from datetime import timedelta

import polars as pl
import pytest

from nba_pipeline.formulas.team_outlook import TEAM_OUTLOOK, with_team_outlook
from nba_pipeline_tests.builders import DAY


def sides(home_court: float = 1.0) -> pl.DataFrame:
    rows = [("GSW", "NYK", home_court), ("NYK", "GSW", 1 - home_court)]
    return pl.DataFrame(rows, schema=["team", "opponent", "home_court_level"], orient="row").with_columns(
        game_date=pl.lit(DAY), game_id=pl.lit("tonight")
    )


def a_team_game(team: str, points: int, allowed: int, days: int = 2) -> dict[str, object]:
    day = DAY - timedelta(days=days)
    margin = points - allowed
    return {
        "game_date": day, "game_id": f"{day}", "team": team, "points": points, "opponent_points": allowed, "pace": 100.0,
        "margin": margin,
    }  # fmt: skip


def outlook(*games: dict[str, object], home_court: float = 1.0) -> dict[str, float]:
    return with_team_outlook(sides(home_court), pl.DataFrame(games)).filter(team="GSW").row(0, named=True)


def test_the_margin_is_half_the_difference_and_the_home_courts() -> None:
    games = a_team_game("GSW", 120, 110), a_team_game("NYK", 100, 104)
    assert outlook(*games)["expected_margin"] == pytest.approx(7 + 2.3)
    assert outlook(*games, home_court=0.5)["expected_margin"] == pytest.approx(7)
    assert outlook(*games, home_court=0.0)["expected_margin"] == pytest.approx(7 - 2.3)


def test_the_total_is_the_mean_of_what_each_scores_and_the_other_allows() -> None:
    row = outlook(a_team_game("GSW", 120, 110), a_team_game("NYK", 100, 104))
    assert row["expected_total"] == pytest.approx((120 + 110 + 100 + 104) / 2)
    assert row["expected_team_points"] == pytest.approx((217 + 9.3) / 2)


def test_without_a_game_of_the_opponent_the_outlook_is_unknown() -> None:
    row = outlook(a_team_game("GSW", 120, 110))
    assert row["team_points_half_life_12_games"] == 120
    assert {row[name] for name in TEAM_OUTLOOK if not name.startswith("team_")} == {None}


def test_tonights_score_changes_nothing() -> None:
    games = a_team_game("GSW", 120, 110), a_team_game("NYK", 100, 104)
    assert outlook(*games) == outlook(*games, a_team_game("GSW", 80, 150, days=0))
