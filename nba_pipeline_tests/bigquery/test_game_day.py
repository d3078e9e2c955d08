"""The sandbox's game day in `production` gives the same tables as locally, although processes are killed at six calls."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nba_pipeline.warehouse.bigquery.shapes import STAGING_PREFIX
from nba_pipeline_tests.bigquery.faults import Call
from nba_pipeline_tests.bigquery.game_day import When, another_start, faults_of, played, prepared

POINTS: tuple[tuple[str, When], ...] = (
    ("stage injuries", "after"),
    ("merge prop_lines", "before"),
    ("load features", "before"),
    ("merge predictions", "after"),
    ("load player_game_summary", "after"),
    ("acknowledge grades", "before"),
)
"""Where a process is killed, in the order of the day: a call, and whether BigQuery still receives it.

Loads, staged rows, MERGEs and acknowledgments; `python -m nba_pipeline_tests.bigquery.game_day` kills at every call of the day.
"""


def reached(point: str) -> Callable[[Call], bool]:
    """Matches the call of a point."""
    verb, name = point.split(" ")

    def is_it(call: Call) -> bool:
        table, statement = call.table or "", str(call.body.get("query") or "")
        match verb:
            case "load":
                return call.kind == "load" and table.startswith(f"{name}$")
            case "stage":
                return call.kind == "load" and table.startswith(f"{STAGING_PREFIX}{name}_")
            case "merge":
                return call.kind == "query" and (call.job_id or "").startswith(f"add_{name}_")
        return statement.strip().startswith("INSERT INTO loads") and f'"{name}"' in str(call.body).replace("'", '"')

    return is_it


@pytest.mark.long(seconds=180)
@pytest.mark.filterwarnings("ignore")  # runs whole commands; pandas and Google's clients emit unrelated warnings
def test_a_day_with_six_kills_leaves_the_same_tables(tmp_path: Path) -> None:
    league, start, expected = prepared(tmp_path)
    assert expected[-1]["predictions"].height and expected[-1]["grades"].height
    with another_start(tmp_path, start) as (day, emulator):
        ended = played(day, league, emulator, [(reached(point), when) for point, when in POINTS])
    assert len(ended.killed) == len(POINTS), ended.killed
    assert faults_of(ended, expected[-1]) == []
