"""Presence, range and quality of the columns of `features`."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from nba_pipeline.formulas.quality import known_share


def within_range(rows: pl.DataFrame, ranges: Mapping[str, tuple[float, float]]) -> pl.DataFrame:
    """Casts the existing features to Float64 and replaces values outside their range, both ends included, by null."""
    existing = {name: pl.col(name).cast(pl.Float64) for name in ranges if name in rows.columns}
    return rows.with_columns(pl.when(value.is_between(*ranges[name])).then(value).alias(name) for name, value in existing.items())


def is_present(name: str) -> pl.Expr:
    """Whether a feature is known. The mean against an opponent is also present if there was no earlier meeting."""
    present = pl.col(name).is_not_null()
    if name == "points_mean_versus_opponent_last_1095_days":
        present = present | (pl.col("games_versus_opponent_last_1095_days") == 0).fill_null(False)
    return present


def qualities(features: Mapping[str, Sequence[str]]) -> Iterable[pl.Expr]:
    """Returns one quality score per name in `features`: the percentage of its features that are present, 0-100."""
    return (known_share([is_present(name) for name in names]).alias(quality) for quality, names in features.items())
