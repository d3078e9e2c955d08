"""`nba-pipeline recheck` on the simulated league: a correction followed from HTTP to the summary, the features and the grade."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.calendar import eastern
from nba_pipeline.corrections.command import Recheck
from nba_pipeline.runs import Runner
from nba_pipeline_tests.test_runs import DAY, NEXT, At, ask, rules, tables

LATER = DAY + timedelta(days=4)
SYSTEM = "moving_average"


def teammates(runner: Runner) -> list[dict[str, object]]:
    """Two graded players of one team on DAY; two free throws can be taken from the second."""
    return ask(
        runner,
        f"""SELECT g.game_id, g.player_id, b.player_name, b.team, g.points, b.ftm FROM grades g JOIN boxscores b USING (game_id, player_id)
        WHERE g.game_date = '{DAY}' AND b.game_date = '{DAY}' AND g.did_play AND b.ftm >= 2 AND g.system_id = '{SYSTEM}'
        AND b.team = (SELECT home_team FROM schedule WHERE game_date = '{DAY}' ORDER BY game_id LIMIT 1)
        ORDER BY g.points DESC LIMIT 2""",
    )


def correction(who: dict[str, object], field: str, delta: int) -> dict[str, object]:
    return {"game": who["game_id"], "action": "correct_stat", "player": str(who["player_id"]), "field": field, "delta": delta}


def recheck(runner: Runner, day: date = DAY) -> Recheck:
    rechecked = Recheck(runner, day)
    assert [failure for outcome in rechecked.run() for failure in outcome.failures] == []
    return rechecked


def points_of(runner: Runner, table: str, who: dict[str, object]) -> object:
    return ask(runner, f"SELECT points FROM {table} WHERE game_id = '{who['game_id']}' AND player_id = {who['player_id']}")[0][
        "points"
    ]


def grades_of(runner: Runner, who: dict[str, object]) -> list[dict[str, object]]:
    return ask(
        runner,
        f"""SELECT grade_version, points, regrade_reason FROM grades WHERE game_id = '{who["game_id"]}'
        AND player_id = {who["player_id"]} AND system_id = '{SYSTEM}' ORDER BY grade_version""",
    )


@pytest.mark.starts_from("followed")
def test_a_correction_that_leaves_the_score_reaches_summary_features_and_grade(at: At, home: Path) -> None:
    runner = at(LATER, 10)
    one, other = teammates(runner)
    before = tables(home)
    rules(home, correction(one, "points", 2), correction(other, "points", -2))
    rechecked = recheck(runner)
    corrected = int(str(one["points"])) + 2
    assert (points_of(runner, "boxscores", one), points_of(runner, "player_game_summary", one)) == (corrected, corrected)
    versions = grades_of(runner, one)
    assert [(row["grade_version"], row["points"]) for row in versions] == [(1, one["points"]), (2, corrected)]
    assert str(versions[1]["regrade_reason"]).startswith(f"points {one['points']} -> {corrected}")
    lines = [line for line in rechecked.changes() if str(one["player_name"]) in line]
    assert len(lines) == 1 and f"points {one['points']} -> {corrected}" in lines[0] and "grade v1 -> v2 (" in lines[0]
    after = tables(home)
    season = "points_mean_season"
    moved = (
        before["player_form"]
        .join(after["player_form"], on=["game_id", "player_id"], suffix="_after")
        .filter(pl.col("game_date") == NEXT, pl.col(season).ne_missing(pl.col(f"{season}_after")))
    )
    assert set(moved["player_id"]) == {one["player_id"], other["player_id"]} or moved.is_empty()
    remade = after["features"].filter(pl.col("as_of") == eastern(LATER, 10))["game_date"].unique().to_list()
    assert remade == [NEXT]
    assert_frame_equal(after["predictions"], before["predictions"])
