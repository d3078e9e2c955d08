"""Every fault once, with the real client and the emulator on either side of the proxy."""

import gzip
import http.client
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.api_core.exceptions import Conflict, Forbidden, ServiceUnavailable
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from requests.exceptions import ConnectionError as ConnectionLost

from nba_pipeline_tests.bigquery.emulator import HANG_SECONDS, Emulator
from nba_pipeline_tests.bigquery.faults import Call, Delay, DropAfter, DropBefore, FaultProxy, Kill, Respond, Rewrite
from nba_pipeline_tests.bigquery.fixtures import PROJECT

ROWS = b'{"game_id": "a"}\n{"game_id": "b"}\n'


def of_kind(kind: str) -> Any:
    return lambda call: call.kind == kind


@pytest.fixture
def client(proxy: FaultProxy, dataset_name: str) -> Iterator[bigquery.Client]:
    client = bigquery.Client(PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": proxy.url})
    client.create_dataset(dataset_name)
    client.create_table(bigquery.Table(f"{PROJECT}.{dataset_name}.grades", schema=[bigquery.SchemaField("game_id", "STRING")]))
    proxy.forget()
    yield client
    client.close()


def load(client: bigquery.Client, dataset: str, job_id: str, rows: bytes = ROWS, **options: Any) -> bigquery.LoadJob:
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", write_disposition="WRITE_APPEND")
    return client.load_table_from_file(io.BytesIO(rows), f"{dataset}.grades", job_id=job_id, job_config=config, **options)


def count(client: bigquery.Client, dataset: str) -> int:
    [row] = client.query_and_wait(f"SELECT COUNT(*) AS n FROM `{dataset}.grades`")
    return int(row.n)


# Records


def test_a_resumable_load_passes_through_and_is_named(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    load(client, dataset_name, f"{dataset_name}_1").result()
    begun, sent, *polls = proxy.calls
    assert (begun.number, begun.method, begun.kind, begun.label, begun.status) == (
        1,
        "POST",
        "load",
        f"grades {dataset_name}_1",
        200,
    )
    assert (sent.number, sent.method, sent.kind, sent.label) == (2, "PUT", "load_data", f"grades {dataset_name}_1")
    assert begun.body["configuration"]["load"]["writeDisposition"] == "WRITE_APPEND"
    assert {call.kind for call in polls} <= {"get_job"}
    assert count(client, dataset_name) == 2


def test_a_multipart_load_is_one_call(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    load(client, dataset_name, f"{dataset_name}_1", size=len(ROWS))
    assert [(call.kind, call.label) for call in proxy.calls] == [("load", f"grades {dataset_name}_1")]


def test_a_large_load_goes_in_pieces(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    piece = 256 * 1024
    rows = b"".join(b'{"game_id": "%0100d"}\n' % number for number in range(5000))
    file = io.BytesIO(rows)
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    upload, _ = client._initiate_resumable_upload(  # the client's default chunks are 100 MB
        file,
        {
            "jobReference": {"projectId": PROJECT, "jobId": f"{dataset_name}_1"},
            "configuration": {
                **config.to_api_repr(),
                "load": config.to_api_repr()["load"]
                | {"destinationTable": {"projectId": PROJECT, "datasetId": dataset_name, "tableId": "grades"}},
            },
        },
        None,
        60,
    )
    upload._chunk_size = piece
    while not upload.finished:
        upload.transmit_next_chunk(client._http)
    statuses = [call.status for call in proxy.calls]
    assert statuses == [200, 308, 308, 200]
    client.get_job(f"{dataset_name}_1").result()
    assert count(client, dataset_name) == 5000


def test_every_kind_of_call_is_distinguished(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    table = f"{PROJECT}.{dataset_name}.grades"
    job = client.query(f"SELECT * FROM `{table}`")
    list(job.result())
    client.get_job(job.job_id).cancel()
    list(client.list_rows(client.get_table(table)))
    list(client.list_datasets())
    list(client.list_jobs(max_results=1))
    assert proxy.kinds()[0] == "query"
    assert set(proxy.kinds()) == {"query", "results", "get_job", "cancel", "tables", "datasets", "other"}
    assert [call.label for call in proxy.calls if call.kind == "cancel"] == [job.job_id]


def test_signing_in_is_a_call(emulator: Emulator, proxy: FaultProxy, dataset_name: str) -> None:
    variables = emulator.variables(PROJECT, dataset_name, url=proxy.url)
    client = bigquery.Client.from_service_account_json(
        variables["GOOGLE_APPLICATION_CREDENTIALS"], client_options={"api_endpoint": proxy.url}
    )
    list(client.query_and_wait("SELECT 1"))
    client.close()
    assert proxy.kinds() == ["token", "query"]


def test_concurrent_calls_have_unique_numbers(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.get_dataset(dataset_name), range(40)))
    assert sorted(call.number for call in proxy.calls) == list(range(1, 41))


# Faults


def test_an_injected_error_has_the_format_of_google(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("datasets"), Respond(403, "quotaExceeded", "too many", {"Retry-After": "7"}))
    with pytest.raises(Forbidden, match="too many") as caught:
        client.get_dataset(dataset_name)
    assert caught.value.errors[0]["reason"] == "quotaExceeded"
    assert caught.value.response.headers["Retry-After"] == "7"
    assert client.get_dataset(dataset_name).dataset_id == dataset_name, "the rule was for one call"


def test_a_rule_applies_its_number_of_times(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("datasets"), Respond(503, "backendError", "later"), times=2)
    proxy.rule(4, Respond(503, "backendError", "the fourth"))
    for message in ("later", "later", None, "the fourth"):
        if message is None:
            client.get_dataset(dataset_name, retry=None)
            continue
        with pytest.raises(ServiceUnavailable, match=message):
            client.get_dataset(dataset_name, retry=None)


def test_the_client_retries_after_503(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(1, Respond(503, "backendError", "later"))
    client.get_dataset(dataset_name)
    assert [call.status for call in proxy.calls] == [503, 200]


def test_a_call_dropped_before_the_server_has_no_effect(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("datasets"), DropBefore())
    with pytest.raises(ConnectionLost):
        client.create_dataset(f"{dataset_name}_new", retry=None)
    client.create_dataset(f"{dataset_name}_new", retry=None)
    assert [call.status for call in proxy.calls] == [None, 200]


def test_a_dropped_response_hides_completed_work(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("datasets"), DropAfter())
    with pytest.raises(ConnectionLost):
        client.create_dataset(f"{dataset_name}_new", retry=None)
    with pytest.raises(Conflict):
        client.create_dataset(f"{dataset_name}_new", retry=None)


def test_a_load_with_a_dropped_response_has_loaded(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("load"), DropAfter())
    try:
        load(client, dataset_name, f"{dataset_name}_1", size=len(ROWS))
    except (Conflict, ConnectionLost):
        pass
    client.get_job(f"{dataset_name}_1").result()
    assert count(client, dataset_name) == 2


@pytest.mark.parametrize(("when", "loaded"), [("before", False), ("after", True)])
def test_a_process_is_killed_around_a_call(
    client: bigquery.Client, proxy: FaultProxy, dataset_name: str, when: Any, loaded: bool
) -> None:
    script = (
        "from google.auth.credentials import AnonymousCredentials; from google.cloud import bigquery; "
        f"client = bigquery.Client({PROJECT!r}, credentials=AnonymousCredentials(), client_options=dict(api_endpoint={proxy.url!r})); "
        f"client.create_dataset({dataset_name + '_new'!r}); client.query_and_wait('SELECT 1')"
    )
    child: list[subprocess.Popen[bytes]] = []
    proxy.rule(lambda call: call.kind == "datasets" and call.method == "POST", Kill(lambda: child[0].pid, when))
    child.append(subprocess.Popen([sys.executable, "-c", script]))
    assert child[0].wait(timeout=HANG_SECONDS) == -9
    assert proxy.kinds() == ["datasets"], "it was dead before it could go on"
    assert (f"{dataset_name}_new" in {dataset.dataset_id for dataset in client.list_datasets()}) == loaded


def test_a_delay_delays_the_response(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("datasets"), Delay(0.5))
    started = time.monotonic()
    client.get_dataset(dataset_name)
    assert time.monotonic() - started >= 0.5


def test_a_response_can_be_changed(client: bigquery.Client, proxy: FaultProxy, dataset_name: str) -> None:
    proxy.rule(of_kind("datasets"), Rewrite(lambda document: document | {"description": "changed"}))
    assert client.get_dataset(dataset_name).description == "changed"
    assert client.get_dataset(dataset_name).description is None


# HTTP


def test_a_connection_is_kept_and_bodies_may_be_chunked_or_compressed(
    client: bigquery.Client, proxy: FaultProxy, dataset_name: str
) -> None:
    host = proxy.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    path = f"/bigquery/v2/projects/{PROJECT}/datasets"
    for name, encode in (("chunked", lambda body: body), ("gzip", gzip.compress)):
        body = encode(json.dumps({"datasetReference": {"projectId": PROJECT, "datasetId": f"{dataset_name}_{name}"}}).encode())
        pieces = (body[:20], body[20:])
        headers = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if name == "gzip" else {})
        connection.request("POST", path, body=iter(pieces), headers=headers, encode_chunked=True)
        response = connection.getresponse()
        local = connection.sock
        assert (response.status, json.loads(response.read())["datasetReference"]["datasetId"]) == (200, f"{dataset_name}_{name}")
        assert connection.sock is local is not None, "the connection was closed"
    connection.close()
    assert [call.body["datasetReference"]["datasetId"] for call in proxy.calls] == [
        f"{dataset_name}_chunked",
        f"{dataset_name}_gzip",
    ]


def test_a_stopped_emulator_is_a_502() -> None:
    with FaultProxy("http://127.0.0.1:9") as proxy:
        connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"))
        connection.request("GET", "/bigquery/v2/projects/p/datasets")
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["error"]["errors"][0]["reason"]) == (502, "backendError")
        connection.close()


def test_the_proxy_costs_milliseconds(emulator: Emulator, proxy: FaultProxy) -> None:
    def fastest(url: str) -> float:
        connection = http.client.HTTPConnection(url.removeprefix("http://"))
        seconds = []
        for _ in range(30):
            started = time.perf_counter()
            connection.request("POST", "/token")
            connection.getresponse().read()
            seconds.append(time.perf_counter() - started)
        connection.close()
        return min(seconds)

    assert fastest(proxy.url) - fastest(emulator.url) < 0.03


def test_recorded_calls_are_independent_copies(proxy: FaultProxy) -> None:
    proxy.calls.append(Call(1, "GET", "/", "other"))
    assert proxy.calls == []
