"""Inputs of BigQuery jobs: query parameters, the bytes to load, and the id that makes a repeated job the same job."""

import hashlib
import io
from datetime import date
from typing import Any

import polars as pl
from google.cloud import bigquery

IDENTITY_LENGTH = 40
Job = bigquery.LoadJob | bigquery.QueryJob
Parameter = bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter


def day_parameters(first: date, last: date) -> list[Parameter]:
    """@first and @last as DATE, which prunes partitions."""
    return [bigquery.ScalarQueryParameter("first", "DATE", first), bigquery.ScalarQueryParameter("last", "DATE", last)]


def parquet(rows: pl.DataFrame) -> bytes:
    """The parquet bytes to load. The same rows in the same order give the same bytes."""
    file = io.BytesIO()
    rows.rechunk().write_parquet(file)
    return file.getvalue()


def identity(kind: str, name: str, *parts: Any) -> str:
    """The id of a job: kind, table, and a hash of the rows and the replaced jobs."""
    return f"{kind}_{name}_{hashlib.sha256(repr(parts).encode()).hexdigest()[:IDENTITY_LENGTH]}"
