"""The document of the performance of each system over the trailing windows, from `system_performance`."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import polars as pl
from pydantic import create_model

from nba_pipeline.assets.grades.system_performance import TABLE
from nba_pipeline.formulas.performance import ALL, GROUPS
from nba_pipeline.publishing.documents import Document
from nba_pipeline.publishing.prices import Prices, has_enough_lines, is_published, rounded

OMITTED = ("source", "as_of", "code_version")
IDENTITY = ("game_date", "system_id", "market", "run_kind", "season", "window", *GROUPS)
WITHOUT_LINE = (*IDENTITY, "eligible", "predicted", "with_line", "graded", "mae_all", "quality_score")
"""Columns that do not depend on lines."""
AVERAGES_OF_LINES = (
    "mae",
    "line_mae",
    "bias",
    "gap_n",
    "gap",
    "gap_low",
    "gap_high",
    "bets",
    "wins",
    "losses",
    "hit_rate",
    "hit_rate_low",
    "hit_rate_high",
)
"""Columns that are published without prices if they cover enough rows."""


def _fields() -> dict[str, Any]:
    """Returns a field per column of the table. Every number may be null, because it may not be published."""
    kinds: Mapping[Any, Any] = {pl.Int64(): int, pl.Float64(): float, pl.Date(): date}
    columns = {name: kinds.get(kind, str) for name, kind in TABLE.dtypes.items() if name not in OMITTED}
    return {name: (kind, ...) if name in IDENTITY else (kind | None, ...) for name, kind in columns.items()}


PerformanceRow: type[Document] = create_model(
    "PerformanceRow", __base__=Document, __doc__="A row of `system_performance`; the data dictionary explains it.", **_fields()
)


class PerformanceDocument(Document):
    """The performance of each system over the windows that end on `last`, the newest date with graded predictions."""

    version: Literal[1] = 1
    last: date | None
    as_of: datetime
    prices: Prices
    rows: list[PerformanceRow]


def performance_document(performance: pl.DataFrame, as_of: datetime, prices: Prices) -> PerformanceDocument:
    """Returns the rows of the newest date of `performance`. Without prices, the rows of groups are omitted."""
    last = performance.select(pl.col("game_date").max()).item()
    newest = performance.filter(pl.col("game_date") == pl.lit(last, pl.Date)).drop(OMITTED, strict=False).sort(TABLE.key)
    if prices != "all":
        newest = newest.filter(pl.all_horizontal(pl.col(name) == ALL for name in GROUPS))
    shown = [row for row in newest.iter_rows(named=True) if is_published(row["system_id"], prices)]
    return PerformanceDocument(last=last, as_of=as_of, prices=prices, rows=[PerformanceRow(**_row(row, prices)) for row in shown])


def _row(row: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """Returns the values of a row that may be published; the others are null."""
    if prices == "all":
        return dict(row)
    names = WITHOUT_LINE + (AVERAGES_OF_LINES if has_enough_lines(row["gap_n"], prices) else ())
    kept = {name: row[name] if name in names else None for name in row}
    return {name: rounded(value, prices) if isinstance(value, float) else value for name, value in kept.items()}
