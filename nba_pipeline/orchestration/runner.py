"""Starting the jobs that Dagster's schedules start, in this process, and saying in sentences how they ended.

What to run for a date, a backfill or a rebuild is decided here; what a run does stands with the assets.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import dagster as dg

from nba_pipeline.completeness.modes import TABLES_OF_MODE, Mode
from nba_pipeline.completeness.not_played import NOT_PLAYED
from nba_pipeline.errors import BadInput
from nba_pipeline.instance import run_outcomes
from nba_pipeline.instance.causes import sentence_of
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.dead_runs import close_dead_runs
from nba_pipeline.instance.run_tags import MODE_TAG, OFFLINE_TAG, RANGE_TAGS
from nba_pipeline.league.calendar import week_of
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failed_runs import alert_on_killed
from nba_pipeline.orchestration.backfill import Stage, Step, plan, weeks_with_a_model
from nba_pipeline.orchestration.corrections import find_corrections
from nba_pipeline.orchestration.lost_partitions import alert_on_damage, lost_work
from nba_pipeline.orchestration.reconciliation import Work, untrained_week
from nba_pipeline.orchestration.reloading import RELOAD
from nba_pipeline.orchestration.undone import find_missing, find_undone
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.model_store import ModelStore

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """How one run ended, in sentences: what stopped, what a gate closed on some dates of a range, what was let through."""

    title: str
    run_id: str
    seconds: float
    failures: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Nothing stopped; in a range, gates may be closed on some dates, see `closed`."""
        return not self.failures


def code_versions_of(definitions: dg.Definitions) -> dict[str, str]:
    """Table -> the present version of its code."""
    return {spec.key.path[-1]: spec.code_version or "" for spec in definitions.resolve_all_asset_specs()}


class Runner:
    """The graph of an environment on an instance."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance):
        self.definitions, self.instance = definitions, instance
        resources = definitions.resources or {}
        self.warehouse: Warehouse = resources["warehouse"]
        self.landing: Landing = resources["landing"]
        self.clock: Clock = resources["clock"]
        self.notifier: Notifier = resources["notifier"]
        self.model_store: ModelStore = resources["model_store"]

    @property
    def code_versions(self) -> dict[str, str]:
        """Table -> the present version of its code."""
        return code_versions_of(self.definitions)

    def run(self, job: str, tables: Sequence[str], first: date, last: date, tags: dict[str, str] | None = None) -> Outcome:
        """One run of some tables of a job, over one date or a range of dates."""
        started = time.monotonic()
        # one that was killed keeps its pool slots, and this one would wait for them for ever
        alert_on_killed(self.notifier, close_dead_runs(self.instance, Clock().now()))
        span = {} if first == last else dict(zip(RANGE_TAGS, (first.isoformat(), last.isoformat()), strict=True))
        try:
            result = self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance, asset_selection=[dg.AssetKey(table) for table in tables] or None, run_config=QUIET,
                partition_key=first.isoformat() if first == last else None, tags={**span, **(tags or {})}, raise_on_error=False,
            )  # fmt: skip
        except dg.DagsterInvalidConfigError as error:  # before the run exists, so that no event of it says so
            raise BadInput(sentence_of(str(error))) from error
        when = str(first) if first == last else f"{first} to {last}"
        told = run_outcomes.sentences(result.all_events, result.success)
        alert_on_damage(self.notifier, self.landing)
        return Outcome(f"{job} {when}", result.run_id, time.monotonic() - started, *told)

    def slate(self, day: date, mode: Mode) -> Iterator[Outcome]:
        """What a mode brings for a slate; the week's model is trained first when it is missing."""
        yield from self.make_lost_again(before=day)
        if "predictions" in TABLES_OF_MODE[mode]:
            yield from self.train_missing([week_of(day)])
        yield self.run("game_day", TABLES_OF_MODE[mode], day, day, {MODE_TAG: mode})

    def make_lost_again(self, before: date) -> Iterator[Outcome]:
        """Make the tables of earlier dates again whose files were unreadable: windows of the date read them."""
        for work in lost_work(self.instance, self.warehouse, self.clock.today):
            if work.game_date < before:
                yield self.run("game_day", work.tables, work.game_date, work.game_date, work.tags)

    def follow_mark(self, day: date) -> Iterator[Outcome]:
        """Give the games of a date that a person marked their status, and grade the date again; no request is sent."""
        tags, known = {MODE_TAG: NOT_PLAYED.name, OFFLINE_TAG: "true"}, min(day, self.clock.today + timedelta(days=1))
        yield self.run("game_day", ["schedule"], known, known, tags)  # which replaces later dates that changed, too
        if day in self.warehouse.dates(TABLES["player_game_summary"]):
            yield self.run("game_day", ["grades"], day, day, tags)

    def whole_date(self, day: date) -> Iterator[Outcome]:
        """Every table of one date, from the schedule to the grades."""
        yield from self.backfill(day, day)

    def backfill(
        self, first: date, last: date, stop_after: Stage = "grades", is_resumed: bool = False,
        dates_per_run: int = SETTINGS.warehouse.dates_per_run, tell: Callable[[Step], object] = lambda _: None,
    ) -> Iterator[Outcome]:  # fmt: skip
        """Three passes: up to the features, the missing models, the predictions and grades. Each repeats to the same result.

        `tell` is handed each step that is left out.
        """
        yield from self.make_lost_again(before=first)
        for step in plan(
            self.warehouse, first, last, self.code_versions, stop_after, is_resumed, dates_per_run, self.model_store
        ):
            if step.is_left_out:
                tell(step)
            else:
                yield self.run(step.job, step.tables, step.first, step.last)

    def undone(self) -> list[Work]:
        """What is due and not done, the oldest date first and corrections last, without what is being worked on."""
        found = find_undone(self.instance, self.warehouse, self.landing, self.clock.now(), SETTINGS.patience.nightly_days)
        return [work for work in found if not work.attempts.is_in_progress]

    def _missing(self) -> list[Work]:
        found = find_missing(self.instance, self.warehouse, self.landing, self.clock.now(), SETTINGS.patience.nightly_days)
        return [work for work in found if not work.attempts.is_in_progress]

    def _corrections(self) -> list[Work]:
        found = find_corrections(self.instance, self.warehouse, self.clock.now())
        return [work for work in found if not work.attempts.is_in_progress]

    def reconcile(self) -> Iterator[Outcome]:
        """Do once, in order, what the reconciliation finds: what it would wait for with, it does at once."""
        if week := untrained_week(self.instance, self.warehouse, self.clock.now(), self.model_store):
            yield self.run("train", ["points_model"], week, week)
        for is_reload in (True, False):  # what is reloaded is not fetched, so look again between the two
            for work in self._missing():
                if (work.mode == RELOAD) == is_reload:
                    yield self._do(work)
        tried = set[tuple[str, date, datetime]]()
        while undone := [work for work in self._corrections() if (work.subject, work.game_date, work.due_at) not in tried]:
            work = undone[0]  # what a re-read brings is work of its own
            tried.add((work.subject, work.game_date, work.due_at))
            yield self._do(work)

    def _do(self, work: Work) -> Outcome:
        return self.run(work.job, work.tables, work.game_date, work.game_date, work.tags)

    def train_missing(self, weeks: Sequence[date]) -> Iterator[Outcome]:
        """Train each week that has no model yet, also one that had too few rows when it was tried before."""
        there = weeks_with_a_model(self.warehouse, self.model_store)
        for week in weeks:
            if week not in there:
                yield self.run("train", ["points_model"], week, week)

    def rebuild(self) -> Iterator[Outcome]:
        """Repeat every journaled run beside the tables, then replace them: see `nba_pipeline.orchestration.rebuild`."""
        from nba_pipeline.orchestration.rebuild import rebuild  # noqa: PLC0415  it stands above this module

        yield from rebuild(self)
