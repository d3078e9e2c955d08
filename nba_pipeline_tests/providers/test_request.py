"""Requests as values."""

from dataclasses import replace

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline_tests.providers.conftest import BOX


def test_a_request_validates_itself() -> None:
    with pytest.raises(BadInput, match="must begin with /"):
        replace(BOX, path="box")
