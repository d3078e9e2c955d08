"""Factories of checks with one verdict per date, in runs of one date and of a range. The checks belong in the table modules.

Dagster records the checks of a range run without a date, see `instance/check_evaluations.py`.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import wraps

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory import common_checks
from nba_pipeline.asset_factory.verdicts import Verdict, share_present, verdicts_of, with_presence
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.check_evaluations import DatedResult, delete_undated, report_per_date
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.time_limit import usual_limit, within_a_run
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering

Judge = Callable[[Warehouse, Sequence[date], Clock], pl.DataFrame]
"""Returns a frame of verdicts, see `verdicts.py`."""

SHARE, FAILING_DATES = "share", "failing_dates"
"""Metadata of the result for all dates of a range run."""


@dataclass(frozen=True)
class _Check:
    """A judge, whether it blocks downstream tables, and its severity."""

    judge: Callable[..., pl.DataFrame]
    is_blocking: bool
    severity: dg.AssetCheckSeverity
    reads_records: bool = False
    """Whether it judges Dagster's materialization records instead of the warehouse."""

    @property
    def name(self) -> str:
        return self.judge.__name__

    def verdicts(
        self, instance: dg.DagsterInstance, table: Table, source: tuple[Warehouse, Sequence[date], Clock]
    ) -> list[Verdict]:
        name = f"{table.name}: check {self.name}"
        if self.reads_records:
            return verdicts_of(self.judge(instance, table, source[1]), source[1], name)
        return recovering(lambda: verdicts_of(self.judge(*source), source[1], name))

    def result(self, table: Table, verdicts: list[Verdict]) -> dg.AssetCheckResult:
        """Returns the result of the only date, or the result for all dates of a range."""
        passed = any(v.passed for v in verdicts) if self.is_blocking else all(v.passed for v in verdicts)
        metadata = verdicts[0].metadata() if len(verdicts) == 1 else _range_verdict(verdicts).metadata()
        return dg.AssetCheckResult(
            asset_key=table.name, check_name=self.name, passed=passed, severity=self.severity, metadata=metadata
        )

    def dated_results(self, verdicts: list[Verdict]) -> list[DatedResult]:
        warning = dg.AssetCheckSeverity.WARN
        return [
            DatedResult(
                self.name, v.game_date, v.passed, self.is_blocking, warning if v.is_expected else self.severity, v.metadata()
            )
            for v in verdicts
        ]


_checks: dict[str, dict[str, _Check]] = {}
"""Table -> name -> check, filled by `dated_check` when table modules are imported."""


def dated_check(table: Table, blocking: bool = False, is_error: bool = False) -> Callable[[Judge], Judge]:
    """Registers a function that returns one verdict per date as a check of a table, with its name and docstring.

    A blocking check is an ERROR and fails a range only if every date fails; downstream assets exclude the closed dates. Any
    other check is a WARN, or with `is_error` an ERROR that blocks nothing. It fails if any date fails.
    """
    severity = dg.AssetCheckSeverity.ERROR if blocking or is_error else dg.AssetCheckSeverity.WARN

    def register(judge: Judge) -> Judge:
        _checks.setdefault(table.name, {})[judge.__name__] = _Check(judge, blocking, severity)
        return judge

    return register


def coverage_check(
    table: Table,
    present: Callable[[Warehouse, Sequence[date]], pl.DataFrame],
    on: Sequence[str],
    name: str,
    blocking: bool = False,
    share: str = "share",
) -> Callable[[Judge], Judge]:
    """Registers a function that returns the expected items of the dates as a check of their share that is present.

    A blocking check passes from the share `coverage.enough`; any other check requires every item and names the missing ones.

    Args:
        table: The checked table.
        present: Returns the items that are present.
        on: The key that identifies an item.
        name: The column of the expected items with their name.
        blocking: Whether the check blocks downstream tables.
        share: The metadata key of the share.
    """

    def register(expected: Judge) -> Judge:
        @wraps(expected)
        def judge(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
            items = with_presence(expected(warehouse, dates, clock), present(warehouse, dates), on)
            floor = SETTINGS.coverage.enough if blocking else 1.0
            return share_present(dates, items, pl.col("is_present"), pl.col(name), floor, share=share)

        return dated_check(table, blocking)(judge)

    return register


def checks_of(table: Table, is_source: bool = False) -> dg.AssetChecksDefinition:
    """Returns all checks of a table as one step: the registered ones, its key and its quarantine.

    For a ledger, one more check compares it with its manifests. For a source, one more accounts for every parsed row, see
    `warehouse.accounting`. A table has one step, because a step costs more than a check. A registered check replaces a common
    one of the same name.

    A check that crashes fails on every date, with the error as the reason. The other checks are judged, then the step fails.
    """
    checks = _common_checks(table, is_source) | _checks.get(table.name, {})
    specs = [
        dg.AssetCheckSpec(
            name,
            asset=table.name,
            blocking=check.is_blocking,
            # indented paragraphs would be code in Markdown
            description=inspect.getdoc(check.judge),
            partitions_def=DAILY,
        )
        for name, check in checks.items()
    ]

    @dg.multi_asset_check(name=f"{table.name}_checks", specs=specs, can_subset=True)
    def judge_the_table(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], clock: Clock
    ) -> Iterator[dg.AssetCheckResult]:
        dates, key = [date.fromisoformat(day) for day in context.partition_keys], dg.AssetKey(table.name)
        judged, crashes = list[tuple[_Check, list[Verdict]]](), list[Exception]()
        for selected in sorted(context.selected_asset_check_keys):
            check, limit = checks[selected.name], usual_limit(len(dates))
            try:
                with within_a_run(context.instance, context.run.run_id, limit, f"check {check.name}"):
                    judged.append((check, check.verdicts(context.instance, table, (warehouse, dates, clock))))
            except Exception as error:  # noqa: BLE001  recorded as the result of the check, and raised below
                crashes.append(error)
                judged.append((replace(check, severity=dg.AssetCheckSeverity.ERROR), _crashed(dates, error)))
        if not context.has_partition_key:  # first, so that a failure to store them leaves no result for all dates
            report_per_date(context, key, [one for check, verdicts in judged for one in check.dated_results(verdicts)])
        yield from (check.result(table, verdicts) for check, verdicts in judged)
        if not context.has_partition_key:
            delete_undated(context, key)
        if crashes:
            raise crashes[0]

    return judge_the_table


def _common_checks(table: Table, is_source: bool) -> dict[str, _Check]:
    error, warning = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    checks = [
        _Check(common_checks.key_is_unique(table), False, error),
        _Check(common_checks.no_row_is_quarantined(table), False, warning),
    ]
    if table.is_ledger:
        checks.append(_Check(common_checks.rows_are_unaltered(table), False, error))
    if is_source:
        checks.append(_Check(common_checks.every_row_is_accounted_for, False, warning, reads_records=True))
    return {check.name: check for check in checks}


def _crashed(dates: Sequence[date], error: Exception) -> list[Verdict]:
    """Returns a failed verdict per date that names the error."""
    message = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
    return [Verdict(day, False, {}, [message]) for day in dates]


def _range_verdict(verdicts: list[Verdict]) -> Verdict:
    """Returns one verdict for all dates of a range: the worst share, the number of failing dates and the names with their date.

    Dates on which a gate is closed as expected do not count, unless there is no other date.
    """
    verdicts = [verdict for verdict in verdicts if not verdict.is_expected] or verdicts
    shares = [verdict.numbers[SHARE] for verdict in verdicts if SHARE in verdict.numbers]
    numbers = {SHARE: min(shares)} if shares else {}
    failing = sum(not verdict.passed for verdict in verdicts)
    missing = [f"{verdict.game_date}: {name}" for verdict in verdicts for name in verdict.missing]
    return Verdict(verdicts[0].game_date, not failing, numbers | {FAILING_DATES: failing}, missing)
