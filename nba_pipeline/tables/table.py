"""The definition of a table: schema, key, partition. Casts, validates and quarantines rows, and describes columns to Dagster.

Conventions of every table: `game_date` is the US Eastern date and the partition; `_at` columns are UTC instants; every
`_pct` is a fraction 0-1; statistics of players who did not play are null, never 0.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.errors import BadInput, PipelineError, wrong_columns
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA as QUARANTINE_SCHEMA  # noqa: PLC0414  # mypy: also imported from here
from nba_pipeline.tables.registry import TABLES as TABLES  # noqa: PLC0414

PROBLEM = "problem"
"""Optional column of a transform's output: why a row is unusable. Such rows are quarantined."""


class Row(dy.Schema):
    """The columns of every table's schema: the partition. Lineage columns are added by `Table`."""

    game_date = dy.Date(description="US Eastern date of the game; the partition")


class Lineage(dy.Schema):
    """The origin of a row. Run ids and load times are in Dagster's metadata."""

    source = dy.String(description="landed payload or tables from which the row was derived")
    as_of = dy.Datetime(time_zone="UTC", description="instant up to which the run read its inputs")
    code_version = dy.String(description="version of the code that produced the row")


LINEAGE = ("source", "as_of", "code_version")


def count(description: str) -> dy.Int64:
    """A count that is null for a player who did not play."""
    return dy.Int64(nullable=True, min=0, description=description)


def code(options: Iterable[str], description: str, nullable: bool = False) -> dy.String:
    """Text from a fixed list. Other values are quarantined."""
    allowed = list(options)
    return dy.String(nullable=nullable, check=lambda column: column.is_in(allowed), description=description)


def number(description: str, low: float | None = None, high: float | None = None) -> dy.Float64:
    """A nullable Float64 within a range."""
    return dy.Float64(nullable=True, min=low, max=high, description=description)


@dataclass(frozen=True)
class Table:
    """One table. `schema` holds the data columns with types, ranges and named rules; lineage columns are added to it.

    `write` is "replace" (a run replaces its dates) or "add" (rows are only added).
    """

    name: str
    grain: str
    key: tuple[str, ...]
    schema: type[dy.Schema]
    write: str = "replace"
    cluster: tuple[str, ...] = ()
    may_shrink: bool = False
    """True if fewer rows than before are expected, so that a smaller replacement is not refused."""
    is_ledger: bool = field(default=False)
    """True for ledgers, which a rebuild must not delete: predictions and grades cannot be reproduced."""

    @cached_property
    def dtypes(self) -> dict[str, pl.DataType]:
        """Column -> polars type, data columns first, lineage last."""
        return {name: column.dtype for name, column in self.columns.items()}

    @cached_property
    def columns(self) -> dict[str, dy.Column]:
        """Column -> dataframely column, data columns first, lineage last."""
        return {**self.schema.columns(), **Lineage.columns()}

    def __post_init__(self) -> None:
        other = TABLES.setdefault(self.name, self)
        if other is not self:
            raise BadInput(f"table name {self.name} is used twice: in {other.schema.__module__} and {self.schema.__module__}")

    def empty(self) -> pl.DataFrame:
        """An empty frame with every column."""
        return self._empty.clone()

    @cached_property
    def _empty(self) -> pl.DataFrame:
        """Kept, because creating an empty frame takes 5 microseconds per column."""
        return pl.DataFrame(schema=self.dtypes)

    def conform(self, frame: pl.DataFrame, as_of: datetime, code_version: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Splits a transform's output into valid rows and quarantined rows.

        Adds the lineage columns and casts. Merges rows that differ only in lineage. Quarantines rows that break a rule and all
        rows of a duplicate key. Raises PipelineError for a missing or unknown column or another type.
        """
        frame = frame.with_columns(
            pl.lit(as_of).cast(pl.Datetime("us", "UTC")).alias("as_of"), pl.lit(code_version).alias("code_version")
        )
        if PROBLEM not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(PROBLEM))
        unknown = set(frame.columns) - set(self.dtypes) - {PROBLEM}
        missing = set(self.dtypes) - set(frame.columns)
        if unknown or missing:
            raise PipelineError(f"{self.name}: {wrong_columns(sorted(missing), sorted(unknown))}")
        good, bad = frame.filter(pl.col(PROBLEM).is_null()), frame.filter(pl.col(PROBLEM).is_not_null())
        good = self._cast(good).unique(self.schema.column_names(), keep="first", maintain_order=True)
        copies = pl.struct(self.key).is_duplicated()
        bad = pl.concat([bad, good.filter(copies).with_columns(pl.lit("key_is_unique").alias(PROBLEM))], how="diagonal_relaxed")
        valid, failures = self.schema.filter(good.filter(~copies).select(self.schema.column_names()))
        if valid.height < good.height - int(good.select(copies.sum()).item()):
            broken = failures.details()
            rules = [name for name in broken.columns if name not in self.dtypes]
            named = broken.with_columns(
                pl.concat_str(
                    [pl.when(pl.col(r) == "invalid").then(pl.lit(r)) for r in rules], separator=", ", ignore_nulls=True
                ).alias(PROBLEM)
            ).select(*self.key, PROBLEM)
            rejected = good.filter(~copies).join(named, on=list(self.key), how="inner", nulls_equal=True)
            bad = pl.concat([bad, rejected], how="diagonal_relaxed")
            good = good.filter(~copies).join(named, on=list(self.key), how="anti", nulls_equal=True)
        else:
            good = good.filter(~copies)
        return good.sort(self.key), self._quarantine(bad, as_of)

    def row(self, values: Mapping[str, Any], as_of: datetime, code_version: str) -> pl.DataFrame:
        """Returns a row for a ledger. An absent value is null. Raises PipelineError if the row breaks a rule."""
        schema = {name: kind for name, kind in self.dtypes.items() if name not in LINEAGE[1:]}
        if unknown := sorted(values.keys() - schema.keys()):
            raise PipelineError(f"{self.name}: {wrong_columns([], unknown)}")
        rows, rejected = self.conform(pl.DataFrame([values], schema=schema), as_of, code_version)
        if rejected.height:
            key = " ".join(str(values.get(name)) for name in self.key)
            raise PipelineError(f"{self.name}: the row {key} is invalid: {rejected['problem'][0]}")
        return rows

    def _cast(self, frame: pl.DataFrame) -> pl.DataFrame:
        try:
            return frame.select([pl.col(c).cast(t) for c, t in self.dtypes.items()])
        except pl.exceptions.PolarsError as error:
            raise PipelineError(f"{self.name}: a value cannot be cast to its type: {str(error).splitlines()[0]}") from error

    def _quarantine(self, bad: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
        rows = [
            {
                "table": self.name,
                "game_date": row["game_date"],
                "problem": row[PROBLEM],
                "source": row.get("source"),
                "as_of": as_of,
                "row": _json({k: v for k, v in row.items() if k not in (PROBLEM, *LINEAGE)}),
            }
            for row in bad.iter_rows(named=True)
        ]
        return pl.DataFrame(rows, schema=dict(QUARANTINE_SCHEMA))

    def column_schema(self) -> dg.TableSchema:
        """The columns in Dagster's schema format."""
        return dg.TableSchema(
            columns=[
                dg.TableColumn(
                    name,
                    str(column.dtype),
                    column.description or "",
                    dg.TableColumnConstraints(nullable=column.nullable, other=_range_of(column)),
                )
                for name, column in self.columns.items()
            ],
            constraints=dg.TableConstraints(other=[f"one row per {self.grain}", f"key: {', '.join(self.key)}"]),
        )


def _json(row: Mapping[str, Any]) -> str:
    """A row as JSON with its original values. NaN and infinity become text, because JSON does not have them."""
    finite = {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    return json.dumps(finite, default=str, ensure_ascii=False)


def _range_of(column: dy.Column) -> list[str]:
    bounds: dict[str, Any] = {k: getattr(column, k, None) for k in ("min", "max")}
    return [f"{name} {bound}" for name, bound in bounds.items() if bound is not None]
