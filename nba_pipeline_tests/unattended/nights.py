"""One night on the simulated daemon with faults in the providers' responses, and the alerts that it raised."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import time_machine

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import incidents
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.prepared import copy_of
from nba_pipeline_tests.unattended.daemon import RULES_FILE, Daemon

DAY = date(2026, 1, 15)
NEXT = DAY + timedelta(days=1)
HISTORY_DAYS = 12
CLUBS = 8
START = eastern(DAY, 11, 45)
Rule = Mapping[str, Any]

EVENING = ((13, 5), (16, 10), (17, 40), (18, 46), (18, 49), (18, 54), (23, 15))
MORNING = ((1, 30), (6, 10), (6, 45), (7, 10), (9, 5), (10, 5), (11, 35), (12, 10))
INSTANTS = (*(eastern(DAY, *at) for at in EVENING), *(eastern(NEXT, *at) for at in MORNING))
"""When the daemon evaluates its schedules and sensors: around each mode, the captures, the games and the deadline."""


@dataclass(frozen=True)
class Night:
    """The alerts of a night, and its tables."""

    home: Path
    alerts: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """Kind and subject -> whether it is open at the end."""

    @property
    def warehouse(self) -> LocalWarehouse:
        """The tables of the home."""
        return LocalWarehouse(home=str(self.home))


class NightDaemon(Daemon):
    """The daemon with fixed rules. Also evaluates the sensor of failed runs, which the simulated daemon omits."""

    def __init__(self, home: Path, rules: Sequence[Rule]):
        super().__init__(home, START)
        self.fixed_rules, self.handled = [dict(rule) for rule in rules], set[str]()

    def write_rules(self, now: datetime) -> None:
        """Writes the rules of the night. A league of few clubs costs a fraction of the time."""
        (self.home / RULES_FILE).write_text(json.dumps({"rules": self.fixed_rules, "clubs": CLUBS}))

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


def load_history(home: Path) -> None:
    """Loads the days before the night, and the slate of its morning, without faults."""
    home.mkdir(parents=True)
    NightDaemon(home, []).load_the_days_before(HISTORY_DAYS)
    play(home, [], [START])


def play(home: Path, rules: Sequence[Rule], instants: Sequence[datetime] = INSTANTS) -> Night:
    """Evaluates the daemon at these instants with these rules."""
    daemon = NightDaemon(home, rules)
    already = {record.dagster_run.run_id for record in daemon.instance.get_run_records()}
    daemon.handled |= already
    for now in instants:
        with time_machine.travel(now, tick=False):
            daemon.prepare(now)
            daemon.evaluate_tick_at(now)
    with time_machine.travel(instants[-1], tick=False):
        alerts = incidents(LocalWarehouse(home=str(home)))
    return Night(home, {(alert.kind, alert.subject): alert.is_open for alert in alerts})


def a_night(history: Path, home: Path, *rules: Rule) -> Night:
    """Plays the night with these rules in a copy of the history."""
    return play(copy_of(history, home), rules)


def games() -> tuple[Game, ...]:
    """The games of the night."""
    return League(clubs=CLUBS).games(DAY)
