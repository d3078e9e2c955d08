"""BigQuery costs: jobs and storage by run, table and kind, load jobs against their limit, projected month against the budget.

Reads the region's INFORMATION_SCHEMA.JOBS_BY_PROJECT and TABLE_STORAGE. A job belongs to the platform if it has the labels
of a session; all other jobs of the project form one row. Dollars are estimates: on-demand prices of `settings.Costs`,
before the free tier.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import google.api_core.exceptions as api
import polars as pl
from google.cloud import bigquery
from rich.console import Console
from rich.table import Table as RichTable

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.bigquery.jobs import Parameter
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import STAGING_PREFIX

GIB, TIB = 1024**3, 1024**4
DAYS_PER_MONTH = 365.25 / 12
RUNS_IN_REPORT = 15
WIDTH_WITHOUT_TERMINAL = 150
MILLISECONDS = 1000

JOBS_VIEW, STORAGE_VIEW = "JOBS_BY_PROJECT", "TABLE_STORAGE"
ROLES = {JOBS_VIEW: "roles/bigquery.resourceViewer", STORAGE_VIEW: "roles/bigquery.metadataViewer"}
"""View -> the role on the project that grants access to it."""

# Scripts are excluded: each of their statements has a row of its own, with the same bytes.
# The destination of a load may include the partition, as in grades$20240312.
JOBS = """
SELECT IF(is_ours, run, NULL) AS run, IF(is_ours, asset, NULL) AS asset, IF(is_ours, kind, NULL) AS kind,
  IF(is_ours, day, NULL) AS day, IF(is_ours AND kind = 'load', destination, NULL) AS destination, is_ours,
  COUNT(*) AS jobs, SUM(failed) AS failed_jobs, SUM(billed) AS bytes_billed, SUM(processed) AS bytes_processed,
  SUM(IF(creation_time >= @recent, billed, 0)) AS recent_bytes_billed, SUM(slot_ms) AS slot_ms
FROM (
  SELECT *, run IS NOT NULL AND asset IS NOT NULL AS is_ours FROM (
    SELECT creation_time, DATE(creation_time) AS day,
      LOWER(COALESCE(IF(job_type = 'QUERY', statement_type, job_type), 'unknown')) AS kind,
      (SELECT MAX(label.value) FROM UNNEST(labels) AS label WHERE label.key = 'dagster_run_id') AS run,
      (SELECT MAX(label.value) FROM UNNEST(labels) AS label WHERE label.key = 'asset') AS asset,
      SPLIT(destination_table.table_id, '$')[SAFE_OFFSET(0)] AS destination,
      IF(state = 'DONE' AND error_result IS NOT NULL, 1, 0) AS failed,
      COALESCE(total_bytes_billed, 0) AS billed, COALESCE(total_bytes_processed, 0) AS processed,
      COALESCE(total_slot_ms, 0) AS slot_ms
    FROM {view}
    WHERE creation_time >= @since AND (statement_type IS NULL OR statement_type != 'SCRIPT')
  )
)
GROUP BY 1, 2, 3, 4, 5, 6
"""

STORAGE = """
SELECT table_name, total_rows, total_partitions, active_logical_bytes, long_term_logical_bytes, active_physical_bytes,
  long_term_physical_bytes, fail_safe_physical_bytes
FROM {view} WHERE table_schema = @dataset
"""

SUMMED = ("jobs", "failed_jobs", "bytes_billed", "bytes_processed", "recent_bytes_billed", "slot_ms")


def command(session: Session, days: int, output_format: str) -> int:
    """Prints the report of the last days as a table or as JSON. Exits with 1 if the projected month is over budget."""
    if days < 1:
        raise BadInput(f"--days must be at least 1, not {days}")
    content = report(session, days, datetime.now(UTC))
    if output_format == "json":
        sys.stdout.write(json.dumps(content, default=str, indent=1) + "\n")
    else:
        _print(content)
    stderr = Console(stderr=True)
    for warning in content["warnings"]:
        stderr.print(warning, style="yellow", highlight=False, soft_wrap=True, markup=False)
    if problem := content["budget"]["problem"]:
        stderr.print(problem, style="red", highlight=False, soft_wrap=True, markup=False)
    return int(bool(problem))


def report(session: Session, days: int, now: datetime) -> dict[str, Any]:
    """Costs of the days before an instant, and storage, as a JSON-compatible dictionary."""
    costs = SETTINGS.costs
    recent_days = min(days, costs.projected_from_days)
    jobs = _jobs(session, now - timedelta(days=days), now - timedelta(days=recent_days))
    ours, other = jobs.filter("is_ours"), jobs.filter(~pl.col("is_ours"))
    storage, loads = _storage(session), _loads(ours)
    return {
        "name": session.name,
        "days": days,
        "until": now.isoformat(timespec="seconds"),
        "prices_of": costs.looked_up_on.isoformat(),
        "runs": _by(ours, "run").to_dicts(),
        "tables": _by(ours, "asset").join(storage, on="asset", how="full", coalesce=True).fill_null(0).to_dicts(),
        "kinds": _by(ours, "kind").to_dicts(),
        "other": _by(other.with_columns(pl.lit("other").alias("project")), "project").to_dicts(),
        "loads": loads.to_dicts(),
        "warnings": [
            f"{table} had {number} load jobs on {day} (UTC); BigQuery allows {costs.load_jobs_per_table_per_day} a day"
            for table, day, number, share in loads.iter_rows()
            if share >= costs.share_of_load_limit_that_warns
        ],
        "budget": _budget(session.name, ours, recent_days, float(storage["storage_dollars_per_month"].sum())),
    }


def _jobs(session: Session, since: datetime, recent: datetime) -> pl.DataFrame:
    """One row per run, table, kind and UTC day for the platform's jobs, one row for all others."""
    rows = _region_frame(
        session,
        JOBS,
        JOBS_VIEW,
        [
            bigquery.ScalarQueryParameter("since", "TIMESTAMP", since),
            bigquery.ScalarQueryParameter("recent", "TIMESTAMP", recent),
        ],
    )
    return rows.with_columns(pl.col(SUMMED).cast(pl.Int64), pl.col("is_ours").cast(pl.Boolean))


def _storage(session: Session) -> pl.DataFrame:
    """Rows, bytes and monthly dollars per table. Staging tables form one row, including retained deleted ones."""
    costs = SETTINGS.costs
    rows = _region_frame(
        session, STORAGE, STORAGE_VIEW, [bigquery.ScalarQueryParameter("dataset", "STRING", session.dataset_name)]
    ).with_columns(pl.exclude("table_name").cast(pl.Int64).fill_null(0))
    # active physical bytes include time travel; fail-safe storage is billed at the same price
    active, long_term = pl.col("active_logical_bytes"), pl.col("long_term_logical_bytes")
    prices = costs.active_dollars_per_gib, costs.long_term_dollars_per_gib
    if session.dataset.storage_billing_model == "PHYSICAL":
        active = pl.col("active_physical_bytes") + pl.col("fail_safe_physical_bytes")
        long_term = pl.col("long_term_physical_bytes")
        prices = costs.active_physical_dollars_per_gib, costs.long_term_physical_dollars_per_gib
    is_staging = pl.col("table_name").str.starts_with(STAGING_PREFIX)
    return (
        rows.group_by(pl.when(is_staging).then(pl.lit("staging")).otherwise("table_name").alias("asset"))
        .agg(
            pl.col("total_rows").sum(),
            pl.col("total_partitions").sum(),
            active.sum().alias("active_bytes"),
            long_term.sum().alias("long_term_bytes"),
        )
        .with_columns(
            ((pl.col("active_bytes") * prices[0] + pl.col("long_term_bytes") * prices[1]) / GIB).alias(
                "storage_dollars_per_month"
            )
        )
        .sort("asset")
    )


def _region_frame(session: Session, statement: str, view: str, parameters: Sequence[Parameter]) -> pl.DataFrame:
    """The result of a query on a region view. Raises BadInput with the missing role."""
    name = f"`region-{session.dataset.location.lower()}`.INFORMATION_SCHEMA.{view}"
    try:
        return session.frame(statement.format(view=name), parameters, asset="cost")
    except BadInput as error:
        if not isinstance(error.__cause__, api.Forbidden):
            raise
        raise BadInput(
            f"BigQuery {session.name}: no permission to read {name}; grant {ROLES[view]} on project {session.client.project}"
        ) from error


def _by(jobs: pl.DataFrame, column: str) -> pl.DataFrame:
    """Jobs, bytes, slot time and dollars per value of a column, most expensive first."""
    return (
        jobs.group_by(column)
        .agg(pl.col(SUMMED).sum())
        .select(
            pl.col(column).cast(pl.String),
            "jobs",
            "failed_jobs",
            "bytes_processed",
            "bytes_billed",
            (pl.col("slot_ms") / MILLISECONDS).alias("slot_seconds"),
            (pl.col("bytes_billed") * SETTINGS.costs.dollars_per_tib / TIB).alias("dollars"),
        )
        .sort("dollars", "slot_seconds", column, descending=[True, True, False])
    )


def _loads(ours: pl.DataFrame) -> pl.DataFrame:
    """Load jobs per table and UTC day, and their share of the limit, highest first. Skips staging tables: one load each."""
    return (
        ours.filter(pl.col("kind") == "load")
        .with_columns(pl.coalesce("destination", "asset").alias("table"))
        .filter(~pl.col("table").str.starts_with(STAGING_PREFIX))
        .group_by("table", "day")
        .agg(pl.col("jobs").sum().alias("load_jobs"))
        .with_columns((pl.col("load_jobs") / SETTINGS.costs.load_jobs_per_table_per_day).alias("share_of_limit"))
        .sort("load_jobs", "table", "day", descending=[True, False, True])
    )


def _budget(name: str, ours: pl.DataFrame, recent_days: int, storage_dollars: float) -> dict[str, Any]:
    """The projected cost of a month from recent days and storage, compared with the budget."""
    costs = SETTINGS.costs
    recent = float(ours["recent_bytes_billed"].sum()) * costs.dollars_per_tib / TIB
    projected = recent / recent_days * DAYS_PER_MONTH + storage_dollars
    over = (
        f"BigQuery {name}: jobs of the last {recent_days} days cost {recent:.2f} dollars and storage costs {storage_dollars:.2f} "
        f"dollars a month; the projected {projected:.2f} dollars a month exceed the budget of {costs.monthly_budget_dollars:.2f}"
    )
    return {
        "projected_from_days": recent_days,
        "recent_dollars": recent,
        "storage_dollars_per_month": storage_dollars,
        "projected_dollars_per_month": projected,
        "monthly_budget_dollars": costs.monthly_budget_dollars,
        "problem": over if projected > costs.monthly_budget_dollars else None,
    }


def _print(content: Mapping[str, Any]) -> None:
    out = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
    out.print(
        f"{content['name']}, {content['days']} days until {content['until']}, prices of {content['prices_of']}", highlight=False
    )
    _grid(out, "kind of job", content["kinds"] + [{"kind": "other jobs of the project", **row} for row in content["other"]])
    _grid(out, "table", content["tables"])
    _grid(out, f"run, the most expensive {RUNS_IN_REPORT} of {len(content['runs'])}", content["runs"][:RUNS_IN_REPORT])
    busiest = {row["table"]: row for row in reversed(content["loads"])}
    _grid(out, "load jobs, busiest day of each table", [busiest[table] for table in sorted(busiest)])
    budget = content["budget"]
    out.print(
        f"projected cost: {budget['projected_dollars_per_month']:.2f} dollars a month, including "
        f"{budget['storage_dollars_per_month']:.2f} for storage; budget: {budget['monthly_budget_dollars']:.2f}",
        highlight=False,
    )


def _grid(out: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        out.print(f"{title}: none", highlight=False)
        return
    names = [name for name in rows[0] if name not in ("project", "bytes_processed")]
    grid = RichTable(title=title, title_justify="left")
    for name in names:
        grid.add_column(name.replace("_", " "), justify="left" if name == names[0] else "right")
    for row in rows:
        grid.add_row(*(_cell(name, row.get(name)) for name in names))
    out.print(grid)


def _cell(name: str, value: Any) -> str:
    """The text of a cell: bytes in MiB, dollars with four decimals."""
    if name.endswith("bytes") or name.startswith("bytes"):
        return f"{value / 1024**2:,.1f} MiB"
    if "dollars" in name:
        return f"{value:.4f}"
    if name == "share_of_limit":
        return f"{value:.1%}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
