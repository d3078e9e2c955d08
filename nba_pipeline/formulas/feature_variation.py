"""Spread and distinct values of features on a slate."""

from collections.abc import Mapping
from datetime import date

import polars as pl


def flat_features(
    rows: pl.LazyFrame, required: Mapping[str, tuple[float, int]], *, least_rows: int, full_slate_rows: int
) -> dict[date, tuple[int, list[str]]]:
    """Returns, for each date with rows, the number of rows and a message for each feature that varies too little.

    The required number of distinct values grows with the number of rows, up to that of a full slate, and is at least 2. A
    feature that is null in every row is missing, not flat.

    Args:
        rows: Rows of `features`.
        required: Feature -> least standard deviation in its unit, least distinct values on a full slate.
        least_rows: Slates with fewer rows are not judged.
        full_slate_rows: Rows of a full slate.
    """
    per_date = (
        rows.group_by("game_date")
        .agg(
            pl.len().alias("rows"),
            *[pl.col(name).std().alias(f"{name}_spread") for name in required],
            *[pl.col(name).drop_nulls().n_unique().alias(f"{name}_values") for name in required],
        )
        .collect()
    )
    flat: dict[date, tuple[int, list[str]]] = {}
    for row in per_date.iter_rows(named=True):
        messages = []
        for name, (least_spread, least_values) in required.items() if row["rows"] >= least_rows else ():
            spread, values = row[f"{name}_spread"], row[f"{name}_values"]
            enough = max(2, int(least_values * min(1, row["rows"] / full_slate_rows)))
            if values and (spread is None or spread < least_spread or values < enough):
                messages.append(f"{name} ({values} values, standard deviation {spread or 0:.2f})")
        flat[row["game_date"]] = (row["rows"], messages)
    return flat
