"""One evening by the real clock: Dagster's own daemon and web page on a slate that begins minutes from now, with nobody touching it.

Then the power goes off in the middle of a run, and comes back.
"""

import socket
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nba_pipeline_tests.unattended.live import Evening, platform, wait_until

DAYS_OF_HISTORY = 14
FIRST_TIPOFF_IN = timedelta(minutes=4)
KEY = ["game_id", "player_id", "system_id"]
UNDER_WAY = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.QUEUED)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_slate_goes_from_lines_to_grades_and_survives_the_power_going_off(tmp_path: Path, port: int) -> None:
    history = Evening(tmp_path, timedelta(minutes=1))
    history.play_the_days_before(DAYS_OF_HISTORY)
    evening = Evening(tmp_path, FIRST_TIPOFF_IN)
    assert evening.slate == history.slate, "the test began at midnight Eastern; begin it again"
    with platform(evening, port) as first:
        wait_until(lambda: evening.rows("predictions").height, FIRST_TIPOFF_IN, "predictions before the tip-off")
        assert all(first.daemons().values())
        predicted = evening.rows("predictions")
        wait_until(lambda: is_collecting(evening), timedelta(minutes=5), "a collection of final games is under way")
        first.kill()
    with platform(evening, port) as second:
        wait_until(evening.is_graded, timedelta(minutes=8), "every prediction is graded")
        wait_until(lambda: not evening.runs(*UNDER_WAY), timedelta(minutes=4), "no run is left under way")
        second.kill()
    told = evening.rows("predictions")
    assert (told["made_at"] < told["tipoff_at"]).all() and set(told["run_kind"]) == {"live"}
    assert predicted.join(told, on=["prediction_id"], how="anti").is_empty()
    for table, key in (
        ("boxscores", ["game_id", "player_id"]),
        ("player_game_summary", ["game_id", "player_id"]),
        ("grades", KEY),
    ):
        rows = evening.rows(table)
        assert rows.height and set(rows["game_id"]) == set(evening.game_ids) and not rows.select(key).is_duplicated().any(), table
    finished = evening.rows("schedule").filter(pl.col("status") == "final")
    assert set(finished["game_id"]) == set(evening.game_ids)
    before = {table: evening.rows(table).drop("as_of", "source") for table in ("boxscores", "player_game_summary", "grades")}
    evening.command("run", "--date", str(evening.slate), "--mode", "overnight")
    for table, rows in before.items():
        assert evening.rows(table).drop("as_of", "source").equals(rows), (
            f"{table} is another one when the day is done again by hand"
        )


def is_collecting(evening: Evening) -> bool:
    """Whether a run that collects final games has been started and has not ended."""
    return any(record.dagster_run.tags.get("nba/mode") == "final_games" for record in evening.runs(dg.DagsterRunStatus.STARTED))
