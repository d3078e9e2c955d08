"""The session of a run: circuit breakers, connections and the rate limit."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nba_pipeline.errors import Permanent, Transient
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.request import Request
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import BOX, GOOD, ODDS, Answer, At, Provider, ReceivedRequest, fail

BREAKER_OPEN = (
    "nba_cdn: circuit breaker open until 2024-03-12 08:05:00 US Eastern after 5 failures in a row since 2024-03-12 08:00:00 US Eastern; last error: "
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
    with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 08:05:04 US Eastern after 5 failures in a row"):
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
        with pytest.raises(
            Transient, match="circuit breaker open until 2024-03-12 08:10:00 US Eastern after 6 failures in a row"
        ):
            client.get(BOX)
    assert at(600).get(BOX).json() == {"game": 1} and len(provider.asked) == 7


@pytest.mark.parametrize(("status", "requests", "answered"), [(200, 6, 6), (503, 3, 0)], ids=["success", "failure"])
def test_three_trials_are_sent_and_the_other_requests_wait_for_their_outcome(
    status: int, requests: int, answered: int, at: At, provider: Provider
) -> None:
    fail(at(0), provider)
    del provider.asked[:]
    barrier = threading.Barrier(3)

    def answer(request: ReceivedRequest) -> Answer:
        if not seen:
            barrier.wait(timeout=30)  # answers wait until three requests have arrived
            seen_at_first.append(len(provider.asked))
        seen.append(request.path)
        return Answer({"game": 1}, status=status)

    seen, seen_at_first = list[str](), list[int]()
    provider.responds(answer)
    responses = at(300).get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    assert seen_at_first[0] == 3 and len(seen) == requests
    assert sum(isinstance(answer, Payload) for answer in responses) == answered


def test_retries_end_when_the_breaker_opens(at: At, provider: Provider) -> None:
    is_open = threading.Event()

    def answer(request: ReceivedRequest) -> Answer:
        if request.path == "/boxscore/2.json":
            is_open.wait(timeout=30)
        return Answer({}, status=503)

    client = at(0, attempts=3)
    provider.responds(answer)
    slow = threading.Thread(target=client.get_many, args=([box(2)],))
    client._open_session()
    slow.start()
    client.get_many([BOX] * 5)
    is_open.set()
    slow.join()
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
        with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 08:05:00 US Eastern"):
            at(seconds).get(BOX)
    assert at(300).get(BOX).json() == {"game": 1}
    requests = [(line["outcome"], line["attempts"], line["statuses"]) for line in landing.requests()]
    assert requests == [("failed", 1, [503])] * 5 + [("failed", 0, [])] * 3 + [("landed", 1, [200])]


def box(number: int, endpoint: str = "boxscore") -> Request:
    return replace(BOX, endpoint=endpoint, entity=str(number), path=f"/{endpoint}/{number}.json")


def test_an_entity_rejected_repeatedly_is_refused_until_another_endpoint_lands_a_payload_of_it(
    at: At, provider: Provider
) -> None:
    provider.responds(lambda request: Answer(["broken"] if request.path == "/boxscore/1.json" else {"game": request.path}))
    at(0).get(box(2))
    for seconds in range(5):
        with pytest.raises(Permanent, match="the response has no game"):
            at(seconds).get(box(1))
        at(seconds).get(box(2))
    refused, accepted = at(3600).get_many([box(1), box(2)])
    assert isinstance(accepted, Payload) and isinstance(refused, Transient)
    assert str(refused).startswith("nba_cdn boxscore 1 (2024-03-12): circuit breaker open until 2024-03-13 08:00:0")
    assert str(refused).endswith("last error: nba_cdn boxscore 1: the response has no game; nba_cdn boxscore 1 was not requested")
    at(3601).get(box(1, "playbyplay"))
    provider.responds(GOOD)
    assert at(3602).get(box(1)).json() == {"game": 1}


def test_an_entity_requested_in_an_outage_is_requested_after_it(at: At, provider: Provider) -> None:
    for trial in range(6):
        fail(at(trial * 300), provider, times=5 if trial == 0 else 1)
    client = at(1800)
    assert client.get(box(2)).json() == client.get(BOX).json() == {"game": 1}


def test_a_damaged_line_of_a_journal_opens_no_breaker(at: At, provider: Provider, landing: Landing) -> None:
    provider.responds(GOOD)
    at(0).get(BOX)
    assert isinstance(landing.root, Path)
    [journal] = (landing.root / "journal").iterdir()
    journal.write_text("\0" * 40 + "\n" + journal.read_text())
    assert at(60).get(BOX).json() == {"game": 1}
    assert [notice.subject for notice in landing.notices()] == [f"landing/journal/{journal.name}:1"]


def test_a_journal_that_cannot_be_opened_opens_every_breaker(at: At, provider: Provider, landing: Landing) -> None:
    provider.responds(GOOD)
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
    with pytest.raises(Transient, match="circuit breaker open until 2024-03-12 08:05:01 US Eastern after 6 failures"):
        same_run.get(BOX)


def test_later_failures_do_not_count_for_a_clock_in_the_past(at: At, provider: Provider) -> None:
    fail(at(86_400), provider)
    assert at(0).get(BOX).json() == {"game": 1}


def test_the_breaker_of_a_provider_is_available_outside_of_a_run(at: At, provider: Provider) -> None:
    sensor = at(60)
    assert sensor.is_open("nba_cdn") is None
    fail(at(0), provider)
    breaker = sensor.is_open("nba_cdn")
    assert breaker and breaker.message in BREAKER_OPEN
    assert sensor.is_open("odds_api") is None and at(300).is_open("nba_cdn") is None


def test_connections_are_reused(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(GOOD)
    for _ in range(3):
        http_client.get(BOX)
    assert len({request.client for request in provider.asked}) == 1


def test_requests_observe_the_rate_limit(http_client: HttpClient) -> None:
    session = http_client._open_session()
    began, turns = time.monotonic(), list[threading.Thread]()
    for _ in range(5):
        turns.append(threading.Thread(target=session.wait_for_turn, args=("nba_cdn", 20.0)))
        turns[-1].start()
    for turn in turns:
        turn.join()
    assert time.monotonic() - began >= 4 / 20
