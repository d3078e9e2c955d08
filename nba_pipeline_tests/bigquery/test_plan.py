"""plan and apply. The module creates the whole dataset once; each test restores its initial state."""

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest
from dagster_gcp import BigQueryResource
from google.cloud import bigquery

from nba_pipeline import assets
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import views
from nba_pipeline.warehouse.bigquery import journal
from nba_pipeline.warehouse.bigquery.plan import Step, all_shapes, apply, plan
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import LOADS, quarantine_of, shape_of
from nba_pipeline_tests.bigquery.emulator import Emulator
from nba_pipeline_tests.bigquery.faults import FaultProxy, Respond
from nba_pipeline_tests.bigquery.fixtures import PROJECT
from nba_pipeline_tests.bigquery.store import BigQueryStore, of_kind
from nba_pipeline_tests.warehouse.contract import DAY, a_table, forgotten_tables

VIEWS = [*views.VIEWS, *journal.VIEWS, "quarantine"]


class Applied:
    """A dataset created by `apply`, and the output of `apply`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.planned = plan(session)
        self.was_there_after_planning = bool([d for d in session.client.list_datasets() if d.dataset_id == session.dataset_name])
        began = time.monotonic()
        self.done = list(apply(session))
        self.seconds = time.monotonic() - began

    def reference(self, table: str) -> bigquery.TableReference:
        return bigquery.DatasetReference(PROJECT, self.session.dataset_name).table(table)

    def names(self) -> set[str]:
        return {item.table_id for item in self.session.client.list_tables(self.session.dataset_name)}

    def messages(self) -> list[str]:
        """The plan as printed."""
        return [str(step) for step in plan(self.session)]


@pytest.fixture(scope="module")
def applied(emulator: Emulator) -> Iterator[Applied]:
    dg.load_assets_from_package_module(assets)  # fills TABLES
    dataset = f"plan_{uuid.uuid4().hex[:12]}"
    session = Session(BigQueryResource(project=PROJECT), dataset, "", emulator.grpc_host, "direct")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.variables(PROJECT, dataset).items():
            patch.setenv(name, value)
        yield Applied(session)
    session.client.delete_dataset(dataset, delete_contents=True)
    session.close()


def test_a_plan_names_every_step_and_creates_nothing(applied: Applied) -> None:
    assert not applied.was_there_after_planning
    dataset, *rest = [str(step) for step in applied.planned]
    assert dataset == f"create dataset {applied.session.name}: location US"
    assert {step.split(":")[0] for step in rest} == {f"create table {shape.name}" for shape in all_shapes()} | {
        f"create view {name}" for name in VIEWS
    }
    assert len(rest) == len(all_shapes()) + len(VIEWS)


def test_apply_completes_the_plan_and_a_second_plan_is_empty(applied: Applied) -> None:
    assert applied.done == applied.planned
    assert applied.names() == {shape.name for shape in all_shapes()} | set(VIEWS)
    assert applied.messages() == []
    assert list(apply(applied.session)) == []


@pytest.mark.parametrize("name", ["grades", "features", "schedule", "points_model"])
def test_a_table_is_created_with_the_schema_of_its_module(applied: Applied, name: str) -> None:
    created, table = applied.session.client.get_table(applied.reference(name)), TABLES[name]
    assert [(field.name, field.mode) for field in created.schema] == [(f.name, f.mode) for f in shape_of(table).fields]
    assert (created.time_partitioning.field, created.time_partitioning.type_) == ("game_date", "DAY")
    assert created.require_partition_filter
    assert tuple(created.clustering_fields or ()) == table.cluster
    assert created.description == f"One row per {table.grain}; key {', '.join(table.key)}."
    assert created.labels == {"made_by": "nba_pipeline"}
    assert all(field.description for field in created.schema)


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_can_be_queried(applied: Applied, name: str) -> None:
    assert applied.session.read_only(f"SELECT * FROM {name}").is_empty()
    assert applied.session.read_only(f"SELECT count(*) AS n FROM {name}")["n"].to_list() == [0]


def test_table_names_are_unique() -> None:
    names = [*(shape.name for shape in all_shapes()), *VIEWS]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith("staging_")]


# Later changes


@pytest.fixture
def toy(applied: Applied) -> Iterator[Table]:
    """A table added to the platform after the last apply. It also changes the view of all quarantines."""
    with forgotten_tables():
        table = a_table("toy_lines")
        yield table
    for shape in (shape_of(table), quarantine_of(table)):
        applied.session.client.delete_table(applied.reference(shape.name), not_found_ok=True)
    list(apply(applied.session))


QUARANTINE_CHANGES = "replace view quarantine: its statement has changed"


def by_hand(applied: Applied, table: Table, **changes: Any) -> None:
    dataset = bigquery.DatasetReference(PROJECT, applied.session.dataset_name)
    definition = shape_of(table).ddl(dataset)
    definition._properties.pop("clustering", None)  # an existing None cannot be replaced
    for name, value in changes.items():
        setattr(definition, name, value)
    applied.session.client.delete_table(definition, not_found_ok=True)
    applied.session.client.create_table(definition)
    applied.session.client.create_table(quarantine_of(table).ddl(dataset), exists_ok=True)


def test_a_new_table_is_created_and_no_other_changes(applied: Applied, toy: Table) -> None:
    before = applied.session.client.get_table(applied.reference("grades")).modified
    assert [str(step).split(":")[0] for step in apply(applied.session)] == [
        "create table toy_lines",
        "create table quarantine_toy_lines",
        "replace view quarantine",
    ]
    assert applied.messages() == []
    assert applied.session.client.get_table(applied.reference("grades")).modified == before


def test_a_new_nullable_column_is_added_and_reported_and_rows_remain(applied: Applied, toy: Table) -> None:
    less = [field for field in shape_of(toy).fields if field.name not in ("points", "words")]
    by_hand(applied, toy, schema=less)
    applied.session.query(
        "INSERT INTO toy_lines (game_date, game_id, source, as_of, code_version) "
        f"VALUES (DATE '{DAY}', 'a', 'box', TIMESTAMP '2024-03-12 16:00:00+00', '1')"
    )
    steps = [
        "add column table toy_lines: points INT64",
        "add column table toy_lines: words ARRAY<STRING>",
        QUARANTINE_CHANGES,
    ]
    assert applied.messages() == steps
    assert [str(step) for step in apply(applied.session)] == steps
    assert applied.messages() == []
    stored = applied.session.read_only(f"SELECT game_id, points, words FROM toy_lines WHERE game_date = DATE '{DAY}'")
    assert stored.rows() == [("a", None, [])]


REFUSED: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "type": (
        "column points FLOAT64 should be points INT64",
        lambda shape: {
            "schema": [bigquery.SchemaField(f.name, "FLOAT", f.mode) if f.name == "points" else f for f in shape.fields]
        },
    ),
    "partition": (
        "it is partitioned by nothing and should be by game_date",
        lambda shape: {"time_partitioning": None, "require_partition_filter": None},
    ),
    "cluster": ("it is clustered by book and should be by nothing", lambda shape: {"clustering_fields": ["book"]}),
    "unknown column": (
        "column mine is unknown",
        lambda shape: {"schema": [*shape.fields, bigquery.SchemaField("mine", "STRING")]},
    ),
    "required column": (
        "required column source STRING NOT NULL is missing",
        lambda shape: {"schema": [field for field in shape.fields if field.name != "source"]},
    ),
}


def test_any_other_difference_is_refused(applied: Applied, toy: Table) -> None:
    for phrases, change in REFUSED.values():
        by_hand(applied, toy, **change(shape_of(toy)))
        before = applied.session.client.get_table(applied.reference("toy_lines")).to_api_repr()
        expected = f"refused table toy_lines: {phrases}; copy its dates out, drop the table and apply again"
        for steps in (plan(applied.session), list(apply(applied.session))):
            assert [str(step) for step in steps if "toy_lines" in step.what] == [expected]
        after = applied.session.client.get_table(applied.reference("toy_lines")).to_api_repr()
        assert after["schema"] == before["schema"] and after["lastModifiedTime"] == before["lastModifiedTime"]


def test_a_view_that_changed_is_replaced(applied: Applied) -> None:
    client, reference = applied.session.client, applied.reference("game_ids")
    client.delete_table(reference)
    old = bigquery.Table(reference)
    old.view_query = f"SELECT game_id FROM `{applied.session.name}.schedule` WHERE game_date >= DATE '2021-10-01'"
    client.create_table(old)
    assert applied.messages() == ["replace view game_ids: its statement has changed"]
    assert len(list(apply(applied.session))) == 1
    assert applied.messages() == []
    assert "odds_event_id" in applied.session.read_only("SELECT * FROM game_ids").columns


def test_old_staging_tables_are_deleted(applied: Applied, settings: Callable[..., None]) -> None:
    client = applied.session.client
    for name in ("staging_grades_0123456789abcdef", "staging_features_0123456789abcdef"):
        client.create_table(bigquery.Table(applied.reference(name), [bigquery.SchemaField("a", "STRING")]))
    assert applied.messages() == [], "a run may still be using them"
    settings(staging_hours=0)
    messages = applied.messages()
    assert len(messages) == 2 and all(step.startswith("delete table staging_") and "expired since" in step for step in messages)
    assert len(list(apply(applied.session))) == 2
    assert applied.messages() == []
    assert not [name for name in applied.names() if name.startswith("staging_")]


def test_unknown_tables_of_the_dataset_are_ignored(applied: Applied) -> None:
    client = applied.session.client
    client.create_table(bigquery.Table(applied.reference("unknown_notes"), [bigquery.SchemaField("a", "STRING")]))
    assert list(apply(applied.session)) == []
    assert "unknown_notes" in applied.names()
    client.delete_table(applied.reference("unknown_notes"))


def test_the_record_can_be_queried(applied: Applied) -> None:
    loads = applied.session.read_only(f"SELECT * FROM loads WHERE game_date = DATE '{date(2024, 1, 1)}'")
    assert loads.columns == [column.name for column in LOADS.columns]


def test_a_dataset_without_permission_is_not_created(store: BigQueryStore, proxy: FaultProxy) -> None:
    proxy.rule(of_kind("datasets"), Respond(403, "accessDenied", "Access Denied: Dataset"), times=None)
    for work in (plan, lambda session: list(apply(session))):
        with pytest.raises(BadInput, match="no permission for dataset"):
            work(store.open().session)


def test_each_step_is_one_line() -> None:
    assert str(Step("create", "table grades")) == "create table grades"
    assert str(Step("refused", "table grades", "column a")) == "refused table grades: column a"
