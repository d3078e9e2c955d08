"""Parts of a response: retry delay, quota and PDF."""

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.response import retry_after_seconds
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.providers.conftest import BOX, GOOD, NOON, Answer, Provider


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
    provider.responds(Answer(GOOD.document, headers=quota))
    http_client.get(BOX)
    assert http_client.quota == {"used": 7}


def test_a_request_may_expect_a_pdf(http_client: HttpClient, provider: Provider, landing: Landing) -> None:
    request = replace(BOX, extension="pdf", required_keys=())
    provider.responds(Answer(body=b"%PDF-1.7 and so on"), GOOD)
    assert http_client.get(request).body == b"%PDF-1.7 and so on"
    with pytest.raises(Permanent, match=r"nba_cdn boxscore 1: the response is not a PDF \(no content type, 11 bytes\)"):
        http_client.get(request)
    assert [payload.slot.extension for payload in landing.versions(request)] == ["pdf"]
