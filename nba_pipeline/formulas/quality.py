"""Completeness of a row: the names of missing values, the score and its tier."""

from collections.abc import Mapping, Sequence

import polars as pl

TIERS = {"gold": 95.0, "silver": 85.0, "bronze": 70.0, "poor": 50.0, "critical": 0.0}
"""Tier -> lowest score, in descending order."""

BITS = 48
"""Names per bit pattern. An Int64 holds up to 63."""


def with_names(rows: pl.DataFrame, column: str, holds: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Adds a list column with the names whose expression is true, in order. A null counts as false.

    Few distinct patterns occur, so each list is built once per pattern, not once per row.
    """
    names = list(holds)
    parts = {f"pattern_{start}": names[start : start + BITS] for start in range(0, len(names), BITS)}
    rows = rows.with_columns(
        pl.sum_horizontal(pl.when(holds[name]).then(1 << n).otherwise(0) for n, name in enumerate(part)).alias(pattern)
        for pattern, part in parts.items()
    )
    lists = pl.concat_list(pl.when(flag).then(pl.lit(name)) for name, flag in holds.items()).list.drop_nulls()
    patterns = rows.unique(list(parts)).select(*parts, lists.alias(column))
    return rows.join(patterns, on=list(parts), how="left", maintain_order="left").drop(*parts)


def known_share(is_present: Sequence[pl.Expr]) -> pl.Expr:
    """Percentage of the expressions that are true, 0-100.

    Rounded to nine digits, because the last bits of a quotient depend on polars' order of arithmetic, and rows are compared
    bitwise.
    """
    return (100 * pl.sum_horizontal(is_present) / len(is_present)).round(9)


def tier(score: str) -> pl.Expr:
    """Gold from 95, silver from 85, bronze from 70, poor from 50, else critical."""
    named = pl.lit("critical")
    for name, lowest in sorted(TIERS.items(), key=lambda item: item[1]):
        named = pl.when(pl.col(score) >= lowest).then(pl.lit(name)).otherwise(named)
    return named
