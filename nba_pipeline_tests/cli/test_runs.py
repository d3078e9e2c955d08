"""The runs of the demo."""

from datetime import date, datetime

import pytest

from nba_pipeline.cli.runs import demo_steps
from nba_pipeline.league.calendar import eastern

SLATE, NEXT = date(2026, 1, 15), date(2026, 1, 16)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (eastern(SLATE, 17), []),
        (eastern(SLATE, 22), [(NEXT, "tomorrow")]),
        (eastern(NEXT, 6, 30), [(NEXT, "tomorrow"), (SLATE, "overnight")]),
        (eastern(NEXT, 11), [(NEXT, "tomorrow"), (SLATE, "overnight"), (NEXT, "same_day")]),
    ],
    ids=["afternoon", "evening", "early morning", "morning"],
)
def test_the_demo_runs_what_is_due_after_its_noon(now: datetime, expected: list[tuple[date, str]]) -> None:
    steps = demo_steps(SLATE, now)
    assert [mode for _, _, mode in steps[:3]] == ["same_day", "overnight", "same_day"]
    assert [(day, mode) for day, _, mode in steps[3:]] == expected
    assert [instant for _, instant, _ in steps] == sorted(instant for _, instant, _ in steps)
