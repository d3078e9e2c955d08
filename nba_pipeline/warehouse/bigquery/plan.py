"""The steps from the existing dataset to the expected one: shown by `plan`, executed by `apply`."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.cloud.bigquery.table import TableListItem

from nba_pipeline.errors import BadInput
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import views
from nba_pipeline.warehouse.bigquery import journal
from nba_pipeline.warehouse.bigquery.format_1 import is_format_1, refusal
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import LABELS, STAGING_PREFIX, Column, Shape, difference, quarantine_of, shapes

STATEMENT, DIGEST_LENGTH = "statement", 32


@dataclass(frozen=True)
class View:
    """A BigQuery view."""

    statement: str
    description: str

    @property
    def digest(self) -> str:
        """Hash of the statement, valid as a label value."""
        return hashlib.sha256(self.statement.encode()).hexdigest()[:DIGEST_LENGTH]


@dataclass(frozen=True)
class Step:
    """One change. `action` is create, add column, replace, delete or refused; a refused step requires manual work."""

    action: str
    what: str
    detail: str = ""
    column: Column | None = None

    def __str__(self) -> str:
        """The step as a line of a plan."""
        return f"{self.action} {self.what}{f': {self.detail}' if self.detail else ''}"


def all_shapes() -> list[Shape]:
    """Every table that the dataset should contain."""
    return [*shapes(), journal.JOURNAL]


def plan(session: Session) -> list[Step]:
    """The remaining steps; empty if the dataset is up to date. Raises BadInput for a dataset of format 1."""
    try:
        # a missing dataset is not an error here, so this uses the client's lookup, not the session's
        with session.explained(f"dataset {session.name}"):
            session.client.get_dataset(session.dataset_name, retry=session.retry)
    except BadInput as error:
        if not isinstance(error.__cause__, NotFound):
            raise
        return [
            Step("create", f"dataset {session.name}", f"location {session.expected_location or 'US'}"),
            *(Step("create", f"table {shape.name}", shape.description) for shape in all_shapes()),
            *(Step("create", f"view {name}", view.description) for name, view in _definitions(session.name).items()),
        ]
    session.forget_description()
    for name, existing in session.describe().items():
        if is_format_1(name, existing):
            raise BadInput(refusal(session.name, name))
    return [*_tables(session), *_views(session), *_expired_staging(session)]


def apply(session: Session) -> Iterator[Step]:
    """Executes every step of the plan except the refused ones, and yields each step. Repeating it changes nothing."""
    steps = plan(session)
    by_name = {shape.name: shape for shape in all_shapes()}
    for step in steps:
        kind, _, name = step.what.partition(" ")
        with session.explained(str(step)):
            if step.action == "create" and kind == "dataset":
                _create_dataset(session)
            elif step.action == "create" and kind == "table":
                session.client.create_table(by_name[name].ddl(session.dataset.reference), exists_ok=True, retry=session.retry)
            elif step.action == "add column" and step.column:
                _add_column(session, by_name[name], step.column)
            elif kind == "view":
                _replace_view(session, name)
            elif step.action == "delete":
                session.client.delete_table(session.dataset.reference.table(name), not_found_ok=True, retry=session.retry)
        yield step
    session.forget_description()


def _tables(session: Session) -> Iterator[Step]:
    for shape in all_shapes():
        existing = session.describe().get(shape.name)
        if existing is None:
            yield Step("create", f"table {shape.name}", shape.description)
            continue
        differences = difference(shape, existing)
        for reason in differences.refused:
            yield Step("refused", f"table {shape.name}", f"{reason}; copy its dates out, drop the table and apply again")
        if not differences.refused:
            for column in differences.added:
                yield Step("add column", f"table {shape.name}", str(column), column)


def _views(session: Session) -> Iterator[Step]:
    """Steps for views. A label holds the hash of the statement, because BigQuery may store the statement in another form."""
    existing = {item.table_id: item.labels.get(STATEMENT) for item in _existing_tables(session) if item.table_type == "VIEW"}
    for name, view in _definitions(session.name).items():
        if name not in existing:
            yield Step("create", f"view {name}", view.description)
        elif existing[name] != view.digest:
            yield Step("replace", f"view {name}", "its statement has changed")


def _existing_tables(session: Session) -> list[TableListItem]:
    with session.explained("listing the tables"):
        return list(session.client.list_tables(session.dataset, retry=session.retry))


def _expired_staging(session: Session) -> list[Step]:
    """Steps that delete staging tables older than any run."""
    oldest = datetime.now(UTC) - timedelta(hours=SETTINGS.bigquery.staging_hours)
    expired = [
        item
        for item in _existing_tables(session)
        if item.table_id.startswith(STAGING_PREFIX) and item.created and item.created < oldest
    ]
    return [Step("delete", f"table {item.table_id}", f"expired since {eastern_text(item.created)}") for item in expired]


def _create_dataset(session: Session) -> None:
    dataset = bigquery.Dataset(f"{session.client.project}.{session.dataset_name}")
    dataset.location = session.expected_location or "US"
    dataset.description, dataset.labels = "Tables of nba_pipeline.", LABELS
    session.client.create_dataset(dataset, exists_ok=True, retry=session.retry)


def _add_column(session: Session, shape: Shape, column: Column) -> None:
    table = session.client.get_table(session.dataset.reference.table(shape.name), retry=session.retry)
    table.schema = [*table.schema, column.field]
    session.client.update_table(table, ["schema"], retry=session.retry)


def _definitions(dataset: str) -> dict[str, View]:
    """Every view, listed after the views that it reads."""
    every = " UNION ALL ".join(
        f"SELECT * FROM `{dataset}.{quarantine_of(table).name}` WHERE {views.ALL_DATES}" for table in TABLES.values()
    )
    return {
        **{name: View(views.statement(name, f"`{dataset}.{{}}`"), views.DESCRIPTIONS[name]) for name in views.VIEWS},
        **{name: View(journal.statement(name, f"`{dataset}.{{}}`"), journal.DESCRIPTIONS[name]) for name in journal.VIEWS},
        "quarantine": View(every, "The quarantined rows of all tables, with their problem."),
    }


def _replace_view(session: Session, name: str) -> None:
    view = _definitions(session.name)[name]
    labels = ", ".join(f"('{key}', '{value}')" for key, value in {**LABELS, STATEMENT: view.digest}.items())
    session.query(
        f"CREATE OR REPLACE VIEW `{session.name}.{name}` OPTIONS (description = {json.dumps(view.description)}, labels = [{labels}]) "
        f"AS {view.statement}",
        asset=name,
    )
