"""Spread and distinct values of features on a slate."""

from collections.abc import Mapping
from datetime import date

import polars as pl


def flat_features(
    rows: pl.LazyFrame, required: Mapping[str, tuple[float, int]], *, min_rows: int, full_slate_rows: int, min_known: int = 1
) -> dict[date, tuple[int, list[str]]]:
    """Returns, for each date with rows, the number of rows and a message for each feature that varies too little.

    The required number of distinct values grows with the number of known values, up to that of a full slate, and is at least 2.
    A feature with fewer than `min_known` values is missing, not flat: at the start of a season few players have its window.

    Args:
        rows: Rows of `features`.
        required: Feature -> minimum standard deviation in its unit, minimum number of distinct values on a full slate.
        min_rows: Slates with fewer rows are not judged.
        full_slate_rows: Rows of a full slate.
        min_known: Features with fewer known values are not judged.
    """
    per_date = (
        rows.group_by("game_date")
        .agg(
            pl.len().alias("rows"),
            *[pl.col(name).std().alias(f"{name}_spread") for name in required],
            *[pl.col(name).drop_nulls().n_unique().alias(f"{name}_values") for name in required],
            *[pl.col(name).count().alias(f"{name}_known") for name in required],
        )
        .collect()
    )
    flat: dict[date, tuple[int, list[str]]] = {}
    for row in per_date.iter_rows(named=True):
        messages = []
        for name, (min_spread, min_values) in required.items() if row["rows"] >= min_rows else ():
            spread, values = row[f"{name}_spread"], row[f"{name}_values"]
            known = row[f"{name}_known"]
            min_distinct = max(2, int(min_values * min(1, known / full_slate_rows)))
            if known >= max(min_known, 1) and (spread is None or spread < min_spread or values < min_distinct):
                messages.append(f"{name} (distinct values: {values}, standard deviation {spread or 0:.2f})")
        flat[row["game_date"]] = (row["rows"], messages)
    return flat
