"""The cost report. The emulator has no cost views, so two tables with the documented columns replace them.

The proxy inserts their names into the statements, so the original statement runs and the real client parses the result.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster_gcp import BigQueryResource

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.bigquery.cost import GIB, TIB, command, report
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline_tests.bigquery.emulator import Emulator
from nba_pipeline_tests.bigquery.faults import Call, FaultProxy, Respond, UpstreamResponse
from nba_pipeline_tests.bigquery.fixtures import PROJECT

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)

JOBS_TABLE = """
CREATE TABLE jobs_by_project (creation_time TIMESTAMP, job_type STRING, statement_type STRING, state STRING,
  labels ARRAY<STRUCT<key STRING, value STRING>>, total_bytes_processed INT64, total_bytes_billed INT64,
  total_slot_ms INT64, destination_table STRUCT<project_id STRING, dataset_id STRING, table_id STRING>,
  error_result STRUCT<reason STRING, location STRING, debug_info STRING, message STRING>)
"""
STORAGE_TABLE = """
CREATE TABLE table_storage (table_schema STRING, table_name STRING, total_rows INT64, total_partitions INT64,
  active_logical_bytes INT64, long_term_logical_bytes INT64, active_physical_bytes INT64, long_term_physical_bytes INT64,
  fail_safe_physical_bytes INT64)
"""


class Books(FaultProxy):
    """A proxy that replaces the views with the tables."""

    def forward(self, call: Call, headers: Mapping[str, str], body: bytes) -> UpstreamResponse:
        for view in ("JOBS_BY_PROJECT", "TABLE_STORAGE"):
            body = body.replace(f"`region-us`.INFORMATION_SCHEMA.{view}".encode(), f"`{view.lower()}`".encode())
        return super().forward(call, headers, body)


@pytest.fixture
def books(emulator: Emulator) -> Iterator[Books]:
    with Books(emulator.url) as running:
        yield running


@pytest.fixture
def session(emulator: Emulator, books: Books, dataset_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    for name, value in emulator.variables(PROJECT, dataset_name, books.url).items():
        monkeypatch.setenv(name, value)
    session = Session(BigQueryResource(project=PROJECT), dataset_name, "", emulator.grpc_host, "direct")
    session.client.create_dataset(dataset_name)
    session.query(JOBS_TABLE)
    session.query(STORAGE_TABLE)
    yield session
    session.close()


def sql(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case datetime():
            return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S}+00'"
        case str() if not value.startswith(("STRUCT", "[", "NULL")):
            return f"'{value}'"
    return str(value)


def labels(run: str | None, asset: str | None) -> str:
    pairs = [(key, value) for key, value in (("dagster_run_id", run), ("asset", asset)) if value]
    return f"[{', '.join(f'STRUCT({sql(k)} AS key, {sql(v)} AS value)' for k, v in pairs)}]"


def a_job(**values: Any) -> dict[str, Any]:
    """A query for `boxscores` by run r1, an hour ago; `run` and `asset` are labels, `table` is the destination."""
    job = {"run": "r1", "asset": "boxscores", "hours_ago": 1, "kind": "SELECT", "billed": 0, "slot_ms": 0, "table": None}
    job |= {"labels": None, "error": None, "state": "DONE"} | values
    is_load = job["kind"] == "LOAD"
    destination = f"STRUCT('{PROJECT}' AS project_id, 'd' AS dataset_id, '{job['table']}' AS table_id)" if job["table"] else None
    error = f"STRUCT('{job['error']}' AS reason, NULL AS location, NULL AS debug_info, 'no' AS message)" if job["error"] else None
    return {
        "creation_time": NOW - timedelta(hours=job["hours_ago"]),
        "job_type": "LOAD" if is_load else "QUERY",
        "statement_type": None if is_load else job["kind"],
        "state": job["state"],
        "labels": job["labels"] or labels(job["run"], job["asset"]),
        "total_bytes_processed": job["billed"],
        "total_bytes_billed": None if is_load else job["billed"],
        "total_slot_ms": job["slot_ms"],
        "destination_table": destination,
        "error_result": error,
    }


def a_table(name: str, active: int, long_term: int = 0, schema: str = "", **values: int) -> dict[str, Any]:
    numbers = {"total_rows": 10, "total_partitions": 2, "active_physical_bytes": active // 4} | values
    numbers |= {"long_term_physical_bytes": long_term // 4, "fail_safe_physical_bytes": 0}
    return {
        "table_schema": schema,
        "table_name": name,
        "active_logical_bytes": active,
        "long_term_logical_bytes": long_term,
    } | numbers


@pytest.fixture
def enter(session: Session) -> Callable[..., None]:
    """Writes rows into the replacement tables."""

    def write(table: str, *rows: dict[str, Any]) -> None:
        if table == "table_storage":
            rows = tuple(row | {"table_schema": row["table_schema"] or session.dataset_name} for row in rows)
        values = ", ".join(f"({', '.join(map(sql, row.values()))})" for row in rows)
        session.query(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES {values}")

    return write


def test_jobs_are_reported_by_run_table_and_kind(session: Session, enter: Callable[..., None]) -> None:
    enter(
        "jobs_by_project",
        a_job(billed=TIB, slot_ms=2500),
        a_job(run="r2", asset="grades", kind="MERGE", billed=TIB // 2),
        a_job(run="r2", asset="grades", kind="LOAD", table="grades$20260311"),
        a_job(run="r2", asset="grades", kind="LOAD", table="grades$20260311", error="invalid"),
    )
    summary = report(session, 30, NOW)
    assert [(r["run"], r["jobs"], r["failed_jobs"], r["slot_seconds"], r["dollars"]) for r in summary["runs"]] == [
        ("r1", 1, 0, 2.5, 6.25),
        ("r2", 3, 1, 0.0, 3.125),
    ]
    assert [(r["asset"], r["bytes_billed"], r["dollars"]) for r in summary["tables"]] == [
        ("boxscores", TIB, 6.25),
        ("grades", TIB // 2, 3.125),
    ]
    assert {(r["kind"], r["jobs"], r["failed_jobs"]) for r in summary["kinds"]} == {
        ("select", 1, 0),
        ("merge", 1, 0),
        ("load", 2, 1),
    }
    assert summary["other"] == []


def test_jobs_without_our_labels_are_one_line(session: Session, enter: Callable[..., None]) -> None:
    foreign_labels = "[STRUCT('team' AS key, 'ads' AS value)]"
    enter(
        "jobs_by_project",
        a_job(billed=GIB),
        a_job(labels="NULL", billed=TIB),
        a_job(labels=foreign_labels, billed=TIB, kind="MERGE", error="stopped"),
        a_job(asset=None, billed=TIB, hours_ago=30),
    )
    summary = report(session, 30, NOW)
    assert [(r["jobs"], r["failed_jobs"], r["bytes_billed"]) for r in summary["other"]] == [(3, 1, 3 * TIB)]
    assert [(r["run"], r["jobs"], r["bytes_billed"]) for r in summary["runs"]] == [("r1", 1, GIB)]
    assert summary["budget"]["recent_dollars"] == 6.25 / 1024


def test_older_jobs_and_whole_scripts_do_not_count(session: Session, enter: Callable[..., None]) -> None:
    enter("jobs_by_project", a_job(hours_ago=47), a_job(hours_ago=49), a_job(kind="SCRIPT", billed=TIB))
    assert [(r["run"], r["jobs"], r["bytes_billed"]) for r in report(session, 2, NOW)["runs"]] == [("r1", 1, 0)]


def test_a_project_without_a_job_and_a_dataset_without_a_table_cost_nothing(session: Session) -> None:
    summary = report(session, 30, NOW)
    assert [summary[part] for part in ("runs", "tables", "kinds", "other", "loads", "warnings")] == [[]] * 6
    assert (summary["budget"]["projected_dollars_per_month"], summary["budget"]["problem"]) == (0.0, None)


# Storage


def test_storage_is_reported_with_the_jobs_of_a_table(session: Session, enter: Callable[..., None]) -> None:
    enter("jobs_by_project", a_job(billed=TIB))
    enter(
        "table_storage",
        a_table("boxscores", 100 * GIB, 50 * GIB),
        a_table("grades", 10 * GIB),
        a_table("ads", 1000 * GIB, schema="of_another_team"),
        *(a_table(f"staging_grades_{n}", GIB) for n in range(2)),
    )
    summary = report(session, 30, NOW)["tables"]
    assert [(r["asset"], r["dollars"], r["total_rows"], round(r["storage_dollars_per_month"], 4)) for r in summary] == [
        ("boxscores", 6.25, 10, 2.5),
        ("grades", 0.0, 10, 0.2),
        ("staging", 0.0, 20, 0.04),
    ]


def test_a_dataset_billed_by_compressed_bytes_is_priced_by_them(session: Session, enter: Callable[..., None]) -> None:
    enter("table_storage", a_table("boxscores", 100 * GIB, 40 * GIB))
    session.dataset.storage_billing_model = "PHYSICAL"
    assert report(session, 30, NOW)["budget"]["storage_dollars_per_month"] == pytest.approx(25 * 0.04 + 10 * 0.02)


# Limit and budget


def test_load_jobs_are_counted_per_table_and_day(session: Session, enter: Callable[..., None]) -> None:
    enter(
        "jobs_by_project",
        *(a_job(kind="LOAD", table=f"boxscores${20260301 + n}") for n in range(3)),
        a_job(kind="LOAD", table="boxscores$20260301", error="invalid", hours_ago=14),
        a_job(kind="LOAD", table="staging_boxscores_1"),
        a_job(kind="LOAD", asset="grades"),
    )
    summary = report(session, 30, NOW)["loads"]
    assert [(r["table"], str(r["day"]), r["load_jobs"], r["share_of_limit"]) for r in summary] == [
        ("boxscores", "2026-03-12", 3, 3 / 1500),
        ("boxscores", "2026-03-11", 1, 1 / 1500),
        ("grades", "2026-03-12", 1, 1 / 1500),
    ]


def test_a_table_near_the_limit_of_loads_is_named(
    session: Session, enter: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(SETTINGS), "costs", SETTINGS.costs.model_copy(update={"load_jobs_per_table_per_day": 4}))
    enter("jobs_by_project", *(a_job(kind="LOAD", table="boxscores") for _ in range(2)), a_job(kind="LOAD", table="grades"))
    assert report(session, 30, NOW)["warnings"] == ["boxscores had 2 load jobs on 2026-03-12 (UTC); BigQuery allows 4 a day"]


def test_a_month_over_budget_is_projected_from_the_last_days(session: Session, enter: Callable[..., None]) -> None:
    """7 TiB in 7 days cost 6.25 dollars a day. Earlier costs do not count."""
    enter("jobs_by_project", a_job(billed=7 * TIB), a_job(billed=100 * TIB, hours_ago=8 * 24))
    budget = report(session, 30, NOW)["budget"]
    assert budget["projected_dollars_per_month"] == pytest.approx(6.25 * 365.25 / 12)
    assert budget["problem"] == (
        f"BigQuery {session.name}: jobs of the last 7 days cost 43.75 dollars and storage costs 0.00 dollars a month; "
        "the projected 190.23 dollars a month exceed the budget of 20.00"
    )


def test_storage_alone_can_be_over_budget(session: Session, enter: Callable[..., None]) -> None:
    enter("table_storage", a_table("boxscores", 1001 * GIB))
    assert "the projected 20.02 dollars a month exceed" in report(session, 30, NOW)["budget"]["problem"]


# The command


@pytest.mark.parametrize("style", ["table", "json"])
def test_the_exit_code_is_1_over_budget(
    session: Session, enter: Callable[..., None], capsys: pytest.CaptureFixture[str], style: str
) -> None:
    enter("jobs_by_project", a_job(billed=GIB, hours_ago=(NOW - datetime.now(UTC)).total_seconds() / 3600 + 1))
    assert command(session, 30, style) == 0
    output = capsys.readouterr()
    assert "boxscores" in output.out and not output.err
    if style == "json":
        assert json.loads(output.out)["tables"][0]["bytes_billed"] == GIB
    enter("table_storage", a_table("boxscores", 1001 * GIB))
    assert command(session, 30, style) == 1
    output = capsys.readouterr()
    assert "exceed the budget of 20.00" in output.err
    assert style != "table" or "exceed the budget" not in output.out


def test_a_report_of_no_days_is_refused(session: Session) -> None:
    with pytest.raises(BadInput, match="--days must be at least 1, not 0"):
        command(session, 0, "table")


# Queries


def test_the_report_runs_two_queries_on_recent_partitions(session: Session, books: Books) -> None:
    _ = session.dataset
    books.forget()
    report(session, 30, NOW)
    queries = [call.body for call in books.calls if call.kind == "query"]
    assert len(queries) == 2
    jobs = next(body for body in queries if "JOBS_BY_PROJECT" in body["query"])
    assert "creation_time >= @since" in jobs["query"] and jobs["labels"]["asset"] == "cost"
    assert {p["name"]: p["parameterValue"]["value"][:10] for p in jobs["queryParameters"]} == {
        "since": "2026-02-10",
        "recent": "2026-03-05",
    }
    assert all(" query" not in body["query"] and "SELECT * FROM `" not in body["query"] for body in queries)


@pytest.mark.parametrize(
    ("view", "role"), [("JOBS_BY_PROJECT", "roles/bigquery.resourceViewer"), ("TABLE_STORAGE", "roles/bigquery.metadataViewer")]
)
def test_a_missing_permission_is_reported_with_its_role(session: Session, books: Books, view: str, role: str) -> None:
    books.rule(
        lambda call: call.kind == "query" and view in call.body["query"],
        Respond(403, "accessDenied", "Access Denied: User does not have permission to query the view"),
        times=None,
    )
    with pytest.raises(BadInput) as error:
        report(session, 30, NOW)
    assert str(error.value) == (
        f"BigQuery {session.name}: no permission to read `region-us`.INFORMATION_SCHEMA.{view}; grant {role} on project {PROJECT}"
    )
