"""A home whose graded date is followed by a date with features, copied for each test."""

from pathlib import Path

import pytest

from nba_pipeline_tests.orchestration.test_runner import (  # noqa: F401  # fixtures
    NEXT,
    a_runner,
    at,
    graded,
    home,
    loaded,
    made_once,
    only,
    predicted,
)
from nba_pipeline_tests.prepared import copy_of
from nba_pipeline_tests.providers.conftest import provider  # noqa: F401  # a fixture


@pytest.fixture(scope="session")
def followed(graded: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:  # noqa: F811
    """The graded home after the slate of NEXT, predicted at noon."""

    def make(folder: Path) -> None:
        copy_of(graded, folder)
        assert only(a_runner(folder, NEXT, 12).slate(NEXT, "same_day")).succeeded

    return made_once("followed", make, tmp_path_factory, worker_id)
