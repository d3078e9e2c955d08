"""Initial homes for the tests of runs, ticks and corrections. Each test gets a copy."""

from datetime import timedelta
from pathlib import Path

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.builders_days import Days, a_copy, slate_of
from nba_pipeline_tests.orchestration.test_runner import (  # noqa: F401  # fixtures
    at,
    graded,
    home,
    loaded,
    predicted,
)
from nba_pipeline_tests.orchestration.ticks import DAY, MONDAY, own_copy
from nba_pipeline_tests.providers.conftest import provider  # noqa: F401  # a fixture


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home."""
    return Days(tmp_path_factory.mktemp("empty")).home


@pytest.fixture(scope="module")
def routine(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which all work due until 13:00 is done, including the models."""
    days, one_pm = a_copy(empty, tmp_path_factory.mktemp("routine") / "home"), eastern(DAY, 13, 1)
    days.make(one_pm, MONDAY, "points_model")
    for back in range(1, SETTINGS.patience.catch_up_days + 1):
        days.make_mode(one_pm, DAY - timedelta(days=back), "overnight")
    days.make_mode(one_pm, DAY, "same_day")
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22)))
    return days.home


@pytest.fixture
def lived(routine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A copy of that home."""
    return own_copy(routine, tmp_path / "home", monkeypatch)


@pytest.fixture
def days(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A separate home with games tonight."""
    days = own_copy(empty, tmp_path / "home", monkeypatch)
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22)))
    return days
