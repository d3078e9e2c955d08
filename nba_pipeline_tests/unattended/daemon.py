"""Dagster's daemon on a simulated clock: evaluates schedules, sensors and conditions, and executes the requested runs.

The process runs at the simulated instant, so that Dagster's events have it, too. The clock stands still during an
evaluation, because provider responses depend on the second. Cursors and unfinished requests are stored in a file below the
home, so the process can be killed at any event and restarted.

    python -m nba_pipeline_tests.unattended.daemon HOME FROM TO [--without-games DATE ...] [--kill-at-event N] [--faults SEED]
    python -m nba_pipeline_tests.unattended.daemon HOME FROM TO --history DAYS    # loads the days before and ends
"""

import argparse
import json
import os
import random
import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import time_machine
from dagster._core.definitions.automation_condition_sensor_definition import AutomationConditionSensorDefinition
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.schedules import schedule_execution_time_iterator

from nba_pipeline.definitions import build_definitions
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.event_log import KeptSqliteEventLogStorage
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.league.calendar import EASTERN, eastern, eastern_date
from nba_pipeline.orchestration.runner import QUIET, Runner
from nba_pipeline.sandbox.league import League

STATE = "unattended.json"
EASTERN_TIMES = ((6, 10), (16, 10), (17, 40), (23, 15))
"""Instants of the evaluations. The real daemon evaluates every 30 seconds and gets the same results slightly earlier."""

RULES_FILE = "sandbox_rules.json"
SHARE_OF_TICKS_WITH_FAULTS = 0.4
LATE_EVENING = 23
STARTED_AGAIN_AFTER = timedelta(minutes=5)
"""A killed daemon repeats its evaluation at the same instant, so that it gets the same provider responses."""

MOST_ROUNDS = 12
"""Limit of evaluations at one instant. Each table of a chain of tables takes one."""


@dataclass
class State:
    """The state that survives a kill: clock, cursors, used run keys and unfinished requests."""

    now: str
    cursors: dict[str, str | None] = field(default_factory=dict)
    ticked: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    unfinished: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[list[str]] = field(default_factory=list)


class Daemon:
    """The definitions of the sandbox on the instance of a home."""

    def __init__(self, home: Path, start: datetime, faults: int | None = None, without_games: Sequence[date] = ()):
        self.home, self.path, self.faults, self.without_games = home, home / STATE, faults, set(without_games)
        self.definitions = build_definitions("sandbox")
        self.instance = open_instance(home)
        self.state = State(**json.loads(self.path.read_text())) if self.path.exists() else State(start.isoformat())
        self.repository = self.definitions.get_repository_def()
        self.jobs = {schedule.name: schedule.job_name for schedule in self.repository.schedule_defs}

    def load_the_days_before(self, number: int) -> None:
        """Runs the backfill of a new user. Its first slates have closed gates, because they have no history."""
        now = datetime.fromisoformat(self.state.now)
        yesterday = eastern_date(now) - timedelta(days=1)
        with time_machine.travel(now, tick=False):
            self.write_rules(now)
            list(Runner(self.definitions, self.instance).backfill(yesterday - timedelta(days=number - 1), yesterday))

    def run(self, to: datetime) -> None:
        """Evaluates from the stored instant to a given instant."""
        while (now := datetime.fromisoformat(self.state.now)) <= to:
            with time_machine.travel(now, tick=False):
                self.write_rules(now)
                self.evaluate_tick_at(now)
            self.state.now = next_look(now).isoformat()
            self.save()

    def write_rules(self, now: datetime) -> None:
        """Writes the faults and the dates without games to the rules file of the sandbox."""
        no_games = sorted(map(str, self.without_games))
        (self.home / RULES_FILE).write_text(json.dumps({"rules": self.rules(now), "no_game_dates": no_games}))

    def rules(self, now: datetime) -> list[dict[str, Any]]:
        """Returns the temporary faults of one evaluation, a function of seed and instant. Most evaluations have none.

        Only a late-evening evaluation loses box scores or rows of them, and only before a date without games. The next
        evaluation gets them. Otherwise predictions in between would differ, and predictions are never replaced.
        """
        if self.faults is None:
            return []
        chance = random.Random(f"{self.faults} {now.isoformat()}")
        rules: list[dict[str, Any]] = []
        if chance.random() < SHARE_OF_TICKS_WITH_FAULTS:
            provider = chance.choice(("nba_cdn", "odds_api", "espn"))
            rules.append(
                {"match": {"provider": provider}, "action": "status", "status": chance.choice((500, 503, 429)), "times": 1}
            )
        today = eastern_date(now)
        if now.astimezone(EASTERN).hour == LATE_EVENING and today + timedelta(days=1) in self.without_games:
            games = [game.game_id for game in League(no_game_dates=frozenset(self.without_games)).games(today)]
            late, halved = chance.sample(games, 2)
            rules.append({"match": {"path": f"boxscore_{late}"}, "action": "status", "status": 403})
            rules.append({"game": [halved], "action": "drop_players", "n": 6})
        return rules

    def evaluate_tick_at(self, now: datetime) -> None:
        """Executes unfinished requests, then evaluates sensors until none requests a run."""
        close_dead_runs(self.instance, now + STARTED_AGAIN_AFTER)
        for request in list(self.state.unfinished):
            self.execute(request)
        for name, requests in self.scheduled(now):
            self.take(name, requests)
        for _ in range(MOST_ROUNDS):
            request_count = 0
            for name, requests in self.sensed():
                request_count += self.take(name, requests)
            if not request_count:
                return
        raise AssertionError(f"at {now} sensors still request runs after {MOST_ROUNDS} evaluations")

    def scheduled(self, now: datetime) -> Iterator[tuple[str, list[dg.RunRequest]]]:
        """Returns the last tick of each schedule since the previous evaluation."""
        for schedule in self.repository.schedule_defs:
            since = datetime.fromisoformat(self.state.ticked.get(schedule.name, (now - timedelta(minutes=30)).isoformat()))
            self.state.ticked[schedule.name] = now.isoformat()
            ticks = schedule_execution_time_iterator(since.timestamp(), schedule.cron_schedule, schedule.execution_timezone, True)
            passed = [tick for tick in _until(ticks, now) if tick > since]
            if passed:
                with dg.build_schedule_context(
                    self.instance,
                    scheduled_execution_time=passed[-1],
                    resources=self.definitions.resources,
                    repository_def=self.repository,
                ) as context:
                    evaluation = schedule.evaluate_tick(context)
                self.note(schedule.name, evaluation.run_requests, evaluation.skip_message)
                yield schedule.name, list(evaluation.run_requests or ())

    def sensed(self) -> Iterator[tuple[str, list[dg.RunRequest]]]:
        """Evaluates every sensor once."""
        for sensor in self.repository.sensor_defs:
            if isinstance(sensor, AutomationConditionSensorDefinition):
                yield sensor.name, self.conditions(sensor)
            elif not isinstance(sensor, dg.RunStatusSensorDefinition):
                with dg.build_sensor_context(
                    self.instance,
                    cursor=self.state.cursors.get(sensor.name),
                    resources=self.definitions.resources,
                    repository_def=self.repository,
                ) as context:
                    evaluation = sensor.evaluate_tick(context)
                self.state.cursors[sensor.name] = evaluation.cursor
                self.note(sensor.name, evaluation.run_requests, evaluation.skip_message)
                yield sensor.name, list(evaluation.run_requests or ())

    def conditions(self, sensor: AutomationConditionSensorDefinition) -> list[dg.RunRequest]:
        """Returns the run requests of the automation conditions."""
        stored_cursor = self.state.cursors.get(sensor.name)
        evaluation = dg.evaluate_automation_conditions(
            self.definitions,
            self.instance,
            cursor=deserialize_value(stored_cursor) if stored_cursor else None,
            evaluation_time=datetime.now(UTC),
        )
        self.state.cursors[sensor.name] = serialize_value(evaluation.cursor)
        subsets = [result.true_subset for result in evaluation.results if not result.true_subset.is_empty]
        graph = self.definitions.resolve_asset_graph()
        return list(build_run_requests(subsets, graph, sensor.run_tags, emit_backfills=False))

    def note(self, name: str, requests: Any, skipped: str | None) -> None:
        """Stores a decision that differs from the previous one of the same name."""
        decision = f"run {len(requests)}" if requests else f"skip {skipped}"
        if decision != next((what for _, who, what in reversed(self.state.decisions) if who == name), None) or requests:
            self.state.decisions.append([datetime.now(UTC).isoformat()[:19], name, decision])

    def take(self, name: str, requests: list[dg.RunRequest]) -> int:
        """Stores the requests, executes those with a new run key, and returns their number."""
        taken = []
        for request in requests:
            if request.run_key and request.run_key in self.state.keys:
                continue
            self.state.keys += [request.run_key] if request.run_key else []
            taken.append(
                {
                    "job": request.job_name or self.jobs.get(name, "game_day"),
                    "day": request.partition_key,
                    "assets": sorted(key.to_user_string() for key in request.asset_selection or ()),
                    "tags": dict(request.tags),
                    "asked_by": name,
                }
            )
        self.state.unfinished += taken
        self.save()
        for request in taken:
            self.execute(request)
        return len(taken)

    def execute(self, request: dict[str, Any]) -> None:
        """Executes one run in this process, with the tags of the daemon's queue."""
        partition = request["day"] or request["tags"].get("dagster/partition")
        job = self.definitions.resolve_job_def("game_day" if request["job"] == "__ASSET_JOB" else request["job"])
        selection = [dg.AssetKey(table) for table in request["assets"]]
        result = job.execute_in_process(
            instance=self.instance,
            partition_key=partition,
            asset_selection=selection or None,
            tags={**request["tags"], "nba/asked_by": request["asked_by"]},
            raise_on_error=False,
            run_config=QUIET if partition else None,
        )
        tables = request["assets"] or [request["job"]]
        self.state.decisions.append(
            [
                datetime.now(UTC).isoformat()[:19],
                request["asked_by"],
                f"{'done' if result.success else 'FAILED'} {partition} {' '.join(tables)}",
            ]
        )
        self.state.unfinished.remove(request)
        self.save()

    def save(self) -> None:
        """Writes the state atomically."""
        half = self.path.with_suffix(".half")
        half.write_text(json.dumps(vars(self.state)))
        half.replace(self.path)


def next_look(now: datetime) -> datetime:
    """Returns the first evaluation instant after an instant."""
    day = now.astimezone(EASTERN).date()
    times = [eastern(d, hour, minute) for d in (day, day + timedelta(days=1)) for hour, minute in EASTERN_TIMES]
    return min(at for at in times if at > now)


def _until(ticks: Iterator[datetime], now: datetime) -> Iterator[datetime]:
    for tick in ticks:
        if tick > now:
            return
        yield tick


def die_at_event(number: int) -> None:
    """Kills this process with SIGKILL when it stores its n-th event."""
    stored, store = 0, KeptSqliteEventLogStorage.store_event

    def count_and_store(self: Any, event: Any) -> None:
        nonlocal stored
        store(self, event)
        stored += 1
        if stored == number:
            os.kill(os.getpid(), signal.SIGKILL)

    KeptSqliteEventLogStorage.store_event = count_and_store  # type: ignore[method-assign]


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("start", type=datetime.fromisoformat)
    parser.add_argument("to", type=datetime.fromisoformat)
    parser.add_argument("--kill-at-event", type=int)
    parser.add_argument("--faults", type=int, help="seed of the faults; default: no faults")
    parser.add_argument("--without-games", type=date.fromisoformat, nargs="*", default=[], help="dates without games")
    parser.add_argument("--history", type=int, help="number of days before that are loaded")
    arguments = parser.parse_args()
    if arguments.kill_at_event:
        die_at_event(arguments.kill_at_event)
    daemon = Daemon(arguments.home, arguments.start, arguments.faults, arguments.without_games)
    if arguments.history:
        daemon.load_the_days_before(arguments.history)
    else:
        daemon.run(arguments.to)


if __name__ == "__main__":
    main()
