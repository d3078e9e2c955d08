"""Form across seasons: from the first game on, shrunk rates, and residuals against an opponent and at home."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.career_form import CAREER_FORM, form_of, with_career_form
from nba_pipeline.formulas.markets import POINTS, REBOUNDS
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_boxscore, games_of, summaries_of, who_did_not_play

pytestmark = pytest.mark.slow

NOBODY = summaries_of(a_boxscore(player_id=7, game_date=DAY - timedelta(days=9)))


def form(*boxscores: Values, **fields: Any) -> dict[str, Any]:
    row = {
        "game_date": DAY, "game_id": "tonight", "player_id": PLAYER, "season": "2023-24", "team": "GSW", "opponent": "NYK",
        "is_home": True,
    } | fields  # fmt: skip
    history = summaries_of(*boxscores) if boxscores else NOBODY
    return with_career_form(pl.DataFrame([row]), history).row(0, named=True)


def test_a_player_has_values_from_his_first_game_on() -> None:
    row = form(*games_of(20))
    unknown = {name for name in CAREER_FORM if row[name] is None}
    assert unknown == {name for name in CAREER_FORM if "standard_deviation" in name}
    assert (row["points_half_life_8_games"], row["points_mean_season_to_date"], row["career_games_last_1095_days"]) == (20, 20, 1)


def test_the_season_before_counts_but_not_for_the_seasons_mean() -> None:
    row = form(*games_of(10, 20, last=date(2023, 4, 1)))
    assert row["points_mean_last_3_career_games"] == 15
    assert row["points_mean_season_to_date"] is None


def test_a_player_without_a_game_has_no_form() -> None:
    row = form()
    assert row["career_games_last_1095_days"] == 0
    assert {row[name] for name in CAREER_FORM if not name.startswith(("career_games", "points_residual"))} == {None}


def test_a_game_that_he_watched_does_not_count() -> None:
    assert form(*games_of(10, 30), who_did_not_play(DAY - timedelta(days=1)))["points_mean_last_3_career_games"] == 20


def test_tonights_own_box_score_changes_nothing() -> None:
    before = games_of(10, 30, 20)
    assert form(*before) == form(*before, a_boxscore(DAY, 50))


def test_the_rate_is_drawn_to_that_of_players_with_his_minutes() -> None:
    """20 points in 30 minutes: (20 + 120 * (0.30 + 0.0055 * 30)) / (30 + 120)."""
    row = form(*games_of(20))
    assert row["points_per_minute_shrunk"] == pytest.approx((20 + 120 * 0.465) / 150)
    assert row["points_expected_from_minutes"] == pytest.approx(30 * (20 + 120 * 0.465) / 150)


def test_a_residual_is_against_the_rate_of_before_its_game() -> None:
    """The second game: 30 points at a rate of (20 + 55.8) / 150 per minute. The first has no rate, so no residual."""
    row = form(*games_of(20, 30))
    residual = 30 - 30 * (20 + 120 * 0.465) / 150
    assert row["points_residual_versus_opponent"] == pytest.approx(residual / (1 + 8), abs=1e-3)
    assert row["points_residual_home_or_away"] == pytest.approx(residual / (1 + 60), abs=1e-3)
    assert form(*games_of(20, 30), opponent="BOS")["points_residual_versus_opponent"] == 0


def test_true_shooting_needs_a_try_at_the_basket() -> None:
    no_try = {"fga": 0, "fgm": 0, "fg3a": 0, "fta": 0, "ftm": 0}
    assert form(a_boxscore(DAY - timedelta(days=1), 0, **no_try))["true_shooting_half_life_50_games"] is None


def test_another_statistic_has_the_form_that_points_would_have() -> None:
    """The rebounds of every game equal its points, and the prior rates are equal."""
    games = summaries_of(*games_of(12, 30, 20, 8, 17)).with_columns(rebounds=pl.col("points"))
    row = {"game_date": DAY, "player_id": PLAYER, "season": "2023-24", "opponent": "NYK", "is_home": True}
    made = with_career_form(pl.DataFrame([row]), games, [replace(POINTS, statistic="rebounds")])
    of_points, of_rebounds = (made.select(form_of(market)).row(0) for market in (POINTS, REBOUNDS))
    assert of_rebounds == of_points and None not in of_points
    assert made.select(CAREER_FORM).equals(with_career_form(pl.DataFrame([row]), games).select(CAREER_FORM))


def test_the_rate_of_rebounds_is_drawn_to_its_own_prior() -> None:
    """6 rebounds in 30 minutes: (6 + 120 * (0.19 - 0.0005 * 30)) / (30 + 120)."""
    games = summaries_of(*games_of(20)).with_columns(rebounds=pl.lit(6, pl.Int64))
    row = {"game_date": DAY, "player_id": PLAYER, "season": "2023-24", "opponent": "NYK", "is_home": True}
    made = with_career_form(pl.DataFrame([row]), games, [REBOUNDS]).row(0, named=True)
    assert made["rebounds_per_minute_shrunk"] == pytest.approx((6 + 120 * 0.175) / 150)
    assert (made["rebounds_half_life_8_games"], made["points_half_life_8_games"]) == (6, 20)


def test_tonights_own_box_score_changes_no_form_of_rebounds() -> None:
    row = {"game_date": DAY, "player_id": PLAYER, "season": "2023-24", "opponent": "NYK", "is_home": True}
    before = games_of(10, 30, 20)
    made = [
        with_career_form(pl.DataFrame([row]), summaries_of(*games), [REBOUNDS]).select(form_of(REBOUNDS))
        for games in (before, [*before, a_boxscore(DAY, 50, rebounds=25)])
    ]
    assert made[0].equals(made[1])
