"""The source of each game. The tests of the table `boxscores` cover three sources."""

from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.completeness.game_sources import fall_back, judge_source
from nba_pipeline_tests.builders import a_boxscore, a_game, frame_of, parsed_rows_of
from nba_pipeline_tests.builders_days import complete_box

FIRST, SECOND = a_game(), a_game(game_id="0022300002", home_team="BOS", away_team="LAL")
PLAUSIBLE = {"fg3m": 1, "fg3a": 3, "rebounds": 5, "dreb": 5}
"""Statistics of every player that add up to plausible totals of a team."""


def test_games_are_never_mixed() -> None:
    """The box scores of two games lack players. The log has the first game only, complete."""
    games = frame_of(SCHEDULE, FIRST, SECOND)
    box = judge_source(games, parsed_rows_of(a_boxscore(), a_boxscore(game_id=SECOND["game_id"], team="BOS")))
    log = judge_source(games, parsed_rows_of(*(row | PLAUSIBLE | {"provider": "nba_stats"} for row in complete_box(FIRST))))
    selected = fall_back(box, log)
    providers = selected.rows.select("game_id", "provider").unique().sort("game_id")
    assert providers.rows() == [(SECOND["game_id"], "nba_cdn"), (FIRST["game_id"], "nba_stats")]
    assert selected.rows.height == log.rows.height + 1
    assert (box.incomplete, selected.incomplete) == ({FIRST["game_id"], SECOND["game_id"]}, {SECOND["game_id"]})


def test_an_incomplete_game_of_the_second_source_fills_a_gap_and_stays_incomplete() -> None:
    games = frame_of(SCHEDULE, FIRST)
    selected = fall_back(judge_source(games, parsed_rows_of()), judge_source(games, parsed_rows_of(a_boxscore())))
    assert (selected.rows.height, selected.incomplete) == (1, {FIRST["game_id"]})


def test_an_implausible_game_is_incomplete_and_its_rows_have_the_problem() -> None:
    rows = [row | PLAUSIBLE | {"assists": 0} for row in complete_box(FIRST)]
    source = judge_source(frame_of(SCHEDULE, FIRST), parsed_rows_of(*rows))
    assert source.incomplete == {FIRST["game_id"]} and source.usable.is_empty()
    assert source.rows["problem"].str.starts_with("implausible game: ").all()
