"""The facts that explain a date: its tables, the verdicts of its gates, its requests and its runs. Each is read on first use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.completeness import gates, history, modes, slate_gates
from nba_pipeline.completeness.date_facts import Failure
from nba_pipeline.completeness.next_steps import (
    command_of_dates,
    fetching_command,
    first_backfill,
    loading_command,
    repair_command,
)
from nba_pipeline.completeness.not_played import NOT_PLAYED, OFF, off_games
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.materializations import latest_materialization
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import READ_BEFORE, eastern_time, failing_providers, paused_until, request_lines
from nba_pipeline.monitoring.landed_dates import READS, missing_sources
from nba_pipeline.monitoring.run_facts import RunFacts, read_runs
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing


@dataclass(frozen=True)
class SlateFacts:
    """The facts about one date. Tables are read on first use. Without an instance of Dagster, runs are unknown."""

    warehouse: Warehouse
    landing: Landing
    clock: Clock
    instance: dg.DagsterInstance | None
    game_date: date

    def rows(self, name: str) -> pl.DataFrame:
        """Returns the rows of a table on the date."""
        if name not in self._frames:
            self._frames[name] = self.warehouse.scan(TABLES[name], [self.game_date]).collect()
        return self._frames[name]

    def of(self, name: str, subject: Subject) -> pl.DataFrame:
        """Returns the rows of a table that belong to the subject: to its player, game or teams."""
        return subject.select(self.rows(name))

    def is_written(self, name: str) -> bool:
        """Whether the date of a table was written, with rows or without."""
        return self.game_date in self.warehouse.dates(TABLES[name])

    def lost(self, name: str) -> str:
        """Returns why the rows of a table on the date are lost; an empty text if they are not."""
        return self.warehouse.lost(TABLES[name]).get(self.game_date, "")

    def is_due(self, name: str) -> bool:
        """Whether a table should be written by now."""
        due_at = self.due.get(name)
        return due_at is not None and due_at + modes.grace() <= self.clock.now()

    def due_text(self, name: str) -> str:
        """Returns when a table is due, US Eastern."""
        due_at = self.due.get(name)
        return f"due at {eastern_time(due_at, self.game_date)} US Eastern" if due_at else "not due on a date without games"

    @cached_property
    def lines_due_text(self) -> str:
        """When the games of the date should have lines, US Eastern; an empty text once they are due."""
        tipoffs = self.rows("schedule").filter(pl.col("status") != OFF)["tipoff_at"].to_list()
        due_at = modes.lines_due_at(self.game_date, tipoffs)
        return f"due at {eastern_time(due_at, self.game_date)} US Eastern" if self.clock.now() < due_at else ""

    def fetching_command(self, subject: Subject) -> str:
        """Returns the command that sends requests again: a backfill before the stored history, none after the subject's last tip-off."""
        played = self.of("schedule", subject).filter(pl.col("status") != OFF)
        paused = paused_until(self.landing, failing_providers(self.requests)[0])
        usual = fetching_command(self.game_date, played["tipoff_at"].to_list(), self.clock.now(), paused)
        if usual and not paused and self._first_backfill:
            return self._first_backfill
        return self.command(usual)

    @cached_property
    def next_capture(self) -> str:
        """The next step for lines that a later capture may bring; empty after the last planned capture."""
        tipoffs = self.rows("schedule").filter(pl.col("status") != OFF)["tipoff_at"].drop_nulls().to_list()
        now = self.clock.now()
        upcoming = [at for at in tipoffs if at > now]
        next_at = min((at for at in modes.capture_instants(upcoming) if at > now), default=None)
        return f"wait, the next capture is at {eastern_time(next_at, self.game_date)} US Eastern" if next_at else ""

    def command(self, usual: str, first: date | None = None) -> str:
        """Returns the next command of a broken link: `usual`, or a backfill from `first` for a date before the stored history."""
        return usual if self._is_within_home else loading_command(self.warehouse, first or self.game_date)

    @cached_property
    def _first_backfill(self) -> str:
        """The backfill with which a new home begins: without the games before it, requests for the date complete nothing."""
        return first_backfill(self.warehouse, self.clock.today)

    @cached_property
    def _is_within_home(self) -> bool:
        return self.game_date >= history.first_due_date(self.warehouse, self.clock.today)

    @property
    def repair_command(self) -> str:
        """The command that writes the missing rows of the date."""
        return self.command(repair_command(self.game_date))

    @cached_property
    def completing_command(self) -> str:
        """The command that writes the missing tables of the date."""
        return command_of_dates(self.warehouse, self.game_date, self.game_date, self.clock.now())

    def quarantined(self, name: str) -> pl.DataFrame:
        """Returns the quarantined rows of a table on the date."""
        return self.warehouse.scan_quarantine(TABLES[name], [self.game_date]).collect()

    def run_of(self, name: str) -> str:
        """Returns the last run that wrote the date of a table and its instant; an empty text if it is unknown."""
        record = latest_materialization(self.instance, name, self.game_date) if self.instance else None
        if record is None:
            return ""
        at = datetime.fromtimestamp(record.timestamp, UTC)
        return f"last written by run {record.run_id[:8]} at {eastern_time(at, self.game_date)}"

    def failure_of(self, name: str) -> Failure | None:
        """Returns the failed runs of a table that no later run has repaired."""
        return self.runs.failures.get(self.game_date, {}).get(name)

    @cached_property
    def due(self) -> Mapping[str, datetime]:
        """Table -> the first instant at which it is due."""
        played = self.rows("schedule").filter(pl.col("status") != OFF)
        return modes.first_due(self.game_date, played["tipoff_at"].to_list())

    @cached_property
    def runs(self) -> RunFacts:
        """Runs in progress and failures of the date."""
        return read_runs(self.instance, [self.game_date], self.clock) if self.instance else RunFacts()

    @cached_property
    def judged(self) -> pl.DataFrame:
        """The final games of the date, see `gates.judge_games`."""
        return gates.judge_games(self.rows("schedule"), self.rows("boxscores"))

    @cached_property
    def covered(self) -> Mapping[str, Any]:
        """The coverage of the date, see `gates.coverage`."""
        return gates.coverage(self.judged, [self.game_date]).row(0, named=True)

    @cached_property
    def waivers(self) -> pl.DataFrame:
        """The waivers of the date that are in effect."""
        waivers = self.warehouse.scan(gates.WAIVERS, [self.game_date]).collect()
        return gates.standing_waivers(waivers, self.clock.now())

    @cached_property
    def slate(self) -> tuple[Mapping[str, Any], pl.DataFrame]:
        """The verdict of the slate's gate, and the excluded teams, see `slate_gates.judge_slates`."""
        dates = [self.game_date]
        slates, excluded = slate_gates.judge_slates(*slate_gates.before(self.warehouse, dates), dates, self.clock.now())
        return slates.row(0, named=True), excluded

    @cached_property
    def not_played(self) -> Sequence[str]:
        """A message for each game of the date that is not played."""
        marks = self.warehouse.scan(NOT_PLAYED, [self.game_date]).collect()
        return off_games(self.rows("schedule"), marks, self.clock.now()).get(self.game_date, [])

    @cached_property
    def requests(self) -> list[Mapping[str, Any]]:
        """The requests of the date in the journals, oldest first."""
        lines = request_lines(self.landing, self.game_date - READ_BEFORE)
        return sorted((line for line, dates in lines if self.game_date in dates), key=lambda line: str(line["fetched_at"]))

    @cached_property
    def not_loaded(self) -> Sequence[str]:
        """The source tables that have landed responses and no rows of the date in the warehouse."""
        return missing_sources(self.warehouse, self.landing, self.game_date).get(self.game_date, ())

    @cached_property
    def _frames(self) -> dict[str, pl.DataFrame]:
        return {}


def is_source(name: str) -> bool:
    """Whether a table is loaded from responses of providers."""
    return name in READS and name in daily_tables("sources")
