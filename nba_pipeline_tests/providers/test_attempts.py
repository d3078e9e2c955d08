"""Attempts of a request: retries, redirects and error statuses."""

import time

import pytest

from nba_pipeline.errors import BadInput, NotPublished, Permanent, Transient
from nba_pipeline.providers.attempts import requests_per_second
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.providers.conftest import BOX, GOOD, IMPATIENT_SECONDS, ODDS, SILENT_SECONDS, Answer, Provider, gzipped


@pytest.mark.parametrize(
    "bad",
    [
        Answer({}, status=429),
        Answer({}, status=503),
        Answer(GOOD.document, lost=10),
        Answer(body=gzipped(GOOD.document)[5:], headers={"Content-Encoding": "gzip"}),
    ],
    ids=["429", "503", "incomplete body", "broken gzip"],
)
def test_transient_failures_are_retried(bad: Answer, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.responds(bad, GOOD)
    assert http_client.get(BOX).json() == {"game": 1}
    assert [line["attempts"] for line in landing.incidents()] == [2]


def test_a_timeout_is_retried(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    http_client.read_timeout_seconds_of["nba_cdn"] = 4 * IMPATIENT_SECONDS  # also that of the second attempt
    provider.responds(Answer(GOOD.document, delay_seconds=SILENT_SECONDS), GOOD)
    assert http_client.get(BOX).json() == {"game": 1}
    assert [line["attempts"] for line in landing.incidents()] == [2]


def test_timeout_and_attempts_may_be_set_per_provider(http_client: HttpClient, provider: Provider) -> None:
    http_client.read_timeout_seconds_of["nba_cdn"], http_client.attempts_of["nba_cdn"] = IMPATIENT_SECONDS, 1
    provider.responds(Answer(GOOD.document, delay_seconds=SILENT_SECONDS), Answer([], delay_seconds=2 * IMPATIENT_SECONDS))
    with pytest.raises(Transient, match=r"ReadTimeout at 127\.0\.0\.1 after 1 attempt"):
        http_client.get(BOX)
    assert http_client.get(ODDS).json() == []


def test_a_retry_prints_nothing(http_client: HttpClient, provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.responds(Answer({}, status=503), GOOD)
    http_client.get(BOX)
    assert capsys.readouterr().out == ""


def test_a_closed_port_is_transient(http_client: HttpClient) -> None:
    http_client.base_urls["nba_cdn"] = "http://127.0.0.1:9"
    with pytest.raises(Transient, match=r"nba_cdn boxscore 1: ConnectError at 127\.0\.0\.1 after 3 attempts"):
        http_client.get(BOX)


def test_retry_after_delays_the_retry(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({}, status=429, headers={"Retry-After": "1"}), GOOD)
    began = time.monotonic()
    http_client.get(BOX)
    assert time.monotonic() - began >= 1.0


def test_a_retry_after_beyond_the_limit_ends_the_request(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({}, status=429, headers={"Retry-After": "86400"}))
    with pytest.raises(Transient, match="status 429 after 1 attempt"):
        http_client.get(BOX)


@pytest.mark.parametrize(
    "body", [b"[" * 50_000, b'{"error_code": ["x"]}', b'{"error_code": "' + b"x" * 1000 + b'"}'], ids=["deep", "list", "long"]
)
def test_an_unusable_error_body_is_ignored(body: bytes, http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer(body=body, status=422))
    with pytest.raises(Permanent, match="nba_cdn boxscore 1: status 422") as caught:
        http_client.get(BOX)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("status", [403, 404])
def test_403_and_404_mean_not_published(status: int, http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    provider.responds(Answer({}, status=status))
    with pytest.raises(NotPublished, match=f"nba_cdn boxscore 1 is not published \\({status}\\)"):
        http_client.get(BOX)
    assert [line["outcome"] for line in landing.requests()] == ["not_yet"] and len(provider.asked) == 1


def test_a_rejected_key_is_sent_once_and_named(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({}, status=401))
    for _ in range(2):
        with pytest.raises(Permanent, match=r"odds_api rejected the key \(401\): check ODDS_API_KEY"):
            http_client.get(ODDS)
    assert len(provider.asked) == 1


def test_used_up_credits_are_named(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({"error_code": "OUT_OF_USAGE_CREDITS"}, status=401))
    with pytest.raises(Permanent, match="odds_api has no credits left"):
        http_client.get(ODDS)


def test_an_unprocessable_request_is_not_retried(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({"error_code": "MISSING_REGION"}, status=422))
    with pytest.raises(Permanent, match="status 422 MISSING_REGION"):
        http_client.get(ODDS)
    assert len(provider.asked) == 1


def test_a_redirect_within_the_host_is_followed(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({}, status=302, headers={"Location": "/elsewhere"}), GOOD)
    http_client.get(BOX)
    assert [request.path for request in provider.asked] == ["/box/1.json", "/elsewhere"]


def test_a_redirect_to_another_host_is_permanent(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({}, status=302, headers={"Location": "http://example.invalid/x"}))
    with pytest.raises(Permanent, match=r"redirected to example\.invalid"):
        http_client.get(BOX)


def test_a_provider_without_a_rate_limit_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^espn_2 has no rate limit; add it to http.requests_per_second in"):
        requests_per_second("espn_2", "https://example.com")
    assert requests_per_second("espn_2", "http://127.0.0.1:1") == SETTINGS.http.loopback_requests_per_second
