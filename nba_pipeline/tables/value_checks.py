"""Checks of a polars frame against column definitions, and its summary for Dagster's UI."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

MAX_VALUES_SHOWN = 3
SIGNIFICANT_DIGITS = 6
SUMMARY_COLUMNS = {"column": "string", "dtype": "string", "null_pct": "float", "min": "float", "mean": "float", "max": "float"}


def value_problem(rows: pl.DataFrame, columns: Mapping[str, dy.Column]) -> str:
    """Returns the first violation of a definition: type, null, not finite or out of range, with column and values; "" if none."""
    schema = rows.schema  # polars builds it at each access
    for name, definition in columns.items():
        if schema[name] != definition.dtype:
            return f"column {name} is {schema[name]}, not {definition.dtype}"
    rules = [(name, rule, is_violated) for name, definition in columns.items() for rule, is_violated in _rules(name, definition)]
    counts = rows.select(is_violated.sum().alias(str(n)) for n, (*_, is_violated) in enumerate(rules)).row(0)
    for (name, rule, is_violated), count in zip(rules, counts, strict=True):
        if count:
            return f"column {name} {rule} in {count} of {rows.height} rows: {', '.join(_examples(rows, name, is_violated))}"
    return ""


def _rules(name: str, definition: dy.Column) -> Iterator[tuple[str, pl.Expr]]:
    """Yields the message of each constraint of a column, and an expression that is true where it is violated."""
    value, low, high = pl.col(name), getattr(definition, "min", None), getattr(definition, "max", None)
    if not definition.nullable:
        yield "is null", value.is_null()
    if definition.dtype.is_float():
        yield "is not finite", ~value.is_finite()
    if low is not None:
        yield f"is below {low}", value < low
    if high is not None:
        yield f"is above {high}", value > high


def _examples(rows: pl.DataFrame, name: str, is_violated: pl.Expr) -> list[str]:
    violating = rows.with_row_index("row").filter(is_violated).head(MAX_VALUES_SHOWN)
    return [f"{'null' if value is None else value} (row {row})" for row, value in violating.select("row", name).iter_rows()]


def summary(rows: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Returns row and column counts, the share of nulls, and per column minimum, mean and maximum if it is numeric."""
    records = []
    for series in rows.iter_columns():
        values: list[Any] = [series.min(), series.mean(), series.max()] if series.dtype.is_numeric() else [None] * 3
        null_share = series.null_count() / rows.height if rows.height else None
        numbers = (_rounded(value) for value in (null_share, *values))
        record = dict(zip(SUMMARY_COLUMNS, (series.name, str(series.dtype), *numbers), strict=True))
        records.append(dg.TableRecord(record))
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in SUMMARY_COLUMNS.items()])
    cells = rows.height * rows.width
    share = {"null_pct": dg.MetadataValue.float(_rounded(sum(rows.null_count().row(0)) / cells) or 0.0)} if cells else {}
    counts = {"rows": dg.MetadataValue.int(rows.height), "columns": dg.MetadataValue.int(rows.width)}
    return {**counts, **share, "summary": dg.MetadataValue.table(records, schema=schema)}


def _rounded(value: float | None) -> float | None:
    """Returns a number rounded for display; None for a missing value."""
    return None if value is None else float(f"{value:.{SIGNIFICANT_DIGITS}g}")
