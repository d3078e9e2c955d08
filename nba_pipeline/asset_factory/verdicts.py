"""Frames of check results, one row per date, and the functions that build them.

A frame of verdicts has `game_date`, `passed`, `missing` (the names of missing items or failing rows) and numeric columns,
which are plotted over dates. `is_expected` marks a gate that is closed as expected. Reading tables belongs in the checks of
the table modules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import polars as pl
import polars.selectors as cs

from nba_pipeline.errors import BadInput

PASSED, MISSING, EXPECTED = "passed", "missing", "is_expected"
NAMES_SHOWN = 50
NO_NAME = "name unknown"
"""Instead of the null name of an item."""
DECIMALS = 4
"""Decimals of the numbers in the pages."""


@dataclass(frozen=True)
class Verdict:
    """The result of a check on one date. `numbers` are plotted over dates; `missing` has the names of missing items."""

    game_date: date
    passed: bool
    numbers: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    is_expected: bool = False
    """Whether a closed gate is expected: it needs data from before the stored history."""

    def metadata(self) -> dict[str, Any]:
        """Returns the rounded numbers, and the first missing names as text, one per line. A repeated name is shown once."""
        numbers = {name: round(value, DECIMALS) for name, value in self.numbers.items()}
        missing = (
            {MISSING: dg.MetadataValue.text("\n".join(list(dict.fromkeys(self.missing))[:NAMES_SHOWN]))} if self.missing else {}
        )
        return numbers | missing | ({EXPECTED: True} if self.is_expected else {})


def verdicts_of(frame: pl.DataFrame, dates: Sequence[date], check: str = "check") -> list[Verdict]:
    """Returns the verdict of each date. A null number is unknown and omitted.

    Raises BadInput if a date has no verdict or several: a date without a result must not look passed.
    """
    rows = {row.pop("game_date"): row for row in frame.iter_rows(named=True)}
    judged = {day for day, row in rows.items() if row[PASSED] is not None}
    if frame.height != len(rows) or judged != set(dates):
        days = sorted(str(day) for day in judged ^ set(dates)) or ["a date"]
        raise BadInput(f"{check}: expected one verdict per date; missing or repeated on {', '.join(days)}")
    return [
        Verdict(
            day,
            row[PASSED],
            {name: value for name, value in row.items() if name not in (PASSED, MISSING, EXPECTED) and value is not None},
            [name or NO_NAME for name in row.get(MISSING) or ()],
            bool(row.get(EXPECTED)) and not row[PASSED],
        )
        for day, row in sorted(rows.items())
    ]


def for_each_date(dates: Sequence[date], *per_date: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per date with the columns of the frames. Where a frame has no row, counts are 0 and lists are empty."""
    rows = pl.DataFrame({"game_date": sorted(set(dates))}, schema={"game_date": pl.Date})
    for frame in per_date:
        rows = rows.join(frame, on="game_date", how="left", maintain_order="left")
    return rows.with_columns(cs.integer().fill_null(0), cs.list().fill_null([]))


def count_off(
    dates: Sequence[date],
    rows: pl.DataFrame | pl.LazyFrame,
    is_off: pl.Expr,
    name: pl.Expr,
    *,
    total: str,
    off: str,
    **numbers: pl.Expr,
) -> pl.DataFrame:
    """Returns verdicts that pass on dates without a failing row, with the numbers of all rows and of the failing ones.

    Args:
        dates: The dates to judge.
        rows: Rows with `game_date`, sorted by name.
        is_off: Whether a row fails the check. Null counts as a failure.
        name: The name of a row, shown if it fails.
        total: The metadata key of the number of rows.
        off: The metadata key of the number of failing rows.
        numbers: Further metadata: aggregates over the rows of a date.
    """
    is_off = is_off.fill_null(value=True)
    counted = (
        rows.lazy()
        .group_by("game_date", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias(total),
            is_off.sum().cast(pl.Int64).alias(off),
            name.filter(is_off).alias(MISSING),
            **numbers,
        )
    )
    return for_each_date(dates, counted.collect()).with_columns((pl.col(off) == 0).alias(PASSED))


def share_present(
    dates: Sequence[date],
    expected: pl.DataFrame | pl.LazyFrame,
    is_present: pl.Expr,
    name: pl.Expr,
    floor: float,
    *,
    share: str = "share",
    **numbers: pl.Expr,
) -> pl.DataFrame:
    """Returns verdicts that pass if the share of expected rows that are present is at least `floor`. Without any, it is 1.

    Args:
        dates: The dates to judge.
        expected: One row per expected item, with `game_date`, sorted by name.
        is_present: Whether an item is present. Null counts as not present.
        name: The name of an item, shown if it is not present.
        floor: The minimum share with which the check passes.
        share: The metadata key of the share.
        numbers: Further metadata: aggregates over the items of a date.
    """
    is_present = is_present.fill_null(value=False)
    counted = (
        expected.lazy()
        .group_by("game_date", maintain_order=True)
        .agg(
            is_present.sum().cast(pl.Int64).alias("present"),
            pl.len().cast(pl.Int64).alias("expected"),
            name.filter(~is_present).alias(MISSING),
            **numbers,
        )
    )
    return with_share(for_each_date(dates, counted.collect()), floor, share)


def with_share(counts: pl.DataFrame, floor: float, share: str = "share") -> pl.DataFrame:
    """Adds the share of `present` in `expected`, 1 if nothing is expected, and whether it is at least `floor`."""
    value = pl.when(pl.col("expected") == 0).then(1.0).otherwise(pl.col("present") / pl.col("expected"))
    return counts.with_columns(value.alias(share)).with_columns((pl.col(share) >= floor).alias(PASSED))


def with_presence(expected: pl.DataFrame, present: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """Returns the expected items in their order with `is_present`: whether `present` has a row with the same key."""
    keys = present.select(on).unique().with_columns(is_present=pl.lit(value=True))
    return expected.join(keys, on=list(on), how="left", maintain_order="left").with_columns(
        pl.col("is_present").fill_null(value=False)
    )


def fixed(value: pl.Expr, places: int) -> pl.Expr:
    """Returns a number that is not negative as text with a fixed number of decimals."""
    scaled = (value * 10**places).round(0).cast(pl.Int64)
    return pl.format("{}.{}", scaled // 10**places, (scaled % 10**places).cast(pl.String).str.zfill(places))


def none_missing(dates: Sequence[date], missing: Mapping[date, Sequence[str]], count: str) -> pl.DataFrame:
    """Returns verdicts that pass on dates without missing names. `count` is the metadata key of their number."""
    names = [(day, list(missing.get(day, ()))) for day in dates]
    return verdict_rows([{"game_date": day, PASSED: not of_day, count: len(of_day), MISSING: of_day} for day, of_day in names])


def verdict_rows(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Returns a frame of verdicts from rows with `game_date`, `passed`, `missing` and numbers."""
    schema: dict[str, Any] = {"game_date": pl.Date, PASSED: pl.Boolean, MISSING: pl.List(pl.String)}
    return pl.DataFrame(list(rows), schema_overrides=schema, infer_schema_length=None)
