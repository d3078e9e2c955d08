"""Numbers in messages."""

import pytest

from nba_pipeline.tables.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_only_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "row") == text
