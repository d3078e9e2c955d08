"""Exact differences between the feature tables of two worlds. Lineage columns are ignored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from nba_pipeline.audit.derivations import FEATURE_TABLES
from nba_pipeline.audit.recompute import World
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE


@dataclass(frozen=True)
class Difference:
    """A column that differs between two tables, with the number of differing rows and the largest difference."""

    table: str
    column: str
    rows: int
    where: str
    before: object
    after: object

    @property
    def name(self) -> str:
        """Table and column."""
        return f"{self.table}.{self.column}"

    def __str__(self) -> str:
        return f"{self.name} {self.where}: {self.before} became {self.after}"


def differences(before: World, after: World, dates: Sequence[date]) -> tuple[list[Difference], int]:
    """Returns the columns that differ between two worlds, in pipeline order, and the number of values compared."""
    differing, values = [], 0
    for table in FEATURE_TABLES:
        key, first, second = _rows_of_both(table, before, after, dates)
        values += first.height * first.width
        if not first.equals(second):
            differing += _of_table(table, key, first, second)
    return differing, values


def differing_dates(before: World, after: World, dates: Sequence[date]) -> list[date]:
    """Returns the dates on which two worlds differ in at least one value."""
    differing = set[date]()
    for table in FEATURE_TABLES:
        _, *frames = _rows_of_both(table, before, after, dates)
        if not frames[0].equals(frames[1]):
            of_day = ([frame.filter(pl.col("game_date") == day) for frame in frames] for day in dates)
            differing |= {day for day, (one, other) in zip(dates, of_day, strict=True) if not one.equals(other)}
    return sorted(differing)


def _rows_of_both(table: str, before: World, after: World, dates: Sequence[date]) -> tuple[list[str], pl.DataFrame, pl.DataFrame]:
    """Returns the key of a table and its rows on the dates in both worlds, sorted by key and without lineage columns."""
    key = list(dict.fromkeys(["game_date", *TABLES[table].key]))
    first, second = (world[table].filter(pl.col("game_date").is_in(list(dates))).sort(key) for world in (before, after))
    columns = [column for column in first.columns if column not in LINEAGE]
    return key, first.select(columns), second.select(columns)


def _of_table(table: str, key: list[str], first: pl.DataFrame, second: pl.DataFrame) -> list[Difference]:
    differing = []
    lost, new = first.join(second, on=key, how="anti"), second.join(first, on=key, how="anti")
    if lost.height or new.height:
        where = _where(lost if lost.height else new, key)
        differing.append(Difference(table, "rows", lost.height + new.height, where, first.height, second.height))
    beside = first.join(second, on=key, suffix="_became", maintain_order="left")
    for column in (name for name in first.columns if name not in key):
        off = beside.filter(pl.col(column).ne_missing(pl.col(f"{column}_became")))
        if off.height:
            worst = _worst(off, column)
            differing.append(
                Difference(table, column, off.height, _where(worst, key), worst[column][0], worst[f"{column}_became"][0])
            )
    return differing


def _worst(off: pl.DataFrame, column: str) -> pl.DataFrame:
    """Returns the row with the largest numeric difference, or the first row of a non-numeric column."""
    if not off.schema[column].is_numeric():
        return off.head(1)
    return off.sort((pl.col(column) - pl.col(f"{column}_became")).abs(), descending=True, nulls_last=True).head(1)


def _where(rows: pl.DataFrame, key: list[str]) -> str:
    return "of " + ", ".join(f"{name} {rows[name][0]}" for name in key)
