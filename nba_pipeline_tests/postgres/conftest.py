"""A PostgreSQL server for the tests of this folder, and a database with an empty instance for each test."""

from collections.abc import Iterator

import pytest

from nba_pipeline_tests.instances import own_database
from nba_pipeline_tests.postgres.cluster import Cluster, why_missing
from nba_pipeline_tests.postgres.cluster import cluster as started_cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "nba_pipeline_tests/postgres/" in item.path.as_posix():
            item.add_marker(pytest.mark.postgres)
            if problem := why_missing():
                item.add_marker(pytest.mark.skip(reason=problem))


@pytest.fixture
def cluster() -> Cluster:
    return started_cluster()


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, clean_environment: None) -> Iterator[str]:
    """The name of the database that DAGSTER_POSTGRES_URL names. It has the tables of Dagster and no rows."""
    with own_database(monkeypatch) as name:
        yield name
