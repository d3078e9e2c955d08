"""Windows over a team's games, its record, its blowouts and its rest. No window uses the date or later."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.formulas.team_form import team_games, with_rest, with_team_form
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, a_game, a_league, before, frame_of, summaries_of
from nba_pipeline_tests.builders_summaries import a_team_game, team_summaries_of

LEAST_FORM = ("team_pace_last_10_games", "team_offensive_rating_last_10_games")


def rows_of(*days: date, **fields: Any) -> pl.DataFrame:
    """Returns the target row: Golden State against New York."""
    row = {"season": "2023-24", "team": "GSW", "opponent": "NYK"} | fields
    return pl.DataFrame([{"game_date": day, **row} for day in days])


def form(games: list[Values], *schedule: Values) -> Values:
    found = with_team_form(rows_of(DAY), frame_of_team_games(games), frame_of(SCHEDULE, *schedule))
    return found.row(0, named=True)


def frame_of_team_games(games: list[Values]) -> pl.DataFrame:
    columns = ["game_date", "game_id", "season", "team", "opponent", "did_win", "margin", "pace", "offensive_rating",
               "defensive_rating"]  # fmt: skip
    schema = {
        "game_date": pl.Date,
        "margin": pl.Int64,
        "pace": pl.Float64,
        "offensive_rating": pl.Float64,
        "defensive_rating": pl.Float64,
        "did_win": pl.Boolean,
    }
    return pl.DataFrame([{c: game[c] for c in columns} for game in games], schema_overrides=schema)


def season_of(*margins: int, **fields: Any) -> list[Values]:
    """Returns one game every second day. The last one was two days ago."""
    return [a_team_game(before(2 * n), margin, **fields) for n, margin in enumerate(reversed(margins), 1)]


def test_own_pace_and_offence_are_means_of_the_last_ten_games() -> None:
    games = [game | {"pace": 90.0 + n, "offensive_rating": 100.0 + n} for n, game in enumerate(season_of(*[5] * 12))]
    row = form(games)  # the latest game comes first: 90 to 99
    assert row["team_pace_last_10_games"] == pytest.approx(94.5)
    assert row["team_offensive_rating_last_10_games"] == pytest.approx(104.5)


def test_windows_need_five_games_and_the_record_three() -> None:
    row = form(season_of(5, 5, 5, 5))
    assert [row[name] for name in (*LEAST_FORM, "blowout_pct_last_10_team_games")] == [None] * 3
    assert row["team_win_pct_season"] == 1
    assert form(season_of(5, 5))["team_win_pct_season"] is None


def test_a_game_with_unknown_rates_counts_in_the_record_and_in_no_window_of_rates() -> None:
    unknown = a_team_game(before(1), -5, pace=None, offensive_rating=None, defensive_rating=None)
    row = form([*season_of(5, 5, 5, 5, 5), unknown])
    assert row["team_pace_last_10_games"] == 100
    assert row["team_win_pct_season"] == pytest.approx(5 / 6)


def test_a_blowout_is_a_margin_of_fifteen_either_way_among_the_last_ten() -> None:
    row = form(season_of(30, 30, 14, 15, -15, -16, 40, 1, -14, 2, 3, 4))  # the first two are older than ten games
    assert row["blowout_pct_last_10_team_games"] == pytest.approx(4 / 10)


def test_windows_restart_with_the_season() -> None:
    games = season_of(*[5] * 10, season="2022-23")
    row = form([*games, *[game | {"team": "NYK"} for game in games]])
    assert [row[name] for name in (*LEAST_FORM, "team_win_pct_season", "blowout_pct_last_10_team_games")] == [None] * 4


def test_the_league_s_pace_is_of_the_thirty_days_before() -> None:
    recent = [a_team_game(before(n), pace=96.0, team=team) for n in range(1, 6) for team in ("BOS", "LAL")]
    old = [a_team_game(before(31), pace=120.0, team=team) for team in ("BOS", "LAL")]
    assert form([*recent, *old])["league_pace"] == 96
    assert form(recent[:9])["league_pace"] is None


@pytest.mark.parametrize(("days", "expected"), [(1, 1), (30, 30), (31, None)])
def test_rest_is_since_the_last_final_game_of_the_schedule(days: int, expected: int | None) -> None:
    games = [a_game(before(days), "BOS", "NYK"), a_game(DAY), a_game(before(1), "BOS", "NYK", status="postponed")]
    rested = with_rest(rows_of(DAY), frame_of(SCHEDULE, *games), "opponent", "opponent_rest_days")
    assert rested["opponent_rest_days"].to_list() == [expected]
    assert rested.columns == [*rows_of(DAY).columns, "opponent_rest_days"]


def test_team_games_are_one_row_per_team_with_the_result() -> None:
    games = team_games(summaries_of(a_boxscore(player_id=2), a_boxscore(player_id=3))).sort("team")
    assert games.select("team", "did_win", "margin").rows() == [("GSW", True, 10), ("NYK", False, -10)]


# The properties: a league of four teams over 20 dates, every second day.

FIRST = date(2024, 1, 1)
GAMES, BOXSCORES = a_league(FIRST, rounds=20)
TEAM_GAMES = team_summaries_of(BOXSCORES)
ROWS = TEAM_GAMES.select("game_date", "game_id", "season", "team", "opponent")
DATES = ROWS["game_date"].unique().sort().to_list()


def league_form(rows: pl.DataFrame = ROWS, games: pl.DataFrame = TEAM_GAMES, schedule: pl.DataFrame = GAMES) -> pl.DataFrame:
    return with_team_form(rows, games, schedule).sort("game_date", "game_id", "team")


@pytest.mark.parametrize("day", DATES[::6])
def test_one_date_alone_with_only_its_past_has_the_same_bits_as_in_a_range(day: date) -> None:
    shuffled = [frame.filter(pl.col("game_date") < day).sample(fraction=1, shuffle=True, seed=5) for frame in (TEAM_GAMES, GAMES)]
    alone = league_form(ROWS.filter(game_date=day), *shuffled)
    assert_frame_equal(alone, league_form().filter(game_date=day), check_exact=True)


@pytest.mark.parametrize("day", DATES[::6])
def test_absurd_facts_on_the_date_and_later_move_nothing(day: date) -> None:
    absurd = {"pace": 200.0, "offensive_rating": 1.0, "defensive_rating": 1.0, "did_win": False, "margin": 99}
    games = TEAM_GAMES.with_columns(
        pl.when(pl.col("game_date") >= day).then(pl.lit(value)).otherwise(name).alias(name) for name, value in absurd.items()
    )
    rows = ROWS.filter(game_date=day)
    assert_frame_equal(league_form(rows, games), league_form(rows), check_exact=True)


def test_a_game_of_the_day_before_moves_the_row() -> None:
    rows = ROWS.filter(game_date=DATES[-1])
    is_last = pl.col("game_date") == DATES[-1] - timedelta(days=2)
    games = TEAM_GAMES.with_columns(pl.when(is_last).then(pl.lit(200.0)).otherwise("pace").alias("pace"))
    unchanged, moved = (league_form(rows, some)["team_pace_last_10_games"] for some in (TEAM_GAMES, games))
    assert (unchanged != moved).all()
