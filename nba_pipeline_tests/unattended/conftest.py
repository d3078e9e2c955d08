"""How long the platform is left alone."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak-days", type=int, default=2, help="days of each stretch by the simulated clock; the whole soak is 15")


@pytest.fixture
def soak_days(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--soak-days"))
