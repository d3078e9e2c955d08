"""Each of the 25 fault scenarios is tested by a night, and by a control. `make test-unattended` runs them."""

import re
from pathlib import Path

from nba_pipeline_tests.unattended.scenarios import SCENARIOS

UNATTENDED = Path(__file__).parents[1] / "unattended"
OF_A_TEST = re.compile(r'"""(FS\d\d): ')
"""Start of the docstring of a test that is the night of a scenario."""


def test_each_scenario_has_a_night() -> None:
    of_tests = {name for file in UNATTENDED.glob("test_*.py") for name in OF_A_TEST.findall(file.read_text(encoding="utf-8"))}
    nights = {name for name in SCENARIOS if "control" not in name}
    assert sorted(of_tests | nights) == [f"FS{number:02}" for number in range(1, 26)]
    assert of_tests.isdisjoint(nights)


def test_each_scenario_has_a_control() -> None:
    controlled = {word for name in SCENARIOS if "control" in name for word in name.split() if word.startswith("FS")}
    assert controlled >= {f"FS{number:02}" for number in range(1, 26)} - {"FS07"}  # that of FS07 is in `cli/test_watch.py`
