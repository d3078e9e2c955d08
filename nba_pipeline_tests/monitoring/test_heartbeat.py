"""The heartbeat pings a monitor over real HTTP, and its secret address is never shown."""

import logging

import pytest

from nba_pipeline.monitoring.heartbeat import Heartbeat
from nba_pipeline_tests.monitoring.webhook import SECRET, pinged


def test_a_pass_that_did_its_work_and_one_that_failed_are_pinged() -> None:
    paths = list[str]()
    with pinged(paths) as url:
        Heartbeat(url=url).done()
        Heartbeat(url=url).failed()
        Heartbeat(url=f"{url}/?status=up").failed()  # Uptime Kuma's address has a query
    assert paths == [f"/{SECRET}", f"/{SECRET}/fail", f"/{SECRET}/fail?status=up"]


@pytest.mark.parametrize("status", [500, 302])
def test_a_refused_ping_is_logged_without_its_address(caplog: pytest.LogCaptureFixture, status: int) -> None:
    caplog.set_level(logging.DEBUG)
    paths = list[str]()
    with pinged(paths, status) as url:
        Heartbeat(url=url).done()
    assert f"the heartbeat was not delivered: the webhook answered {status}" in caplog.text
    assert len(paths) == 1 and SECRET not in caplog.text


def test_an_unreachable_monitor_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    heartbeat = Heartbeat(url=f"http://127.0.0.1:1/{SECRET}")
    heartbeat.failed()
    assert "the heartbeat/fail was not delivered: ConnectError" in caplog.text
    assert SECRET not in caplog.text + repr(heartbeat)


def test_without_an_address_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    Heartbeat().done()
    assert caplog.text == ""


def test_a_reference_that_cannot_be_read_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    Heartbeat(url="sm://nba").done()
    assert "the heartbeat was not delivered: HEARTBEAT_URL must name a secret as sm://PROJECT/SECRET or " in caplog.text
