"""The asset `slate_export`: the slate and the record as published files. The command `publish` runs the same export.

The files and the gate belong in `publishing/`, the rows in `published_rows.py`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.asset import FRESH, OWNERS, dates_of
from nba_pipeline.asset_factory.conditions import condition_of
from nba_pipeline.asset_factory.verdicts import MISSING
from nba_pipeline.completeness.expectations import players_without_predictions
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.check_evaluations import DatedResult, delete_undated, report_per_date
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.time_limit import usual_limit, within
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.orchestration.published_rows import (
    READS,
    Sources,
    date_states,
    graded_rows,
    performance_rows,
    record_dates,
    refuse_unreadable,
    slate_rows,
)
from nba_pipeline.orchestration.slate_messages import announce
from nba_pipeline.publishing.documents import Slate
from nba_pipeline.publishing.export import record_files, slate_files
from nba_pipeline.publishing.gate import closed_because
from nba_pipeline.publishing.page import page
from nba_pipeline.publishing.performance import performance_document
from nba_pipeline.publishing.place import PublicFiles
from nba_pipeline.publishing.plots import plots
from nba_pipeline.publishing.record import record_csv, record_document
from nba_pipeline.publishing.slate import slate_document
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.tables.declarations import SLATE_EXPORT, Wiring
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

NOT_PUBLISHED = "slate_not_published"
"""Kind of the alert about a slate whose files could not be published."""

WIRING: Wiring = {"modes": ["overnight", "same_day", "tomorrow"], "follows": READS, "needs": ["predictions"]}
DESCRIPTION = """slate_export: tonight's slate and the record as JSON, as CSV and as a static page.

Its latest materialization has the place of the files, their size and the state of the slate. A closed gate or a failed export
publishes nothing: the earlier files stay, the page shows their age, and the alert `slate_not_published` names the reason. The
run of a graded date exports the next date too, whose page shows the grades. docs/publishing.md describes the files."""

WARN = dg.AssetCheckSeverity.WARN
"""Severity of a failed check: a failed export must not fail or repeat the run of its tables."""

IS_PUBLISHED, IS_SMALL = "slate_is_published", "page_is_small"
CHECKS = {
    IS_PUBLISHED: "The slate passed the gate and its files were written. Runbook: docs/runbooks/slate_not_published.md",
    IS_SMALL: "The page of the slate is smaller than `publishing.page_kilobytes`.",
}


@dataclass(frozen=True)
class Export:
    """The export of one date. `problems` says why its files were not written; the earlier files are then unchanged."""

    game_date: date
    slate: Slate | None = None
    page_bytes: int = 0
    problems: Sequence[str] = ()
    error: PipelineError | None = None
    """The error that made the rows of the date unreadable."""


def export_slates(sources: Sources, public: PublicFiles, dates: Collection[date]) -> list[Export]:
    """Writes the files of the slates whose gate is open, and of the record, as one change. Returns an export per date.

    Raises Busy while another export writes, and PipelineError if the files cannot be written.
    """
    warehouse, prices, as_of, today = sources.warehouse, public.prices, sources.clock.now(), sources.clock.today
    first, last = record_dates(sources.clock)
    grades, performance = graded_rows(warehouse, first, last), performance_rows(warehouse, first, last)
    record = record_document(grades, first, last, as_of, prices)
    charts = plots(grades, performance, prices, Path(public.home))
    changed, exports = dict[str, bytes](), _unreadable(warehouse, dates)
    states = date_states(sources, sorted(set(dates) - {one.game_date for one in exports}))
    for day in sorted(states, key=lambda day: (day <= today, day)):  # the last date up to today overwrites the index
        rows = slate_rows(sources, day, states[day])
        slate = slate_document(rows, prices, record)
        reasons = _closed_because(warehouse, slate, rows.predictions)
        files = {} if reasons else slate_files(slate, page(slate, charts))
        changed |= files
        exports.append(Export(day, slate, len(files.get(f"{day}.html", b"")), reasons))
    if changed:
        of_record = record_files(record, record_csv(grades, prices), performance_document(performance, as_of, prices))
        public.write(changed | of_record, today)
    return exports


def _unreadable(warehouse: Warehouse, dates: Collection[date]) -> list[Export]:
    """Returns an export with a problem for each date whose rows are unreadable."""
    exports = list[Export]()
    for day in sorted(dates):
        try:
            refuse_unreadable(warehouse, day)
        except PipelineError as error:
            exports.append(Export(day, problems=[str(error)], error=error))
    return exports


def _closed_because(warehouse: Warehouse, slate: Slate, predictions: pl.DataFrame) -> list[str]:
    """Returns why the gate is closed; empty if it is open. Slates without forecasts and halted slates are always published."""
    if not slate.players or slate.state == "halted":
        return []
    eligible, missing = players_without_predictions(warehouse, [slate.game_date], MOVING_AVERAGE.required)
    return closed_because(predictions, eligible.height, missing.height)


def to_export(warehouse: Warehouse, day: date) -> list[date]:
    """Returns the dates to export after a change of a date: the date, and the next one if its page shows the grades of the date."""
    after = day + timedelta(days=1)
    is_graded, is_loaded = day in warehouse.dates(TABLES["grades"]), after in warehouse.dates(TABLES["schedule"])
    return [day, after] if is_graded and is_loaded else [day]


@dg.asset(
    name=SLATE_EXPORT,
    group_name="publishing",
    description=DESCRIPTION,
    owners=OWNERS,
    kinds={"html", "json"},
    deps=list(READS),
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=FRESH,
    automation_condition=condition_of(WIRING),
    pool=SLATE_EXPORT,
    output_required=False,  # a slate that is not published has no materialization
    check_specs=[
        dg.AssetCheckSpec(name, asset=SLATE_EXPORT, description=text, partitions_def=DAILY) for name, text in CHECKS.items()
    ],
)
def slate_export(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    landing: Landing,
    clock: Clock,
    public: PublicFiles,
    notifier: Notifier,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Exports the slates of the dates."""
    dates = dates_of(context)
    sources = Sources(context.instance, warehouse, landing, clock, public.is_simulated)
    try:
        with within(usual_limit(len(dates)), SLATE_EXPORT):
            exports = export_slates(sources, public, {one for day in dates for one in to_export(warehouse, day)})
    except (PipelineError, OSError) as error:
        exports = [Export(day, problems=[str(error)]) for day in dates]
    except Exception as error:  # the next run of the tables would resolve the alert `run_failed`
        _alert(notifier, [Export(max(dates), problems=[f"{type(error).__name__}: {error}"])])
        raise
    _alert(notifier, exports)
    for one in exports:
        context.log.info(f"{one.game_date}: " + (f"not published: {'; '.join(one.problems)}" if one.problems else "published"))
    published = [one for one in exports if one.slate and not one.problems]
    for problem in announce(public, warehouse, clock, [one.slate for one in published if one.slate]):
        context.log.warning(problem)
    if published:
        yield dg.MaterializeResult(metadata=_metadata(published[-1], public))
    if not context.has_partition_key:  # Dagster records these results without a date, see `instance/check_evaluations.py`
        report_per_date(context, context.asset_key, [one for export in exports for one in _dated_results(export)])
    for name, (passed, metadata) in _check_results(exports).items():
        yield dg.AssetCheckResult(asset_key=SLATE_EXPORT, check_name=name, passed=passed, severity=WARN, metadata=metadata)
    if not context.has_partition_key:
        delete_undated(context, context.asset_key)


def _check_results(exports: Sequence[Export]) -> dict[str, tuple[bool, dict[str, Any]]]:
    """Returns check -> whether it passes on the exports, and its metadata."""
    problems = [f"{one.game_date}: {problem}" for one in exports for problem in one.problems]
    sizes, limit = [one.page_bytes for one in exports], 1000 * SETTINGS.publishing.page_kilobytes
    return {
        IS_PUBLISHED: (not problems, {MISSING: dg.MetadataValue.text("\n".join(problems))} if problems else {}),
        # the page of a slate that was not published has no size, so nothing is known about it
        IS_SMALL: (0 < min(sizes) and max(sizes) < limit, {"page_bytes": max(sizes)}),
    }


def _dated_results(export: Export) -> Iterator[DatedResult]:
    for name, (passed, metadata) in _check_results([export]).items():
        yield DatedResult(name, export.game_date, passed, is_blocking=False, severity=WARN, metadata=metadata)


def _metadata(export: Export, public: PublicFiles) -> dict[str, Any]:
    """Returns the metadata of an export."""
    slate = export.slate
    return {
        "page": dg.MetadataValue.path(f"{public.location}/{export.game_date}.html"),
        "page_bytes": export.page_bytes,
        "state": slate.state if slate else "",
    }


def _alert(notifier: Notifier, exports: Sequence[Export]) -> None:
    """Raises an alert for each slate from today on that was not published."""
    for one in exports:
        if one.problems and one.game_date >= notifier.clock.today:
            command = f"nba-pipeline publish --date {one.game_date}"
            notifier.raise_alert(one.game_date, NOT_PUBLISHED, SLATE_EXPORT, "; ".join(one.problems), next_command=command)
