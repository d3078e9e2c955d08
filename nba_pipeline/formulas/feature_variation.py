"""Spread and distinct values of features on a slate."""

from collections.abc import Mapping
from datetime import date

import polars as pl


def flat_features(
    rows: pl.LazyFrame, required: Mapping[str, tuple[float, int]], *, least_rows: int, full_slate_rows: int, least_known: int = 1
) -> dict[date, tuple[int, list[str]]]:
    """Returns, for each date with rows, the number of rows and a message for each feature that varies too little.

    The required number of distinct values grows with the number of known values, up to that of a full slate, and is at least 2.
    A feature with fewer than `least_known` values is missing, not flat: at the start of a season few players have its window.

    Args:
        rows: Rows of `features`.
        required: Feature -> least standard deviation in its unit, least distinct values on a full slate.
        least_rows: Slates with fewer rows are not judged.
        full_slate_rows: Rows of a full slate.
        least_known: Features with fewer known values are not judged.
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
        for name, (least_spread, least_values) in required.items() if row["rows"] >= least_rows else ():
            spread, values = row[f"{name}_spread"], row[f"{name}_values"]
            known = row[f"{name}_known"]
            enough = max(2, int(least_values * min(1, known / full_slate_rows)))
            if known >= max(least_known, 1) and (spread is None or spread < least_spread or values < enough):
                messages.append(f"{name} ({values} values, standard deviation {spread or 0:.2f})")
        flat[row["game_date"]] = (row["rows"], messages)
    return flat
