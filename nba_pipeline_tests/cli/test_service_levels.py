"""The command `slo` in a home without a daemon."""

from pathlib import Path

import pytest

from nba_pipeline_tests.builders import at
from nba_pipeline_tests.commands import nba_pipeline

UNKNOWN = "no daemon has run in this home, so no service level can be judged; start it with `make dev`\n"


@pytest.mark.parametrize(("style", "printed"), [("table", (UNKNOWN, "")), ("json", ("[]\n", UNKNOWN))])
def test_without_a_daemon_no_service_level_is_judged(style: str, printed: tuple[str, str], tmp_path: Path) -> None:
    ended = nba_pipeline("slo", "--format", style, home=tmp_path, now=at(15))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, *printed)
