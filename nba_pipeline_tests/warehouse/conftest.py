"""Fixtures of the warehouse tests, also used by the BigQuery tests in their own folder."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("nba_pipeline_tests.warehouse.contract")

from nba_pipeline_tests.warehouse.contract import Tables, a_table, forgotten_tables  # noqa: E402 - after its asserts are known


@pytest.fixture
def tables() -> Iterator[Tables]:
    """Creates tables that are unregistered after the test."""
    with forgotten_tables():
        yield a_table
