"""The length of the unattended tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-days", type=int, default=2, help="days of each stretch on the simulated clock; make test-nightly has 8"
    )


@pytest.fixture
def soak_days(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--soak-days"))
