"""The command `record` on a home with grades, without grades and without tables."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from nba_pipeline.evaluation.graded_record import RECORD
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.builders import Values
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.commands import Ended, nba_pipeline

pytestmark = pytest.mark.slow

FIRST, SECOND, TODAY = date(2026, 1, 14), date(2026, 1, 15), date(2026, 1, 17)


def record(home: Path, *words: str) -> Ended:
    return nba_pipeline("record", *words, home=home, now=eastern(TODAY, 12))


def a_grade(player_id: int, actual: int, outcome: str) -> Values:
    """A forecast of 24 points that was OVER a line of 20.5."""
    return {
        "game_id": "1", "player_id": player_id, "system_id": "ensemble", "market": "player_points", "run_kind": "live", "version": 1,
        "predicted_value": 24.0, "line": 20.5, "recommendation": "OVER", "actual_value": actual, "outcome": outcome,
        "absolute_error": abs(24.0 - actual),
    }  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two dates with a win each, and a loss on the second one."""
    days = Days(tmp_path)
    days.write("schedule", FIRST)
    days.write("grades", FIRST, a_grade(1, 26, "WIN"))
    days.write("grades", SECOND, a_grade(1, 22, "WIN"), a_grade(2, 14, "LOSS"))
    return tmp_path


def test_the_default_dates_are_all_graded_ones(home: Path) -> None:
    ended = record(home)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"Graded {FIRST} to {SECOND}; hit rate = wins / (wins + losses)" in ended.stdout
    assert "66.7%" in ended.stdout and "break-even 52.4 %" in ended.stdout


def test_the_dates_choose_the_grades_and_json_has_every_number(home: Path) -> None:
    ended = record(home, "--from", str(SECOND), "--format", "json")
    system, market = json.loads(ended.stdout)
    assert ended.returncode == 0 and [system["system_id"], market["system_id"]] == ["ensemble", "market"]
    assert (system["graded"], system["bets"], system["hit_rate"], system["lined"]) == (2, 2, 0.5, 2)
    # the forecast misses by 2 and 10 points, the line by 1.5 and 6.5
    assert (system["mae"], market["mae"], system["gap"]) == (6.0, 4.0, 2.0)


def test_dates_without_grades_are_named_and_have_no_rows(home: Path) -> None:
    ended = record(home, "--to", str(FIRST - timedelta(days=1)), "--format", "csv")
    assert (ended.returncode, ended.stdout.strip()) == (0, ",".join(RECORD))
    assert ended.stderr == "no record: no prediction of these dates is graded\n"


def test_an_unreadable_date_is_named(home: Path) -> None:
    (home / "tables" / "grades" / f"game_date={FIRST}" / "part.parquet").write_bytes(b"")
    ended = record(home)
    assert ended.returncode == 1 and f"{FIRST}" in ended.stderr and f"Graded {SECOND} to {SECOND}" in ended.stdout


def test_a_home_without_tables_names_the_first_command(tmp_path: Path) -> None:
    ended = record(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.replace("\n", "") == f"no record: the home {tmp_path} has no tables; first: `nba-pipeline demo`"
