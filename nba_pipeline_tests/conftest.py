"""What every test lives in: no network but this machine's own, no variables of the developer, a home of its own."""

import atexit
import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Polars reads both variables when it is imported. Its allocator keeps freed memory, which saves 6 % of the CPU time.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the workers share the cores

from nba_pipeline.environments import KEYS, PROVIDER_ADDRESSES, PROXIES
from nba_pipeline_tests.instances import (
    no_wait_for_the_disk,
    own_database,
    revisions_read_once,
    schemas_derived_once,
    sql_compiled_once,
    tables_created_once,
)
from nba_pipeline_tests.shares import items_of_other_shares, seconds_of

PREPARED_HOMES = {"loaded", "predicted", "graded", "faulty"}
"""Fixtures that run the whole platform, so that a test that takes one is among those of `make test-platform`."""

MADE_FROM_ANOTHER = {"faulty"}
"""Prepared homes that start as another one. Test files that take them run last, so that no worker waits for both homes."""

LOOPBACK = ("127.0.0.1", "::1")
OURS = (
    "NBA_",
    "DAGSTER_POSTGRES_",
    "BIGQUERY_",
    "GOOGLE_",
    "CLOUDSDK_",
    *(variable for variable, _ in PROVIDER_ADDRESSES.values()),
    *KEYS.values(),
    *PROXIES.values(),
    "SECRET_MANAGER_",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--share", default="0/1", help="which of the tests marked long or unattended: 1/3 is the second of three shares"
    )
    parser.addoption("--storage", default="sqlite", choices=["sqlite", "postgres"], help="where Dagster's instances store runs")


@pytest.hookimpl(tryfirst=True)  # before -m selects by the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of other shares. The longest tests and the files with runs of the platform come first, so that no worker waits for them."""
    try:
        others = items_of_other_shares(items, config.getoption("--share"))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    config.hook.pytest_deselected(items=list(others))
    if config.getoption("--storage") == "postgres":
        for item in items:
            if item.get_closest_marker("sqlite"):
                item.add_marker(pytest.mark.skip(reason="about the files of SQLite"))
    for item in items:
        if PREPARED_HOMES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.platform)
    slow = {item.path for item in items if item.get_closest_marker("platform") or item.get_closest_marker("slow")}
    derived = {item.path for item in items if MADE_FROM_ANOTHER & set(getattr(item, "fixturenames", ()))}
    kept = (item for item in items if item not in others)
    items[:] = sorted(kept, key=lambda item: (-seconds_of(item), item.path not in slow, item.path in derived))


def pytest_configure() -> None:
    """No garbage collection before the tests: modules and test items stay, and each pass would go through all of them."""
    gc.disable()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # a worker has reported its tests by then, and freeing every module takes 4 s; runs after the handlers of the tests
        atexit.register(os._exit, 0)


def pytest_collection_finish() -> None:
    """Collect garbage from here on, only what the tests leave, and not every 700 objects: a Dagster run makes 100,000.

    The first generation has 50,000 objects: with 10,000, collections take 6 % of the CPU time.
    """
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Stop the PostgreSQL server of this process. A worker exits without the handlers of `atexit`."""
    if cluster := sys.modules.get("nba_pipeline_tests.postgres.cluster"):
        cluster.stop_server()


def pytest_unconfigure() -> None:
    """Libraries report objects that are still frozen when Python exits. A worker exits without freeing them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def no_network_but_loopback() -> Iterator[None]:
    """Refuse a connection to anything but 127.0.0.1, ::1 and unix sockets, naming the address."""

    def refuse_to_leave(connect: Any) -> Any:
        def guarded(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
                raise AssertionError(f"a test must not reach the network, and this one asked {address[0]}:{address[1]}")
            return connect(self, address)

        return guarded

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, refuse_to_leave(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the platform is set but the home, which is the test's own folder."""
    for name in os.environ:
        if name.startswith(OURS) or name == "DAGSTER_HOME":
            monkeypatch.delenv(name)
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, clean_environment: None) -> Iterator[None]:
    """With `--storage postgres` the home of a test marked `any_storage` has its instance in a PostgreSQL database of its own."""
    if request.config.getoption("--storage") != "postgres" or not request.node.get_closest_marker("any_storage"):
        yield
        return
    with own_database(monkeypatch):
        yield


@pytest.fixture(scope="session", autouse=True)
def instances_are_cheap() -> Iterator[None]:
    """What Dagster derives anew for each instance or run is derived once per process, and writing waits for no disk."""
    with revisions_read_once(), schemas_derived_once(), tables_created_once(), sql_compiled_once(), no_wait_for_the_disk():
        yield
