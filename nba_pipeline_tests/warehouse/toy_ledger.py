"""A ledger with tamperable files, for the tests of ledgers and of their verification."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.verification import Finding, verify
from nba_pipeline_tests.warehouse.contract import DAY, a_table

Change = Callable[[pl.DataFrame], pl.DataFrame]
KEY = "game_id 001, book fanduel"


def a_ledger() -> Table:
    return a_table("toy_picks", write="add", is_ledger=True)


def findings(local: LocalWarehouse, table: Table, dates: list[date] | None = None) -> list[Finding]:
    return [finding for verified in verify(local, table, dates) for finding in verified.findings]


def problems(local: LocalWarehouse, table: Table) -> list[tuple[str, date, str]]:
    return [(finding.problem, finding.game_date, finding.key) for finding in findings(local, table)]


def part(local: LocalWarehouse, day: date = DAY) -> Path:
    return Path(local.home, "tables", "toy_picks", f"game_date={day}", "part.parquet")


def manifest(local: LocalWarehouse, day: date = DAY) -> Path:
    return Path(local.home, "manifests", "toy_picks", f"game_date={day}.json")


def tamper(local: LocalWarehouse, change: Change, day: date = DAY) -> None:
    change(pl.read_parquet(part(local, day))).write_parquet(part(local, day))


def of_second(column: str, value: pl.Expr) -> Change:
    return lambda frame: frame.with_columns(pl.when(pl.col("game_id") == "001").then(value).otherwise(column).alias(column))
