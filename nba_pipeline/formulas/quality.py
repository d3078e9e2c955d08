"""How much of what should be known of a row is known: the names of what is missing, the score and its tier."""

from collections.abc import Mapping, Sequence

import polars as pl

TIERS = {"gold": 95.0, "silver": 85.0, "bronze": 70.0, "poor": 50.0, "critical": 0.0}
"""Tier -> lowest score, from the best on."""

BITS = 48
"""Names per pattern; a whole number holds 63."""


def with_names(rows: pl.DataFrame, column: str, holds: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The rows with a list column: the names whose expression holds, in order; a null does not hold.

    Few patterns occur, so each list is made once, not once per row.
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
    """Percentage of the expressions that hold, 0-100.

    To nine digits: the last bits of a quotient depend on how polars orders the arithmetic, and rows are compared by bits.
    """
    return (100 * pl.sum_horizontal(is_present) / len(is_present)).round(9)


def tier(score: str) -> pl.Expr:
    """Gold from 95, silver from 85, bronze from 70, poor from 50, else critical."""
    named = pl.lit("critical")
    for name, lowest in sorted(TIERS.items(), key=lambda item: item[1]):
        named = pl.when(pl.col(score) >= lowest).then(pl.lit(name)).otherwise(named)
    return named
