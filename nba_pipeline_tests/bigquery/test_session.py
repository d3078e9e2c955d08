"""One client per run: shared by the resources that need it, closed with the last of them, with the configured timeouts."""

import dagster as dg
import polars as pl
import pytest
from dagster_gcp import BigQueryResource
from google.api_core.exceptions import Conflict
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from nba_pipeline.errors import BadInput, Permanent
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.bigquery import BigQueryWarehouse
from nba_pipeline.warehouse.bigquery import session as session_module
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.journal import DIRECT
from nba_pipeline_tests.bigquery.faults import FaultProxy, Rewrite
from nba_pipeline_tests.bigquery.store import BigQueryStore, of_kind
from nba_pipeline_tests.providers.conftest import Answer, Provider, ReceivedRequest, provider
from nba_pipeline_tests.warehouse.contract import DAY, NEXT, rows, stored_rows

__all__ = ["provider"]


class Beside(dg.ConfigurableResource[None]):
    """Another resource that requires the warehouse, like the IO manager."""

    warehouse: dg.ResourceDependency[Warehouse]

    def height(self, table: Table) -> int:
        return stored_rows(self.warehouse, table).height


def test_the_resources_of_a_run_share_one_client_which_is_closed_at_its_end(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    close = Session.close

    def counted_close(self: Session) -> None:
        closed.append(self.run_id)
        close(self)

    monkeypatch.setattr(Session, "close", counted_close)

    @dg.asset
    def first(warehouse: BigQueryWarehouse, beside: Beside) -> None:
        warehouse.replace(lines, [DAY], rows(3), "first")
        assert beside.height(lines) == 3
        assert closed == []

    @dg.asset(deps=[first])
    def second(warehouse: BigQueryWarehouse, beside: Beside) -> None:
        beside.warehouse.replace(lines, [NEXT], rows(2, NEXT), "second")
        assert stored_rows(warehouse, lines).height == beside.height(lines) == 5

    warehouse = store.open(run_id=DIRECT)
    result = dg.materialize([first, second], resources={"warehouse": warehouse, "beside": Beside(warehouse=warehouse)})
    kinds = proxy.kinds()
    assert (kinds.count("token"), kinds.count("datasets")) == (1, 1)
    assert closed == [result.run_id]
    assert not [key for key in RUN_OBJECTS.keys() if result.run_id in key]
    assert {row["run_id"] for row in store.record()} == {result.run_id}


def test_a_run_that_fails_closes_its_client(store: BigQueryStore, lines: Table) -> None:
    @dg.asset
    def failing(warehouse: BigQueryWarehouse) -> None:
        warehouse.replace(lines, [DAY], rows(3), "first")
        raise ValueError("the asset")

    result = dg.materialize([failing], resources={"warehouse": store.open(run_id=DIRECT)}, raise_on_error=False)
    assert not result.success
    assert not [key for key in RUN_OBJECTS.keys() if result.run_id in key]


def test_two_runs_have_a_client_each(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    one, two = store.open(), store.open()
    for run in (one, two, one, two):
        run.dates(lines)
    assert proxy.kinds().count("token") == 2
    assert one.session is not two.session
    one.session.close()
    two.replace(lines, [DAY], rows(1), "two")
    assert stored_rows(two, lines).height == 1


def test_outside_of_runs_all_resources_share_a_client(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    assert store.open_reader().session is store.open_reader().session
    for _ in range(2):
        store.open_reader().dates(lines)
    assert proxy.kinds().count("token") == 1


def test_no_request_is_sent_before_it_is_needed(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    run = store.open()
    run.scan(lines, [DAY])
    run.refuse_missing_names()
    assert proxy.calls == []


def test_pauses_and_limits_are_those_of_the_settings(store: BigQueryStore) -> None:
    retry, limits = store.open().session.retry, SETTINGS.bigquery
    assert (retry._initial, retry._maximum, retry.timeout) == (
        limits.first_pause_seconds,
        limits.longest_pause_seconds,
        limits.retry_seconds,
    )


def test_a_location_that_differs_from_the_dataset_is_reported(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    """The emulator has no locations, so the proxy reports the dataset in the EU."""
    proxy.rule(of_kind("datasets"), Rewrite(lambda body: body | {"location": "EU"}), times=None)
    with pytest.raises(BadInput, match=f"{store.dataset} is in EU, but BIGQUERY_LOCATION is us-east1; set it to EU"):
        store.open(location="us-east1").replace(lines, [DAY], rows(1), "me")
    assert store.effective() == []
    proxy.forget()
    proxy.rule(of_kind("datasets"), Rewrite(lambda body: body | {"location": "EU"}), times=None)
    assert isinstance(store.open(location="eu").session.dataset.location, str)


def test_a_session_can_be_used_after_an_error(store: BigQueryStore, lines: Table) -> None:
    person = store.open_reader()
    with pytest.raises(BadInput):
        person.sql("nonsense")
    assert person.sql("SELECT 1 AS a").equals(pl.DataFrame({"a": [1]}))


def test_a_write_skips_a_limited_number_of_earlier_jobs(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """If every job id exists and is done, an unlimited search for a free id would never end."""
    limits = SETTINGS.bigquery.model_copy(update={"most_earlier_jobs": 5})
    monkeypatch.setattr(session_module, "SETTINGS", SETTINGS.model_copy(update={"bigquery": limits}))
    session = Session(BigQueryResource(project="p"), "d", "", "", "run")
    vars(session)["client"] = bigquery.Client(
        project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": provider.url}
    )
    vars(session)["dataset"] = bigquery.Dataset.from_api_repr(
        {"datasetReference": {"projectId": "p", "datasetId": "d"}, "location": "US"}
    )

    def job(request: ReceivedRequest) -> Answer:
        reference = {"projectId": "p", "jobId": request.path.rpartition("/")[2], "location": "US"}
        return Answer({"jobReference": reference, "configuration": {"load": {}}, "status": {"state": "DONE"}})

    def is_there(job_id: str) -> bigquery.LoadJob:
        raise Conflict(job_id)  # type: ignore[no-untyped-call]

    provider.responds(job)
    with pytest.raises(Permanent, match=r"p\.d: replacing lines: more than 5 earlier jobs have the id rows"):
        session.run_once(is_there, "rows", lambda: False, "replacing lines")
    assert len(provider.asked) == 6
