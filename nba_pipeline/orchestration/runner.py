"""Runs Dagster's jobs in this process and reports how they ended.

Decides what to run for a date, a backfill or a rebuild. What a run does belongs in `assets/`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import uuid4

import dagster as dg

from nba_pipeline.completeness.modes import Mode, tables_of_mode
from nba_pipeline.completeness.not_played import NOT_PLAYED
from nba_pipeline.errors import BadInput
from nba_pipeline.instance import run_outcomes
from nba_pipeline.instance.causes import error_summary
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.command_runs import execute
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.rereads import rereads
from nba_pipeline.instance.run_tags import MODE_TAG, OFFLINE_TAG, RANGE_TAGS, REPLAY_TAG
from nba_pipeline.league.calendar import days, week_of
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import alert_on_killed
from nba_pipeline.monitoring.run_facts import failed_tables
from nba_pipeline.orchestration.backfill import Stage, Step, plan, weeks_with_a_model, without_dependents
from nba_pipeline.orchestration.corrections import find_corrections
from nba_pipeline.orchestration.jobs import with_export
from nba_pipeline.orchestration.lost_partitions import alert_on_damage, lost_work
from nba_pipeline.orchestration.recheck_job import JOB as RECHECK
from nba_pipeline.orchestration.reconciliation import covered_dates, with_reloads
from nba_pipeline.orchestration.recovery import over_by_data, resolve_over
from nba_pipeline.orchestration.reloading import RELOAD, unloaded_captures
from nba_pipeline.orchestration.undone import find_missing, find_undone
from nba_pipeline.orchestration.weekly_training import untrained_week
from nba_pipeline.orchestration.work import Work
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

OnStart = Callable[[str, int], Callable[[dg.EventLogEntry], None]]
"""Called with the title and the number of tables of a run that starts; returns the receiver of its events."""


@dataclass(frozen=True)
class Outcome:
    """How one run ended, as messages: failures, gates closed on some dates of a range, warnings."""

    title: str
    run_id: str
    seconds: float
    failures: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    not_written: list[str] = field(default_factory=list)
    """Tables that a failed run did not write: the failed ones and their dependents."""

    @property
    def succeeded(self) -> bool:
        """Whether the run has no failures. In a range, gates may be closed on some dates, see `closed`."""
        return not self.failures


def code_versions_of(definitions: dg.Definitions) -> dict[str, str]:
    """Returns table -> its present code version."""
    return {spec.key.path[-1]: spec.code_version or "" for spec in definitions.resolve_all_asset_specs()}


class Runner:
    """Runs the asset graph of an environment on a Dagster instance."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance):
        self.definitions, self.instance = definitions, instance
        resources = definitions.resources or {}
        self.warehouse: Warehouse = resources["warehouse"]
        self.landing: Landing = resources["landing"]
        self.clock: Clock = resources["clock"]
        self.notifier: Notifier = resources["notifier"]
        self.model_store: ModelStore = resources["model_store"]
        self.on_start: OnStart | None = None

    @property
    def code_versions(self) -> dict[str, str]:
        """Table -> its present code version."""
        return code_versions_of(self.definitions)

    def run(self, job: str, tables: Sequence[str], first: date, last: date, tags: dict[str, str] | None = None) -> Outcome:
        """Runs some tables of a job over one date or a range of dates. Raises KeyboardInterrupt if a person interrupts it."""
        started = time.monotonic()
        # a killed run keeps its pool slots, for which this run would wait forever
        alert_on_killed(self.notifier, close_dead_runs(self.instance, Clock().now()))
        selected = with_export(job, tables, tags or {})
        when, run_id = str(first) if first == last else f"{first} to {last}", str(uuid4())
        if self.on_start:
            self.instance.add_event_listener(run_id, self.on_start(f"{job} {when}", len(selected)))
        span = {} if first == last else dict(zip(RANGE_TAGS, (first.isoformat(), last.isoformat()), strict=True))
        try:
            result = execute(
                self.definitions.resolve_job_def(job),
                self.instance,
                {**span, **(tags or {})},
                asset_selection=[dg.AssetKey(name) for name in selected] or None,
                run_config=QUIET,
                partition_key=first.isoformat() if first == last else None,
                raise_on_error=False,
                run_id=run_id,
            )
        except dg.DagsterInvalidConfigError as error:  # raised before the run exists, so that no event records it
            raise BadInput(error_summary(str(error))) from error
        if run_outcomes.is_interrupted(result.all_events):
            raise KeyboardInterrupt
        messages = run_outcomes.outcome_messages(result.all_events, result.success)
        alert_on_damage(self.notifier, self.landing)
        if result.success and REPLAY_TAG not in (tags or {}):  # the tables of a rebuild are incomplete until it ends
            # without a daemon, no sensor resolves the alert of an earlier run that failed or was killed
            resolve_over(self.notifier, over_by_data(self.instance, self.warehouse))
        written = {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}
        not_written = [] if result.success else [name for name in tables if name not in written]
        return Outcome(f"{job} {when}", result.run_id, time.monotonic() - started, *messages, not_written=not_written)

    def slate(self, day: date, mode: Mode) -> Iterator[Outcome]:
        """Runs the tables of a mode for a slate. Before predictions, trains the week's model if it is missing."""
        yield from self.rebuild_lost(before=day)
        if "predictions" in tables_of_mode(mode):
            yield from self.train_missing([week_of(day)])
        yield self.run("game_day", tables_of_mode(mode), day, day, {MODE_TAG: mode})

    def rebuild_lost(self, before: date) -> Iterator[Outcome]:
        """Rebuilds tables of earlier dates whose files were unreadable, because windows read them."""
        for work in lost_work(self.instance, self.warehouse, self.clock.today):
            if work.game_date < before:
                yield self.run("game_day", work.tables, work.game_date, work.game_date, work.tags)

    def follow_mark(self, day: date) -> Iterator[Outcome]:
        """Updates the status of the marked games of a date, and grades the date again. Sends no request."""
        tags = {MODE_TAG: NOT_PLAYED.name, OFFLINE_TAG: "true"}
        loaded = min(day, self.clock.today + timedelta(days=1))
        yield self.run("game_day", ["schedule"], loaded, loaded, tags)  # also replaces later dates that changed
        if day in self.warehouse.dates(TABLES["player_game_summary"]):
            yield self.run("game_day", ["grades"], day, day, tags)

    def run_every_table(self, day: date) -> Iterator[Outcome]:
        """Runs every table of one date, from the schedule to the grades."""
        yield from self.backfill(day, day)

    def backfill(
        self,
        first: date,
        last: date,
        stop_after: Stage = "grades",
        is_resumed: bool = False,
        dates_per_run: int | None = None,
        on_skipped: Callable[[Step], object] = lambda _: None,
    ) -> Iterator[Outcome]:
        """Runs three passes: up to the features, the missing models, the predictions and grades. Each pass is idempotent.

        Calls `on_skipped` with each skipped step. Skips the dependents of a table that could not be written for a date.
        """
        yield from self.rebuild_lost(before=first)
        failed = failed_tables(self.instance, days(first, last)) if is_resumed else {}
        not_written = list[tuple[date, date, list[str]]]()
        for planned in plan(
            self.warehouse, first, last, self.code_versions, stop_after, is_resumed, dates_per_run, self.model_store, failed
        ):
            step = (
                without_dependents(planned, not_written, self._parents()) if not_written and planned.part != "models" else planned
            )
            if step.is_skipped:
                on_skipped(step)
                continue
            outcome = self.run(step.job, step.tables, step.first, step.last)
            not_written += [(step.first, step.last, outcome.not_written)] if outcome.not_written and step.part != "models" else []
            yield outcome

    def _parents(self) -> dict[str, set[str]]:
        """Returns table -> the tables that it reads or follows."""
        nodes = self.definitions.resolve_asset_graph().asset_nodes
        return {node.key.path[-1]: {key.path[-1] for key in node.parent_keys} for node in nodes}

    def undone(self) -> list[Work]:
        """Returns the work that is due, not done and not in progress: oldest date first, corrections last."""
        return _waiting(
            find_undone(self.instance, self.warehouse, self.landing, self.clock.now(), SETTINGS.patience.nightly_days)
        )

    def _missing(self) -> list[Work]:
        return _waiting(
            find_missing(self.instance, self.warehouse, self.landing, self.clock.now(), SETTINGS.patience.nightly_days)
        )

    def corrections(self) -> list[Work]:
        """Returns the re-reads and corrections that are due, not done and not in progress, oldest date first."""
        return _waiting(find_corrections(self.instance, self.warehouse, self.clock.now()))

    def reloads(self) -> list[Work]:
        """Returns the loads of landed captures that are due, not done and not in progress, oldest date first.

        Searches the dates of the daemon's frequent reconciliation only, because each date lists folders of the landing.
        """
        now = self.clock.now()
        dates = covered_dates(self.warehouse, now)
        captures = unloaded_captures(self.instance, self.warehouse, self.landing, dates)
        return _waiting(with_reloads([], self.instance, captures, now))

    def reconcile(self, day: date | None = None) -> Iterator[Outcome]:
        """Runs all due work once, in order, without waiting between attempts. `day` limits it to one date."""
        if day is not None:
            yield from self._reconcile_date(day)
            return
        if week := untrained_week(self.instance, self.warehouse, self.clock.now(), self.model_store):
            yield self.run("train", ["points_model"], week, week)
        for is_reload in (True, False):  # reloads make fetches unnecessary, so find the work again after them
            for work in self._missing():
                if (work.mode == RELOAD) == is_reload:
                    yield self.do(work)
        attempted = set[tuple[str, date, datetime]]()
        while undone := [work for work in self.corrections() if (work.subject, work.game_date, work.due_at) not in attempted]:
            work = undone[0]  # a re-read with news creates further work
            attempted.add((work.subject, work.game_date, work.due_at))
            yield self.do(work)

    def _reconcile_date(self, day: date) -> Iterator[Outcome]:
        """Runs the due work of a date. After a reload, its other work is found again."""
        for is_reload in (True, False):
            for work in self.undone():
                if work.game_date == day and (work.mode == RELOAD) == is_reload:
                    yield self.do(work)

    def do(self, work: Work) -> Outcome:
        """Returns the outcome of one run of the work. A re-read has failed if a source did not answer."""
        outcome = self.run(work.job, work.tables, work.game_date, work.game_date, work.tags)
        if work.job == RECHECK and outcome.succeeded:
            done = next((one for one in rereads(self.instance, work.game_date) if one.run_id == outcome.run_id), None)
            if done is None or done.read_at is None:  # the job records an unanswered re-read and does not fail
                problems = "; ".join(done.problems) if done else "the run left no record"
                outcome.failures.append(f"recheck: not every source answered: {problems}")
        return outcome

    def train_missing(self, weeks: Sequence[date]) -> Iterator[Outcome]:
        """Trains each week without a model, including weeks whose earlier attempt had too few rows."""
        trained = weeks_with_a_model(self.warehouse, self.model_store)
        for week in weeks:
            if week not in trained:
                yield self.run("train", ["points_model"], week, week)

    def rebuild(self) -> Iterator[Outcome]:
        """Repeats every journaled run in a separate warehouse, then replaces the tables. See `nba_pipeline.orchestration.rebuild`."""
        from nba_pipeline.orchestration.rebuild import rebuild  # noqa: PLC0415  it imports this module

        yield from rebuild(self)


def _waiting(undone: Sequence[Work]) -> list[Work]:
    """Returns the work that no run is doing at the moment."""
    return [work for work in undone if not work.attempts.is_in_progress]
