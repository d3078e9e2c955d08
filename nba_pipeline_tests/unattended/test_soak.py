"""Unattended days around each clock change, with kills and faults, give the same tables as undisturbed days.

Two days by default; `--soak-days 8` runs a week, so that models are trained once, and the day after it. The league is small: the
whole one has the same automation, and a day of it takes a minute or two of CPU. The simulated daemon runs each stretch twice, once
undisturbed. The faults are temporary: responses that fail and succeed on retry, and box scores that are late or lack players until
the next evaluation.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, eastern, eastern_date
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_record import RECORD_LEDGERS
from nba_pipeline_tests.monitoring.webhook import ALERT_LEDGERS
from nba_pipeline_tests.unattended.daemon import STATE

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=200)]

CLOCK_CHANGES = {"25 hours": date(2025, 11, 2), "23 hours": date(2026, 3, 8)}
DAYS_FROM_REST_TO_REST = 4
"""One of them is the day after the clock change: box scores of the previous evening may be late."""

HISTORY_DAYS = 14
CLUBS = 12
KILLS = 5
EVENTS_UNTIL_KILLED = (100, 600)
"""Events of a process per day of the stretch, so that kills occur on all days."""
SEED = 20260308
RUNS_OF_A_DAY_WITHOUT_GAMES = 5
"""One run per mode, the runs that follow from the first, and housekeeping."""

OF_THE_MOMENT = ("captured_at", "made_at", "graded_at", "prediction_id", "waived_at", "trained_at", "seen_at", "roster_seen_at")
"""Columns with execution instants, beside lineage. The repetition of a killed run is slightly later."""


class Stretch:
    """A home and its processes."""

    def __init__(self, home: Path, start: datetime, number: int, without_games: Sequence[date]):
        self.home, self.start, self.end, self.kills = home, start, start + timedelta(days=number), 0
        self.without_games = without_games
        home.mkdir(exist_ok=True)

    def twin(self, name: str) -> "Stretch":
        """Returns the same stretch in a copy of the home."""
        home = Path(shutil.copytree(self.home, self.home.parent / name, symlinks=True))
        return Stretch(home, self.start, (self.end - self.start).days, self.without_games)

    def live(self, kill_at: int | None = None, faults: int | None = None, history: int | None = None) -> bool:
        """Runs one process until the stretch is complete or the process is killed. Returns whether the stretch is complete."""
        command: list[str] = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "nba_pipeline_tests.unattended.daemon",
            str(self.home),
            self.start.isoformat(),
            self.end.isoformat(),
        ]
        command += ["--kill-at-event", str(kill_at)] if kill_at else []
        command += ["--faults", str(faults)] if faults else []
        command += ["--history", str(history)] if history else []
        command += ["--clubs", str(CLUBS), "--without-games", *map(str, self.without_games)]
        variables = {"PATH": os.environ["PATH"], "NBA_PIPELINE_HOME": str(self.home)}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        self.kills += done.returncode == -9
        assert done.returncode in (0, -9), done.stderr
        return done.returncode == 0

    def decisions(self) -> list[str]:
        """Returns the decisions and runs of the daemon, one line each."""
        return [" ".join(line) for line in json.loads((self.home / STATE).read_text())["decisions"]]

    def tables(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Returns the tables without columns that depend on the instant of a run."""
        warehouse = LocalWarehouse(home=str(self.home))
        span = days(eastern_date(self.start) - timedelta(days=8), eastern_date(self.end) + timedelta(days=1))
        for name, table in TABLES.items():
            rows = warehouse.scan(table, span).drop(*LINEAGE, *OF_THE_MOMENT, strict=False).collect()
            if name == "grades":
                rows = rows.drop("minutes")  # from the first box score; a difference in minutes alone is not a correction
            if name == "system_performance":
                rows = rows.filter(pl.col("subset") == "all")  # the record of a filter depends on the instants of the runs
            yield name, rows.drop(cs for cs, kind in rows.schema.items() if cs.endswith("source")).sort(pl.all())


@pytest.mark.parametrize("change", CLOCK_CHANGES.values(), ids=CLOCK_CHANGES.keys())
def test_kills_and_faults_do_not_change_the_tables(change: date, soak_days: int, tmp_path: Path) -> None:
    begin, chance = eastern(change - timedelta(days=soak_days // 2), 8), random.Random(SEED)
    rest = [change + timedelta(days=n) for n in range(-soak_days, soak_days) if n % DAYS_FROM_REST_TO_REST == 1]
    start = Stretch(tmp_path / "start", begin, soak_days, rest)
    assert start.live(history=HISTORY_DAYS)
    calm, rough = start.twin("calm"), start.twin("rough")
    assert calm.live()
    while not rough.live(soak_days * chance.randint(*EVENTS_UNTIL_KILLED) if rough.kills < KILLS else None, faults=SEED):
        pass
    assert rough.kills >= KILLS - 2
    expected: dict[str, Any] = dict(calm.tables())
    different = {}
    for name, rows in rough.tables():
        if name not in (*ALERT_LEDGERS, *RECORD_LEDGERS) and not rows.equals(expected[name]):
            missing = expected[name].join(rows, on=rows.columns, how="anti", nulls_equal=True)
            more = rows.join(expected[name], on=rows.columns, how="anti", nulls_equal=True)
            different[name] = f"{missing.height} rows are missing, {more.height} differ"
    assert different == {}
    played = {day for day in days(eastern_date(calm.start), eastern_date(calm.end)) if day not in rest}
    assert played <= set(expected["predictions"]["game_date"]) and played - {eastern_date(calm.end)} <= set(
        expected["grades"]["game_date"]
    )


def test_days_out_of_season_start_no_runs_and_raise_no_alerts(tmp_path: Path) -> None:
    """The days include a Monday, when models are due. The only requests check for new games."""
    summer = days(date(2026, 5, 1), date(2026, 9, 30))
    stretch = Stretch(tmp_path / "summer", eastern(date(2026, 7, 11), 8), 3, summer)
    assert stretch.live()
    assert LocalWarehouse(home=str(stretch.home)).scan(ALERTS).collect().is_empty()
    done = [line for line in stretch.decisions() if " done " in line or " FAILED " in line]
    assert [line for line in done if "FAILED" in line or line.endswith("train")] == []
    assert len([line for line in done if line.startswith("2026-07-13")]) <= RUNS_OF_A_DAY_WITHOUT_GAMES
    requested = {
        (request["provider"], request["endpoint"]) for request in Landing(home=str(stretch.home), clock=Clock()).requests()
    }
    assert requested == {("nba_cdn", "schedule")}
