"""Dagster's daemon on a simulated clock: evaluates schedules, sensors and conditions, and executes the requested runs.

The process runs at the simulated instant, so that Dagster's events have it, too. The clock does not move during an
evaluation, because provider responses depend on the second. Cursors and unfinished requests are stored in a file, so the
process can be killed at any event and restarted. Uses private modules of Dagster, verified with 1.13.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import time_machine
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._core.definitions.automation_condition_sensor_definition import AutomationConditionSensorDefinition
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.schedules import schedule_execution_time_iterator

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.run_tags import PARTITION_TAG

FIRST_LOOK_BACK = timedelta(minutes=30)
"""The first evaluation covers the ticks of schedules within this period before it."""

RESTART_DELAY = timedelta(minutes=5)
"""Added to the clock when dead runs are closed. A killed daemon repeats its evaluation at the same instant, so no time has passed."""

MAX_ROUNDS = 12
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


class SimulatedDaemon:
    """The definitions of an environment on an instance. `path` is the file of the state, `run_config` that of every run."""

    def __init__(
        self,
        definitions: dg.Definitions,
        instance: dg.DagsterInstance,
        path: Path,
        start: datetime,
        run_config: Mapping[str, Any],
    ):
        self.definitions, self.instance, self.path, self.run_config = definitions, instance, path, run_config
        self.state = State(**json.loads(path.read_text())) if path.exists() else State(start.isoformat())
        self.repository = definitions.get_repository_def()
        self.jobs = {schedule.name: schedule.job_name for schedule in self.repository.schedule_defs}
        self.on_run: Callable[[dict[str, Any], bool, float], object] = lambda request, success, seconds: None
        """Called after each run with its request, whether it succeeded, and its duration in seconds."""

    def run(self, until: datetime, next_instant: Callable[[datetime], datetime]) -> None:
        """Evaluates from the stored instant to a given instant."""
        while (now := datetime.fromisoformat(self.state.now)) <= until:
            with time_machine.travel(now, tick=False):
                self.prepare(now)
                self.evaluate_tick_at(now)
            self.state.now = next_instant(now).isoformat()
            self.save()

    def prepare(self, now: datetime) -> None:
        """Called before each evaluation, at its instant."""

    def evaluate_tick_at(self, now: datetime) -> None:
        """Executes unfinished requests, then evaluates sensors until none requests a run."""
        close_dead_runs(self.instance, now + RESTART_DELAY)
        for request in list(self.state.unfinished):
            self.execute(request)
        for name, requests in self.scheduled(now):
            self.execute_new(name, requests)
        for _ in range(MAX_ROUNDS):
            request_count = 0
            for name, requests in self.sensed():
                request_count += self.execute_new(name, requests)
            if not request_count:
                return
        raise PipelineError(f"at {now} sensors still request runs after {MAX_ROUNDS} evaluations")

    def scheduled(self, now: datetime) -> Iterator[tuple[str, list[dg.RunRequest]]]:
        """Evaluates the last tick of each schedule since the previous evaluation. Yields its name and requests."""
        for schedule in self.repository.schedule_defs:
            since = datetime.fromisoformat(self.state.ticked.get(schedule.name, (now - FIRST_LOOK_BACK).isoformat()))
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
                self.record_decision(schedule.name, evaluation.run_requests, evaluation.skip_message)
                yield schedule.name, list(evaluation.run_requests or ())

    def sensed(self) -> Iterator[tuple[str, list[dg.RunRequest]]]:
        """Evaluates every sensor once. Yields its name and requests."""
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
                self.record_decision(sensor.name, evaluation.run_requests, evaluation.skip_message)
                yield sensor.name, list(evaluation.run_requests or ())

    def conditions(self, sensor: AutomationConditionSensorDefinition) -> list[dg.RunRequest]:
        """Returns the run requests of the automation conditions."""
        stored_cursor = self.state.cursors.get(sensor.name)
        evaluation = dg.evaluate_automation_conditions(
            self.definitions,
            self.instance,
            cursor=deserialize_value(stored_cursor, AssetDaemonCursor) if stored_cursor else None,
            evaluation_time=datetime.now(UTC),
        )
        self.state.cursors[sensor.name] = serialize_value(evaluation.cursor)
        subsets = [result.true_subset for result in evaluation.results if not result.true_subset.is_empty]
        graph = self.definitions.resolve_asset_graph()
        tags = {**sensor.run_tags, AUTOMATION_CONDITION_TAG: "true"}  # as the real daemon; without it, a run looks manual
        return list(build_run_requests(subsets, graph, tags, emit_backfills=False))

    def record_decision(self, name: str, requests: Sequence[dg.RunRequest] | None, skipped: str | None) -> None:
        """Stores a decision that differs from the previous one of the same name."""
        decision = f"run {len(requests)}" if requests else f"skip {skipped}"
        if decision != next((what for _, who, what in reversed(self.state.decisions) if who == name), None) or requests:
            self.state.decisions.append([datetime.now(UTC).isoformat()[:19], name, decision])

    def execute_new(self, name: str, requests: list[dg.RunRequest]) -> int:
        """Stores and executes the requests with a new run key, and returns their number."""
        new_requests = list[dict[str, Any]]()
        for request in requests:
            if request.run_key and request.run_key in self.state.keys:
                continue
            self.state.keys += [request.run_key] if request.run_key else []
            new_requests.append(
                {
                    "job": request.job_name or self.jobs.get(name, "game_day"),
                    "day": request.partition_key,
                    "assets": sorted(key.to_user_string() for key in request.asset_selection or ()),
                    "tags": dict(request.tags),
                    "asked_by": name,
                }
            )
        self.state.unfinished += new_requests
        self.save()
        for entry in new_requests:
            self.execute(entry)
        return len(new_requests)

    def execute(self, request: dict[str, Any]) -> None:
        """Executes one run in this process, with the tags of the daemon's queue."""
        partition = request["day"] or request["tags"].get(PARTITION_TAG)
        job = self.definitions.resolve_job_def("game_day" if request["job"] == "__ASSET_JOB" else request["job"])
        selection, began = [dg.AssetKey(table) for table in request["assets"]], time.perf_counter()
        result = job.execute_in_process(
            instance=self.instance,
            partition_key=partition,
            asset_selection=selection or None,
            tags={**request["tags"], "nba/asked_by": request["asked_by"]},
            raise_on_error=False,
            run_config=dict(self.run_config),
        )
        seconds, tables = time.perf_counter() - began, request["assets"] or [request["job"]]
        outcome = f"{'done' if result.success else 'FAILED'} {partition} {' '.join(tables)}"
        self.state.decisions.append([datetime.now(UTC).isoformat()[:19], request["asked_by"], outcome])
        self.state.unfinished.remove(request)
        self.save()
        self.on_run(request, result.success, seconds)

    def save(self) -> None:
        """Writes the state atomically."""
        half = self.path.with_suffix(".half")
        half.write_text(json.dumps(vars(self.state)))
        half.replace(self.path)


def _until(ticks: Iterator[datetime], now: datetime) -> Iterator[datetime]:
    for tick in ticks:
        if tick > now:
            return
        yield tick
