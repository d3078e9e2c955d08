"""Ten seasons of partitions: ticks, status, reconciliation and the UI read the same of recent dates, and every older date."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.orchestration.test_runner import DAY, HISTORY_DAYS, NEXT, copy_of, graded, loaded, predicted
from nba_pipeline_tests.unattended.ten_seasons import DATES

__all__ = ["graded", "loaded", "predicted"]
pytestmark = [pytest.mark.unattended, pytest.mark.sqlite, pytest.mark.long(seconds=60)]

SEASONS, RECENT = 10, HISTORY_DAYS + 1
ALL_DATES, ALL_PARTITIONS = "sql", "UI, all partitions"
READ_BY_DATE = {"schedule", "points_model", "slate_export"}
"""Tables with other dates: the whole season, weeks, and the last slate."""


def measured(home: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "nba_pipeline_tests.unattended.ten_seasons", str(home), *words]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["results"])


def test_ten_seasons_change_nothing_of_recent_dates_and_are_read_whole(graded: Path, tmp_path: Path) -> None:
    now = eastern(NEXT, 8).isoformat()
    alone = measured(copy_of(graded, tmp_path / "alone"), now)
    filled = measured(copy_of(graded, tmp_path / "filled"), now, "--fill", str(DAY))
    assert {f"grades {DAY}", f"player_game_summary {DAY}"} <= set(filled["tick after box scores"])
    for record in alone["status"] + filled["status"]:
        del record["notes"]  # they name the first stored date
    for name in alone.keys() - {ALL_DATES, ALL_PARTITIONS}:
        assert filled[name] == alone[name], name
    assert (alone[ALL_DATES], filled[ALL_DATES]) == ([[RECENT]], [[len(DATES) + RECENT]])
    for table, (partitions, materialized, ranges) in filled[ALL_PARTITIONS].items():
        if table not in READ_BY_DATE:
            assert partitions > len(DATES) and (materialized, ranges) == (len(DATES) + RECENT, SEASONS), table
