"""Metadata of each date in a range run, so that the plots of a table show days and never sums over a range.

Dagster attaches the metadata of an output to every date of a range. Metadata of a date replaces it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.league.calendar import parse_key
from nba_pipeline.warehouse.accounting import per_date

SECONDS_PER_DATE = "seconds_per_date"
"""Metadata: the seconds of the computation, divided by its number of dates."""

NUMBERS = "numbers_by_date"
"""Metadata: {date: {name: number}}. Each number becomes metadata of its date, which the page of the table plots over dates."""

ROW_COUNT, ROWS_QUARANTINED, PROBLEMS = "dagster/partition_row_count", "rows_quarantined", "problems"
MAX_PROBLEMS = 10


def add_dated_metadata(context: dg.OutputContext, dates: Sequence[date], rows: pl.DataFrame, rejected: pl.DataFrame) -> None:
    """Adds the counts of a write and the numbers of the asset, per date if it has several dates.

    Args:
        context: The output, with the metadata of the asset.
        dates: The written dates. A closed ledger date of the run has no counts.
        rows: The stored rows of the dates, at least `game_date`.
        rejected: The quarantined rows, with `game_date` and `problem`.
    """
    every = [parse_key(key) for key in context.asset_partition_keys]
    numbers = getattr(context.output_metadata.get(NUMBERS), "data", None) or {}
    if len(every) == 1:
        context.add_output_metadata(_counts(rows.height, rejected) | numbers.get(every[0].isoformat(), {}))
        return
    counts, first = per_date(rows, dates), min(dates)
    # a row without a date, or of another date, counts for the earliest date, as in the accounting
    day_of = pl.when(pl.col("game_date").is_in(list(dates))).then("game_date").otherwise(first)
    by_day = {day: part for (day,), part in rejected.with_columns(day_of.alias("day")).group_by("day")}
    of_range = {name: value for name, value in context.output_metadata.items() if name != SECONDS_PER_DATE}
    for day in every:
        own = _counts(counts.get(day, 0), by_day.get(day, rejected.clear())) if day in dates else {}
        own |= numbers.get(day.isoformat(), {})
        context.step_context.add_asset_metadata(_of_date(of_range, day, every) | own, partition_key=day.isoformat())


def _counts(rows: int, rejected: pl.DataFrame) -> dict[str, Any]:
    problems = rejected.group_by("problem").len().sort("len", descending=True).head(MAX_PROBLEMS)
    return {
        ROW_COUNT: rows,
        ROWS_QUARANTINED: rejected.height,
        PROBLEMS: dg.MetadataValue.json(dict(problems.iter_rows())),
    }


def _of_date(metadata: Mapping[str, Any], day: date, dates: Sequence[date]) -> dict[str, Any]:
    """Returns the metadata to replace for a date: its own entry of a mapping by date, and numbers of the range as text."""
    keys, own = {each.isoformat() for each in dates}, dict[str, Any]()
    for name, value in metadata.items():
        data = getattr(value, "value", value)
        if isinstance(data, dict) and data and data.keys() <= keys:
            own[name] = dg.MetadataValue.json({key: data[key] for key in data if key == day.isoformat()})
        elif isinstance(data, int | float) and not isinstance(value, dg.TimestampMetadataValue | bool):
            own[name] = dg.MetadataValue.text(f"{data} in {len(dates)} dates")
    return own
