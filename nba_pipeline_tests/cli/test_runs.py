"""The runs of the demo, and the place of its page."""

from datetime import date, datetime
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.cli.runs import demo_steps, page_text
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.instances import open_instance

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


def test_the_demo_names_the_place_of_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_instance(tmp_path) as instance:
        assert page_text(instance, SLATE) == "not published, see the warnings"
        instance.report_runless_asset_event(dg.AssetMaterialization("slate_export", partition=str(SLATE)))
        assert "nba-pipeline serve public" in page_text(instance, SLATE)
        monkeypatch.setenv("NBA_PIPELINE_PUBLIC", "gs://bucket/prefix")
        assert page_text(instance, SLATE) == f"gs://bucket/prefix/{SLATE}.html"
