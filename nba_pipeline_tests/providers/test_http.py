"""Asking over HTTP: polite, again when that can help, every answer landed, no secret anywhere."""

import logging
import threading
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.calendar import REPLAY_TAG
from nba_pipeline.errors import BadInput, NotLanded, NotYet, Permanent, PipelineError, Transient
from nba_pipeline.providers.http import HttpClient, Request
from nba_pipeline.warehouse.landing import Landing, Payload
from nba_pipeline_tests.providers.conftest import Answer, Asked, Provider, gzipped

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


@pytest.mark.parametrize("status", [403, 404])
def test_nothing_published_is_not_yet(status: int, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.says(Answer({}, status=status))
    with pytest.raises(NotYet, match=f"nba_cdn boxscore 1 is not published \\({status}\\)"):
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
        (Answer([]), "lacks game"),
    ],
    ids=["page", "empty document", "list"],
)  # fmt: skip
def test_a_broken_contract_is_kept_as_rejected(
    answer: Answer, problem: str, http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    provider.says(answer)
    with pytest.raises(Permanent, match=problem):
        http_client.get(BOX)
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


def test_a_host_that_keeps_failing_is_down_for_the_run(http_client: HttpClient, provider: Provider) -> None:
    provider.says(Answer({}, status=500))
    for _ in range(3):
        with pytest.raises(Transient, match="status 500 after 3 tries"):
            http_client.get(BOX)
    with pytest.raises(Transient, match="nba_cdn is down in this run, nba_cdn boxscore 1 was not asked for"):
        http_client.get(BOX)
    assert len(provider.asked) == 9


def test_a_success_in_between_keeps_the_host_up(http_client: HttpClient, provider: Provider) -> None:
    for _ in range(3):
        provider.says(Answer({}, status=500))
        with pytest.raises(Transient):
            http_client.get(BOX)
        provider.says(GOOD)
        http_client.get(BOX)


def test_many_are_asked_at_once_and_answered_in_order(http_client: HttpClient, provider: Provider) -> None:
    here = threading.Barrier(6)

    def answer(asked: Asked) -> Answer:
        here.wait(timeout=30)  # nobody is answered before everybody has asked
        return Answer({"game": asked.path}, status=404 if asked.path.endswith("/3.json") else 200)

    provider.says(answer)
    patient = http_client.model_copy(update={"read_timeout_seconds": 60.0})
    answers = patient.get_many([replace(BOX, entity=str(n), path=f"/box/{n}.json") for n in range(6)])
    patient.close()
    assert [a.json()["game"] if isinstance(a, Payload) else type(a) for a in answers] == [
        "/box/0.json", "/box/1.json", "/box/2.json", NotYet, "/box/4.json", "/box/5.json",
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
    ("answer", "told"), [(GOOD, b'{"game": 1}'), (Answer({}, status=404), NotYet), (Answer({}, status=500), Transient)]
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
        """Ask nothing."""

    original = dg.materialize([nothing], resources={"http": http_client}).run_id
    assert ask_in_a_run(http_client, {REPLAY_TAG: original})[1] == [NotLanded, NotLanded]
