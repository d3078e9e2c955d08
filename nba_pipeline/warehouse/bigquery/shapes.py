"""Tables in BigQuery: columns, partition, clustering, labels, and the differences of an existing table.

Definitions only: nothing here calls BigQuery.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from google.cloud import bigquery

from nba_pipeline.errors import PipelineError
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.tables.table import Table

PARTITION = "game_date"
QUARANTINE_PREFIX = "quarantine_"
STAGING_PREFIX = "staging_"
LABELS = {"made_by": "nba_pipeline"}
DESCRIPTION_LIMIT = 1024

TYPES: Mapping[type[pl.DataType], str] = {
    pl.String: "STRING",
    pl.Int64: "INT64",
    pl.Float64: "FLOAT64",
    pl.Boolean: "BOOL",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
}
"""polars type -> type as spelled in INFORMATION_SCHEMA. Instants are UTC microseconds in both."""

REQUEST_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
"""Types that the tables API spells differently."""


@dataclass(frozen=True)
class Column:
    """One column. `kind` is spelled as in INFORMATION_SCHEMA, such as "ARRAY<STRING>" for a list."""

    name: str
    kind: str
    is_required: bool
    description: str = ""

    @property
    def field(self) -> bigquery.SchemaField:
        """The column in the tables API's format."""
        item = self.kind.removeprefix("ARRAY<").removesuffix(">")
        mode = "REPEATED" if item != self.kind else "REQUIRED" if self.is_required else "NULLABLE"
        return bigquery.SchemaField(
            self.name, REQUEST_NAMES.get(item, item), mode, description=self.description[:DESCRIPTION_LIMIT]
        )

    def __str__(self) -> str:
        """The column as DDL."""
        return f"{self.name} {self.kind}{' NOT NULL' if self.is_required else ''}"


@dataclass(frozen=True)
class Shape:
    """One table of the dataset, partitioned by day of `game_date`. Every query must filter `game_date`."""

    name: str
    columns: tuple[Column, ...]
    cluster: tuple[str, ...]
    description: str

    @property
    def fields(self) -> list[bigquery.SchemaField]:
        """Every column in the tables API's format."""
        return [column.field for column in self.columns]

    def ddl(self, dataset: bigquery.DatasetReference) -> bigquery.Table:
        """The table to create."""
        table = bigquery.Table(dataset.table(self.name), self.fields)
        table.time_partitioning = bigquery.TimePartitioning(field=PARTITION, type_=bigquery.TimePartitioningType.DAY)
        table.require_partition_filter = True
        table.clustering_fields = list(self.cluster) or None
        table.description, table.labels = self.description, LABELS
        return table


@dataclass(frozen=True)
class Difference:
    """The differences of an existing table. `added` are new nullable columns, which `apply` may add."""

    added: tuple[Column, ...] = ()
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Every difference as text."""
        return "; ".join([*self.refused, *(f"column {column} is missing" for column in self.added)])


def shape_of(table: Table) -> Shape:
    """The shape of a table of the platform."""
    columns = tuple(
        Column(
            name, _kind(table.name, name, column.dtype), not column.nullable and column.dtype != pl.List, column.description or ""
        )
        for name, column in table.columns.items()
    )
    return Shape(table.name, columns, table.cluster, f"One row per {table.grain}; key {', '.join(table.key)}.")


def quarantine_of(table: Table) -> Shape:
    """The shape of a table's quarantine: unusable rows, each with its problem."""
    columns = tuple(
        Column(name, _kind(table.name, name, kind), name in ("table", PARTITION, "problem"))
        for name, kind in QUARANTINE_SCHEMA.items()
    )
    return Shape(f"{QUARANTINE_PREFIX}{table.name}", columns, (), f"The quarantined rows of {table.name}, with their problem.")


LOADS = Shape(
    "loads",
    (
        Column("game_date", "DATE", True, "partition that was written"),
        Column("table_name", "STRING", True, "table that was written"),
        Column("job_id", "STRING", True, "job that wrote the partition"),
        Column("replaces_job_id", "STRING", False, "job whose rows it replaced or added to; null for the first"),
        Column("content", "STRING", False, "hash of the written rows; null if rows were added"),
        Column("row_count", "INT64", True, "rows of the partition afterwards"),
        Column("run_id", "STRING", True, "Dagster run that wrote the partition"),
        Column("loaded_at", "TIMESTAMP", True, "instant of the record; the newest row of a partition is current"),
    ),
    ("table_name",),
    "One row per write of a table's partition, added after the write.",
)
"""The record of writes: the job and run that wrote each date of each table, including empty dates."""


def shapes(tables: Iterable[Table] | None = None) -> list[Shape]:
    """Every table of the dataset except views and the journal."""
    chosen = list(TABLES.values() if tables is None else tables)
    return [*(shape_of(table) for table in chosen), *(quarantine_of(table) for table in chosen), LOADS]


def difference(shape: Shape, existing: Sequence[Mapping[str, Any]]) -> Difference:
    """Compares an existing table's rows of INFORMATION_SCHEMA.COLUMNS with the shape."""
    unexpected = {row["column_name"]: row for row in existing}
    added: list[Column] = []
    refused: list[str] = []
    for column in shape.columns:
        row = unexpected.pop(column.name, None)
        if row is None and column.is_required:
            refused.append(f"required column {column} is missing")
        elif row is None:
            added.append(column)
        if row is None:
            continue
        now = Column(column.name, row["data_type"], row["is_nullable"] == "NO" and not row["data_type"].startswith("ARRAY"))
        if str(now) != str(column):
            refused.append(f"column {now} should be {column}")
    refused += [f"column {name} is unknown" for name in unexpected]
    partition = [row["column_name"] for row in existing if row["is_partitioning_column"] == "YES"]
    if partition != [PARTITION]:
        refused.append(f"it is partitioned by {', '.join(partition) or 'nothing'} and should be by {PARTITION}")
    ordered = sorted(
        (row for row in existing if row["clustering_ordinal_position"]), key=lambda r: r["clustering_ordinal_position"]
    )
    cluster = tuple(row["column_name"] for row in ordered)
    if cluster != shape.cluster:
        refused.append(
            f"it is clustered by {', '.join(cluster) or 'nothing'} and should be by {', '.join(shape.cluster) or 'nothing'}"
        )
    return Difference(tuple(added), tuple(refused))


def _kind(table: str, column: str, kind: pl.DataType) -> str:
    if isinstance(kind, pl.List):
        return f"ARRAY<{_kind(table, column, kind.inner)}>"  # type: ignore[arg-type]
    try:
        return TYPES[type(kind)]
    except KeyError:
        raise PipelineError(f"{table}.{column}: BigQuery has no type for {kind}") from None
