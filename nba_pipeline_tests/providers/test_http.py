"""HTTP client: rate limits, retries, landing of every response, secrets."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import dagster as dg
import httpx
import pytest

from nba_pipeline.errors import BadInput, NotLanded, NotYet, Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG, REPLAY_TAG
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.response import retry_after_seconds
from nba_pipeline.warehouse.landing import Landing, Payload
from nba_pipeline_tests.providers.conftest import NOON, Answer, Asked, Provider, gzipped

DAY = date(2024, 3, 12)
BOX = Request(provider="nba_cdn", endpoint="boxscore", entity="1", game_date=DAY, path="/box/1.json", required_keys=("game",))
ODDS = Request(
    provider="odds_api",
    endpoint="events",
    entity="slate",
    game_date=DAY,
    path="/v4/events",
    params={"a": "b"},
    secret_params={"apiKey": "s3cret"},
    secret_headers={"Authorization": "s3cret"},
    key_variable="ODDS_API_KEY",
)
GOOD = Answer({"game": 1})


def test_a_response_is_landed_and_returned(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(GOOD)
    payload = http_client.get(BOX)
    assert payload.json() == {"game": 1}
    assert [(x["outcome"], x["ref"], x["url"]) for x in landing.requests()] == [
        ("landed", payload.ref, f"{provider.url}/box/1.json")
    ]


@pytest.mark.parametrize(
    "bad",
    [
        Answer({}, status=429),
        Answer({}, status=503),
        Answer(GOOD.document, lost=10),
        Answer(body=gzipped(GOOD.document)[5:], headers={"Content-Encoding": "gzip"}),
        Answer(GOOD.document, delay_seconds=0.8),
    ],
    ids=["429", "503", "incomplete body", "broken gzip", "timeout"],
)
def test_transient_failures_are_retried(bad: Answer, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(bad, GOOD)
    assert http_client.get(BOX).json() == {"game": 1}
    assert [line["attempts"] for line in landing.incidents()] == [2]


def test_timeout_and_attempts_may_be_set_per_provider(http_client: HttpClient, provider: Provider) -> None:
    http_client.read_timeout_seconds_of["nba_cdn"] = 1.5
    provider.says(Answer(GOOD.document, delay_seconds=0.8))
    assert http_client.get(BOX).json() == {"game": 1}
    http_client.attempts_of["nba_cdn"] = 1
    provider.says(Answer({}, status=503))
    with pytest.raises(Transient, match="status 503 after 1 attempt"):
        http_client.get(BOX)


def test_a_retry_prints_nothing(http_client: HttpClient, provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.says(Answer({}, status=503), GOOD)
    http_client.get(BOX)
    assert capsys.readouterr().out == ""


def test_a_closed_port_is_transient(http_client: HttpClient) -> None:
    http_client.base_urls["nba_cdn"] = "http://127.0.0.1:9"
    with pytest.raises(Transient, match="nba_cdn boxscore 1: ConnectError after 3 attempts"):
        http_client.get(BOX)


def test_retry_after_delays_the_retry(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=429, headers={"Retry-After": "1"}), GOOD)
    began = time.monotonic()
    http_client.get(BOX)
    assert time.monotonic() - began >= 1.0


def test_a_retry_after_beyond_the_limit_ends_the_request(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=429, headers={"Retry-After": "86400"}))
    with pytest.raises(Transient, match="status 429 after 1 attempt"):
        http_client.get(BOX)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Tue, 12 Mar 2024 12:01:00 GMT", 60),
        ("Tue, 12 Mar 2024 12:01:00 +0000", 60),
        ("Tue, 12 Mar 2024 12:01:00 -0000", 60),
        ("Tue, 12 Mar 2024 08:01:00 -0400", 60),
        ("Tue, 12 Mar 2024 13:01:00 +0100", 60),
        ("Tue, 12 Mar 2024 12:01:00 EDT", 4 * 3600 + 60),
        ("Tue, 12 Mar 2024 11:00:00 GMT", 0),
        ("90", 90),
        (" 90 ", 90),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("Fri, 31 Dec 9999 23:59:59 -0500", (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOON).total_seconds() + 5 * 3600),
        ("Mon, 32 Jan 2024 00:00:00 GMT", None),
        ("9" * 400, float("inf")),
        ("Tue, 12 Mar 2024 12:01:00 +9999", None),
    ],
)
def test_retry_after_may_be_a_number_or_a_date_of_any_offset(text: str, seconds: float | None) -> None:
    assert retry_after_seconds(httpx.Response(429, headers={"Retry-After": text}), NOON) == seconds


def test_a_quota_header_without_a_number_is_omitted(http_client: HttpClient, provider: Provider) -> None:
    quota = {"X-Requests-Remaining": "9" * 5000, "X-Requests-Used": "7", "X-Requests-Last": "many"}
    provider.says(Answer(GOOD.document, headers=quota))
    http_client.get(BOX)
    assert http_client.quota == {"used": 7}


@pytest.mark.parametrize(
    "body", [b"[" * 50_000, b'{"error_code": ["x"]}', b'{"error_code": "' + b"x" * 1000 + b'"}'], ids=["deep", "list", "long"]
)
def test_an_unusable_error_body_is_ignored(body: bytes, http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer(body=body, status=422))
    with pytest.raises(Permanent, match="nba_cdn boxscore 1: status 422") as caught:
        http_client.get(BOX)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("status", [403, 404])
def test_403_and_404_mean_not_published(status: int, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(Answer({}, status=status))
    with pytest.raises(NotYet, match=f"nba_cdn boxscore 1 is not published \\({status}\\)"):
        http_client.get(BOX)
    assert [line["outcome"] for line in landing.requests()] == ["not_yet"] and len(provider.asked) == 1


def test_a_rejected_key_is_sent_once_and_named(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=401))
    for _ in range(2):
        with pytest.raises(Permanent, match=r"odds_api rejected the key \(401\): check ODDS_API_KEY"):
            http_client.get(ODDS)
    assert len(provider.asked) == 1


def test_used_up_credits_are_named(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({"error_code": "OUT_OF_USAGE_CREDITS"}, status=401))
    with pytest.raises(Permanent, match="odds_api has no credits left"):
        http_client.get(ODDS)


def test_an_unprocessable_request_is_not_retried(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({"error_code": "MISSING_REGION"}, status=422))
    with pytest.raises(Permanent, match="status 422 MISSING_REGION"):
        http_client.get(ODDS)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(body=b"<html>", headers={"Content-Type": "text/html"}), "not JSON"),
        (Answer({}), "has no game"),
        (Answer([]), "has no game"),
        (Answer(body=b'{"game": ' + b"[" * 10**5), "more than 50 levels"),
        (Answer({"game": 10**30}), "unexpected structure"),
    ],
    ids=["page", "empty document", "list", "deep", "a fault of the parser"],
)
def test_a_response_that_breaks_the_contract_is_landed_as_rejected(
    answer: Answer, problem: str, http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    provider.says(answer)
    with pytest.raises(Permanent, match=f"nba_cdn boxscore 1: .*{problem}"):
        http_client.get(replace(BOX, parser=lambda payload: [0] * payload.json()["game"]))
    assert landing.newest(BOX) is None and len(list(landing.root.rglob("*.rejected.json.gz"))) == 1
    assert len(provider.asked) == 1


def test_a_response_that_its_parser_rejects_is_landed_as_rejected(
    http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    def parse(payload: Payload) -> None:
        raise Permanent(f"points of {payload.json()['game']} are 'x'")

    provider.says(GOOD)
    with pytest.raises(Permanent, match="points of 1 are 'x'"):
        http_client.get(replace(BOX, parser=parse))
    assert landing.newest(BOX) is None


def test_a_redirect_within_the_host_is_followed(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=302, headers={"Location": "/elsewhere"}), GOOD)
    http_client.get(BOX)
    assert [request.path for request in provider.asked] == ["/box/1.json", "/elsewhere"]


def test_a_redirect_to_another_host_is_permanent(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=302, headers={"Location": "http://example.invalid/x"}))
    with pytest.raises(Permanent, match=r"redirected to example\.invalid"):
        http_client.get(BOX)


class At(Protocol):
    """Returns a client of another run, some seconds after noon. Its run id distinguishes its journal from the others."""

    def __call__(self, seconds: float, attempts: int = 1) -> HttpClient: ...


@pytest.fixture
def at(provider: Provider, tmp_path: Path) -> Iterator[At]:
    clients: list[HttpClient] = []

    def client(seconds: float, attempts: int = 1) -> HttpClient:
        clock = Clock(stands_at=(NOON + timedelta(seconds=seconds)).isoformat())
        landing = Landing(home=str(tmp_path), clock=clock)
        landing._run_id = f"run {len(clients)}"
        clients.append(
            HttpClient(
                base_urls=dict.fromkeys(("nba_cdn", "odds_api"), provider.url),
                landing=landing,
                clock=clock,
                attempts=attempts,
                first_wait_seconds=0.01,
                read_timeout_seconds=5.0,
            )
        )
        return clients[-1]

    yield client
    for one in clients:
        one.close()


def fail(client: HttpClient, provider: Provider, times: int = 5, status: int = 503) -> None:
    provider.says(Answer({}, status=status))
    for _ in range(times):
        with pytest.raises(Transient, match=f"status {status} after"):
            client.get(BOX)
    provider.says(GOOD)


BREAKER_OPEN = (
    "nba_cdn: circuit breaker open until 2024-03-12 12:05:00 UTC after 5 failures in a row since 2024-03-12 12:00:00 UTC; last error: "
    "nba_cdn boxscore 1: status 503 after 1 attempt; nba_cdn boxscore 1 was not requested"
)


def test_a_failing_provider_gets_no_requests_in_this_run_or_the_next(at: At, provider: Provider) -> None:
    first = at(0)
    fail(first, provider)
    for client in (first, at(60), at(299)):
        with pytest.raises(Transient, match=BREAKER_OPEN):
            client.get(BOX)
    assert len(provider.asked) == 5


def test_other_providers_get_requests_meanwhile(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    assert at(60).get(ODDS).json() == {"game": 1}


def test_failures_of_several_runs_count_together(at: At, provider: Provider) -> None:
    for seconds in range(5):
        fail(at(seconds), provider, times=1)
    with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 12:05:04 UTC after 5 failures in a row"):
        at(5).get(BOX)


def test_a_success_resets_the_count_of_failures(http_client: HttpClient, provider: Provider) -> None:
    for _ in range(3):
        fail(http_client, provider, times=2)
        http_client.get(BOX)


def test_a_successful_trial_closes_the_breaker(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    assert [at(seconds).get(BOX).json() for seconds in (300, 301)] == [{"game": 1}] * 2
    fail(at(302), provider, times=4)
    assert at(303).get(BOX).json() == {"game": 1}


def test_a_failed_trial_reopens_the_breaker(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    trial = at(300)
    fail(trial, provider, times=1)
    for client in (trial, at(301), at(599)):
        with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 12:10:00 UTC after 6 failures in a row"):
            client.get(BOX)
    assert at(600).get(BOX).json() == {"game": 1} and len(provider.asked) == 7


@pytest.mark.parametrize(("status", "requests", "answered"), [(200, 6, 6), (503, 3, 0)], ids=["success", "failure"])
def test_three_trials_are_sent_and_the_other_requests_wait_for_their_outcome(
    status: int, requests: int, answered: int, at: At, provider: Provider
) -> None:
    fail(at(0), provider)
    del provider.asked[:]
    barrier = threading.Barrier(3)

    def answer(request: Asked) -> Answer:
        if not seen:
            barrier.wait(timeout=30)  # answers wait until three requests have arrived
            seen_at_first.append(len(provider.asked))
        seen.append(request.path)
        return Answer({"game": 1}, status=status)

    seen, seen_at_first = list[str](), list[int]()
    provider.says(answer)
    responses = at(300).get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    assert seen_at_first[0] == 3 and len(seen) == requests
    assert sum(isinstance(answer, Payload) for answer in responses) == answered


def test_retries_end_when_the_breaker_opens(at: At, provider: Provider) -> None:
    is_open = threading.Event()

    def answer(request: Asked) -> Answer:
        if request.path == "/boxscore/2.json":
            is_open.wait(timeout=30)
        return Answer({}, status=503)

    client = at(0, attempts=3).model_copy(update={"read_timeout_seconds": 60.0})
    provider.says(answer)
    slow = threading.Thread(target=client.get_many, args=([box(2)],))
    client._ready()
    slow.start()
    client.get_many([BOX] * 5)
    is_open.set()
    slow.join()
    client.close()
    assert [request.path for request in provider.asked].count("/boxscore/2.json") == 1


def test_a_trial_that_ends_in_an_unexpected_error_does_not_block_the_others(at: At, provider: Provider) -> None:
    def parse(payload: Payload) -> None:
        raise OSError("no space left")

    fail(at(0), provider)
    client = at(300)
    for _ in range(4):
        with pytest.raises(OSError, match="no space left"):
            client.get(replace(BOX, parser=parse))
    assert client.get(BOX).json() == {"game": 1}


def test_ten_429_open_the_breaker_of_a_provider(at: At, provider: Provider) -> None:
    fail(at(0, attempts=5), provider, times=2, status=429)
    with pytest.raises(Transient, match=r"after 2 failures in a row .* status 429 after 5 attempts"):
        at(60).get(BOX)
    assert len(provider.asked) == 10


def test_refused_requests_do_not_extend_the_open_period(at: At, provider: Provider, landing: Landing) -> None:
    fail(at(0), provider)
    for seconds in (60, 120, 290):
        with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 12:05:00 UTC"):
            at(seconds).get(BOX)
    assert at(300).get(BOX).json() == {"game": 1}
    requests = [(line["outcome"], line["attempts"], line["statuses"]) for line in landing.requests()]
    assert requests == [("failed", 1, [503])] * 5 + [("failed", 0, [])] * 3 + [("landed", 1, [200])]


def box(number: int, endpoint: str = "boxscore") -> Request:
    return replace(BOX, endpoint=endpoint, entity=str(number), path=f"/{endpoint}/{number}.json")


def test_an_entity_rejected_repeatedly_is_refused_until_another_endpoint_lands_a_payload_of_it(
    at: At, provider: Provider
) -> None:
    provider.says(lambda request: Answer(["broken"] if request.path == "/boxscore/1.json" else {"game": request.path}))
    at(0).get(box(2))
    for seconds in range(5):
        with pytest.raises(Permanent, match="the response has no game"):
            at(seconds).get(box(1))
        at(seconds).get(box(2))
    refused, accepted = at(3600).get_many([box(1), box(2)])
    assert isinstance(accepted, Payload) and isinstance(refused, Transient)
    assert str(refused).startswith("nba_cdn boxscore 1 (2024-03-12): circuit breaker open until 2024-03-13 12:00:0")
    assert str(refused).endswith("last error: nba_cdn boxscore 1: the response has no game; nba_cdn boxscore 1 was not requested")
    at(3601).get(box(1, "playbyplay"))
    provider.says(GOOD)
    assert at(3602).get(box(1)).json() == {"game": 1}


def test_an_entity_requested_in_an_outage_is_requested_after_it(at: At, provider: Provider) -> None:
    for trial in range(6):
        fail(at(trial * 300), provider, times=5 if trial == 0 else 1)
    client = at(1800)
    assert client.get(box(2)).json() == client.get(BOX).json() == {"game": 1}


def test_a_damaged_line_of_a_journal_opens_no_breaker(at: At, provider: Provider, landing: Landing) -> None:
    provider.says(GOOD)
    at(0).get(BOX)
    assert isinstance(landing.root, Path)
    [journal] = (landing.root / "journal").iterdir()
    journal.write_text("\0" * 40 + "\n" + journal.read_text())
    assert at(60).get(BOX).json() == {"game": 1}
    assert [notice.subject for notice in landing.notices()] == [f"landing/journal/{journal.name}:1"]


def test_a_journal_that_cannot_be_opened_opens_every_breaker(at: At, provider: Provider, landing: Landing) -> None:
    provider.says(GOOD)
    at(0).get(BOX)
    assert isinstance(landing.root, Path)
    [journal] = (landing.root / "journal").iterdir()
    aside = journal.rename(journal.with_suffix(".kept"))
    journal.mkdir()
    with pytest.raises(Transient, match=rf"nba_cdn: circuit breaker open: the landing's journal cannot be read .*{journal.name}"):
        at(60).get(BOX)
    assert len(provider.asked) == 1
    journal.rmdir()
    aside.rename(journal)
    assert at(61).get(BOX).json() == {"game": 1}


def test_a_run_at_the_instant_of_the_last_failure_may_send_a_trial(at: At, provider: Provider) -> None:
    """A fixed clock would never reach the end of the open period. Within the run, the breaker still opens."""
    fail(at(0), provider)
    assert at(0).get(BOX).json() == {"game": 1}
    fail(at(1), provider)
    same_run = at(1)
    fail(same_run, provider, times=1)
    with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 12:05:01 UTC after 6 failures"):
        same_run.get(BOX)


def test_later_failures_do_not_count_for_a_clock_in_the_past(at: At, provider: Provider) -> None:
    fail(at(86_400), provider)
    assert at(0).get(BOX).json() == {"game": 1}


def test_the_breaker_of_a_provider_is_available_outside_of_a_run(at: At, provider: Provider) -> None:
    sensor = at(60)
    assert sensor.is_open("nba_cdn") is None
    fail(at(0), provider)
    breaker = sensor.is_open("nba_cdn")
    assert breaker and breaker.sentence in BREAKER_OPEN
    assert sensor.is_open("odds_api") is None and at(300).is_open("nba_cdn") is None


def test_many_requests_are_sent_concurrently_and_returned_in_order(http_client: HttpClient, provider: Provider) -> None:
    barrier = threading.Barrier(6)

    def answer(request: Asked) -> Answer:
        barrier.wait(timeout=30)  # answers wait until all requests have arrived
        return Answer({"game": request.path}, status=404 if request.path.endswith("/3.json") else 200)

    provider.says(answer)
    patient = http_client.model_copy(update={"read_timeout_seconds": 60.0})
    responses = patient.get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    patient.close()
    assert [a.json()["game"] if isinstance(a, Payload) else type(a) for a in responses] == [
        "/box/0.json",
        "/box/1.json",
        "/box/2.json",
        NotYet,
        "/box/4.json",
        "/box/5.json",
    ]


def test_connections_are_reused(http_client: HttpClient, provider: Provider) -> None:
    provider.says(GOOD)
    for _ in range(3):
        http_client.get(BOX)
    assert len({request.client for request in provider.asked}) == 1


def test_requests_observe_the_rate_limit(http_client: HttpClient) -> None:
    session = http_client._ready()
    began, turns = time.monotonic(), list[threading.Thread]()
    for _ in range(5):
        turns.append(threading.Thread(target=session.wait_for_turn, args=("nba_cdn", 20.0)))
        turns[-1].start()
    for turn in turns:
        turn.join()
    assert time.monotonic() - began >= 4 / 20


def test_no_secret_reaches_journal_paths_messages_or_logs(
    http_client: HttpClient, provider: Provider, landing: Landing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.says(Answer([]), Answer({}, status=503), Answer({}, status=422))
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


def test_the_quota_is_available_and_journaled(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(Answer([], headers={"x-requests-remaining": "90", "x-requests-used": "10", "x-requests-last": "1"}))
    assert http_client.quota == {}
    http_client.get(ODDS)
    expected = {"remaining": 90, "used": 10, "last": 1}
    assert http_client.quota == expected and [x["quota"] for x in landing.requests()] == [expected]


def test_a_provider_without_a_url_is_bad_input(http_client: HttpClient) -> None:
    with pytest.raises(BadInput, match="no URL is configured for espn"):
        http_client.get(replace(BOX, provider="espn"))


def test_a_request_may_expect_a_pdf(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    request = replace(BOX, extension="pdf", required_keys=())
    provider.says(Answer(body=b"%PDF-1.7 and so on"), GOOD)
    assert http_client.get(request).body == b"%PDF-1.7 and so on"
    with pytest.raises(Permanent, match=r"nba_cdn boxscore 1: the response is not a PDF \(no content type, 11 bytes\)"):
        http_client.get(request)
    assert [payload.slot.extension for payload in landing.versions(request)] == ["pdf"]


def test_a_request_validates_itself() -> None:
    with pytest.raises(BadInput, match="must begin with /"):
        replace(BOX, path="box")


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
    provider.says(GOOD)
    results_in_a_run(http_client)
    assert len(provider.asked) == 2 and len({request.client for request in provider.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "expected"), [(GOOD, b'{"game": 1}'), (Answer({}, status=404), NotYet), (Answer({}, status=500), Transient)]
)
def test_a_replay_repeats_responses_and_errors_of_the_original_run(
    answer: Answer, expected: object, http_client: HttpClient, provider: Provider
) -> None:
    provider.says(answer)
    original, first = results_in_a_run(http_client)
    sent = len(provider.asked)
    provider.says(Answer({"game": 2}))
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
    provider.says(GOOD)
    results_in_a_run(http_client)
    sent = len(provider.asked)
    _, responses = results_in_a_run(http_client, {OFFLINE_TAG: "true"})
    assert responses == [b'{"game": 1}'] * 2 and len(provider.asked) == sent
    assert [line["outcome"] for line in http_client.landing.requests()][-2:] == ["reused", "reused"]
