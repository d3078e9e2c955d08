"""Factories of checks with one verdict per date, in runs of one date and of a range. The checks belong in the table modules.

Dagster records the checks of a range run without a date, see `instance/check_evaluations.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import fmean
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.instance.check_evaluations import newest_materializations, report_per_date
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import account_of
from nba_pipeline.warehouse.partitions import recovering
from nba_pipeline.warehouse.verification import Verified, verify

NAMES_SHOWN = 50


@dataclass(frozen=True)
class Verdict:
    """The result of a check on one date. `numbers` are plotted over time; `missing` has the names of missing items."""

    game_date: date
    passed: bool
    numbers: dict[str, float] = field(default_factory=dict)
    missing: Sequence[str] = ()

    def metadata(self) -> dict[str, Any]:
        """Returns the numbers and the first missing names as metadata."""
        return {**self.numbers, "missing": dg.MetadataValue.json(list(self.missing)[:NAMES_SHOWN])}


Judge = Callable[[Warehouse, Sequence[date], Clock], list[Verdict]]


@dataclass(frozen=True)
class _Check:
    """A judge, whether it blocks downstream tables, and its severity."""

    judge: Callable[..., list[Verdict]]
    is_blocking: bool
    severity: dg.AssetCheckSeverity
    reads_records: bool = False
    """Whether it judges Dagster's materialization records instead of the warehouse."""

    def verdicts(
        self, instance: dg.DagsterInstance, table: Table, source: tuple[Warehouse, Sequence[date], Clock]
    ) -> list[Verdict]:
        if self.reads_records:
            return self.judge(instance, table, source[1])
        return recovering(lambda: self.judge(*source))

    def result(self, table: Table, verdicts: list[Verdict]) -> dg.AssetCheckResult:
        passed = any(v.passed for v in verdicts) if self.is_blocking else all(v.passed for v in verdicts)
        return dg.AssetCheckResult(
            asset_key=table.name,
            check_name=self.judge.__name__,
            passed=passed,
            severity=self.severity,
            metadata=_summary(verdicts).metadata(),
        )


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


def checks_of(table: Table, is_source: bool = False) -> dg.AssetChecksDefinition:
    """Returns all checks of a table as one step: the registered ones, its key and its quarantine.

    For a ledger, one more check compares it with its manifests. For a source, one more accounts for every parsed row, see
    `warehouse.accounting`. A table has one step, because a step costs more than a check. A registered check replaces a common
    one of the same name.
    """

    def key_is_unique(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
        return keys_are_unique(warehouse, table, dates)

    def no_row_is_quarantined(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
        """Every row satisfies the schema of the table. A row that does not is quarantined with its problem."""
        return nothing_is_quarantined(warehouse, table, dates)

    key_is_unique.__doc__ = f"One row per {table.grain}."
    common = {
        "key_is_unique": _Check(key_is_unique, False, dg.AssetCheckSeverity.ERROR),
        "no_row_is_quarantined": _Check(no_row_is_quarantined, False, dg.AssetCheckSeverity.WARN),
    }
    if table.is_ledger:
        common["rows_are_unaltered"] = _Check(rows_are_unaltered(table), False, dg.AssetCheckSeverity.ERROR)
    if is_source:
        common["every_row_is_accounted_for"] = _Check(every_row_is_accounted_for, False, dg.AssetCheckSeverity.WARN, True)
    checks = common | _checks.get(table.name, {})
    specs = [
        dg.AssetCheckSpec(
            name, asset=table.name, blocking=check.is_blocking, description=check.judge.__doc__, partitions_def=DAILY
        )
        for name, check in checks.items()
    ]

    @dg.multi_asset_check(name=f"{table.name}_checks", specs=specs, can_subset=True)
    def judge_the_table(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], clock: Clock
    ) -> Iterator[dg.AssetCheckResult]:
        dates = [date.fromisoformat(key) for key in context.partition_keys]
        for key in sorted(context.selected_asset_check_keys):
            check = checks[key.name]
            verdicts = check.verdicts(context.instance, table, (warehouse, dates, clock))
            if check.is_blocking and not context.has_partition_key:
                report_per_date(context, key, {v.game_date: (v.passed, v.metadata()) for v in verdicts})
            yield check.result(table, verdicts)

    return judge_the_table


def keys_are_unique(warehouse: Warehouse, table: Table, dates: Sequence[date]) -> list[Verdict]:
    """Returns a verdict per date on duplicate keys, with the numbers of rows and duplicates."""
    per_date = (
        warehouse.scan(table, dates)
        .group_by("game_date", pl.struct(table.key).alias("key"))
        .len()
        .group_by("game_date")
        .agg(pl.col("len").sum().alias("rows"), (pl.col("len") - 1).sum().alias("duplicates"))
        .collect()
    )
    counted = {day: (rows, duplicates) for day, rows, duplicates in per_date.iter_rows()}
    counts = {day: counted.get(day, (0, 0)) for day in dates}
    return [Verdict(day, copies == 0, {"rows": rows, "duplicates": copies}) for day, (rows, copies) in counts.items()]


def nothing_is_quarantined(warehouse: Warehouse, table: Table, dates: Sequence[date]) -> list[Verdict]:
    """Returns a verdict per date on quarantined rows, with their problems as names."""
    quarantined = warehouse.scan_quarantine(table, dates).group_by("game_date", "problem").len().collect()
    verdicts = []
    for day in dates:
        rows = quarantined.filter(pl.col("game_date") == day)
        names = [f"{problem} ({count} rows)" for problem, count in rows.select("problem", "len").iter_rows()]
        verdicts.append(Verdict(day, rows.is_empty(), {"rows_quarantined": int(rows["len"].sum())}, names))
    return verdicts


def rows_are_unaltered(table: Table) -> Judge:
    """Returns the check that compares a ledger with its manifests."""

    def rows_are_unaltered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
        """Every row has the hash recorded when it was written, and no recorded row is missing."""
        verified = {one.game_date: one for one in verify(warehouse, table, dates)}
        return [
            Verdict(day, not one.findings, {"rows": one.rows, "findings": len(one.findings)}, [str(f) for f in one.findings])
            for day in dates
            for one in [verified.get(day, Verified(table.name, day, 0))]
        ]

    return rows_are_unaltered


def every_row_is_accounted_for(instance: dg.DagsterInstance, table: Table, dates: Sequence[date]) -> list[Verdict]:
    """Each parsed row was kept, quarantined, ignored by declaration or merged into an equal one."""
    records, verdicts = newest_materializations(instance, dg.AssetKey(table.name), dates), []
    for day in dates:
        record = records.get(day.isoformat())
        materialization = record.asset_materialization if record else None
        account = account_of(materialization.metadata if materialization else {}, day)
        numbers = {
            "rows_in": account.parsed,
            "rows_kept": account.kept,
            "rows_quarantined": account.quarantined,
            "rows_ignored": account.ignored,
            "rows_repeated": account.repeated,
            "rows_unaccounted": account.unaccounted,
        }
        if not account.is_counted:
            verdicts.append(
                Verdict(day, False, {}, [f"{table.name}: no row counts are recorded for {day}; materialize the date again"])
            )
        else:
            ignored = [f"ignored: {reason} ({count} rows)" for reason, count in sorted(account.reasons.items())]
            verdicts.append(Verdict(day, account.unaccounted == 0, dict(numbers), ignored))
    return verdicts


def share_verdict(
    day: date, present: int, expected: int, floor: float, missing: Sequence[str] = (), name: str = "share"
) -> Verdict:
    """Returns a verdict on `present` / `expected`, which is 1 if `expected` is 0. It passes if the share is at least `floor`."""
    share = present / expected if expected else 1.0
    return Verdict(day, share >= floor, {name: share, "present": present, "expected": expected}, missing)


def share_verdicts(
    dates: Sequence[date], expected: pl.DataFrame, missing: pl.DataFrame, floor: float, names: str, share: str = "share"
) -> list[Verdict]:
    """Returns per date a verdict on the share of the expected rows that are not missing, see `share_verdict`.

    Args:
        dates: The dates to judge.
        expected: One row per expected item, with `game_date`.
        missing: The rows of `expected` that are missing.
        floor: The least share with which the check passes.
        names: The column of `missing` with the names to show.
        share: The key of the share in the metadata.
    """
    verdicts = []
    for day in dates:
        due, absent = (rows.filter(pl.col("game_date") == day) for rows in (expected, missing))
        verdicts.append(share_verdict(day, due.height - absent.height, due.height, floor, absent[names].to_list(), share))
    return verdicts


def _fold(name: str, values: list[float]) -> float:
    """Returns the minimum of shares, the sum of counts, the mean of other numbers."""
    if "share" in name:
        return min(values)
    return sum(values) if all(isinstance(value, int) for value in values) else fmean(values)


def _summary(verdicts: list[Verdict]) -> Verdict:
    """Returns one verdict for all dates with all names, see `_fold`."""
    every = [name for verdict in verdicts for name in verdict.numbers]
    numbers = {
        name: _fold(name, [verdict.numbers[name] for verdict in verdicts if name in verdict.numbers])
        for name in dict.fromkeys(every)
    }
    failing = {"failing_dates": float(sum(not v.passed for v in verdicts))} if len(verdicts) > 1 else {}
    missing = [f"{v.game_date}: {name}" if len(verdicts) > 1 else name for v in verdicts for name in v.missing]
    return Verdict(verdicts[0].game_date, all(v.passed for v in verdicts), numbers | failing, missing)
