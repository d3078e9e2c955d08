"""Schedules and sensors are read from the states and ticks that Dagster's daemon stores."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus

from nba_pipeline.instance.instigators import Instigator, read_instigators
from nba_pipeline_tests.instance.test_ticks import NOON
from nba_pipeline_tests.instance.test_ticks import Instigator as Stored
from nba_pipeline_tests.instances import open_instance

pytestmark = pytest.mark.any_storage


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path) as opened:
        yield opened


def test_the_newest_tick_of_each_schedule_and_sensor_is_read(instance: dg.DagsterInstance) -> None:
    overnight, lines = Stored(instance, "overnight", InstigatorType.SCHEDULE), Stored(instance, "lines", InstigatorType.SENSOR)
    overnight.skip(0)
    overnight.tick(2, TickStatus.SUCCESS, run_ids=[])
    instance.update_instigator_state(lines.state.with_status(InstigatorStatus.STOPPED))
    at = NOON.replace(minute=2)
    assert read_instigators(instance) == {
        "overnight": Instigator("overnight", True, at, started_at=NOON),
        "lines": Instigator("lines", False, None),
    }
