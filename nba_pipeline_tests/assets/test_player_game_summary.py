"""A player's game with its rates; the numbers are of the real games 0042400407 and 0022400561."""

import polars as pl
import pytest

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.summaries.player_game_summary import TABLE, summarise_player_games
from nba_pipeline_tests.builders import Values, a_boxscore, before, frame_of, summaries_of, who_did_not_play

OKC = {"team": "OKC", "opponent": "IND", "team_points": 103}
GILGEOUS = a_boxscore(points=29, minutes=40.0, fgm=8, fga=27, fg3m=2, fg3a=12, ftm=11, fta=12, turnovers=1, **OKC)
OTHER_THUNDER = a_boxscore(points=74, minutes=200.0, fgm=27, fga=60, fg3m=9, fta=19, ftm=11, turnovers=6, **OKC)

NYK = {"team": "NYK", "opponent": "PHI", "team_points": 125}
BRUNSON = a_boxscore(points=38, minutes=45 + 28 / 60, fgm=14, fga=22, fg3m=3, ftm=7, fta=9, turnovers=5, **NYK)
OTHER_KNICKS = a_boxscore(points=87, minutes=219 + 32 / 60, fga=64, fta=15, turnovers=8, **NYK)


def summary(player: Values, *others: Values) -> Values:
    rows = [player, *[row | {"player_id": n} for n, row in enumerate(others, 2)]]
    return summaries_of(*rows).row(by_predicate=pl.col("player_id") == player["player_id"], named=True)


def test_rates_of_a_regulation_game() -> None:
    row = summary(GILGEOUS, OTHER_THUNDER)
    rates = (row["usage_pct"], row["true_shooting_pct"], row["effective_field_goal_pct"])
    assert (row["overtimes"], rates) == (0, pytest.approx((0.3710, 0.449, 0.333), abs=5e-4))


def test_usage_of_an_overtime_game_is_over_53_minutes() -> None:
    row = summary(BRUNSON, OTHER_KNICKS)
    assert (row["overtimes"], row["usage_pct"]) == (1, pytest.approx(0.3294, abs=5e-5))
    assert row["true_shooting_pct"] == pytest.approx(0.732, abs=5e-4)


def test_the_result_comes_from_the_two_scores() -> None:
    row = summary(GILGEOUS, OTHER_THUNDER)
    assert (row["did_win"], row["opponent_points"]) == (True, 100)


def test_somebody_who_did_not_play_has_a_result_and_no_rates() -> None:
    row = summary(who_did_not_play(**OKC), OTHER_THUNDER, GILGEOUS)
    assert row["did_win"]
    assert [row[name] for name in ("points", "usage_pct", "true_shooting_pct", "effective_field_goal_pct")] == [None] * 4


def test_usage_is_null_when_a_team_mate_s_counts_are_unknown() -> None:
    assert summary(GILGEOUS, OTHER_THUNDER | {"turnovers": None})["usage_pct"] is None


def test_rows_keep_the_promise_of_the_table() -> None:
    rows = summaries_of(a_boxscore(), who_did_not_play(player_id=2), a_boxscore(before(2), points=0, minutes=0.0))
    assert TABLE.schema.is_valid(rows.drop("source"))
    assert rows.columns == [*TABLE.schema.column_names(), "source"]


def test_nothing_in_gives_nothing_out() -> None:
    assert summarise_player_games(frame_of(BOXSCORES)).is_empty()
