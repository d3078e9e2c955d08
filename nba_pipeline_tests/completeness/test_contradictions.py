"""Which games contradict the schedule, and which changed between two frames."""

import polars as pl

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.completeness.contradictions import changed_games, contradicted_games
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, a_game, before, frame_of
from nba_pipeline_tests.builders_days import complete_box

GAME = a_game()


def contradicted(game: Values, *box: Values) -> set[str]:
    return contradicted_games(frame_of(SCHEDULE, game), frame_of(BOXSCORES, *box))


def test_a_complete_game_is_not_contradicted() -> None:
    assert contradicted(GAME, *complete_box(GAME)) == set()


def test_a_score_that_changed_contradicts_the_box_score() -> None:
    assert contradicted(GAME | {"home_points": 112}, *complete_box(GAME)) == {GAME["game_id"]}


def test_a_game_without_a_box_score_is_missing_and_not_contradicted() -> None:
    assert contradicted(GAME) == set()


def test_a_game_that_is_not_final_or_has_no_source_is_not_contradicted() -> None:
    for fields in ({"status": "live"}, {"has_boxscore_source": False}):
        assert contradicted(GAME | {"home_points": 112} | fields, *complete_box(GAME)) == set()


def changed(old: list[Values], new: list[Values]) -> dict[object, list[str]]:
    return dict(changed_games(frame_of(BOXSCORES, *old), frame_of(BOXSCORES, *new), [DAY]))


def test_another_source_of_the_same_numbers_is_no_change() -> None:
    assert changed([a_boxscore()], [a_boxscore(source="another payload", provider="nba_stats")]) == {}


def test_a_changed_added_or_removed_row_changes_its_game() -> None:
    one, other = a_boxscore(), a_boxscore(player_id=2, game_id="0022300002")
    assert changed([one, other], [one | {"minutes": 31.0}, other]) == {DAY: [one["game_id"]]}
    assert changed([one], [one, other]) == {DAY: ["0022300002"]} == changed([one, other], [one])


def test_only_the_requested_dates_are_compared() -> None:
    assert changed([], [a_boxscore(before(1))]) == {}
    assert changed_games(pl.DataFrame(schema=BOXSCORES.dtypes), frame_of(BOXSCORES, a_boxscore()), []) == {}
