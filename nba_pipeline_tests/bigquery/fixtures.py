"""Fixtures for tests against BigQuery. A conftest imports them by name; a process has one emulator."""

import os
import uuid
from collections.abc import Iterator

import pytest

from nba_pipeline_tests.bigquery.emulator import ENVIRONMENT, Emulator, find_python, is_ready
from nba_pipeline_tests.bigquery.faults import FaultProxy

IS_REQUIRED = os.environ.get("NBA_BIGQUERY_TESTS") == "required"  # read before a test clears its environment
PROJECT = "nba-test"
RUNNING = pytest.StashKey[Emulator]()


def why_not() -> str | None:
    """Why the emulator is unavailable here, or None."""
    if is_ready():
        return None
    if find_python() is None:
        return "no Python 3.13 was found; set PYTHON313"
    return f"{ENVIRONMENT.name} is not set up: `python -m nba_pipeline_tests.bigquery.emulator setup`"


@pytest.fixture(scope="session")
def emulator(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    """The only emulator of this process, also if two conftests import this fixture."""
    if RUNNING in pytestconfig.stash:
        return pytestconfig.stash[RUNNING]
    if reason := why_not():
        (pytest.fail if IS_REQUIRED else pytest.skip)(f"no BigQuery emulator: {reason}")
    running = Emulator(tmp_path_factory.mktemp("bigquery")).__enter__()
    pytestconfig.add_cleanup(running.stop)
    pytestconfig.stash[RUNNING] = running
    return running


@pytest.fixture
def dataset_name() -> str:
    """A unique dataset name. The test creates the dataset."""
    return f"test_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def proxy(emulator: Emulator) -> Iterator[FaultProxy]:
    """The emulator behind a proxy that injects faults."""
    with FaultProxy(emulator.url) as running:
        yield running
