"""A webhook, a warehouse and a notifier between them, for the tests of alerts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.monitoring.webhook import Slack, a_notifier, listening


@pytest.fixture
def slack() -> Iterator[Slack]:
    with listening() as slack:
        yield slack


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


@pytest.fixture
def notifier(slack: Slack, warehouse: LocalWarehouse) -> Notifier:
    return a_notifier(warehouse, slack.url)
