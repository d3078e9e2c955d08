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

from nba_pipeline.errors import BadInput, NotLanded, NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG, REPLAY_TAG
from nba_pipeline.providers.http import HttpClient, Request, _retry_after
from nba_pipeline.warehouse.landing import Landing, Payload
from nba_pipeline_tests.providers.conftest import NOON, Answer, ReceivedRequest, Provider, gzipped

DAY = date(2024, 3, 12)
BOX = Request(provider="nba_cdn", endpoint="boxscore", entity="1", game_date=DAY, path="/box/1.json", required_keys=("game",))
ODDS = Request(
    provider="odds_api", endpoint="events", entity="slate", game_date=DAY, path="/v4/events", params={"a": "b"},
    secret_params={"apiKey": "s3cret"}, secret_headers={"Authorization": "s3cret"}, key_variable="ODDS_API_KEY",
)  # fmt: skip
GOOD = Answer({"game": 1})


def test_an_answer_is_landed_and_returned(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(GOOD)
    payload = http_client.get(BOX)
    assert payload.json() == {"game": 1}
    assert [(x["outcome"], x["ref"], x["url"]) for x in landing.requests()] == [
        ("landed", payload.ref, f"{provider.url}/box/1.json")
    ]


@pytest.mark.parametrize(
    "bad",
    [
        Answer({}, status=429), Answer({}, status=503), Answer(GOOD.document, lost=10),
        Answer(body=gzipped(GOOD.document)[5:], headers={"Content-Encoding": "gzip"}),
        Answer(GOOD.document, delay_seconds=0.8),
    ],
    ids=["429", "503", "incomplete body", "broken gzip", "timeout"],
)  # fmt: skip
def test_what_may_pass_is_tried_again(bad: Answer, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(bad, GOOD)
    assert http_client.get(BOX).json() == {"game": 1}
    assert [line["attempts"] for line in landing.incidents()] == [2]


def test_a_provider_may_have_a_timeout_and_tries_of_its_own(http_client: HttpClient, provider: Provider) -> None:
    http_client.read_timeout_seconds_of["nba_cdn"] = 1.5
    provider.says(Answer(GOOD.document, delay_seconds=0.8))
    assert http_client.get(BOX).json() == {"game": 1}
    http_client.attempts_of["nba_cdn"] = 1
    provider.says(Answer({}, status=503))
    with pytest.raises(Transient, match="status 503 after 1 try"):
        http_client.get(BOX)


def test_a_retry_prints_nothing(http_client: HttpClient, provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.says(Answer({}, status=503), GOOD)
    http_client.get(BOX)
    assert capsys.readouterr().out == ""


def test_a_closed_port_is_transient(http_client: HttpClient) -> None:
    http_client.base_urls["nba_cdn"] = "http://127.0.0.1:9"
    with pytest.raises(Transient, match="nba_cdn boxscore 1: ConnectError after 3 tries"):
        http_client.get(BOX)


def test_retry_after_is_honoured(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=429, headers={"Retry-After": "1"}), GOOD)
    began = time.monotonic()
    http_client.get(BOX)
    assert time.monotonic() - began >= 1.0


def test_a_retry_after_beyond_the_limit_ends_the_request(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=429, headers={"Retry-After": "86400"}))
    with pytest.raises(Transient, match="status 429 after 1 try"):
        http_client.get(BOX)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Tue, 12 Mar 2024 12:01:00 GMT", 60), ("Tue, 12 Mar 2024 12:01:00 +0000", 60), ("Tue, 12 Mar 2024 12:01:00 -0000", 60),
        ("Tue, 12 Mar 2024 08:01:00 -0400", 60), ("Tue, 12 Mar 2024 13:01:00 +0100", 60), ("Tue, 12 Mar 2024 12:01:00 EDT", 4 * 3600 + 60),
        ("Tue, 12 Mar 2024 11:00:00 GMT", 0), ("90", 90), (" 90 ", 90), ("soon", None), ("", None), ("-5", None),
        ("Fri, 31 Dec 9999 23:59:59 -0500", (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOON).total_seconds() + 5 * 3600), ("Mon, 32 Jan 2024 00:00:00 GMT", None), ("9" * 400, float("inf")),
        ("Tue, 12 Mar 2024 12:01:00 +9999", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date_of_any_offset(text: str, seconds: float | None) -> None:
    assert _retry_after(httpx.Response(429, headers={"Retry-After": text}), NOON) == seconds


def test_a_quota_that_is_no_number_is_unknown(http_client: HttpClient, provider: Provider) -> None:
    quota = {"X-Requests-Remaining": "9" * 5000, "X-Requests-Used": "7", "X-Requests-Last": "many"}
    provider.says(Answer(GOOD.document, headers=quota))
    http_client.get(BOX)
    assert http_client.quota == {"used": 7}


@pytest.mark.parametrize(
    "body", [b"[" * 50_000, b'{"error_code": ["x"]}', b'{"error_code": "' + b"x" * 1000 + b'"}'], ids=["deep", "list", "long"]
)
def test_the_body_of_a_refusal_never_stands_in_the_way(body: bytes, http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer(body=body, status=422))
    with pytest.raises(Permanent, match="nba_cdn boxscore 1: status 422") as met:
        http_client.get(BOX)
    assert len(str(met.value)) < 150


@pytest.mark.parametrize("status", [403, 404])
def test_nothing_published_is_not_yet(status: int, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(Answer({}, status=status))
    with pytest.raises(NotPublished, match=f"nba_cdn boxscore 1 is not published \\({status}\\)"):
        http_client.get(BOX)
    assert [line["outcome"] for line in landing.requests()] == ["not_yet"] and len(provider.asked) == 1


def test_a_rejected_key_is_asked_once_and_named(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=401))
    for _ in range(2):
        with pytest.raises(Permanent, match=r"odds_api rejected the key \(401\): check ODDS_API_KEY"):
            http_client.get(ODDS)
    assert len(provider.asked) == 1


def test_used_up_credits_are_named(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({"error_code": "OUT_OF_USAGE_CREDITS"}, status=401))
    with pytest.raises(Permanent, match="odds_api has no credits left"):
        http_client.get(ODDS)


def test_an_unprocessable_question_is_not_repeated(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({"error_code": "MISSING_REGION"}, status=422))
    with pytest.raises(Permanent, match="status 422 MISSING_REGION"):
        http_client.get(ODDS)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(body=b"<html>", headers={"Content-Type": "text/html"}), "not JSON"), (Answer({}), "lacks game"),
        (Answer([]), "lacks game"), (Answer(body=b'{"game": ' + b"[" * 10**5), "more than 50 levels"), (Answer({"game": 10**30}), "not built"),
    ],
    ids=["page", "empty document", "list", "deep", "a fault of the parser"],
)  # fmt: skip
def test_a_broken_contract_is_kept_as_rejected(
    answer: Answer, problem: str, http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    provider.says(answer)
    with pytest.raises(Permanent, match=f"nba_cdn boxscore 1: .*{problem}"):
        http_client.get(replace(BOX, parser=lambda payload: [0] * payload.json()["game"]))
    assert landing.newest(BOX) is None and len(list(landing.root.rglob("*.rejected.json.gz"))) == 1
    assert len(provider.asked) == 1


def test_an_answer_that_its_parser_refuses_is_rejected(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    def parse(payload: Payload) -> None:
        raise Permanent(f"points of {payload.json()['game']} are 'x'")

    provider.says(GOOD)
    with pytest.raises(Permanent, match="points of 1 are 'x'"):
        http_client.get(replace(BOX, parser=parse))
    assert landing.newest(BOX) is None


def test_a_redirect_within_the_host_is_followed(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=302, headers={"Location": "/elsewhere"}), GOOD)
    http_client.get(BOX)
    assert [asked.path for asked in provider.asked] == ["/box/1.json", "/elsewhere"]


def test_a_redirect_to_another_host_is_refused(http_client: HttpClient, provider: Provider) -> None:
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
        clock = Clock(fixed_at=(NOON + timedelta(seconds=seconds)).isoformat())
        landing = Landing(home=str(tmp_path), clock=clock)
        landing._run_id = f"run {len(clients)}"
        clients.append(
            HttpClient(
                base_urls=dict.fromkeys(("nba_cdn", "odds_api"), provider.url), landing=landing, clock=clock, attempts=attempts,
                first_wait_seconds=0.01, read_timeout_seconds=5.0,
            )
        )  # fmt: skip
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


HELD_BACK = (
    "nba_cdn is held back until 2024-03-12 12:05:00 UTC after 5 failures in a row since 2024-03-12 12:00:00 UTC, the last: "
    "nba_cdn boxscore 1: status 503 after 1 try; nba_cdn boxscore 1 was not asked for"
)


def test_a_provider_that_keeps_failing_is_asked_no_more_in_this_run_nor_in_the_next(at: At, provider: Provider) -> None:
    first = at(0)
    fail(first, provider)
    for client in (first, at(60), at(299)):
        with pytest.raises(Transient, match=HELD_BACK):
            client.get(BOX)
    assert len(provider.asked) == 5


def test_another_provider_is_asked_meanwhile(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    assert at(60).get(ODDS).json() == {"game": 1}


def test_failures_of_several_runs_are_one_row(at: At, provider: Provider) -> None:
    for seconds in range(5):
        fail(at(seconds), provider, times=1)
    with pytest.raises(Transient, match="held back until 2024-03-12 12:05:04 UTC after 5 failures in a row"):
        at(5).get(BOX)


def test_a_success_in_between_keeps_the_provider_up(http_client: HttpClient, provider: Provider) -> None:
    for _ in range(3):
        fail(http_client, provider, times=2)
        http_client.get(BOX)


def test_an_answered_trial_closes_the_breaker(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    assert [at(seconds).get(BOX).json() for seconds in (300, 301)] == [{"game": 1}] * 2
    fail(at(302), provider, times=4)
    assert at(303).get(BOX).json() == {"game": 1}


def test_a_failed_trial_opens_the_breaker_again(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    trial = at(300)
    fail(trial, provider, times=1)
    for client in (trial, at(301), at(599)):
        with pytest.raises(Transient, match="held back until 2024-03-12 12:10:00 UTC after 6 failures in a row"):
            client.get(BOX)
    assert at(600).get(BOX).json() == {"game": 1} and len(provider.asked) == 7


@pytest.mark.parametrize(("status", "asked", "answered"), [(200, 6, 6), (503, 3, 0)], ids=["success", "failure"])
def test_three_trials_go_out_and_the_others_wait_for_what_becomes_of_them(
    status: int, asked: int, answered: int, at: At, provider: Provider
) -> None:
    fail(at(0), provider)
    del provider.asked[:]
    here = threading.Barrier(3)

    def answer(question: ReceivedRequest) -> Answer:
        if not seen:
            here.wait(timeout=30)  # answers wait until three requests have arrived
            seen_at_first.append(len(provider.asked))
        seen.append(question.path)
        return Answer({"game": 1}, status=status)

    seen, seen_at_first = list[str](), list[int]()
    provider.says(answer)
    answers = at(300).get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    assert seen_at_first[0] == 3 and len(seen) == asked
    assert sum(isinstance(answer, Payload) for answer in answers) == answered


def test_whoever_is_still_trying_gives_up_when_the_breaker_opens(at: At, provider: Provider) -> None:
    is_open = threading.Event()

    def answer(asked: ReceivedRequest) -> Answer:
        if asked.path == "/boxscore/2.json":
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
    assert [asked.path for asked in provider.asked].count("/boxscore/2.json") == 1


def test_a_trial_that_ends_in_a_fault_of_our_own_lets_the_others_go_on(at: At, provider: Provider) -> None:
    def parse(payload: Payload) -> None:
        raise OSError("no space left")

    fail(at(0), provider)
    client = at(300)
    for _ in range(4):
        with pytest.raises(OSError, match="no space left"):
            client.get(replace(BOX, parser=parse))
    assert client.get(BOX).json() == {"game": 1}


def test_ten_times_429_hold_a_provider_back(at: At, provider: Provider) -> None:
    fail(at(0, attempts=5), provider, times=2, status=429)
    with pytest.raises(Transient, match=r"after 2 failures in a row .* status 429 after 5 tries"):
        at(60).get(BOX)
    assert len(provider.asked) == 10


def test_what_was_held_back_does_not_prolong(at: At, provider: Provider, landing: Landing) -> None:
    fail(at(0), provider)
    for seconds in (60, 120, 290):
        with pytest.raises(Transient, match="held back until 2024-03-12 12:05:00 UTC"):
            at(seconds).get(BOX)
    assert at(300).get(BOX).json() == {"game": 1}
    told = [(line["outcome"], line["attempts"], line["statuses"]) for line in landing.requests()]
    assert told == [("failed", 1, [503])] * 5 + [("failed", 0, [])] * 3 + [("landed", 1, [200])]


def box(number: int, endpoint: str = "boxscore") -> Request:
    return replace(BOX, endpoint=endpoint, entity=str(number), path=f"/{endpoint}/{number}.json")


def test_an_entity_that_is_rejected_again_and_again_is_held_back_until_there_is_news_of_it(at: At, provider: Provider) -> None:
    provider.says(lambda asked: Answer(["broken"] if asked.path == "/boxscore/1.json" else {"game": asked.path}))
    at(0).get(box(2))
    for seconds in range(5):
        with pytest.raises(Permanent, match="the answer lacks game"):
            at(seconds).get(box(1))
        at(seconds).get(box(2))
    held_back, fine = at(3600).get_many([box(1), box(2)])
    assert isinstance(fine, Payload) and isinstance(held_back, Transient)
    assert str(held_back).startswith("nba_cdn boxscore 1 (2024-03-12) is held back until 2024-03-13 12:00:0")
    assert str(held_back).endswith("the last: nba_cdn boxscore 1: the answer lacks game; nba_cdn boxscore 1 was not asked for")
    at(3601).get(box(1, "playbyplay"))
    provider.says(GOOD)
    assert at(3602).get(box(1)).json() == {"game": 1}


def test_an_entity_asked_for_in_an_outage_is_asked_for_after_it(at: At, provider: Provider) -> None:
    for trial in range(6):
        fail(at(trial * 300), provider, times=5 if trial == 0 else 1)
    client = at(1800)
    assert client.get(box(2)).json() == client.get(BOX).json() == {"game": 1}


def test_a_damaged_line_of_a_journal_holds_nobody_back(at: At, provider: Provider, landing: Landing) -> None:
    provider.says(GOOD)
    at(0).get(BOX)
    assert isinstance(landing.root, Path)
    [journal] = (landing.root / "journal").iterdir()
    journal.write_text("\0" * 40 + "\n" + journal.read_text())
    assert at(60).get(BOX).json() == {"game": 1}
    assert [notice.subject for notice in landing.notices()] == [f"landing/journal/{journal.name}:1"]


def test_a_journal_that_cannot_be_opened_holds_everybody_back(at: At, provider: Provider, landing: Landing) -> None:
    provider.says(GOOD)
    at(0).get(BOX)
    assert isinstance(landing.root, Path)
    [journal] = (landing.root / "journal").iterdir()
    aside = journal.rename(journal.with_suffix(".kept"))
    journal.mkdir()
    with pytest.raises(Transient, match=rf"nba_cdn is held back: the landing's journal cannot be read, .*{journal.name}"):
        at(60).get(BOX)
    assert len(provider.asked) == 1
    journal.rmdir()
    aside.rename(journal)
    assert at(61).get(BOX).json() == {"game": 1}


def test_a_run_at_the_instant_of_the_last_failure_may_try(at: At, provider: Provider) -> None:
    """A fixed clock would never reach the end of the open period. Within the run, the breaker still opens."""
    fail(at(0), provider)
    assert at(0).get(BOX).json() == {"game": 1}
    fail(at(1), provider)
    again = at(1)
    fail(again, provider, times=1)
    with pytest.raises(Transient, match="held back until 2024-03-12 12:05:01 UTC after 6 failures"):
        again.get(BOX)


def test_a_clock_in_the_past_knows_nothing_of_later_failures(at: At, provider: Provider) -> None:
    fail(at(86_400), provider)
    assert at(0).get(BOX).json() == {"game": 1}


def test_whether_a_provider_is_open_can_be_asked_outside_of_a_run(at: At, provider: Provider) -> None:
    sensor = at(60)
    assert sensor.is_open("nba_cdn") is None
    fail(at(0), provider)
    found = sensor.is_open("nba_cdn")
    assert found and found.sentence in HELD_BACK
    assert sensor.is_open("odds_api") is None and at(300).is_open("nba_cdn") is None


def test_many_are_asked_at_once_and_answered_in_order(http_client: HttpClient, provider: Provider) -> None:
    here = threading.Barrier(6)

    def answer(asked: ReceivedRequest) -> Answer:
        here.wait(timeout=30)  # answers wait until all requests have arrived
        return Answer({"game": asked.path}, status=404 if asked.path.endswith("/3.json") else 200)

    provider.says(answer)
    patient = http_client.model_copy(update={"read_timeout_seconds": 60.0})
    answers = patient.get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    patient.close()
    assert [a.json()["game"] if isinstance(a, Payload) else type(a) for a in answers] == [
        "/box/0.json", "/box/1.json", "/box/2.json", NotPublished, "/box/4.json", "/box/5.json",
    ]  # fmt: skip


def test_connections_are_reused(http_client: HttpClient, provider: Provider) -> None:
    provider.says(GOOD)
    for _ in range(3):
        http_client.get(BOX)
    assert len({asked.client for asked in provider.asked}) == 1


def test_requests_keep_the_polite_rate(http_client: HttpClient) -> None:
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


def test_the_quota_is_remembered_and_journalled(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(Answer([], headers={"x-requests-remaining": "90", "x-requests-used": "10", "x-requests-last": "1"}))
    assert http_client.quota == {}
    http_client.get(ODDS)
    expected = {"remaining": 90, "used": 10, "last": 1}
    assert http_client.quota == expected and [x["quota"] for x in landing.requests()] == [expected]


def test_a_provider_without_an_address_is_wrong_use(http_client: HttpClient) -> None:
    with pytest.raises(BadInput, match="no address is configured for espn"):
        http_client.get(replace(BOX, provider="espn"))


def test_a_request_may_expect_a_pdf(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    request = replace(BOX, extension="pdf", required_keys=())
    provider.says(Answer(body=b"%PDF-1.7 and so on"), GOOD)
    assert http_client.get(request).body == b"%PDF-1.7 and so on"
    with pytest.raises(Permanent, match=r"nba_cdn boxscore 1: the answer is not a PDF \(no content type, 11 bytes\)"):
        http_client.get(request)
    assert [payload.slot.extension for payload in landing.versions(request)] == ["pdf"]


def test_a_request_validates_itself() -> None:
    with pytest.raises(BadInput, match="must begin with /"):
        replace(BOX, path="box")


class Api(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Another resource on the same client."""

    http: dg.ResourceDependency[HttpClient]


def test_a_replay_is_told_what_was_held_back_and_asks_no_breaker(at: At, provider: Provider) -> None:
    fail(at(0), provider)
    original, first = ask_in_a_run(at(60))
    answered, told = ask_in_a_run(at(300))
    assert (first, told) == ([Transient, Transient], [b'{"game": 1}'] * 2)
    assert ask_in_a_run(at(301), {REPLAY_TAG: original})[1] == first
    fail(at(301), provider)
    asked = len(provider.asked)
    assert ask_in_a_run(at(302), {REPLAY_TAG: answered})[1] == told and len(provider.asked) == asked


def ask_in_a_run(http_client: HttpClient, tags: dict[str, str] | None = None) -> tuple[str, list[object]]:
    got: list[object] = []

    @dg.asset
    def box(http: HttpClient, api: Api) -> None:
        for client in (http, api.http):
            answer = client.get_many([BOX])[0]
            got.append(answer.body if isinstance(answer, Payload) else type(answer))

    resources = {"http": http_client, "api": Api(http=http_client)}
    return dg.materialize([box], resources=resources, tags=tags).run_id, got


def test_resources_of_one_run_share_one_connection(http_client: HttpClient, provider: Provider) -> None:
    provider.says(GOOD)
    ask_in_a_run(http_client)
    assert len(provider.asked) == 2 and len({asked.client for asked in provider.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "told"), [(GOOD, b'{"game": 1}'), (Answer({}, status=404), NotPublished), (Answer({}, status=500), Transient)]
)
def test_a_replay_is_told_what_the_original_was_told(
    answer: Answer, told: object, http_client: HttpClient, provider: Provider
) -> None:
    provider.says(answer)
    original, first = ask_in_a_run(http_client)
    asked = len(provider.asked)
    provider.says(Answer({"game": 2}))
    ask_in_a_run(http_client)
    _, second = ask_in_a_run(http_client, {REPLAY_TAG: original})
    assert first == second == [told, told] and len(provider.asked) == asked + 2


def test_a_replay_of_a_run_that_did_not_ask_is_not_landed(http_client: HttpClient, tmp_path: Path) -> None:
    @dg.asset
    def nothing(http: HttpClient) -> None:
        """Send no request."""

    original = dg.materialize([nothing], resources={"http": http_client}).run_id
    assert ask_in_a_run(http_client, {REPLAY_TAG: original})[1] == [NotLanded, NotLanded]


def test_an_offline_run_sends_nothing_and_is_answered_by_what_is_landed(http_client: HttpClient, provider: Provider) -> None:
    assert ask_in_a_run(http_client, {OFFLINE_TAG: "true"})[1] == [NotLanded, NotLanded]
    assert provider.asked == [] and list(http_client.landing.requests()) == []
    provider.says(GOOD)
    ask_in_a_run(http_client)
    asked = len(provider.asked)
    _, answers = ask_in_a_run(http_client, {OFFLINE_TAG: "true"})
    assert answers == [b'{"game": 1}'] * 2 and len(provider.asked) == asked
    assert [line["outcome"] for line in http_client.landing.requests()][-2:] == ["reused", "reused"]
