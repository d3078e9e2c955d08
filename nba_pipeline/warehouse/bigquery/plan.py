"""What the dataset should hold, what it holds, and the steps between the two: shown by `plan`, done by `apply`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import views
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import LABELS, STAGING_PREFIX, Column, Shape, difference, shapes


@dataclass(frozen=True)
class Step:
    """One thing to do. `action` is create, add column, replace, delete or refused; a refused one is left to a person."""

    action: str
    what: str
    detail: str = ""
    column: Column | None = None

    def __str__(self) -> str:
        """As a line of a plan."""
        return f"{self.action} {self.what}{f': {self.detail}' if self.detail else ''}"


def plan(session: Session) -> list[Step]:
    """Every step that is left, nothing when all is as it should be."""
    try:
        # a dataset that is not there is no error here, so the lookup is the client's and not the session's
        with session.explained(f"dataset {session.name}"):
            session.client.get_dataset(session.dataset_name, retry=session.retry)
    except BadInput as error:
        if not isinstance(error.__cause__, NotFound):
            raise
        return [
            Step("create", f"dataset {session.name}", f"location {session.location_wanted or 'US'}"),
            *(Step("create", f"table {shape.name}", shape.description) for shape in shapes()),
            *(Step("create", f"view {name}", views.DESCRIPTIONS[name]) for name in views.VIEWS),
        ]
    session.columns = None
    there = session.describe()
    return [*_tables(session, there.keys()), *_views(session), *_left_behind(session)]


def apply(session: Session) -> Iterator[Step]:
    """Do every step of the plan but the refused ones, and tell each as it is done. Doing it again finds nothing to do."""
    steps = plan(session)
    by_name = {shape.name: shape for shape in shapes()}
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
    session.columns = None


def sweep(session: Session) -> list[str]:
    """Delete the staging tables that a killed run left behind, and name them."""
    steps = _left_behind(session)
    for step in steps:
        name = step.what.partition(" ")[2]
        with session.explained(str(step)):
            session.client.delete_table(session.dataset.reference.table(name), not_found_ok=True, retry=session.retry)
    return [step.what for step in steps]


def _tables(session: Session, there: object) -> Iterator[Step]:
    for shape in shapes():
        existing = session.describe().get(shape.name)
        if existing is None:
            yield Step("create", f"table {shape.name}", shape.description)
            continue
        found = difference(shape, existing)
        for words in found.refused:
            yield Step("refused", f"table {shape.name}", f"{words}; copy its dates out, drop it and apply again")
        if not found.refused:
            for column in found.added:
                yield Step("add column", f"table {shape.name}", str(column), column)


def _views(session: Session) -> Iterator[Step]:
    found = session.frame("SELECT table_name, view_definition FROM INFORMATION_SCHEMA.VIEWS", asset="information_schema")
    there = dict(found.iter_rows())
    for name in views.VIEWS:
        if name not in there:
            yield Step("create", f"view {name}", views.DESCRIPTIONS[name])
        elif there[name].split() != _definition(session, name).split():
            yield Step("replace", f"view {name}", "its statement has changed")


def _left_behind(session: Session) -> list[Step]:
    """Staging tables older than a run can be."""
    oldest = datetime.now(UTC) - timedelta(hours=SETTINGS.bigquery.staging_hours)
    with session.explained("listing the tables"):
        found = [
            item for item in session.client.list_tables(session.dataset, retry=session.retry)
            if item.table_id.startswith(STAGING_PREFIX) and item.created and item.created < oldest
        ]  # fmt: skip
    return [Step("delete", f"table {item.table_id}", f"left behind since {item.created:%Y-%m-%d %H:%M} UTC") for item in found]


def _create_dataset(session: Session) -> None:
    dataset = bigquery.Dataset(f"{session.client.project}.{session.dataset_name}")
    dataset.location = session.location_wanted or "US"
    dataset.description, dataset.labels = "Tables of nba_pipeline.", LABELS
    session.client.create_dataset(dataset, exists_ok=True, retry=session.retry)


def _add_column(session: Session, shape: Shape, column: Column) -> None:
    table = session.client.get_table(session.dataset.reference.table(shape.name), retry=session.retry)
    table.schema = [*table.schema, column.field]
    session.client.update_table(table, ["schema"], retry=session.retry)


def _definition(session: Session, name: str) -> str:
    return views.statement(name, f"`{session.name}.{{}}`")


def _replace_view(session: Session, name: str) -> None:
    view = bigquery.Table(session.dataset.reference.table(name))
    view.view_query, view.description, view.labels = _definition(session, name), views.DESCRIPTIONS[name], LABELS
    session.client.delete_table(view, not_found_ok=True, retry=session.retry)
    session.client.create_table(view, retry=session.retry)
