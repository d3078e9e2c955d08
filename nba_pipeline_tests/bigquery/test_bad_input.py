"""Wrong credentials, names, permissions and tables raise one message with the next step, before any data moves."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from nba_pipeline.errors import BadInput
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery.shapes import LOADS, Shape, quarantine_of, shape_of
from nba_pipeline_tests.bigquery.emulator import HANG_SECONDS
from nba_pipeline_tests.bigquery.faults import FaultProxy, Respond
from nba_pipeline_tests.bigquery.fixtures import PROJECT
from nba_pipeline_tests.bigquery.store import BigQueryStore, of_kind
from nba_pipeline_tests.warehouse.contract import DAY, ROOT, rows, stored_rows


@pytest.fixture
def only_toys(lines: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    """Registers only this table."""
    for name in TABLES.keys() - {lines.name}:
        monkeypatch.delitem(TABLES, name)
    return lines


def is_refused(store: BigQueryStore, table: Table, *phrases: str, **changes: Any) -> None:
    """Assert that preflight and a write both raise one message with these words, and that nothing was written."""
    for work in (
        lambda warehouse: warehouse.preflight(),
        lambda warehouse: warehouse.replace(table, [DAY], rows(2), "me"),
        lambda warehouse: warehouse.add(table, [DAY], rows(2), "me"),
    ):
        with pytest.raises(BadInput) as caught:
            work(store.open(**changes))
        message = str(caught.value)
        assert "\n" not in message
        for phrase in phrases:
            assert re.search(phrase, message), message
    assert store.effective() == [] and store.record() == []


# Credentials


def credentials(kind: str, tmp_path: Path) -> str | None:
    file = tmp_path / "account.json"
    match kind:
        case "a file that is not there":
            return str(file)
        case "not JSON":
            file.write_text("-----BEGIN PRIVATE KEY-----")
        case "no key":
            file.write_text(json.dumps({"type": "service_account", "project_id": PROJECT}))
        case "none at all":
            return None
    return str(file)


@pytest.mark.parametrize("kind", ["a file that is not there", "not JSON", "no key", "none at all"])
def test_invalid_credentials_are_reported(
    store: BigQueryStore, only_toys: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = credentials(kind, tmp_path)
    if file:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
    else:
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        # its variable NO_GCE_CHECK is read when a module of google-auth is imported, which an earlier test may have done
        monkeypatch.setattr("google.auth.compute_engine._metadata._NO_GCE_CHECK", True)
    is_refused(
        store, only_toys, rf"BigQuery {PROJECT}\.{store.dataset}: no credentials; run `gcloud auth application-default login`"
    )


def test_an_expired_token_is_reported(store: BigQueryStore, only_toys: Table, proxy: FaultProxy) -> None:
    proxy.rule(of_kind("token"), Respond(401, "invalid_grant", "Token has been expired or revoked."), times=None)
    is_refused(
        store, only_toys, rf"BigQuery {PROJECT}\.{store.dataset}: the credentials were refused; log in again or replace the key"
    )


def test_credentials_rejected_by_bigquery_are_reported(store: BigQueryStore, only_toys: Table, proxy: FaultProxy) -> None:
    proxy.rule(of_kind("datasets"), Respond(401, "authError", "Invalid Credentials"), times=None)
    is_refused(store, only_toys, rf"BigQuery {PROJECT}\.{store.dataset}: the credentials are not accepted")


# Project, dataset, location, permission


def test_missing_names_are_reported(store: BigQueryStore, only_toys: Table) -> None:
    with pytest.raises(BadInput, match="needs BIGQUERY_DATASET; set it"):
        store.open(dataset="").preflight()
    with pytest.raises(BadInput, match="needs BIGQUERY_PROJECT and BIGQUERY_DATASET; set them"):
        store.open(dataset="", bigquery=store.open().bigquery.model_copy(update={"project": None})).preflight()


def test_a_missing_dataset_is_reported(store: BigQueryStore, only_toys: Table) -> None:
    is_refused(
        store, only_toys, rf"{PROJECT}\.not_there", r"BIGQUERY_DATASET", r"nba-pipeline bigquery apply", dataset="not_there"
    )


@pytest.mark.parametrize("kind", ["datasets", "query"])
def test_a_dataset_without_permission_is_reported(store: BigQueryStore, only_toys: Table, proxy: FaultProxy, kind: str) -> None:
    proxy.rule(of_kind(kind), Respond(403, "accessDenied", "Access Denied: Dataset"), times=None)
    is_refused(
        store,
        only_toys,
        rf"BigQuery {PROJECT}\.{store.dataset}: no permission",
        "bigquery.dataEditor",
        "bigquery.jobUser",
        "Access Denied",
    )


# Manually created tables


def by_hand(store: BigQueryStore, shape: Shape, **changes: Any) -> None:
    """Create a table with differences."""
    store.admin.delete_table(store.reference.table(shape.name))
    table = shape.ddl(store.reference)
    table._properties.pop("clustering", None)  # an existing None cannot be replaced
    for name, value in changes.items():
        setattr(table, name, value)
    store.admin.create_table(table)
    store.open().session.forget_description()  # as in another process


def with_field(shape: Shape, name: str, *change: str) -> list[bigquery.SchemaField]:
    return [bigquery.SchemaField(name, *change) if field.name == name else field for field in shape.fields]


OTHER_TABLES: Mapping[str, tuple[str, Callable[[Shape], dict[str, Any]]]] = {
    "without partitions": (
        "it is partitioned by nothing and should be by game_date",
        lambda shape: {"time_partitioning": None, "require_partition_filter": None},
    ),
    "partitioned by another column": (
        "it is partitioned by seen_at and should be by game_date",
        lambda shape: {"time_partitioning": bigquery.TimePartitioning(field="seen_at")},
    ),
    "clustered": (
        "it is clustered by game_id and should be by nothing",
        lambda shape: {"clustering_fields": ["game_id"]},
    ),
    "another type": (
        "column points FLOAT64 should be points INT64",
        lambda shape: {"schema": with_field(shape, "points", "FLOAT")},
    ),
    "a list for a value": (
        r"column points ARRAY<INT64> should be points INT64",
        lambda shape: {"schema": with_field(shape, "points", "INTEGER", "REPEATED")},
    ),
    "not required": (
        "column game_id STRING should be game_id STRING NOT NULL",
        lambda shape: {"schema": with_field(shape, "game_id", "STRING")},
    ),
    "required": (
        "column points INT64 NOT NULL should be points INT64",
        lambda shape: {"schema": with_field(shape, "points", "INTEGER", "REQUIRED")},
    ),
    "one column more": (
        "column mine is unknown",
        lambda shape: {"schema": [*shape.fields, bigquery.SchemaField("mine", "STRING")]},
    ),
    "one nullable column less": (
        "column points INT64 is missing; add it with `nba-pipeline bigquery apply`",
        lambda shape: {"schema": [field for field in shape.fields if field.name != "points"]},
    ),
    "one required column less": (
        "required column source STRING NOT NULL is missing",
        lambda shape: {"schema": [field for field in shape.fields if field.name != "source"]},
    ),
}  # fmt: skip


def test_a_table_with_another_schema_is_reported_before_any_write(store: BigQueryStore, only_toys: Table) -> None:
    shape = shape_of(only_toys)
    for phrases, change in OTHER_TABLES.values():
        by_hand(store, shape, **change(shape))
        for work in (
            lambda warehouse: warehouse.preflight(),
            lambda warehouse: warehouse.replace(only_toys, [DAY], rows(2), "me"),
        ):
            with pytest.raises(
                BadInput, match=rf"BigQuery {PROJECT}\.{store.dataset}\.toy_lines.*{phrases}.*; nothing was written"
            ):
                work(store.open())
    assert store.effective() == [] and store.record() == []


def test_a_missing_table_is_reported(store: BigQueryStore, only_toys: Table) -> None:
    store.admin.delete_table(store.reference.table("toy_lines"))
    is_refused(
        store,
        only_toys,
        rf"BigQuery {PROJECT}\.{store.dataset} has no table toy_lines; create it with `nba-pipeline bigquery apply`",
    )


def test_preflight_reports_a_missing_quarantine_or_record(store: BigQueryStore, only_toys: Table) -> None:
    store.open().preflight()
    for shape in (quarantine_of(only_toys), LOADS):
        store.admin.delete_table(store.reference.table(shape.name))
        store.open().session.forget_description()
        with pytest.raises(
            BadInput, match=f"{store.dataset} has no table {shape.name}; create it with `nba-pipeline bigquery apply`"
        ):
            store.open().preflight()
        store.make(shape)
        store.open().session.forget_description()


def test_every_use_reports_a_missing_record(store: BigQueryStore, lines: Table) -> None:
    store.admin.delete_table(store.reference.table(LOADS.name))
    for use in (lambda w: stored_rows(w, lines), lambda w: w.dates(lines), lambda w: w.replace(lines, [DAY], rows(1), "me")):
        with pytest.raises(BadInput, match=r"loads was not found.*nba-pipeline bigquery apply"):
            use(store.open())


# The command


def command(store: BigQueryStore, *arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """`python -m nba_pipeline ...` in production, with some variables changed or removed."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    variables = {**inherited, **store.variables, "NBA_PIPELINE_HOME": str(store.home / "home"), "NO_GCE_CHECK": "true", **changes}
    return subprocess.run(
        [sys.executable, "-m", "nba_pipeline", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
        env={name: value for name, value in variables.items() if value is not None},
    )


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["status"], {"BIGQUERY_DATASET": None}, "NBA_PIPELINE_ENV=production needs BIGQUERY_DATASET; set it"),
        (
            ["run", "--date", "2024-03-12"],
            {"GOOGLE_APPLICATION_CREDENTIALS": "/not/there.json"},
            "no credentials; run `gcloud auth",
        ),
        (["run", "--date", "2024-03-12"], {"BIGQUERY_DATASET": "not_there"}, "nba-pipeline bigquery apply"),
        (["run", "--date", "2024-03-12"], {}, "has no table .*; create it with `nba-pipeline bigquery apply`"),
    ],
    ids=["status without a dataset", "run without credentials", "run without the dataset", "run without tables"],
)
def test_the_command_exits_with_2_and_one_message(
    store: BigQueryStore, arguments: list[str], changes: dict[str, str | None], message: str
) -> None:
    result = command(store, *arguments, **changes)
    assert result.returncode == 2, result.stderr
    assert re.search(message, result.stderr.replace("\n", " ")), result.stderr
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert store.effective() == [] and store.record() == []
    assert not list(store.home.rglob("*.parquet"))
