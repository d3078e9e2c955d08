"""What differs between the feature tables of two worlds, to the last bit. Lineage is not compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from nba_pipeline.audit.derivations import FEATURE_TABLES
from nba_pipeline.audit.recompute import World
from nba_pipeline.tables.table import LINEAGE, TABLES


@dataclass(frozen=True)
class Difference:
    """A column of a table that differs: in how many rows, and the row in which it differs most."""

    table: str
    column: str
    rows: int
    where: str
    was: object
    became: object

    @property
    def name(self) -> str:
        """Table and column."""
        return f"{self.table}.{self.column}"

    def __str__(self) -> str:
        return f"{self.name} {self.where}: {self.was} became {self.became}"


def differences(was: World, became: World, dates: Sequence[date]) -> tuple[list[Difference], int]:
    """In which columns two worlds differ on some dates, in the order of the path, and how many values were compared."""
    found, values = [], 0
    for table in FEATURE_TABLES:
        key = list(dict.fromkeys(["game_date", *TABLES[table].key]))
        frames = [made[table].filter(pl.col("game_date").is_in(list(dates))).sort(key) for made in (was, became)]
        columns = [column for column in frames[0].columns if column not in LINEAGE]
        first, second = (frame.select(columns) for frame in frames)
        values += first.height * first.width
        if not first.equals(second):
            found += _of_table(table, key, first, second)
    return found, values


def _of_table(table: str, key: list[str], first: pl.DataFrame, second: pl.DataFrame) -> list[Difference]:
    found = []
    lost, new = first.join(second, on=key, how="anti"), second.join(first, on=key, how="anti")
    if lost.height or new.height:
        where = _where(lost if lost.height else new, key)
        found.append(Difference(table, "rows", lost.height + new.height, where, first.height, second.height))
    beside = first.join(second, on=key, suffix="_became", maintain_order="left")
    for column in (name for name in first.columns if name not in key):
        off = beside.filter(pl.col(column).ne_missing(pl.col(f"{column}_became")))
        if off.height:
            worst = _worst(off, column)
            found.append(
                Difference(table, column, off.height, _where(worst, key), worst[column][0], worst[f"{column}_became"][0])
            )
    return found


def _worst(off: pl.DataFrame, column: str) -> pl.DataFrame:
    """The row in which a number differs most, else the first."""
    if not off.schema[column].is_numeric():
        return off.head(1)
    return off.sort((pl.col(column) - pl.col(f"{column}_became")).abs(), descending=True, nulls_last=True).head(1)


def _where(rows: pl.DataFrame, key: list[str]) -> str:
    return "of " + ", ".join(f"{name} {rows[name][0]}" for name in key)
