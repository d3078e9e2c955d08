"""Starting the jobs that Dagster's schedules start, in this process, and saying in sentences how they ended.

What to run for a date, a backfill or a rebuild is decided here; what a run does stands with the assets.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import polars as pl

from nba_pipeline import errors
from nba_pipeline.automation import CRITICAL_OF_MODE, DAILY_TABLES, FROM_PREDICTIONS, MODE_TAG, UP_TO_FEATURES
from nba_pipeline.calendar import AS_OF_TAG, REPLAY_TAG, Clock, Mode, days, parse_instant, parse_key, week_of
from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

Stage = Literal["features", "grades"]
STAGES: tuple[Stage, ...] = ("features", "grades")
"""Where a backfill may end."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NAMES_TOLD = 5
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}


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


def prepare_instance(home: Path) -> Path:
    """The folder of Dagster's instance below the home, with its dagster.yaml. Raises BadInput for a home not writable."""
    folder = home / "dagster"
    text = (files("nba_pipeline") / "dagster.yaml").read_text().replace("DAGSTER_HOME", str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half_written = folder / f".dagster.yaml.{os.getpid()}"
        half_written.write_text(text)
        half_written.replace(folder / "dagster.yaml")
    except OSError as error:
        raise BadInput(f"NBA_PIPELINE_HOME {home} cannot be written: {error.strerror}") from None
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """Dagster's instance below the home. Raises BadInput for a home not writable."""
    return dg.DagsterInstance.from_config(str(prepare_instance(home)))


class Runner:
    """The graph of an environment on an instance."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance):
        self.definitions, self.instance = definitions, instance
        resources = definitions.resources or {}
        self.warehouse: Warehouse = resources["warehouse"]
        self.landing: Landing = resources["landing"]
        self.clock: Clock = resources["clock"]

    @property
    def code_versions(self) -> dict[str, str]:
        """Table -> the present version of its code."""
        specs = self.definitions.resolve_all_asset_specs()
        return {spec.key.path[-1]: spec.code_version or "" for spec in specs}

    def run(self, job: str, tables: Sequence[str], first: date, last: date, tags: dict[str, str] | None = None) -> Outcome:
        """One run of some tables of a job, over one date or a range of dates."""
        started = time.monotonic()
        span = {} if first == last else dict(zip(RANGE_TAGS, (first.isoformat(), last.isoformat()), strict=True))
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, asset_selection=[dg.AssetKey(table) for table in tables], run_config=QUIET,
            partition_key=first.isoformat() if first == last else None, tags={**span, **(tags or {})}, raise_on_error=False,
        )  # fmt: skip
        when = str(first) if first == last else f"{first} to {last}"
        return Outcome(f"{job} {when}", result.run_id, time.monotonic() - started, *_sentences(result))

    def slate(self, day: date, mode: Mode) -> Iterator[Outcome]:
        """What a mode brings for a slate; the week's model is trained first when it is missing."""
        if "predictions" in CRITICAL_OF_MODE[mode]:
            yield from self.train_missing([week_of(day)])
        yield self.run("game_day", CRITICAL_OF_MODE[mode], day, day, {MODE_TAG: mode, "nba/date": day.isoformat()})

    def whole_date(self, day: date) -> Iterator[Outcome]:
        """Every table of one date, from the schedule to the grades."""
        yield from self.backfill(day, day)

    def backfill(self, first: date, last: date, stop_after: Stage = "grades") -> Iterator[Outcome]:
        """Three passes: up to the features, the missing models, the predictions and grades. Each repeats to the same result."""
        for part in chunks(first, last):
            yield self.run("season", UP_TO_FEATURES, *part)
        if stop_after == "features":
            return
        played = self.warehouse.scan(TABLES["schedule"], days(first, last)).select("game_date").unique().collect()["game_date"]
        yield from self.train_missing(sorted({week_of(day) for day in played}))
        for part in chunks(first, last):
            yield self.run("season", FROM_PREDICTIONS, *part)

    def train_missing(self, weeks: Sequence[date]) -> Iterator[Outcome]:
        """Train each week that has no model yet, also one that had too few rows when it was tried before."""
        models = self.warehouse.scan(TABLES["points_model"]).filter(pl.col("model_id").is_not_null())
        there = set(models.select("game_date").collect()["game_date"])
        for week in weeks:
            if week not in there:
                yield self.run("train", ["points_model"], week, week)

    def rebuild(self) -> Iterator[Outcome]:
        """Delete every table but the records of decisions, then repeat every run from the landing, in order, offline.

        Each run stands at its own instant and sees the payloads that it saw then.
        """
        runs = list(self.landing.runs())
        if not runs:
            raise BadInput(f"the landing below {self.landing.root} has no runs to rebuild from")
        kept = {name for name, table in TABLES.items() if table.is_a_record_of_decisions}
        # the whole plan before anything is deleted: a journal that cannot be read costs nothing
        plan = [self._repetition(run, kept) for run in runs if run["job"]]
        for name in TABLES.keys() - kept:
            self.warehouse.drop(TABLES[name])
        for job, tables, first, last, tags in plan:
            if tables:
                yield self.run(job, tables, first, last, tags)

    @staticmethod
    def _repetition(run: Mapping[str, Any], kept: Set[str]) -> tuple[str, list[str], date, date, dict[str, str]]:
        """Job, tables, first and last date and tags with which a journalled run is repeated."""
        every = ("points_model",) if run["job"] == "train" else DAILY_TABLES
        span = [parse_key(run["tags"][tag]) for tag in RANGE_TAGS if tag in run["tags"]]
        first, last = span or [parse_key(run["tags"]["dagster/partition"])] * 2
        as_of = parse_instant(run["as_of"], "as_of of the landing's journal").isoformat()
        tables = [table for table in run["assets"] or every if table not in kept]
        return run["job"], tables, first, last, {REPLAY_TAG: run["run_id"], AS_OF_TAG: as_of}


def chunks(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The range in pieces of at most `warehouse.dates_per_run` dates."""
    every, size = days(first, last), SETTINGS.warehouse.dates_per_run
    for start in range(0, len(every), size):
        part = every[start : start + size]
        yield part[0], part[-1]


def _sentences(result: dg.ExecuteInProcessResult) -> tuple[list[str], list[str], list[str]]:
    """Failures, gates closed on some dates, warnings."""
    failures: list[str] = []
    closed: list[str] = []
    warnings: list[str] = []
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
            (failures if is_error else warnings).append(_verdict(evaluation))
        elif evaluation.blocking and getattr(evaluation.metadata.get("failing_dates"), "value", None):
            closed.append(_verdict(evaluation))
    for event in result.all_events:
        if event.is_step_failure and event.event_specific_data:
            sentence = _cause(getattr(event.event_specific_data, "error", None))
            if sentence and not any(sentence in failure for failure in failures):
                failures.append(f"{event.step_key}: {sentence}")
    if not result.success and not failures:
        failures.append("the run did not finish")
    return failures, closed, warnings


def _verdict(evaluation: dg.AssetCheckEvaluation) -> str:
    """The sentence of a failed check with its worst share, and the first names of what is missing."""
    missing = [str(name) for name in getattr(evaluation.metadata.get("missing"), "data", None) or []]
    share = getattr(evaluation.metadata.get("share"), "value", None)
    dates = getattr(evaluation.metadata.get("failing_dates"), "value", None)
    facts = [f"{share:.0%}" if share is not None else "", f"{dates:.0f} dates" if dates else ""]
    told = ", ".join(fact for fact in facts if fact)
    names = "; ".join(missing[:NAMES_TOLD]) + (" ..." if len(missing) > NAMES_TOLD else "")
    sentence = f"{evaluation.asset_key.to_user_string()}: not true that {evaluation.check_name.replace('_', ' ')}"
    return sentence + (f" ({told})" if told else "") + (f": {names}" if names else "")


def _cause(error: Any) -> str | None:
    """The innermost of the platform's own errors, else the last line of the deepest cause; None for a failed check."""
    chain = []
    while error is not None:
        chain.append(error)
        error = error.cause
    if any(e.cls_name == "DagsterAssetCheckFailedError" for e in chain):
        return None
    ours = [e for e in chain if e.cls_name in OURS]
    deepest = ours[-1] if ours else chain[-1] if chain else None
    if deepest is None:
        return "unknown error"
    text = str(deepest.message).strip()
    return text.split(": ", 1)[-1] if ours else text.splitlines()[0]
