"""HTTP client: landing of every response, concurrent requests, secrets, replays and offline runs."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.errors import BadInput, NotLanded, NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.instance.run_tags import OFFLINE_TAG, REPLAY_TAG
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.parsing import parser
from nba_pipeline.warehouse import payload_limits
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.instance.secret_service import secret_service
from nba_pipeline_tests.providers.conftest import BOX, GOOD, ODDS, Answer, At, Provider, ReceivedRequest, fail

pytestmark = pytest.mark.slow


def test_a_response_is_landed_and_returned(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.responds(GOOD)
    payload = http_client.get(BOX)
    assert payload.json() == {"game": 1}
    assert [(x["outcome"], x["ref"], x["url"]) for x in landing.requests()] == [
        ("landed", payload.ref, f"{provider.url}/box/1.json")
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(body=b"<html>", headers={"Content-Type": "text/html"}), "not JSON"),
        (Answer({}), "has no game"),
        (Answer([]), "has no game"),
        (Answer(body=b'{"game": ' + b"[" * 10**5), "deeper than 50 levels"),
        (Answer({"game": 10**30}), "unexpected structure"),
    ],
    ids=["page", "empty document", "list", "deep", "a fault of the parser"],
)
def test_a_response_that_breaks_the_contract_is_landed_as_rejected(
    answer: Answer, problem: str, http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    provider.responds(answer)
    with pytest.raises(Permanent, match=f"nba_cdn boxscore 1: .*{problem}"):
        http_client.get(replace(BOX, parser=lambda payload: [0] * payload.json()["game"]))
    assert landing.newest(BOX) is None and len(list(landing.root.rglob("*.rejected.json.gz"))) == 1
    assert len(provider.asked) == 1


def test_a_response_that_its_parser_rejects_is_landed_as_rejected(
    http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    def parse(payload: Payload) -> None:
        raise Permanent(f"points of {payload.json()['game']} are 'x'")

    provider.responds(GOOD)
    with pytest.raises(Permanent, match="points of 1 are 'x'"):
        http_client.get(replace(BOX, parser=parse))
    assert landing.newest(BOX) is None


def test_a_response_is_parsed_once(http_client: HttpClient, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user of a fetched payload takes the results of landing it: the document and what the parser returned."""
    calls = list[str]()

    @parser
    def parse(payload: Payload) -> object:
        calls.append(payload.slot.entity)
        return payload.json()["game"]

    provider.responds(GOOD)
    payload = http_client.get(replace(BOX, parser=parse))
    monkeypatch.setattr(payload_limits, "read_json", None)
    assert parse(payload) == payload.json()["game"] == 1 and calls == ["1"]
    other = http_client.landed(BOX)[-1]
    assert other == payload and "_document" not in vars(other) and other.parsed == {}


def test_many_requests_are_sent_concurrently_and_returned_in_order(http_client: HttpClient, provider: Provider) -> None:
    barrier = threading.Barrier(6)

    def answer(request: ReceivedRequest) -> Answer:
        barrier.wait(timeout=30)  # answers wait until all requests have arrived
        return Answer({"game": request.path}, status=404 if request.path.endswith("/3.json") else 200)

    provider.responds(answer)
    responses = http_client.get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    assert [a.json()["game"] if isinstance(a, Payload) else type(a) for a in responses] == [
        "/box/0.json",
        "/box/1.json",
        "/box/2.json",
        NotPublished,
        "/box/4.json",
        "/box/5.json",
    ]


def test_no_secret_reaches_journal_paths_messages_or_logs(
    http_client: HttpClient, provider: Provider, landing: Landing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.responds(Answer([]), Answer({}, status=503), Answer({}, status=422))
    http_client.get(ODDS)
    errors: list[PipelineError] = []
    for request in (ODDS, replace(ODDS, params={})):
        with pytest.raises(PipelineError) as caught:
            http_client.get(request)
        errors.append(caught.value)
    assert provider.asked[0].params == {"a": "b", "apiKey": "s3cret"}
    assert provider.asked[0].headers["authorization"] == "s3cret"
    written = [path.read_bytes() for path in landing.root.rglob("*") if path.is_file()]
    names = [str(path) for path in landing.root.rglob("*")]
    assert "s3cret" not in f"{written} {names} {errors} {caplog.text} {ODDS!r}"


def test_a_key_may_be_a_reference_which_only_a_sent_request_reads(
    http_client: HttpClient, provider: Provider, landing: Landing, monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    with secret_service(monkeypatch, tmp_path_factory.mktemp("account")) as service:
        reference = service.add("odds", "s3cret")
        request = replace(ODDS, secret_params={"apiKey": reference}, secret_headers={"Authorization": reference})
        landing._is_offline = True
        with pytest.raises(NotLanded):
            http_client.get(request)
        assert service.requested == []
        landing._is_offline = False
        provider.responds(Answer([]))
        http_client.get(request)
    assert provider.asked[0].params == {"a": "b", "apiKey": "s3cret"}
    assert provider.asked[0].headers["authorization"] == "s3cret"


def test_the_quota_is_available_and_journaled(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.responds(Answer([], headers={"x-requests-remaining": "90", "x-requests-used": "10", "x-requests-last": "1"}))
    assert http_client.quota == {}
    http_client.get(ODDS)
    expected = {"remaining": 90, "used": 10, "last": 1}
    assert http_client.quota == expected and [x["quota"] for x in landing.requests()] == [expected]


def test_a_provider_without_a_url_is_bad_input(http_client: HttpClient) -> None:
    with pytest.raises(BadInput, match="no URL is configured for espn"):
        http_client.get(replace(BOX, provider="espn"))


class Api(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Another resource on the same client."""

    http: dg.ResourceDependency[HttpClient]


def test_a_replay_repeats_refusals_and_ignores_the_breakers(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    original, first = results_in_a_run(at(60))
    answered, expected = results_in_a_run(at(300))
    assert (first, expected) == ([Transient, Transient], [b'{"game": 1}'] * 2)
    assert results_in_a_run(at(301), {REPLAY_TAG: original})[1] == first
    fail(at(301), provider)
    sent = len(provider.asked)
    assert results_in_a_run(at(302), {REPLAY_TAG: answered})[1] == expected and len(provider.asked) == sent


def results_in_a_run(http_client: HttpClient, tags: dict[str, str] | None = None) -> tuple[str, list[object]]:
    results: list[object] = []

    @dg.asset
    def box(http: HttpClient, api: Api) -> None:
        for client in (http, api.http):
            answer = client.get_many([BOX])[0]
            results.append(answer.body if isinstance(answer, Payload) else type(answer))

    resources = {"http": http_client, "api": Api(http=http_client)}
    return dg.materialize([box], resources=resources, tags=tags).run_id, results


def test_resources_of_one_run_share_one_connection(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(GOOD)
    results_in_a_run(http_client)
    assert len(provider.asked) == 2 and len({request.client for request in provider.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "expected"), [(GOOD, b'{"game": 1}'), (Answer({}, status=404), NotPublished), (Answer({}, status=500), Transient)]
)
def test_a_replay_repeats_responses_and_errors_of_the_original_run(
    answer: Answer, expected: object, http_client: HttpClient, provider: Provider
) -> None:
    provider.responds(answer)
    original, first = results_in_a_run(http_client)
    sent = len(provider.asked)
    provider.responds(Answer({"game": 2}))
    results_in_a_run(http_client)
    _, second = results_in_a_run(http_client, {REPLAY_TAG: original})
    assert first == second == [expected, expected] and len(provider.asked) == sent + 2


def test_a_replay_of_a_run_without_the_request_is_not_landed(http_client: HttpClient, tmp_path: Path) -> None:
    @dg.asset
    def nothing(http: HttpClient) -> None:
        """Send no request."""

    original = dg.materialize([nothing], resources={"http": http_client}).run_id
    assert results_in_a_run(http_client, {REPLAY_TAG: original})[1] == [NotLanded, NotLanded]


def test_an_offline_run_sends_no_request_and_returns_landed_responses(http_client: HttpClient, provider: Provider) -> None:
    assert results_in_a_run(http_client, {OFFLINE_TAG: "true"})[1] == [NotLanded, NotLanded]
    assert provider.asked == [] and list(http_client.landing.requests()) == []
    provider.responds(GOOD)
    results_in_a_run(http_client)
    sent = len(provider.asked)
    _, responses = results_in_a_run(http_client, {OFFLINE_TAG: "true"})
    assert responses == [b'{"game": 1}'] * 2 and len(provider.asked) == sent
    assert [line["outcome"] for line in http_client.landing.requests()][-2:] == ["reused", "reused"]
