"""A home that a test fills by hand: games and box scores, when each table was made, which runs were tried. No job runs."""

import shutil
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import time_machine
from dagster._core.test_utils import create_run_for_test

import nba_pipeline.definitions  # noqa: F401  # fills TABLES
from nba_pipeline.completeness.modes import MODES, Mode, tables_of_mode
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, PARTITION_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.systems import TRAINED_SYSTEMS, System
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import Values, a_boxscore, a_game, frame_of
from nba_pipeline_tests.instances import open_instance

PLAYERS_A_SIDE = 8
TEAMS = (("GSW", "NYK"), ("BOS", "LAL"), ("DEN", "MIA"), ("PHX", "CHI"))


def slate_of(day: date, *tipoffs: datetime | None, status: str = "scheduled", **fields: Any) -> list[Values]:
    """Games of a date in the order of their tip-offs; a final one has scored 110 to 100."""
    scores = {} if status == "final" else {"home_points": None, "away_points": None}
    return [
        a_game(day, *TEAMS[n]) | {"game_id": f"002{day:%y%m%d}{n}", "status": status, "tipoff_at": tipoff} | scores | fields
        for n, tipoff in enumerate(tipoffs)
    ]


def complete_box(game: Values) -> list[Values]:
    """Both teams of a game: eight players of half an hour each, of whom the first scored everything."""
    sides = (("home", "away"), ("away", "home"))
    return [
        a_boxscore(
            game["game_date"],
            game[f"{side}_points"] if n == 0 else 0,
            game_id=game["game_id"],
            team=game[f"{side}_team"],
            opponent=game[f"{other}_team"],
            is_home=side == "home",
            player_id=1 + n + 100 * (side == "home"),
            team_points=game[f"{side}_points"],
        )
        for side, other in sides
        for n in range(PLAYERS_A_SIDE)
    ]


class Days:
    """The warehouse and the instance of a home."""

    def __init__(self, home: Path):
        self.home, self.warehouse, self.instance = home, LocalWarehouse(home=str(home), league="simulated"), open_instance(home)

    def write(self, table: str, day: date, *rows: Values) -> None:
        """Make a date of a table hold exactly these rows, unknown to Dagster."""
        frame = frame_of(TABLES[table], *({"game_date": day} | row for row in rows))
        self.warehouse.replace(TABLES[table], [day], frame, "test", {day: 10_000})

    def write_models(self, week: date, systems: Sequence[System] = TRAINED_SYSTEMS) -> None:
        """Make a week hold a training of these systems, without a stored model."""
        row = {"rows": 0, "validation_rows": 0, "features": [], "source": "test", "as_of": eastern(week, 5), "code_version": "1"}
        self.write("points_model", week, *(row | {"system_id": system.system_id} for system in systems))

    def make(self, at: datetime, day: date, *tables: str, **metadata: Any) -> None:
        """Materialise a date of some tables at an instant, with this metadata; what holds no rows yet is empty.

        A week of models has a row per system.
        """
        with time_machine.travel(at, tick=False):
            for table in tables:
                if day not in self.warehouse.dates(TABLES[table]):
                    self.write_models(day) if table == "points_model" else self.write(table, day)
                self.instance.report_runless_asset_event(
                    dg.AssetMaterialization(table, partition=day.isoformat(), metadata=metadata)
                )

    def make_mode(self, at: datetime, day: date, mode: Mode, but: Sequence[str] = ()) -> None:
        """What a run of the mode makes, in its order."""
        self.make(at, day, *(table for table in tables_of_mode(mode) if table not in but))

    def make_everything(self, at: datetime, *dates: date) -> None:
        """Every table of every mode."""
        for day in dates:
            self.make(at, day, *dict.fromkeys(table for mode in MODES for table in tables_of_mode(mode)))

    def begin(self, day: date, at: datetime, job: str = "game_day", **tags: str) -> dg.DagsterRun:
        """A run of a date that is under way."""
        with time_machine.travel(at, tick=False):
            tags = {PARTITION_TAG: day.isoformat(), **tags}
            run: dg.DagsterRun = create_run_for_test(self.instance, job, status=dg.DagsterRunStatus.STARTED, tags=tags)
            return run

    def end(self, run: dg.DagsterRun, at: datetime, succeeded: bool = False) -> None:
        """The end of a run, where Dagster keeps it; an event log of its own would cost each run a database."""
        kind = dg.DagsterEventType.RUN_SUCCESS if succeeded else dg.DagsterEventType.RUN_FAILURE
        event = dg.DagsterEvent(event_type_value=kind.value, job_name=run.job_name)
        self.instance.run_storage.handle_run_event(run.run_id, event, at)

    def try_mode(self, mode: Mode, day: date, due_at: datetime, ended_at: datetime, succeeded: bool = False) -> None:
        """An attempt at what was due, that has ended."""
        self.end(self.begin(day, ended_at, **{MODE_TAG: mode, DUE_TAG: due_at.isoformat()}), ended_at, succeeded)


def a_copy(start: Path, home: Path) -> Days:
    """The days of another home, as one's own."""
    shutil.copytree(start, home)
    return Days(home)
