"""Windows with holes: a final game without a summary makes the window longer than it seems."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.formulas.completeness import holes, with_completeness
from nba_pipeline_tests.builders import DAY, Values, a_game, before, frame_of, games_of, summaries_of


def judged(games: int, *missing: date, starts: date | None = None) -> Values:
    """Returns the row of a player with `games` games since `starts`, whose team lacks games on the `missing` dates."""
    row: dict[str, Any] = {
        "game_id": "1",
        "player_id": 1,
        "team": "GSW",
        "game_date": DAY,
        "window_starts": starts if games else None,
        "contributing_game_ids": [str(n) for n in range(games)] if games else None,
    }
    schema = {
        "game_id": pl.String(),
        "player_id": pl.Int64(),
        "team": pl.String(),
        "game_date": pl.Date(),
        "window_starts": pl.Date(),
        "contributing_game_ids": pl.List(pl.String()),
    }
    lost = pl.DataFrame(
        {"team": ["GSW"] * len(missing), "hole_date": list(missing)}, schema={"team": pl.String(), "hole_date": pl.Date()}
    )
    return with_completeness(pl.DataFrame([row], schema=schema), lost).row(0, named=True)


@pytest.mark.parametrize(("missing", "is_complete"), [(0, True), (1, True), (2, False)])
def test_one_hole_in_ten_games_is_borne_and_two_are_not(missing: int, is_complete: bool) -> None:
    row = judged(10, *[before(n + 1) for n in range(missing)], starts=before(22))
    assert (row["actual_games_last_10"], row["expected_games_last_10"]) == (10, 10 + missing)
    assert (row["is_window_complete"], row["window_span_days"]) == (is_complete, 22)


def test_holes_before_the_window_and_of_the_date_itself_do_not_count() -> None:
    assert judged(5, before(30), DAY, before(-1), starts=before(12))["expected_games_last_10"] == 5


def test_without_a_game_completeness_is_null() -> None:
    row = judged(0, before(3))
    assert (row["is_window_complete"], row["actual_games_last_10"], row["contributing_game_ids"]) == (None, 0, [])


def test_a_hole_is_a_final_game_that_a_source_should_hold() -> None:
    known = summaries_of(*games_of(20, last=before(2)))
    games = [
        a_game(before(2)),
        a_game(before(4), "GSW", "LAL"),
        a_game(before(5), "GSW", "BOS", status="postponed"),
        a_game(before(6), "GSW", "MIA", has_boxscore_source=False),
    ]
    assert sorted(holes(frame_of(SCHEDULE, *games), known).rows()) == [("GSW", before(4)), ("LAL", before(4))]
