"""What `doctor` says about a provider that is not requested or that does not answer."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from nba_pipeline.environments import PROVIDER_ADDRESSES, resources_for
from nba_pipeline.monitoring.doctor.probe import Result
from nba_pipeline.monitoring.doctor.providers import NEXT_STEP, SET_KEY, clock_skew, provider_probes, proxy_probes

pytestmark = pytest.mark.slow

CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The providers of the environment `local` at a closed port, without keys."""
    for variable, _ in PROVIDER_ADDRESSES.values():
        monkeypatch.setenv(variable, CLOSED)
    with dg.build_resources(resources_for("local")) as built:
        yield built


def result(resources: Any, name: str, *without_key: str) -> Result:
    probes = provider_probes(resources, date(2026, 1, 5), without_key)
    return next(one for one in probes if one.name == name).run()


def test_every_provider_has_a_probe(resources: Any) -> None:
    assert {one.name for one in provider_probes(resources, date(2026, 1, 5))} == PROVIDER_ADDRESSES.keys()


def test_a_provider_whose_key_may_be_missing_is_not_requested(resources: Any) -> None:
    one = result(resources, "odds_api", "ODDS_API_KEY")
    assert (one.state, one.message, one.next_step) == ("warning", "not requested: ODDS_API_KEY is not set", SET_KEY)


@pytest.mark.parametrize(("name", "state"), [("odds_api", "failed"), ("balldontlie", "warning")])
def test_a_missing_key_is_a_failure_unless_another_source_is_enough(resources: Any, name: str, state: str) -> None:
    one = result(resources, name)
    assert (one.state, one.next_step) == (state, SET_KEY) and "requires a key" in one.message


def test_without_a_network_the_provider_is_named_and_the_clock_is_not_checked(resources: Any) -> None:
    one = result(resources, "nba_cdn")
    assert (one.state, one.next_step) == ("failed", NEXT_STEP) and "ConnectError" in one.message
    assert clock_skew(resources.nba_cdn.http).state == "warning"


def test_a_dead_proxy_is_a_failure_unless_another_source_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NBA_STATS_PROXY", "ODDS_API_PROXY"):
        monkeypatch.setenv(variable, "http://nba:canary@127.0.0.1:9")
    with dg.build_resources(resources_for("local")) as built:
        results = {one.name: one.run() for one in proxy_probes(built.nba_cdn.http)}
    assert {name: one.state for name, one in results.items()} == {"nba_stats proxy": "warning", "odds_api proxy": "failed"}
    one = results["odds_api proxy"]
    expected = "api.the-odds-api.com is not reached through the proxy 127.0.0.1:9 (ODDS_API_PROXY): ConnectError"
    assert (one.message, one.next_step) == (expected, "check ODDS_API_PROXY and the proxy")
