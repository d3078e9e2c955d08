"""A dataset of the emulator for the contract of warehouses, behind a proxy that injects faults."""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster_gcp import BigQueryResource
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.bigquery.journal import JOURNAL
from nba_pipeline.warehouse.bigquery.shapes import LOADS, Shape, quarantine_of, shape_of
from nba_pipeline.warehouse.journal import DIRECT
from nba_pipeline_tests.bigquery.emulator import HANG_SECONDS, Emulator
from nba_pipeline_tests.bigquery.faults import Call, FaultProxy, Rewrite
from nba_pipeline_tests.bigquery.fixtures import PROJECT
from nba_pipeline_tests.warehouse.contract import IMPATIENT, Store, Tables, a_table, forgotten_tables

QUICK = {"first_pause_seconds": 0.01, "longest_pause_seconds": 0.05}


class BigQueryStore(Store):
    """A dataset with the record of writes. Warehouses use the proxy; the test's own queries bypass it."""

    replacements = 8  # each takes three calls of an emulator that is busy with readers

    def __init__(self, emulator: Emulator, proxy: FaultProxy, admin: bigquery.Client, dataset: str, home: Path) -> None:
        self.emulator, self.proxy, self.admin, self.dataset, self.home = emulator, proxy, admin, dataset, home
        self._begun: dict[str, None] = {}
        admin.create_dataset(dataset)
        self.make(LOADS, JOURNAL)

    def make(self, *shapes: Shape) -> None:
        """Create empty tables."""
        for shape in shapes:
            self.admin.create_table(shape.ddl(self.reference))

    @property
    def reference(self) -> bigquery.DatasetReference:
        return bigquery.DatasetReference(PROJECT, self.dataset)

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            **self.emulator.variables(PROJECT, self.dataset, self.proxy.url),
            "NBA_PIPELINE_ENV": "production",
            "NBA_PIPELINE_HOME": str(self.home),
            "NBA_REPLACEMENTS": str(self.replacements),
            # google-auth looks up in the background where a service account may be used; nothing listens here
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }

    def open(self, lock_wait_seconds: float = IMPATIENT, run_id: str | None = None, **changes: Any) -> BigQueryWarehouse:
        fields: dict[str, Any] = {
            "bigquery": BigQueryResource(project=PROJECT),
            "dataset": self.dataset,
            "home": str(self.home),
            "storage_host": self.emulator.grpc_host,
            "lock_wait_seconds": lock_wait_seconds,
        }
        warehouse = BigQueryWarehouse(**(fields | changes))
        warehouse._run_id = run_id or uuid.uuid4().hex
        return warehouse

    def open_reader(self) -> BigQueryWarehouse:
        return self.open(run_id=DIRECT)

    @contextmanager
    def delay_write(self, table: Table, day: date, started: threading.Event, resume: threading.Event) -> Iterator[None]:
        def wait(answer: Any) -> Any:
            started.set()
            assert resume.wait(HANG_SECONDS)
            return answer

        # the load is done, and the writer has not received the response
        self.proxy.rule(loads(table.name, day), Rewrite(wait))
        yield

    # Queries that bypass the warehouse

    def run_query(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a result. Tables have plain names."""
        config = bigquery.QueryJobConfig(default_dataset=self.reference)
        return [dict(row) for row in self.admin.query_and_wait(statement, job_config=config)]

    def record(self) -> list[dict[str, Any]]:
        """The record of writes, oldest first."""
        return self.run_query("SELECT * FROM loads WHERE game_date >= DATE '2000-01-01' ORDER BY loaded_at, game_date")

    def forget(self) -> None:
        """Restart the proxy's numbering at 1 and delete all rules. Keeps the requested jobs."""
        self._begun |= self._job_ids()
        self.proxy.forget()

    def _job_ids(self) -> dict[str, None]:
        ids = [call.job_id for call in self.proxy.calls if call.kind in ("load", "query") and call.job_id]
        return dict.fromkeys(job_id for job_id in ids if job_id.startswith(("load_", "merge_", "add_", "stage_")))

    def effective(self) -> list[str]:
        """The ids of the jobs that wrote rows and completed, in the order of their first request."""
        self._begun |= self._job_ids()
        done = []
        for job_id in self._begun:
            with suppress(NotFound):
                job = self.admin.get_job(job_id)
                if job.state == "DONE" and not job.error_result:
                    done.append(job_id)
        return done


def of_kind(*kinds: str) -> Callable[[Call], bool]:
    return lambda call: call.kind in kinds


def loads(table: str, day: date | None = None) -> Callable[[Call], bool]:
    """Matches loads into a table, or into one of its partitions."""
    return lambda call: call.kind == "load" and (call.table or "").startswith(f"{table}${day:%Y%m%d}" if day else table)


def text_of(call: Call) -> str:
    """The statement of a query."""
    body = call.body
    return (
        str(body.get("query") or body.get("configuration", {}).get("query", {}).get("query", "")) if call.kind == "query" else ""
    )


def statement(word: str) -> Callable[[Call], bool]:
    """Matches queries that begin with a word."""
    return lambda call: text_of(call).strip().startswith(word)


def acknowledges(call: Call) -> bool:
    """Whether a call adds to the record of writes."""
    return text_of(call).strip().startswith("INSERT INTO loads")


@pytest.fixture(scope="session")
def admin(emulator: Emulator) -> Iterator[bigquery.Client]:
    """A client that bypasses the proxy."""
    client = bigquery.Client(PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": emulator.url})
    yield client
    client.close()


@pytest.fixture
def quick(settings: Callable[..., None]) -> None:
    """Short pauses between attempts."""
    settings(**QUICK)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Override values of `SETTINGS.bigquery` in a test."""

    def change(**numbers: Any) -> None:
        monkeypatch.setitem(SETTINGS.__dict__, "bigquery", SETTINGS.bigquery.model_copy(update=numbers))

    return change


@pytest.fixture
def store(
    emulator: Emulator,
    proxy: FaultProxy,
    admin: bigquery.Client,
    dataset_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick: None,
) -> Iterator[BigQueryStore]:
    """A new dataset, deleted after the test."""
    store = BigQueryStore(emulator, proxy, admin, dataset_name, tmp_path)
    for name, value in store.variables.items():
        monkeypatch.setenv(name, value)
    yield store
    RUN_OBJECTS.close()
    admin.delete_dataset(dataset_name, delete_contents=True, not_found_ok=True)


@pytest.fixture
def tables(store: BigQueryStore) -> Iterator[Tables]:
    """Creates tables, also in the dataset, that are unregistered after the test."""

    def make(name: str, **fields: Any) -> Table:
        table = a_table(name, **fields)
        store.make(shape_of(table), quarantine_of(table))
        return table

    with forgotten_tables():
        yield make


@pytest.fixture
def lines(tables: Tables) -> Table:
    return tables("toy_lines")


@pytest.fixture
def dead_from(store: BigQueryStore, settings: Callable[..., None]) -> Callable[..., AbstractContextManager[None]]:
    """Drop every connection from the first matching call on, as if the process had died."""

    @contextmanager
    def dies(when: Callable[[Call], bool], fault: Any, rest: Any) -> Iterator[None]:
        is_dead = threading.Event()

        def first(call: Call) -> bool:
            if not is_dead.is_set() and when(call):
                is_dead.set()
                return True
            return False

        settings(**QUICK, retry_seconds=0.2)
        store.proxy.rule(first, fault)
        store.proxy.rule(lambda _: is_dead.is_set(), rest, times=None)
        yield
        assert is_dead.is_set(), "the call that should have been the last was never made"
        store.forget()
        settings(**QUICK, retry_seconds=120.0)

    return dies
