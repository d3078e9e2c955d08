"""The parts of test ids are the same in every process; pytest-xdist refuses to start its workers otherwise."""

import re

import pytest

BINARY = re.compile(r"\\x[01][0-9a-f]")


def test_no_id_contains_binary_data(request: pytest.FixtureRequest) -> None:
    """Binary data often contains the time of its creation, as gzip does."""
    binary = [item.nodeid for item in request.session.items if BINARY.search(item.nodeid)]
    assert not binary, f"give these parameters ids of their own: {binary}"
