"""Ledgers of format 1 in a dataset: detection, and the message that refuses them.

BigQuery cannot add a required column to a table with rows, so such a dataset is copied, not changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.bigquery.shapes import Shape, shape_of
from nba_pipeline.warehouse.migration import MARKET, RENAMED, ledger_format


def is_format_1(table: str, existing: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a table's rows of INFORMATION_SCHEMA.COLUMNS are those of a ledger in format 1."""
    return table in RENAMED and ledger_format(table, [row["column_name"] for row in existing]) == 1


def refusal(dataset: str, table: str) -> str:
    """Why the dataset cannot be used, and the two copies that convert it."""
    return (
        f"BigQuery {dataset}.{table} has the shape of format 1; copy the dataset out with `nba-pipeline copy --from-warehouse bigquery "
        "--to-warehouse local --from <first date> --to <last date>`, which converts it, then into a new dataset with "
        "`BIGQUERY_DATASET=<new name> nba-pipeline bigquery apply` and `BIGQUERY_DATASET=<new name> nba-pipeline copy "
        "--from-warehouse local --to-warehouse bigquery --from <first date> --to <last date>`"
    )


def shape_of_format_1(table: str) -> Shape:
    """The shape of a ledger in format 1."""
    shape = shape_of(TABLES[table])
    before = {new: old for old, new in RENAMED[table].items()}
    columns = (replace(column, name=before.get(column.name, column.name)) for column in shape.columns if column.name != MARKET)
    return replace(shape, columns=tuple(columns))
