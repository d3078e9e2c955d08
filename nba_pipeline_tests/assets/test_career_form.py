"""career_form: one row per expected player, from the first game on, and nothing of the game itself."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.features.career_form import TABLE, CareerFormFeatures, career_form_of, form_columns
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline.formulas.career_form import form_of
from nba_pipeline.formulas.markets import REBOUNDS
from nba_pipeline_tests.builders import a_league, an_expected_player, at, frame_of
from nba_pipeline_tests.builders import summaries_of as summaries

pytestmark = pytest.mark.slow

FIRST = date(2023, 11, 1)


def expected_of(boxscores: pl.DataFrame) -> pl.DataFrame:
    rows = boxscores.select("game_date", "game_id", "player_id", "team", "opponent", "is_home").to_dicts()
    return frame_of(UPCOMING_PLAYERS, *[an_expected_player(**row) for row in rows])


def league() -> tuple[pl.DataFrame, pl.DataFrame]:
    _, boxscores = a_league(FIRST, 12)
    return expected_of(boxscores), summaries(*boxscores.to_dicts())


def test_every_row_keeps_the_tables_promise() -> None:
    rows = career_form_of(*league())
    valid, quarantined = TABLE.conform(rows, at(12), "1")
    assert (valid.height, quarantined.height) == (rows.height, 0)
    assert rows.height == league()[0].height


def test_one_date_alone_with_only_its_past_has_the_same_bits() -> None:
    upcoming, games = league()
    together = career_form_of(upcoming, games)
    for day in (FIRST, FIRST + timedelta(days=10), FIRST + timedelta(days=22)):
        past = games.filter(pl.col("game_date") < day).sample(fraction=1, shuffle=True, seed=2)
        assert_frame_equal(career_form_of(upcoming.filter(game_date=day), past), together.filter(game_date=day), check_exact=True)


def test_one_date_alone_reads_the_residuals_of_two_years_and_no_older_ones() -> None:
    """The first games are out of the 730 days of some dates, and in those of others."""
    boxscores = pl.concat([a_league(FIRST, 12)[1], a_league(FIRST + timedelta(days=725), 12)[1]])
    upcoming, games = expected_of(boxscores), summaries(*boxscores.to_dicts())
    together = career_form_of(upcoming, games)
    for day in (FIRST + timedelta(days=725), FIRST + timedelta(days=735)):
        alone = career_form_of(upcoming.filter(game_date=day), games)
        assert_frame_equal(alone, together.filter(game_date=day), check_exact=True)
        assert (alone["points_residual_home_or_away"] != 0).any()


def test_on_the_first_date_everything_but_the_counts_is_unknown() -> None:
    upcoming, games = league()
    rows = career_form_of(upcoming.filter(game_date=FIRST), games)
    known = {name for name in CareerFormFeatures.column_names() if rows[name].null_count() < rows.height}
    counts = {"career_games_last_1095_days", "points_residual_versus_opponent", "points_residual_home_or_away"}
    assert known == counts


def test_a_market_has_one_column_per_column_of_points() -> None:
    columns = form_columns(REBOUNDS)
    assert tuple(columns) == form_of(REBOUNDS) and not set(columns) & set(CareerFormFeatures.column_names())
    mean = columns["rebounds_half_life_8_games"]
    assert (mean.min, mean.max, mean.description) == (0, 44, "rebounds, weights halve every 8 games")
