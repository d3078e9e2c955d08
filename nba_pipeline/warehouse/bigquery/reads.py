"""Reads from the tables of a dataset: pruned to dates and columns, and cached per run."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date

import polars as pl
from google.cloud import bigquery
from polars.io.plugins import register_io_source

from nba_pipeline.warehouse.bigquery.connections import Connection
from nba_pipeline.warehouse.bigquery.jobs import day_parameters
from nba_pipeline.warehouse.bigquery.shapes import Shape


class Reader:
    """Reads rows through a connection."""

    def __init__(self, connection: Connection):
        self.connection = connection

    def read_dates(
        self, shape: Shape, key: Sequence[str], schema: Mapping[str, pl.DataType], dates: Collection[date] | None
    ) -> pl.DataFrame:
        """The rows of these dates, sorted by date and key. Queries only dates for which the record has rows."""
        non_empty = {day for day, load in self.connection.loads.of(shape.name).items() if load.rows}
        requested = sorted(non_empty if dates is None else non_empty & set(dates))
        if not requested:
            return pl.DataFrame(schema=dict(schema))
        is_contiguous = all(day in requested for day in non_empty if requested[0] <= day <= requested[-1])
        return self.read(shape, key, schema, requested, is_contiguous)

    def read(
        self,
        shape: Shape,
        key: Sequence[str],
        schema: Mapping[str, pl.DataType],
        dates: Sequence[date],
        is_contiguous: bool = True,
    ) -> pl.DataFrame:
        """The rows of sorted dates. A single date is read with all columns, once per run.

        `is_contiguous` is true if the table has no other dates between them.
        """
        names = (
            [column.name for column in shape.columns] if len(dates) == 1 else list(dict.fromkeys(("game_date", *key, *schema)))
        )
        rows = self.connection.parts.get(shape.name, dates, names)
        if rows is None:
            parameters = day_parameters(dates[0], dates[-1])
            condition = "" if is_contiguous else " AND game_date IN UNNEST(@dates)"
            if condition:
                parameters.append(bigquery.ArrayQueryParameter("dates", "DATE", list(dates)))
            columns = ", ".join(f"`{name}`" for name in names)
            statement = f"SELECT {columns} FROM `{shape.name}` WHERE game_date BETWEEN @first AND @last{condition}"
            rows = self.connection.session.frame(statement, parameters, shape.name).sort("game_date", *key)
            self.connection.parts.keep(shape.name, dates, names, rows)
        return rows.select(pl.col(name).cast(kind) for name, kind in schema.items())


def lazy_frame(schema: Mapping[str, pl.DataType], read: Callable[[Mapping[str, pl.DataType]], pl.DataFrame]) -> pl.LazyFrame:
    """A lazy frame that calls `read` with the selected columns when it is collected."""

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        # a row count selects no columns
        selected = {name: schema[name] for name in with_columns} if with_columns else schema
        if with_columns is not None and not with_columns:
            selected = {"game_date": pl.Date()}
        frame = read(selected)
        frame = frame if predicate is None else frame.filter(predicate)
        yield frame if n_rows is None else frame.head(n_rows)

    return register_io_source(source, schema=dict(schema))
