"""Repeated rows of a player. The tests of the table `boxscores` cover the requests."""

from nba_pipeline.providers.final_boxscores import once_per_player
from nba_pipeline_tests.builders import a_boxscore, parsed_rows_of, who_did_not_play


def test_equal_rows_of_a_player_become_one() -> None:
    rows = once_per_player(parsed_rows_of(a_boxscore(), a_boxscore(), who_did_not_play(player_id=2)))
    assert (rows.height, rows["problem"].null_count()) == (2, 2)


def test_rows_without_a_player_are_no_doubles() -> None:
    unresolved = a_boxscore(player_id=None, player_name="A", problem="unresolved name 'A'")
    rows = once_per_player(parsed_rows_of(unresolved, unresolved | {"player_name": "B", "problem": "unresolved name 'B'"}))
    assert rows["problem"].to_list() == ["unresolved name 'A'", "unresolved name 'B'"]
