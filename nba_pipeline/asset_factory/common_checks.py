"""The checks that every table, ledger or source table has, with one verdict per date. Checks of one table belong in its module."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, for_each_date, verdict_rows
from nba_pipeline.instance.check_evaluations import newest_materializations
from nba_pipeline.instance.clock import Clock
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import account_of
from nba_pipeline.warehouse.verification import Verified, verify

Judge = Callable[[Warehouse, Sequence[date], Clock], pl.DataFrame]


def key_is_unique(table: Table) -> Judge:
    """Returns the check for duplicate keys."""

    def key_is_unique(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        keys = warehouse.scan(table, dates).group_by("game_date", pl.struct(table.key).alias("key")).len()
        rows, copies = pl.col("len").cast(pl.Int64).sum(), (pl.col("len").cast(pl.Int64) - 1).sum()
        counts = keys.group_by("game_date").agg(rows.alias("rows"), copies.alias("duplicates")).collect()
        return for_each_date(dates, counts).with_columns((pl.col("duplicates") == 0).alias(PASSED))

    key_is_unique.__doc__ = f"One row per {table.grain}."
    return key_is_unique


def no_row_is_quarantined(table: Table) -> Judge:
    """Returns the check for quarantined rows, which names their problems."""

    def no_row_is_quarantined(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """Every row satisfies the schema of the table. A row that does not is quarantined with its problem.

        Runbook: docs/runbooks/quarantine_old.md
        """
        return none_quarantined(dates, warehouse.scan_quarantine(table, dates), "rows_quarantined")

    return no_row_is_quarantined


def none_quarantined(dates: Sequence[date], quarantined: pl.LazyFrame, count: str) -> pl.DataFrame:
    """Returns verdicts that pass on dates without quarantined rows. `count` is the metadata key of their number."""
    problems = quarantined.group_by("game_date", "problem").len().sort("problem")
    one, several = pl.format("{} (1 row)", "problem"), pl.format("{} ({} rows)", "problem", "len")
    named = pl.when(pl.col("len") == 1).then(one).otherwise(several)
    counts = problems.group_by("game_date", maintain_order=True).agg(
        pl.col("len").cast(pl.Int64).sum().alias(count), named.alias(MISSING)
    )
    return for_each_date(dates, counts.collect()).with_columns((pl.col(count) == 0).alias(PASSED))


def rows_are_unaltered(table: Table) -> Judge:
    """Returns the check that compares a ledger with its manifests."""

    def rows_are_unaltered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """Every row has the hash recorded when it was written, and no recorded row is missing.

        Runbook: docs/runbooks/ledger_altered.md
        """
        verified = {one.game_date: one for one in verify(warehouse, table, dates)}
        return verdict_rows(
            [
                {
                    "game_date": day,
                    PASSED: not one.findings,
                    "rows": one.rows,
                    "findings": len(one.findings),
                    MISSING: [str(finding) for finding in one.findings],
                }
                for day in dates
                for one in [verified.get(day, Verified(table.name, day, 0))]
            ]
        )

    return rows_are_unaltered


def every_row_is_accounted_for(instance: dg.DagsterInstance, table: Table, dates: Sequence[date]) -> pl.DataFrame:
    """Each parsed row was kept, quarantined, ignored by declaration or merged into an equal one."""
    records = newest_materializations(instance, dg.AssetKey(table.name), dates)
    return verdict_rows([_accounted(table, day, records.get(day.isoformat())) for day in dates])


def _accounted(table: Table, day: date, record: dg.EventLogRecord | None) -> dict[str, Any]:
    """Returns the verdict on the row counts in the metadata of a materialization."""
    materialization = record.asset_materialization if record else None
    account = account_of(materialization.metadata if materialization else {}, day)
    if not account.is_counted:
        missing = [f"{table.name}: no row counts are recorded for {day}; materialize the date again"]
        return {"game_date": day, PASSED: False, MISSING: missing}
    return {
        "game_date": day,
        PASSED: account.unaccounted == 0,
        "rows_in": account.parsed,
        "rows_kept": account.kept,
        "rows_quarantined": account.quarantined,
        "rows_ignored": account.ignored,
        "rows_repeated": account.repeated,
        "rows_unaccounted": account.unaccounted,
        MISSING: [f"ignored: {reason} ({counted(count, 'row')})" for reason, count in sorted(account.reasons.items())],
    }
