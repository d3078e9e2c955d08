"""HTTP responses that are too large, too slow or in another encoding."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import date

import pytest

from nba_pipeline.errors import NotPublished, Permanent, Transient
from nba_pipeline.providers import response_body
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.request import Request
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payload_limits import MIB
from nba_pipeline_tests.providers.conftest import Answer, Provider, gzipped

BOX = Request(
    provider="nba_cdn", endpoint="boxscore", entity="1", game_date=date(2024, 3, 12), path="/1", required_keys=("game",)
)
GZIP = {"Content-Encoding": "gzip"}


def bomb(mib: int) -> bytes:
    return gzip.compress(b" " * (mib * MIB), compresslevel=1)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: Answer(body=bomb(200), headers=GZIP), r"the response has more than 8 MiB \(\d+ bytes compressed\)"),
        (lambda: Answer(body=b" " * (9 * MIB)), "the response has more than 8 MiB"),
    ],
    ids=["a bomb", "a long body"],
)
def test_a_response_that_is_too_large_is_rejected_without_loading_it(
    answer: Callable[[], Answer], problem: str, http_client: HttpClient, provider: Provider, landing: Landing
) -> None:
    provider.responds(answer(), Answer({"game": 1}))
    http_client._open_session()
    tracemalloc.start()
    with pytest.raises(Permanent, match=f"nba_cdn boxscore 1: {problem}"):
        http_client.get(BOX)
    assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    tracemalloc.stop()
    assert http_client.get(BOX).json() == {"game": 1}
    [rejected, _] = landing.requests()
    assert (rejected["outcome"], rejected["statuses"], rejected["ref"]) == ("rejected", [200], None)
    assert "has more than 8 MiB" in rejected["problem"] and len(provider.asked) == 2


def test_a_peek_has_the_same_size_limit(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer(body=bomb(20), headers=GZIP))
    with pytest.raises(Permanent, match="nba_cdn boxscore 1: the response has more than 8 MiB"):
        http_client.peek(BOX)


def test_an_error_response_may_have_any_length(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer(body=bomb(20), headers=GZIP, status=403))
    with pytest.raises(NotPublished, match="is not published"):
        http_client.get(BOX)


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", deflated), ("identity", bytes)]
)
def test_an_encoded_response_is_landed_decoded(
    encoding: str, encode: Callable[[bytes], bytes], http_client: HttpClient, provider: Provider
) -> None:
    body = json.dumps({"game": "x" * 100_000}).encode()
    provider.responds(Answer(body=encode(body), headers={"Content-Encoding": encoding}))
    assert http_client.get(BOX).body == body
    assert provider.asked[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=gzipped({"game": 1})[:-9], headers=GZIP),
        Answer(body=b"nothing", headers=GZIP),
        Answer(body=gzipped({"game": 1}), headers={"Content-Encoding": "gzip, gzip"}),
        Answer({"game": 1}, headers={"Content-Encoding": "br"}),
    ],
    ids=["cut off", "garbled", "encoded twice", "another encoding"],
)
def test_a_response_that_cannot_be_decoded_is_retried(answer: Answer, http_client: HttpClient, provider: Provider) -> None:
    provider.responds(answer)
    with pytest.raises(Transient, match=r"DecodingError at 127\.0\.0\.1 after 3 attempts"):
        http_client.get(BOX)


def test_a_response_that_arrives_too_slowly_is_a_timeout(
    http_client: HttpClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chunk arrives within the read timeout, so the read timeout alone would never end the request."""
    payloads = SETTINGS.payloads.model_copy(update={"longest_answer_seconds": -1.0})
    monkeypatch.setattr(response_body, "SETTINGS", SETTINGS.model_copy(update={"payloads": payloads}))
    provider.responds(Answer({"game": 1}))
    with pytest.raises(Transient, match=r"ReadTimeout at 127\.0\.0\.1 after 3 attempts"):
        http_client.get(BOX)
