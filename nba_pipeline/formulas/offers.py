"""Merging of offers of one line by one book at one instant, after name resolution."""

from collections.abc import Sequence

import polars as pl

SIDES = ("over_price", "under_price")


def merge_offers(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Merges consistent offers to one row per line, and keeps all distinct offers of a contradictory line.

    Offers are consistent if no side has two prices: one may have the over and another the under. The merged row is the first
    captured row with the prices of both sides, and `copies` counts the others. Contradictory offers get a `problem`. A row that
    has a `problem` or is `ignored` is only merged with equal rows.
    """
    rows = rows.sort("captured_at", "spelling", nulls_last=True, maintain_order=True)
    is_offer = pl.col("problem").is_null() & pl.col("ignored").is_null()
    judged = rows.filter(is_offer).with_columns(_prices(side).over(key).alias(f"{side}s") for side in SIDES)
    is_clear = pl.all_horizontal(pl.col(f"{side}s").list.len() <= 1 for side in SIDES)
    lineage = {"captured_at", "source"}
    content = [column for column in rows.columns if column not in lineage]
    merged = first_of_each(
        judged.filter(is_clear)
        .with_columns(*(pl.col(f"{side}s").list.first().alias(side) for side in SIDES), _is_latest(key))
        .select(rows.columns),
        key,
    )
    contradictory = judged.filter(~is_clear).with_columns(_contradiction().alias("problem")).select(rows.columns)
    remaining = pl.concat([rows.filter(~is_offer), contradictory])
    return pl.concat([merged, first_of_each(remaining, content)])


def _prices(side: str) -> pl.Expr:
    return pl.col(side).drop_nulls().unique().sort().implode()


def _is_latest(key: Sequence[str]) -> pl.Expr:
    return pl.col("is_latest_pregame").max().over(key)


def first_of_each(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Returns the first row of each group. `copies` counts the other rows of the group."""
    copies = (pl.len().over(columns) - 1).cast(pl.Int64).alias("copies")
    return rows.with_columns(copies).unique(columns, keep="first", maintain_order=True)


def _contradiction() -> pl.Expr:
    differences = [
        pl.when(pl.col(f"{side}s").list.len() > 1).then(
            pl.format("{} is {}", pl.lit(side.replace("_", " ")), pl.col(f"{side}s").cast(pl.List(pl.String)).list.join(" and "))
        )
        for side in SIDES
    ]
    return pl.format(
        "offers of {} at {} of {} contradict each other: {}",
        "spelling",
        "line",
        "book",
        pl.concat_str(differences, separator=", ", ignore_nulls=True),
    )
