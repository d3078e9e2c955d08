"""The sandbox's game day in `production`: the tables of the local one, cell for cell, whatever call its processes die at."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from nba_pipeline.warehouse.bigquery.shapes import STAGING_PREFIX
from nba_pipeline_tests.bigquery.faults import Call
from nba_pipeline_tests.bigquery.game_day import When, another_start, faults_of, played, prepared

SEED = 4

POINTS: tuple[tuple[str, When], ...] = (
    ("load points_model", "after"), ("load player_shot_zones", "before"), ("load schedule", "after"), ("stage injuries", "after"),
    ("merge injuries", "after"), ("acknowledge injuries", "before"), ("load quarantine_prop_lines", "after"),
    ("make staging_prop_lines", "after"), ("merge prop_lines", "before"), ("acknowledge upcoming_players", "after"),
    ("merge game_lines", "after"), ("load player_form", "after"), ("acknowledge matchups", "before"), ("load features", "before"),
    ("merge predictions", "after"), ("acknowledge predictions", "before"),
    ("load boxscores", "after"), ("acknowledge play_by_play", "after"), ("load team_boxscores", "before"),
    ("load player_game_summary", "after"), ("stage grades", "before"), ("merge grades", "after"),
    ("acknowledge grades", "before"), ("load team_game_summary", "after"),
)  # fmt: skip
"""Where a process may die, in the order of the day: a call, and whether BigQuery still hears of it. Half of them are drawn."""

DRAWN = 12


def reached(point: str) -> Callable[[Call], bool]:
    """Whether a call is the one that a point names."""
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
            case "make":
                made = str(call.body.get("tableReference", {}).get("tableId"))
                return call.kind == "tables" and call.method == "POST" and made.startswith(name)
        return statement.strip().startswith("INSERT INTO loads") and f'"{name}"' in str(call.body).replace("'", '"')

    return is_it


@pytest.mark.filterwarnings("ignore")  # whole commands run here, and pandas and google's clients warn of their own affairs
def test_a_day_killed_a_dozen_times_leaves_the_tables_of_an_undisturbed_one(tmp_path: Path) -> None:
    league, start, expected = prepared(tmp_path)
    assert expected[-1]["predictions"].height and expected[-1]["grades"].height
    drawn = sorted(random.Random(SEED).sample(range(len(POINTS)), DRAWN))
    kills = [(reached(POINTS[place][0]), POINTS[place][1]) for place in drawn]
    with another_start(tmp_path, start) as (day, emulator):
        ended = played(day, league, emulator, kills)
    assert len(ended.killed) == DRAWN, ended.killed
    assert faults_of(ended, expected[-1]) == []
