"""The archive's games and box scores in the columns of the tables."""

from collections.abc import Callable

import polars as pl

from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline_tests.builders_archive import DAY, TIPOFF, TOTALS, a_box, a_game
from nba_pipeline_tests.providers.conftest import only


def test_games_become_rows_of_the_schedule(archive: Callable[..., Archive]) -> None:
    frame = archive(games=[a_game(), a_game("0012300001"), a_game("0032300001")]).schedule([DAY])
    assert frame.schema == pl.Schema(SCHEDULE_COLUMNS)
    expected = dict.fromkeys(SCHEDULE_COLUMNS) | {
        "game_date": DAY,
        "game_id": "0022300945",
        "season": "2023-24",
        "season_type": "regular_season",
        "tipoff_at": TIPOFF,
        "tipoff_source": "league",
        "home_team": "BOS",
        "away_team": "NYK",
        "is_neutral": False,
        "status": "final",
        "home_points": 110,
        "away_points": 100,
        "arena": "TD Garden",
        "has_boxscore_source": True,
        "source": frame["source"][0],
    }
    assert frame.rows(named=True) == [expected] and expected["source"].startswith("archive/games_2023-24/all/file/")


def test_a_competition_without_any_box_score_has_no_source(archive: Callable[..., Archive]) -> None:
    frame = archive(games=[a_game(), a_game("0062300001"), a_game("0052300001")]).schedule([DAY])
    assert frame.sort("game_id")["has_boxscore_source"].to_list() == [True, False, False]


def test_box_scores_are_rounded_and_contain_participants_only(archive: Callable[..., Archive]) -> None:
    frame = archive().boxscores([DAY])
    columns = (
        "opponent",
        "is_home",
        "did_play",
        "status",
        "is_starter",
        "seconds",
        "minutes",
        "minutes_precision",
        "team_points",
        "problem",
    )
    assert frame.schema == pl.Schema(BOXSCORE_COLUMNS)
    assert only(frame, *columns) == ("BOS", False, True, "played", None, None, 0.0, "rounded", 100, None)


def test_a_box_score_without_its_game_is_a_problem(archive: Callable[..., Archive]) -> None:
    frame = archive(boxes=[a_box("0022300946")]).boxscores([DAY])
    assert only(frame, "problem") == ("game 0022300946 is not in the games file of 2023-24",)


def test_team_totals_become_two_rows_of_a_game(archive: Callable[..., Archive]) -> None:
    frame = archive().team_boxscores([DAY])
    assert frame.schema == pl.Schema(TEAM_BOXSCORE_COLUMNS)
    shared = {
        "game_date": DAY,
        "game_id": "0022300945",
        "season": "2023-24",
        "seconds": None,
        "periods": None,
        "is_reconstructed": False,
        "provider": "archive",
        "source": frame["source"][0],
        "problem": None,
    }
    home = {name: n for n, name in enumerate(TOTALS, 10)} | {"team": "BOS", "opponent": "NYK", "is_home": True, "points": 110}
    away = {name: n for n, name in enumerate(TOTALS, 50)} | {"team": "NYK", "opponent": "BOS", "is_home": False, "points": 100}
    assert frame.rows(named=True) == [{name: (shared | side)[name] for name in TEAM_BOXSCORE_COLUMNS} for side in (away, home)]


def test_a_game_without_totals_has_no_team_box_score(archive: Callable[..., Archive]) -> None:
    games = [a_game(), a_game("0042300101", home_fga=None, away_fga=None), a_game("0032300001")]
    assert archive(games=games).team_boxscores([DAY])["game_id"].unique().to_list() == ["0022300945"]
