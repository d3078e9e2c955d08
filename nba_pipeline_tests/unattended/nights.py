"""Nights on the simulated daemon with faults: the output of `status` and `explain` during each, and its alerts.

A night begins at a stage: a copy of a prepared home at an instant before the fault. It evaluates the daemon at few instants.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import polars as pl
import pytest
import time_machine

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import Incident, incidents
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.prepared import copy_of, prepared
from nba_pipeline_tests.unattended.daemon import RULES_FILE, Daemon, die_at_event

DAY = date(2026, 1, 15)
NEXT = DAY + timedelta(days=1)
HISTORY_DAYS = 12
CLUBS = 8
Rule = Mapping[str, Any]
Act = Callable[[Path], object]
Stage = Literal["history", "morning", "evening", "night"]


def on_day(hour: int, minute: int = 0) -> datetime:
    """An instant of the day of the slate, US Eastern."""
    return eastern(DAY, hour, minute)


def on_next(hour: int, minute: int = 0) -> datetime:
    """An instant of the next day, US Eastern."""
    return eastern(NEXT, hour, minute)


STAGES: Mapping[Stage, tuple[datetime, ...]] = {
    "history": (),
    "morning": (on_day(11, 45),),
    "evening": (on_day(13, 5), on_day(16, 10), on_day(17, 40), on_day(18, 54)),
    "night": (on_day(23, 15), on_next(1, 30)),
}
"""Stage -> the instants that lead to it from the stage before: predictions at noon, closing lines, box scores and grades."""


@dataclass(frozen=True)
class Scenario:
    """A night with a fault, and the expected output of `status` and `explain`."""

    fault: str
    begins: Stage
    instants: Sequence[datetime]
    rules: Sequence[Rule] = ()
    acts: Mapping[datetime, Act] = field(default_factory=dict)
    """Instant -> the function that is called right before its evaluation, with the home."""
    seen: int = 0
    """Number of instants after which the commands run; 0 is after all."""
    alerts: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """Kind and subject -> whether it is open at the end. No other alert may exist."""
    state: str = "COMPLETE"
    broken: str = ""
    """Name of the first broken link of `explain`; empty without one."""
    command: str = ""
    """The next command of `explain`, `status` and every open alert."""
    summarized: frozenset[str] | None = None
    """The games with summaries and grades at the end. None if the night ends before its games."""
    is_clean: bool = False
    """Whether the tables are equal to those of a night without faults."""


@dataclass(frozen=True)
class Night:
    """A home after a night, its alerts, and the output of `status` and `explain`."""

    home: Path
    alerts: Sequence[Incident] = ()
    status: str = ""
    explanation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def warehouse(self) -> LocalWarehouse:
        """The tables of the home."""
        return LocalWarehouse(home=str(self.home))

    @property
    def is_open(self) -> dict[tuple[str, str], bool]:
        """Kind and subject of each alert -> whether it is open at the end."""
        return {(alert.kind, alert.subject): alert.is_open for alert in self.alerts}

    def rows(self, table: str, day: date = DAY) -> pl.DataFrame:
        """The rows of a table on a date."""
        return self.warehouse.scan(TABLES[table], [day]).collect()


class NightDaemon(Daemon):
    """The daemon with fixed rules. Also evaluates the sensor of failed runs, which the simulated daemon omits."""

    def __init__(self, home: Path, rules: Sequence[Rule] = (), clubs: int = CLUBS, without_games: Sequence[date] = ()):
        super().__init__(home, STAGES["morning"][0], without_games=without_games, clubs=clubs)
        self.fixed_rules = [dict(rule) for rule in rules]
        self.handled = {record.dagster_run.run_id for record in self.instance.get_run_records()}

    def write_rules(self, now: datetime) -> None:
        """Writes the rules of the night. A league of few clubs costs a fraction of the time."""
        document = {"rules": self.fixed_rules, "no_game_dates": sorted(map(str, self.without_games)), "clubs": self.clubs}
        (self.home / RULES_FILE).write_text(json.dumps(document))

    def evaluate_tick_at(self, now: datetime) -> None:
        """Evaluates everything, then the sensor of failed runs."""
        super().evaluate_tick_at(now)
        for record in self.instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
            run = record.dagster_run
            if run.run_id not in self.handled:
                self.handled.add(run.run_id)
                self._alert_on_failed_run(run)

    def _alert_on_failed_run(self, run: dg.DagsterRun) -> None:
        ending = self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)[-1].dagster_event
        sensor = self.repository.get_sensor_def("alert_on_failed_run")
        assert ending and self.definitions.resources
        notifier = {"notifier": self.definitions.resources["notifier"]}
        with dg.build_run_status_sensor_context(
            sensor.name, ending, self.instance, run, resources=notifier
        ).for_run_failure() as context:
            sensor(context)

    def play(self, instants: Sequence[datetime], acts: Mapping[datetime, Act]) -> None:
        """Evaluates at these instants. An act is called right before the evaluation of its instant."""
        for now in instants:
            with time_machine.travel(now, tick=False):
                self.prepare(now)
                if now in acts:
                    acts[now](self.home)
                self.evaluate_tick_at(now)


def stage(name: Stage, root: Path) -> Path:
    """Returns the prepared home of a stage. Each is made from the stage before."""

    def make(home: Path) -> None:
        before = list(STAGES)[list(STAGES).index(name) - 1]
        begin = None if name == "history" else stage(before, root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NBA_PIPELINE_HOME", str(home))
            if begin is None:
                home.mkdir(parents=True)
                NightDaemon(home).load_the_days_before(HISTORY_DAYS)
            else:
                NightDaemon(copy_of(begin, home)).play(STAGES[name], {})

    return prepared(f"nights_{name}", make, root)


def play(begin: Path, home: Path, scenario: Scenario) -> Night:
    """Plays a scenario in a copy of its stage. Returns the output of the commands, and the alerts at the end."""
    seen = scenario.seen or len(scenario.instants)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBA_PIPELINE_HOME", str(home))
        daemon = NightDaemon(copy_of(begin, home), scenario.rules)
        daemon.play(scenario.instants[:seen], scenario.acts)
        night = observe(home, scenario.instants[seen - 1])
        daemon.play(scenario.instants[seen:], scenario.acts)
        return replace(night, alerts=alerts_of(home, scenario.instants[-1]))


def in_a_process(home: Path, instants: Sequence[datetime], kill_at_event: int) -> int:
    """Plays instants in a process that kills itself at its n-th event. Returns its exit code."""
    words = [str(home), str(kill_at_event), *(now.isoformat() for now in instants)]
    command = [sys.executable, "-W", "ignore", "-m", "nba_pipeline_tests.unattended.nights", *words]
    variables = {"PATH": os.environ["PATH"], "NBA_PIPELINE_HOME": str(home)}
    return subprocess.run(command, env=variables, cwd=Path(__file__).parents[2], check=False).returncode


def alerts_of(home: Path, now: datetime) -> Sequence[Incident]:
    """The alerts of a home at an instant."""
    with time_machine.travel(now, tick=False):
        return incidents(LocalWarehouse(home=str(home)))


def observe(home: Path, now: datetime, day: date = DAY) -> Night:
    """Returns the output of the commands in a home at an instant, and its alerts."""
    with time_machine.travel(now, tick=False):  # damage that a command finds has the time of the machine
        status = nba_pipeline("status", "--from", str(day), "--to", str(day), home=home, now=now)
        explained = nba_pipeline("explain", "--date", str(day), "--format", "json", home=home, now=now)
    return Night(home, alerts_of(home, now), status.stdout, json.loads(explained.stdout))


def games(day: date = DAY) -> tuple[Game, ...]:
    """The games of a date."""
    return League(clubs=CLUBS).games(day)


def main(home: str, kill_at_event: str, *instants: str) -> None:
    """Plays instants of a night without faults until it is killed."""
    die_at_event(int(kill_at_event))
    NightDaemon(Path(home)).play([datetime.fromisoformat(now) for now in instants], {})


if __name__ == "__main__":
    main(*sys.argv[1:])
