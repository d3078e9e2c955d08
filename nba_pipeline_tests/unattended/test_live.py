"""One unattended evening on the real clock: Dagster's daemon and web page run a slate that starts in minutes.

A power failure is simulated in the middle of a run.
"""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.assets.grades import grades
from nba_pipeline.assets.predictions import predictions
from nba_pipeline.assets.sources import boxscores, schedule
from nba_pipeline.assets.summaries import player_game_summary
from nba_pipeline_tests.unattended.live import Evening, platform, wait_until

pytestmark = pytest.mark.unattended

DAYS_OF_HISTORY = 12
FIRST_TIPOFF_IN = timedelta(minutes=6)
COLLECTED_WITHIN = timedelta(minutes=5)
AFTER_THE_GAMES = (boxscores.TABLE, player_game_summary.TABLE, grades.TABLE)
IN_PROGRESS = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.QUEUED)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_slate_completes_from_lines_to_grades_despite_a_power_failure(tmp_path: Path, port: int) -> None:
    history = Evening(tmp_path, timedelta(minutes=10))
    history.play_the_days_before(DAYS_OF_HISTORY)
    evening = Evening(tmp_path, FIRST_TIPOFF_IN)
    assert evening.slate == history.slate, "the test began at midnight Eastern; begin it again"
    evening.play_the_days_before(1)  # refreshes the schedule with the start of this evening
    with platform(evening, port) as first:
        wait_until(lambda: evening.rows(predictions.TABLE).height, evening.first_tipoff, "predictions before the tip-off")
        assert all(first.daemons().values())
        predicted = evening.rows(predictions.TABLE)
        wait_until(
            lambda: is_collecting(evening), evening.last_end + COLLECTED_WITHIN, "a collection of final games is in progress"
        )
        first.kill()
    with platform(evening, port) as second:
        wait_until(evening.is_graded, datetime.now(UTC) + timedelta(minutes=10), "every prediction is graded")
        wait_until(lambda: not evening.runs(*IN_PROGRESS), datetime.now(UTC) + timedelta(minutes=5), "no run is in progress")
        second.kill()
    live_predictions = evening.rows(predictions.TABLE)
    assert (live_predictions["made_at"] < live_predictions["tipoff_at"]).all() and set(live_predictions["run_kind"]) == {"live"}
    assert predicted.join(live_predictions, on="prediction_id", how="anti").is_empty()
    for table in AFTER_THE_GAMES:
        rows = evening.rows(table)
        assert set(rows["game_id"]) == set(evening.game_ids), table.name
        assert not rows.select(table.key).is_duplicated().any(), table.name
    finished = evening.rows(schedule.TABLE).filter(pl.col("status") == "final")
    assert set(finished["game_id"]) == set(evening.game_ids)
    before = {table.name: evening.rows(table).drop("as_of", "source") for table in AFTER_THE_GAMES}
    evening.command("run", "--date", str(evening.slate), "--mode", "overnight")
    for table in AFTER_THE_GAMES:
        rebuilt = evening.rows(table).drop("as_of", "source")
        assert rebuilt.equals(before[table.name]), f"{table.name} differs after the day is rebuilt by hand"


def is_collecting(evening: Evening) -> bool:
    """Whether a run that collects final games is in progress."""
    has_begun = any(record.dagster_run.tags.get("nba/mode") == "final_games" for record in evening.runs())
    return has_begun and bool(evening.runs(dg.DagsterRunStatus.STARTED))
